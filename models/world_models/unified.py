"""A joint model of what is seen and done that labels, acts and foresees.

After unified world models (Zhu et al. 2025, 2504.02792), of states and features in place of
pictures. Episodes without actions teach what will be seen; what was done in them is inferred by the
model itself, and in the next round it learns to act from that, too.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.inverse_dynamics.networks import probabilities
from rotoscope.models.labelers.labeler import LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode
from rotoscope.models.training.loop import Problem
from rotoscope.models.training.scaling import Scaling, safe
from rotoscope.models.world_models.joint_network import JointSizes
from rotoscope.models.world_models.joint_rows import JointRows, changes, chunks, offsets_of
from rotoscope.models.world_models.members import MembersConfig, MembersLabeler, split
from rotoscope.pipeline.errors import DatasetError

_SHARES = ((0.5, 0.1), (0.1, 0.1))
"""Shares of the rows in which the future is shown, and the action, in the first round and after it:
first to infer what was done, then to do it."""


class JointLoop(LoopConfig):
    """The common loop, as a joint model needs it."""

    num_steps: int = Field(default=500, ge=1)
    """Steps of a round at most."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Step size of AdamW at the start; falls along a cosine to a tenth."""
    weight_decay: float = Field(default=1e-4, ge=0)
    """Weight decay of AdamW."""
    patience: int = Field(default=20, ge=1)
    """Evaluations without improvement after which a round stops."""


class UnifiedConfig(MembersConfig):
    """What it sees, how far it looks ahead, and how it learns."""

    learns_unlabeled: bool = True
    """Whether the bench shows it the episodes that are to be labeled, too, while it learns: what is
    seen alone, no actions. A dataset's rows that are not valid always teach it what is seen."""
    ahead_s: float = Field(default=0.1, gt=0)
    """How far ahead it looks at most [s]; at halves of it, too, down to the next row."""
    chunk: int = Field(default=1, ge=1, le=200)
    """Actions from a row on that it learns together; the first is said and done."""
    rounds: int = Field(default=2, ge=1, le=10)
    """Times that it learns. From the second on, actions that nobody knows are those that the round
    before inferred; 1 leaves them out."""
    loop: JointLoop = Field(default_factory=JointLoop)
    """How each network is trained, in every round."""


