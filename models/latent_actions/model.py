"""A trained latent action model: one folder, and what it says about transitions.

The folder holds `model.safetensors` (every number), `latent.yaml` (settings, clock, sources,
versions, hash of the data) and `metrics.json`, which says whether its latents collapsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from pydantic import Field

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.encoders.pretrained import (
    Embed,
    is_pretrained,
    open_pretrained,
    pretrained_token,
)
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.networks import (
    build_latent_network,
    frame_features,
    latents_of,
)
from rotoscope.models.training.focus import FocusConfig
from rotoscope.models.training.model_folder import (
    METRICS,
    ModelFacts,
    ModelFolder,
    damaged,
    filled,
)
from rotoscope.models.training.views import cameras_of
from rotoscope.pipeline.errors import UsageError

if TYPE_CHECKING:
    import torch

_BATCH_IMAGES = 128
_RENAMED = {"tower.": "backbone.", "tell.": "track_delta.", "place.": "position."}
"""Beginnings of names that weights had in folders of version 1 as first written."""


class LatentFacts(ModelFacts):
    """`latent.yaml`."""

    version: int = 1
    """Changes with the layout of the folder."""
    config: LatentActionConfig
    """Its settings."""
    gap_s: float = Field(gt=0)
    """Time that a latent spans [s]."""
    picture_shape: tuple[int, int]
    """Width and height of the pictures it learned from [px]."""
    num_features: int = Field(ge=0)
    """Numbers that a frozen encoder says about a frame; 0 where the encoder was trained."""
    feature_scale: float = Field(gt=0)
    """What those numbers are divided by; 1 where the encoder was trained."""
    num_targets: int = Field(ge=0)
    """Columns of the tracks that taught it."""
    embodiments: tuple[str, ...] = Field(min_length=1)
    """Sources of video that it learned from; each has a forward model's vector of its own."""
    num_videos: int
    """Videos or episodes that it learned from, held-out ones included."""
    data_sha256: str
    """Hash of pictures and tracks."""
    packages: dict[str, str]
    """Versions of what trained it."""


LATENT_FOLDER = ModelFolder(
    LatentFacts,
    "latent.yaml",
    missing="is no trained latent action model: {}; name the folder that 'rotoscope train "
    "latent-action --out' wrote",
)


@dataclass(frozen=True, eq=False)
class LatentModel:
    """Weights and what they mean."""

    facts: LatentFacts
    """Contents of `latent.yaml`."""
    weights: dict[str, np.ndarray]
    """By name; the slow copy of the encoder is left out."""
    metrics: dict[str, Any]
    """Held-out scores; see `rotoscope.models.latent_actions.collapse_report`."""
    device: Device = "auto"
    """Where its networks look."""

    @cached_property
    def module(self) -> Any:
        """The network in evaluation mode."""
        facts = self.facts

        def build() -> Any:
            return build_latent_network(
                facts.config,
                num_features=facts.num_features,
                num_embodiments=len(facts.embodiments),
                num_targets=facts.num_targets,
            )

        made = filled(build, self.weights, "the latent action model", without="target.")
        return made.to(self._place)

    @cached_property
    def _place(self) -> torch.device:
        return torch_device(self.device)

    @cached_property
    def _encoder(self) -> Embed | None:
        config = self.facts.config
        return None if config.learns_images else open_pretrained(config.encoder, self.device)

    def features(
        self, images: UInt8[np.ndarray, "frame height size 3"]
    ) -> Float[np.ndarray, "f n"]:
        """What the encoder says about frames, one by one."""
        if self._encoder is not None:
            return self._encoder(images, images) / self.facts.feature_scale
        import torch

        backbone, found = self.module["backbone"], []
        with torch.inference_mode():
            for start in range(0, len(images), _BATCH_IMAGES):
                # A copy: pictures may come from a memory map that torch must not write to.
                part = torch.tensor(images[start : start + _BATCH_IMAGES]).to(self._place)
                pixels = part.movedim(-1, 1).float() / 255
                found.append(frame_features(backbone, pixels).cpu().numpy())
        return np.concatenate(found)

    def latents(
        self, before: Float[np.ndarray, "row n"], after: Float[np.ndarray, "row n"]
    ) -> Float[np.ndarray, "row latent"]:
        """Latents between frames given by their `features`; codes where there is a codebook."""
        import torch

        first, last = (self._tensor(np.asarray(f, np.float32)) for f in (before, after))
        with torch.inference_mode():
            told = latents_of(self.module, first, last, self.facts.config)[0]
        found: np.ndarray = told.cpu().numpy()
        return found

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        import torch

        return torch.from_numpy(values).to(self._place)

    def code_index(self, latents: Float[np.ndarray, "row latent"]) -> Int[np.ndarray, "row group"]:
        """Which codes latents are made of.

        Raises:
            UsageError: The model has no codebook.
        """
        from rotoscope.models.latent_actions.codebook import nearest_codes

        if self.facts.config.latent != "vq":
            raise UsageError("continuous latents have no codes; train with latent=vq")
        rows = self._tensor(np.asarray(latents, np.float32))
        found: np.ndarray = nearest_codes(self.module["codebook"], rows).cpu().numpy()
        return found

    def embed(
        self,
        images: UInt8[np.ndarray, "frame height size 3"],
        before: UInt8[np.ndarray, "frame height size 3"],
    ) -> Float[np.ndarray, "frame n"]:
        """What a labeler is told: the latent that leads from `before` to a frame, and its features.

        A latent between two frames that are near in time is a noisy thing; how features change over
        a labeler's whole window is not. A model trained with `dynamo` gives features alone, as its
        paper does.
        """
        if len(images) > 1 and np.array_equal(before[1:], images[:-1]):
            found = self.features(np.concatenate([before[:1], images]))
            last, first = found[1:], found[:-1]
        else:
            last, first = self.features(images), self.features(before)
        seen = self._standardized(last)
        if self.facts.config.objective == "dynamo":
            return seen
        return np.concatenate([self.latents(first, last), seen], axis=1)

    def seen(
        self, images: UInt8[np.ndarray, "frame height size 3"]
    ) -> Float[np.ndarray, "frame n"]:
        """Features alone, one picture at a time, as policies see.

        What was just done is no part of them: a policy would copy it.
        """
        return self._standardized(self.features(images))

    def _standardized(self, features: np.ndarray) -> np.ndarray:
        """Places differ by little from frame to frame; brought to 1, half precision can hold it.

        What predicts pixels has learned no such scale; its features stay as they are.
        """
        import torch

        if "standard" not in self.module:
            return features
        with torch.inference_mode():
            found: np.ndarray = self.module["standard"](self._tensor(features)).cpu().numpy()
        return found


