"""A trained labeler: an ensemble, its calibration, and one folder that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.encoders.pretrained import Embed
from rotoscope.models.inverse_dynamics.blend import said_beside, seen_beside
from rotoscope.models.inverse_dynamics.calibration import (
    Calibration,
    Evidence,
    confidence,
    tempered,
)
from rotoscope.models.inverse_dynamics.encoders import encoder_digest, open_encoder
from rotoscope.models.inverse_dynamics.error_model import ErrorModel, uncertainty_features
from rotoscope.models.inverse_dynamics.guess import Guess
from rotoscope.models.inverse_dynamics.kernel_ridge import predict_kernel
from rotoscope.models.inverse_dynamics.labeler_arrays import check_labeler_arrays
from rotoscope.models.inverse_dynamics.labeler_facts import LABELER_FOLDER, LabelerFacts
from rotoscope.models.inverse_dynamics.networks import (
    LOG_VARIANCE_RANGE,
    LabelerScaling,
    network_for,
    predict_ridge,
    probabilities,
    run_network,
    with_motion,
)
from rotoscope.models.inverse_dynamics.rows import (
    Components,
    LabeledWindows,
    known_components,
    looked_at,
)
from rotoscope.models.labelers.familiarity import (
    Familiarity,
    familiarity_arrays,
    familiarity_of,
    least_half_width,
    trust,
)
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.model_folder import WEIGHTS, below, filled
from rotoscope.pipeline.errors import UsageError

_BATCH_ROWS = 4096
_BATCH_IMAGES = 256


@dataclass(frozen=True, eq=False)
class Labeler:
    """A trained ensemble."""

    facts: LabelerFacts
    """Contents of `labeler.yaml`."""
    scaling: LabelerScaling
    """Means and scales in front of and behind every member."""
    components: Components | None
    """The encoder `pca` or `flow`; `None` with another, or none."""
    members: tuple[dict[str, np.ndarray], ...]
    """Weights of each, by name."""
    calibration: Calibration
    """Error model and factors, from held-out episodes."""
    familiarity: Familiarity
    """What held-out episodes look like."""
    metrics: dict[str, Any]
    """Scores on held-out episodes."""
    device: Device = "auto"
    """Where its networks run."""
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The kernel regression beside the networks, where there is one (`blend.fit_beside`)."""

    @cached_property
    def space(self) -> ActionSpace:
        """The contract's blocks."""
        return ActionSpace.of(self.facts.contract)

    @cached_property
    def networks(self) -> list[Any]:
        """The members as torch modules; empty where there are none."""
        if not self.facts.config.has_networks:
            return []
        what, place = "a member of the labeler", torch_device(self.device)
        return [filled(self.build, arrays, what).to(place) for arrays in self.members]

    def build(self) -> Any:
        """A member's network, without its weights."""
        return network_for(self.facts.config, self.space, len(self.scaling.input_mean))

    @cached_property
    def encoder(self) -> Embed | None:
        """What turns pictures into columns; `None` where members have image networks themselves.

        Raises:
            UsageError: The encoder's folder changed since training, or is gone.
        """
        facts, name = self.facts, self.facts.config.image_network
        if not facts.camera or facts.config.learns_images:
            return None
        if encoder_digest(name) != facts.encoder_sha256:
            raise UsageError(
                f"the labeler was trained with another encoder {name} than is there now; put that "
                "one back, or train the labeler again"
            )
        return (
            self.components if facts.config.learns_components else open_encoder(name, self.device)
        )

    def embeddings_of(self, rows: LabeledWindows) -> Float[np.ndarray, "member row tap n"] | None:
        """What the members' image networks say about windows; `None` without pictures."""
        if rows.images is None:
            return None
        return looked_at(self.embed, rows.images, rows.before, axis=1)[:, rows.frames]

    def label(
        self,
        inputs: Float[np.ndarray, "row input"],
        embeddings: Float[np.ndarray, "member row tap number"] | None = None,
    ) -> Labels:
        """Labels of windows that are as familiar as can be; `infer` tells how familiar they are."""
        return self.labels(self.guess(inputs, embeddings), np.ones(len(inputs)))

    def guess(
        self,
        inputs: Float[np.ndarray, "row input"],
        embeddings: Float[np.ndarray, "member row tap number"] | None = None,
    ) -> Guess:
        """Actions, each row by itself.

        Args:
            inputs: Flattened windows, in their own units; no columns where only images are seen.
            embeddings: What each member's image network says about the frames of each window.

        Raises:
            UsageError: It learned from windows of another size, or its weights are damaged.
        """
        num = len(self.scaling.input_mean)
        if inputs.shape[1] != num:
            raise UsageError(
                f"the labeler learned from {num} numbers a window, it was given {inputs.shape[1]}"
            )
        if not len(inputs):
            size, signs = self.calibration.error_model.mean.shape
            nothing = np.zeros((len(self.members), 0, self.space.num_encoded))
            return Guess(np.zeros((0, size)), nothing, np.zeros((0, size, signs)))
        encoded, log_variance = self.predict(inputs, embeddings)
        values, sigma = self.summarize(encoded, log_variance)
        features = self.uncertainty_features(values, sigma, inputs, embeddings)
        return Guess(values, encoded, features)

    def labels(self, guess: Guess, familiarity: Float[np.ndarray, " row"]) -> Labels:
        """Actions with intervals and confidence.

        All rows of a clip belong into one call: intervals are weighted for what they are like.
        """
        width = self.calibration.half_width(guess.features)
        temperature = self.calibration.temperature
        return self.with_intervals(guess.values, width, guess.encoded, temperature, familiarity)

    def with_intervals(
        self,
        values: np.ndarray,
        half_width: np.ndarray,
        encoded: np.ndarray,
        temperature: float,
        familiarity: np.ndarray | None = None,
    ) -> Labels:
        """Labels with what is known about their errors.

        Args:
            values: Actions.
            half_width: Half 90 % intervals in units of each dimension's spread.
            encoded: What the members gave.
            temperature: Of the probabilities of choices.
            familiarity: Of each row; 1 where not given.
        """
        space, discrete = self.space, self.space.is_discrete
        chosen = [np.zeros((len(values), 0))]
        for block in space.blocks:
            if block.kind == "discrete":
                mean = encoded[:, :, block.encoded].mean(0)
                chosen.append(tempered(mean, temperature).max(1, keepdims=True))
        labels = self.at_levels(values)
        # An interval about a level reaches as far as that about the guess.
        half_width = half_width + np.abs(labels - values) / self.scaling.spread
        familiar = np.ones(len(values)) if familiarity is None else familiarity
        least = least_half_width(familiar, labels, self.scaling.spread, space.contract)
        half_width = np.maximum(half_width, least / self.scaling.spread)
        scored = ~discrete & ~np.isin(space.contract.names, self.facts.constant)
        sure = confidence(half_width[:, scored], np.concatenate(chosen, axis=1))
        width = np.where(discrete, np.nan, half_width * self.scaling.spread)
        return Labels(labels, width, sure * trust(familiar), familiar)

    def at_levels(self, values: Float[np.ndarray, "row action"]) -> Float[np.ndarray, "row action"]:
        """Numbers that take few values are the nearest of them.

        Between two values a mean is neither: a gripper that is told half of what holds a thing
        drops it. Chosen on Meta-World's peg-unplug-side, hand-insert, push-back and coffee-push,
        five labeled demonstrations, two seeds: policies on such labels solved .77 of 200 starts,
        on means .73.
        """
        out = values.copy()
        for name, levels in self.facts.levels.items():
            column = self.space.contract.names.index(name)
            nearest = np.abs(values[:, column, None] - np.array(levels)).argmin(axis=1)
            out[:, column] = np.array(levels)[nearest]
        return out

    def uncertainty_features(
        self,
        values: np.ndarray,
        sigma: np.ndarray,
        inputs: np.ndarray,
        embeddings: np.ndarray | None,
    ) -> Float[np.ndarray, "row action feature"]:
        """Inputs of the error model; see `rotoscope.models.inverse_dynamics.error_model`."""
        middle = self.space.decode(self.scaling.encoded_mean[None, None])
        deviation = self.space.error(values, np.repeat(middle, len(values), 0))
        spread = self.scaling.spread
        motion = self._motion(inputs, embeddings)
        return uncertainty_features(sigma / spread, deviation / spread, motion)

    def _motion(self, inputs: np.ndarray, embeddings: np.ndarray | None) -> np.ndarray:
        """How far each sample of a window is from its middle, in standardized inputs."""
        window = self.facts.config.window
        offsets_s = window.offsets_s(self.facts.contract.rate_hz)
        num, parts = len(offsets_s), [np.zeros((len(inputs), 0))]
        if inputs.shape[1]:
            size = inputs.shape[1] // (num - 1 + window.has_levels)
            changes = ((inputs - self.scaling.input_mean) / self.scaling.input_scale)[
                :, : size * (num - 1)
            ]
            parts.append(np.linalg.norm(changes.reshape(len(inputs), num - 1, size), axis=2))
        if embeddings is not None:
            center = int(np.argmin(np.abs(offsets_s)))
            moved = np.delete(embeddings - embeddings[:, :, [center]], center, axis=2)
            parts.append(np.linalg.norm(moved, axis=3).mean(0))
        return np.concatenate(parts, axis=1)

    def predict(
        self, inputs: np.ndarray, embeddings: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encoded actions (member, row, encoded) and log variances (member, row, action)."""
        parts = [
            self._predict(
                self.scaling.inputs(inputs[i : i + _BATCH_ROWS]),
                None if embeddings is None else embeddings[:, i : i + _BATCH_ROWS],
            )
            for i in range(0, len(inputs), _BATCH_ROWS)
        ]
        return np.concatenate([p[0] for p in parts], 1), np.concatenate([p[1] for p in parts], 1)

    def _predict(
        self, inputs: np.ndarray, embeddings: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        config, space = self.facts.config, self.space
        encoded, log_variance = [], []
        beside = self._said_beside(inputs) if self.beside else None
        for number, arrays in enumerate(self.members):
            if config.kind == "ridge":
                scaled, predicted = predict_ridge(arrays, inputs)
            elif config.kind == "kernel":
                scaled, rarity = predict_kernel(arrays, inputs)
                predicted = np.repeat(rarity[:, None], len(self.scaling.spread), 1)
            else:
                scaled, predicted = self._run(number, inputs, embeddings)
            raw = self.scaling.raw(scaled)
            said = probabilities(raw, space, are_logits=config.has_networks)
            encoded.append(said if beside is None else (said + beside) / 2)
            log_variance.append(predicted)
        return np.stack(encoded), np.stack(log_variance)

    def _said_beside(self, inputs: np.ndarray) -> Float[np.ndarray, "row encoded"]:
        seen = seen_beside(inputs, self.facts.config, self.space.contract.rate_hz)
        raw = self.scaling.raw(said_beside(self.beside, seen))
        return probabilities(raw, self.space, are_logits=False)

    def _run(
        self, number: int, inputs: np.ndarray, embeddings: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        import torch

        place = torch_device(self.device)
        seen = None
        if embeddings is not None:
            seen = torch.from_numpy(embeddings[number]).float().to(place)
        with torch.inference_mode():
            rows = torch.from_numpy(inputs).float().to(place)
            out = run_network(self.networks[number], rows, seen).cpu().numpy().astype(float)
        num = self.space.num_encoded
        return out[:, :num], np.clip(out[:, num:], *LOG_VARIANCE_RANGE)

    def embed(
        self,
        images: UInt8[np.ndarray, "frame height size 3"],
        before: UInt8[np.ndarray, "frame height size 3"],
    ) -> Float[np.ndarray, "member frame number"]:
        """What the image networks of all members say about pictures.

        `before` holds, for each, the picture that its motion is seen against.
        """
        import torch

        out, place = [], torch_device(self.device)
        with torch.inference_mode():
            for start in range(0, len(images), _BATCH_IMAGES):
                part = slice(start, start + _BATCH_IMAGES)
                # A copy: pictures may come from a memory map that torch must not write to.
                seen = with_motion(*(torch.tensor(p[part]).to(place) for p in (images, before)))
                found = [network["encoder"](seen).cpu().numpy() for network in self.networks]
                out.append(np.stack(found))
        return np.concatenate(out, axis=1)

    def summarize(
        self, encoded: np.ndarray, log_variance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ensemble's mean action, and its predicted 1-sigma per dimension, not calibrated."""
        values = self.space.decode(encoded)
        off = np.stack([self.space.error(self.space.decode(m[None]), values) for m in encoded])
        # Mixture of the members' normals (Lakshminarayanan et al. 2017, 1612.01474, section 2.4),
        # with the sample's variance, so that two members and five are told the same.
        aleatoric = np.exp(log_variance).mean(0) * self.scaling.spread**2
        ensemble_spread = (off**2).sum(0) / max(1, len(encoded) - 1)
        return values, np.sqrt(aleatoric + ensemble_spread)


def save_labeler(labeler: Labeler, folder: Path) -> None:
    """Writes the folder, whole or not at all."""
    arrays: dict[str, np.ndarray] = {
        f"scaling.{name}": value for name, value in vars(labeler.scaling).items()
    }
    if labeler.components is not None:
        arrays |= {f"components.{k}": v for k, v in vars(labeler.components).items()}
    arrays["calibration.factor"] = labeler.calibration.factor
    arrays["calibration.ceiling"] = labeler.calibration.ceiling
    arrays |= {f"evidence.{k}": v for k, v in vars(labeler.calibration.evidence).items()}
    arrays |= {f"doubt.{k}": v for k, v in vars(labeler.calibration.error_model).items()}
    arrays |= familiarity_arrays(labeler.familiarity)
    arrays["calibration.temperature"] = np.array([labeler.calibration.temperature])
    arrays |= {f"beside.{name}": value for name, value in labeler.beside.items()}
    for number, member in enumerate(labeler.members):
        arrays |= {f"member.{number}.{name}": value for name, value in member.items()}
    LABELER_FOLDER.save(folder, labeler.facts, arrays, labeler.metrics)


def load_labeler(folder: Path, device: Device = "auto") -> Labeler:
    """A trained labeler from its folder; its networks run on a device.

    Raises:
        UsageError: The folder is missing or incomplete, or was written by another version.
    """
    facts, arrays, metrics = LABELER_FOLDER.load(folder)
    num = len({name.split(".")[1] for name in arrays if name.startswith("member.")})
    check_labeler_arrays(
        arrays, facts.config, facts.contract, sum(facts.input_sizes), folder / WEIGHTS
    )
    components = below(arrays, "components.")
    return Labeler(
        facts=facts,
        scaling=LabelerScaling(**below(arrays, "scaling.")),
        components=known_components(components, facts.config),
        members=tuple(below(arrays, f"member.{k}.") for k in range(num)),
        calibration=Calibration(
            ErrorModel(**below(arrays, "doubt.")),
            arrays["calibration.factor"],
            arrays["calibration.ceiling"],
            Evidence(**below(arrays, "evidence.")),
            float(arrays["calibration.temperature"][0]),
        ),
        familiarity=familiarity_of(arrays),
        metrics=metrics,
        device=device,
        beside=below(arrays, "beside."),
    )
