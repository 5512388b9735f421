"""Actions as what makes a world model expect what was seen.

After action inference by maximizing evidence (AIME, Zhang et al. 2023, 2312.02019): a world model
learns from episodes whose actions are known, whatever was done in them; then it stays as it is, and
the actions of others are latent variables, set to what makes their states most likely.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.labelers.labeler import LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode
from rotoscope.models.training.loop import Problem
from rotoscope.models.training.scaling import Scaling, safe
from rotoscope.models.world_models.dynamics_network import Dynamics
from rotoscope.models.world_models.evidence import Evidence, most_likely
from rotoscope.models.world_models.joint_rows import JointRows, changes, chunks, offsets_of
from rotoscope.models.world_models.members import MembersConfig, MembersLabeler, split
from rotoscope.pipeline.errors import DatasetError

_LEAST_ERROR = 0.02
"""What a world model's error is at least, in usual changes: what it knows to the last digit in a
few episodes it does not know in the next."""


class DynamicsLoop(LoopConfig):
    """The common loop, as a world model needs it."""

    num_steps: int = Field(default=1500, ge=1)
    """Steps at most."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Step size of AdamW at the start; falls along a cosine to a tenth."""
    weight_decay: float = Field(default=1e-4, ge=0)
    """Weight decay of AdamW."""


class ActionInferenceConfig(MembersConfig):
    """What it sees, how far its world model looks ahead, and how actions are searched."""

    ahead_s: float = Field(default=0.05, gt=0)
    """How far ahead the world model looks at most [s]; at halves of it, too, down to the next
    row."""
    prior: float = Field(default=1.0, gt=0)
    """Weight of usual actions against what was seen."""
    num_steps: int = Field(default=20, ge=1)
    """Steps in which the actions of an episode are searched, from usual ones: after more of them,
    actions that little of what is seen tells of stray further."""
    loop: DynamicsLoop = Field(default_factory=DynamicsLoop)
    """How each world model is trained."""


class ActionInference(MembersLabeler):
    """The actions under which a world model that stays as it is expects what was seen.

    Five world models, each of which left out a fifth of the labeled episodes, are asked together.
    Half widths come from how sharply the evidence peaks.
    """

    version = "2"
    scales_width = True
    Config: ClassVar[type[LabelerConfig]] = ActionInferenceConfig
    config: ActionInferenceConfig

    def fit(self, data: LabeledSet) -> None:
        """Learns from valid rows how what is seen changes.

        Raises:
            DatasetError: Too few episodes have valid actions and known features.
        """
        space, config = self._space, self.config
        learned, held = split(data.episodes, config.loop.seed)
        known = [e.valid & np.isfinite(e.features).all(axis=1) for e in data.episodes]
        seen, actions = (
            np.concatenate([v[known[i]] for i, v in ((i, getattr(data.episodes[i], name))
                            for i in learned)])
            for name in ("features", "actions")
        )  # fmt: skip
        if not len(seen):
            raise DatasetError(
                f"no row of {len(data.episodes)} episodes has a valid action and known features; "
                "name other inputs"
            )
        scaling = Scaling.of(seen, actions, space)
        later = np.concatenate([self._later(data.episodes[i].features) for i in learned])
        size = safe(np.sqrt(np.nan_to_num(np.nanmean(later**2, axis=0))))
        parts = []
        for episode, is_known in zip(data.episodes, known, strict=True):
            encoded = np.full((len(is_known), space.num_encoded), np.nan)
            encoded[is_known] = scaling.encoded(space.encode(episode.actions[is_known]))
            change = self._later(episode.features) / size
            parts.append(
                JointRows.of(
                    scaling.inputs(episode.features),
                    change,
                    change,
                    chunks(encoded, self._offsets[-1]),
                )
            )
        dynamics = self._dynamics(seen.shape[1])
        held_out = JointRows.join([parts[i] for i in held])
        module = self._train(
            Problem(
                name=self._name,
                build=lambda: dynamics.build(config.size),
                fitted=JointRows.join([parts[i] for i in learned]).rows(),
                held_out=held_out.rows(),
                loss=dynamics.loss,
                fingerprint=f"{data.digest()}|{config.model_dump_json(exclude={'loop'})}",
            )
        )
        squared, counts = (v.detach().numpy() for v in dynamics.errors(module, held_out.batch()))
        error = np.sqrt(squared.sum(axis=0) / np.maximum(counts.sum(axis=0), 1))
        error = np.maximum(error, _LEAST_ERROR)
        self._keep(module, {**vars(scaling), "later_scale": size, "error": error})

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """The likeliest actions; NaN where what is seen, or the next row, is not known."""
        space, seen = self._space, episode.features
        known = np.isfinite(seen).all(axis=1)
        values = np.full((len(seen), len(self.contract.dimensions)), np.nan)
        width = np.full_like(values, np.nan)
        change = self._later(seen)
        tells = np.isfinite(change).all(axis=2) & known[:, None]
        if tells.any():
            evidence = Evidence(
                self._dynamics(seen.shape[1]),
                self._together(),
                seen,
                change,
                tells,
                {k: v for k, v in self.arrays.items() if not k.startswith("network.")},
            )
            encoded, variance = most_likely(
                evidence, space, prior=self.config.prior, num_steps=self.config.num_steps
            )
            rows = known & self._is_told(tells)
            values[rows] = space.decode(encoded[None, rows])
            width[rows] = np.sqrt(variance[rows] @ space.error_weights())
            width[:, space.is_discrete] = np.nan
        return Labels(values, width)

    def _is_told(self, tells: np.ndarray) -> np.ndarray:
        """Rows whose action something depends on that was seen."""
        out = np.zeros(len(tells), bool)
        for number, rows in enumerate(self._offsets):
            for start in np.flatnonzero(tells[:, number]):
                out[start : start + rows] = True
        return out

    @property
    def _offsets(self) -> tuple[int, ...]:
        return offsets_of(self.config.ahead_s, self.contract.rate_hz)

    def _later(self, seen: Float[np.ndarray, "time feature"]) -> Float[np.ndarray, "_ _ _"]:
        """How what is seen changes until each moment ahead."""
        return np.cumsum(changes(seen, self._offsets), axis=1)

    def _dynamics(self, num_seen: int) -> Dynamics:
        return Dynamics(num_seen, self._offsets, self._space.num_encoded)

    def _build(self) -> Any:
        return self._dynamics(self.arrays["input_mean"].shape[-1]).build(self.config.size)