def save_latent(model: LatentModel, folder: Path) -> None:
    """Writes the folder, whole or not at all."""
    LATENT_FOLDER.save(folder, model.facts, model.weights, model.metrics)


def load_latent(folder: Path, device: Device = "auto") -> LatentModel:
    """A trained model from its folder, whatever its latents are worth; it looks on a device.

    Raises:
        UsageError: The folder is missing, incomplete, damaged, or of another version.
    """
    facts, weights, metrics = LATENT_FOLDER.load(folder)
    if not isinstance(metrics.get("collapsed"), bool):
        raise damaged(folder / METRICS, "it does not say whether latents collapsed")
    return LatentModel(facts, {_name_now(k): v for k, v in weights.items()}, metrics, device)


def _name_now(name: str) -> str:
    part, dot, rest = name.partition(".")
    return _RENAMED.get(part + dot, part + dot) + rest


def check_views(
    model: LatentModel, camera: str | tuple[str, ...], focus: FocusConfig | None = None
) -> None:
    """Refuses a model that sees other cameras, or other parts of pictures, than who uses it.

    Args:
        model: Trained.
        camera: Of whoever looks through it.
        focus: What that one looks at; all where `None`.

    Raises:
        UsageError: It does.
    """
    config, num = model.facts.config, max(1, len(cameras_of(camera)))
    if config.num_views != num:
        raise UsageError(
            f"the latent action model learned from {config.num_views} cameras "
            f"({config.camera or 'the only one'}), camera={camera} names {num}; name as many, in "
            "the same order, or train it on these"
        )
    if config.focus != (focus or FocusConfig()):
        raise UsageError(
            f"the latent action model looks at what focus.tracks={list(config.focus.tracks)} "
            f"follow, with radius {config.focus.radius:g} and kept {config.focus.kept:g}; whoever "
            "sees through it needs the same focus: a labeler may set it, a policy sees whole "
            "pictures and needs a model of those"
        )


def latent_token(folder: Path) -> str:
    """What decides what a model tells labelers: its weights, and those of its image network.

    Raises:
        UsageError: As `load_latent`.
        AssetError: Weights of the image network are not there.
    """
    encoder = load_latent(folder).facts.config.encoder
    inner = pretrained_token(encoder) if is_pretrained(encoder) else encoder
    return f"latent {LATENT_FOLDER.digest(folder)} {inner}"


def usable_latent(folder: Path, device: Device = "auto") -> LatentModel:
    """A trained model whose latents are worth something; its `embed` is the encoder of labelers.

    Raises:
        UsageError: As `load_latent`, or its latents collapsed: they tell nothing.
    """
    model = load_latent(folder, device)
    if model.metrics["collapsed"]:
        raise UsageError(
            f"the latents of {folder} collapsed: {_advice(model.metrics)} Train again, "
            "or name another model"
        )
    return model


def _advice(metrics: dict[str, Any]) -> str:
    advice = metrics.get("advice")
    return " ".join(map(str, advice)) if isinstance(advice, list) else ""