class UnifiedWorldModel(MembersLabeler):
    """Infers the action from what comes next, or where nothing does yet, says what to do: it acts.

    Five networks, each of which left out a fifth of the labeled episodes. Half widths come from
    what each says of its errors, and from how far they are apart.
    """

    version = "2"
    acts_on = 1
    scales_width = True
    Config: ClassVar[type[LabelerConfig]] = UnifiedConfig
    config: UnifiedConfig

    def fit(self, data: LabeledSet) -> None:
        """Learns from all rows what is seen next, and from actions that are known or inferred.

        Raises:
            DatasetError: Too few episodes have valid actions and known features.
        """
        self.arrays = {}
        space, config = self._space, self.config
        learned, held = split(data.episodes, config.loop.seed)
        encoded: list[np.ndarray] = []
        for episode in data.episodes:
            is_known = episode.valid & np.isfinite(episode.features).all(axis=1)
            rows = np.full((len(is_known), space.num_encoded), np.nan)
            rows[is_known] = space.encode(episode.actions[is_known])
            encoded.append(rows)
        scales = self._scales(data, learned)
        digest = data.digest()
        for number in range(config.rounds):
            parts = [
                self._rows(scales, episode, rows)
                for episode, rows in zip(data.episodes, encoded, strict=True)
            ]
            known = [i for i in learned if data.episodes[i].valid.any()]
            # As many rows with known actions as without, while the others have none.
            again = max(1, len(learned) // len(known) - 1) if number == 0 else 1
            drawn = learned + known * (again - 1)
            told = f"{self._name}, round {number + 1}"
            problem = Problem(
                name=told,
                build=self._begun,
                fitted=JointRows.join([parts[i] for i in drawn]).rows(),
                held_out=JointRows.join([parts[i] for i in held]).rows(),
                loss=partial(self._sizes.loss, space=space, shares=_SHARES[number > 0]),
                fingerprint=f"{digest}|{told}|{config.model_dump_json(exclude={'loop'})}",
            )
            self._keep(self._train(problem), scales)
            if number + 1 < config.rounds:
                encoded = [
                    np.where(np.isfinite(rows), rows, self._inferred(episode))
                    for episode, rows in zip(data.episodes, encoded, strict=True)
                ]

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """What leads to what is seen next; at the end, what would be done; NaN where blind."""
        space = self._space
        known = np.isfinite(episode.features).all(axis=1)
        values = np.full((len(known), len(self.contract.dimensions)), np.nan)
        width = np.full_like(values, np.nan)
        if known.any():
            means, variances = self._asked_of(episode)
            values[known] = space.decode(means)
            spread = variances.mean(axis=0) + means.var(axis=0)
            width[known] = np.sqrt(spread @ space.error_weights())
            width[:, space.is_discrete] = np.nan
        return Labels(values, width)

    def foresee(
        self, episode: UnlabelledEpisode, actions: Float[np.ndarray, "time action"] | None = None
    ) -> Float[np.ndarray, "time offset feature"]:
        """What will be seen at each moment ahead; rows as `label` knows them, NaN in the others.

        Args:
            episode: What is seen.
            actions: What is done in each row; `None` for what is usually done.
        """
        space = self._space
        encoded = np.full((len(episode.features), space.num_encoded), np.nan)
        if actions is not None:
            encoded = space.encode(actions)
        known = np.isfinite(episode.features).all(axis=1)
        out = np.full((len(known), len(self._offsets), episode.features.shape[1]), np.nan)
        scales = self._all_scales()
        rows = self._rows(scales, episode, encoded)
        shown = np.zeros_like(rows.later_known), rows.actions_known.min(axis=-1, keepdims=True)
        later, _, _ = self._ask(rows, *shown)
        found = np.cumsum(later * scales["later_scale"], axis=2).mean(axis=0)
        out[known] = episode.features[known][:, None] + found
        return out

    @property
    def _offsets(self) -> tuple[int, ...]:
        return offsets_of(self.config.ahead_s, self.contract.rate_hz)

    @property
    def _sizes(self) -> JointSizes:
        return JointSizes(
            seen=self.arrays["input_mean"].shape[-1] if self.arrays else self._num_seen,
            offsets=len(self._offsets),
            chunk=self.config.chunk,
            encoded=self._space.num_encoded,
        )

    def _build(self) -> Any:
        return self._sizes.build(self.config.size)

    def _begun(self) -> Any:
        """A network as the round before left it; a new one in the first."""
        return deepcopy(self._networks()[0]).cpu() if self.arrays else self._build()

    def _scales(self, data: LabeledSet, learned: list[int]) -> dict[str, np.ndarray]:
        """What numbers are divided by, from the episodes that are learned from.

        Raises:
            DatasetError: They hold no row with known features and a valid action.
        """
        episodes = [data.episodes[i] for i in learned]
        seen = np.concatenate([e.features for e in episodes])
        valid = np.concatenate([e.valid for e in episodes])
        there = np.isfinite(seen).all(axis=1)
        if not (valid & there).any():
            raise DatasetError(
                f"no row of {len(data.episodes)} episodes has a valid action and known features; "
                "name other inputs"
            )
        actions = np.concatenate([e.actions for e in episodes])[valid & there]
        scaling = Scaling.of(seen[there], actions, self._space)
        later = np.concatenate([changes(e.features, self._offsets) for e in episodes])
        square = np.nanmean(np.where(there[:, None, None], later, np.nan) ** 2, axis=0)
        self._num_seen = seen.shape[1]
        return {**vars(scaling), "later_scale": safe(np.sqrt(np.nan_to_num(square)))}

    def _all_scales(self) -> dict[str, np.ndarray]:
        """Those of every network, an axis of rows behind the first."""
        return {k: v[:, None] for k, v in self.arrays.items() if not k.startswith("network.")}

    def _rows(
        self,
        scales: dict[str, np.ndarray],
        episode: UnlabelledEpisode,
        encoded: Float[np.ndarray, "time encoded"],
    ) -> JointRows:
        """Rows, standardized by one network's scales, or by `_all_scales`."""
        seen = episode.features
        mean, scale = (scales[name][..., None, :] for name in ("encoded_mean", "encoded_scale"))
        return JointRows.of(
            (seen - scales["input_mean"]) / scales["input_scale"],
            changes(seen[::-1], self._offsets)[::-1] / scales["later_scale"],
            changes(seen, self._offsets) / scales["later_scale"],
            (chunks(encoded, self.config.chunk) - mean) / scale,
        )

    def _inferred(self, episode: UnlabelledEpisode) -> Float[np.ndarray, "time encoded"]:
        """What was done, encoded; NaN where the next row is not known."""
        out = np.full((len(episode.features), self._space.num_encoded), np.nan)
        known = np.isfinite(episode.features).all(axis=1)
        followed = known & np.append(known[1:], False)
        if known.any():
            out[known] = self._asked_of(episode)[0].mean(axis=0)
        out[~followed] = np.nan
        return out

    def _asked_of(
        self, episode: UnlabelledEpisode
    ) -> tuple[Float[np.ndarray, "member row encoded"], Float[np.ndarray, "member row encoded"]]:
        """Encoded actions of known rows, and their variances, by every network."""
        space, scales = self._space, self._all_scales()
        unknown = np.full((len(episode.features), space.num_encoded), np.nan)
        rows = self._rows(scales, episode, unknown)
        hidden = np.zeros((*rows.later_known.shape[:2], 1))
        _, done, log_variance = self._ask(rows, rows.later_known, hidden)
        scale = scales["encoded_scale"]
        raw = done[:, :, 0] * scale + scales["encoded_mean"]
        means = [probabilities(part, space, are_logits=True) for part in raw]
        return np.stack(means), np.exp(log_variance) * scale**2

    def _ask(
        self, rows: JointRows, shows_later: np.ndarray, shows_action: np.ndarray
    ) -> list[np.ndarray]:
        """What all networks say (network, row, ...) of rows that are standardized for each."""
        import torch

        module = self._together()
        place = next(module.parameters()).device
        with torch.inference_mode():
            batch = {name: value.to(place) for name, value in rows.batch().items()}
            shown = [
                torch.from_numpy(m.astype(np.float32)).to(place)
                for m in (shows_later, shows_action)
            ]
            found = self._sizes.ask(module, batch, *shown)
        return [part.cpu().numpy().astype(float) for part in found]
