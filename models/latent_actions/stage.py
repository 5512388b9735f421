"""Stage `label.latent`: what was done between two frames, in a code that was learned from video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.latent_actions.model import LatentModel, latent_token, usable_latent
from rotoscope.models.training.focus import focused
from rotoscope.models.training.focus_clips import points_in_clip
from rotoscope.models.training.pictures import shrink
from rotoscope.models.training.views import check_one_camera
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import REASONS, SCENE, ActionTrack, FeatureTrack, Track
from rotoscope.pipeline.types import Clip, SourceKind
from rotoscope.pipeline.video.read import read_frames

_BATCH_FRAMES = 64


class LatentActionStageConfig(StageConfig):
    """Which model."""

    model: Path
    """Folder that `rotoscope train latent-action --out` wrote."""
    device: Device = "auto"
    """Where the network runs."""


class LatentAction(ClipStage):
    """Latent actions of a clip, without any decoder.

    Provides `actions.label.latent.scene` and the column `label.latent`; with a codebook also
    `label.latent_codes`, the number of each group's code. Row t holds what was done from t on,
    until the model's gap later; the last rows of a clip have none. Confidence is 1 where there is a
    latent: a code is not right or wrong. The clip's frames are decoded once more, and of each only
    the encoder's few numbers are kept.
    """

    kind = "label.latent"
    version = "2"
    uses = ("features",)
    provides = ("actions", "features")
    source: ClassVar[SourceKind | None] = "video"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    Config: ClassVar[type[StageConfig]] = LatentActionStageConfig
    config: LatentActionStageConfig

    def cache_token(self) -> str:
        """The model's weights, and those of an encoder that it names."""
        model = usable_latent(self.config.model)
        check_one_camera(model.facts.config.camera, self.config.model)
        return latent_token(self.config.model)

    def setup(self) -> None:
        """Loads the model; one thread, so that videos side by side do not fight.

        Raises:
            UsageError: The folder holds no usable model.
        """
        import torch

        torch.set_num_threads(1)
        self.model = usable_latent(self.config.model, self.config.device)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The latent of every frame that another one follows a gap later."""
        later, known = frames_after(clip.time_s, self.model.facts.gap_s)
        features = self._features(clip, tracks)
        found = self.model.latents(features[known], features[later[known]])
        values = np.full((clip.num_frames, found.shape[1]), np.nan)
        values[known] = found
        contract = latent_contract(self.model)
        actions = ActionTrack(
            labeler=self.kind,
            subject=SCENE,
            contract=contract,
            values=values,
            valid=known,
            confidence=known.astype(float),
            reason=np.where(known, 0, REASONS.index("not_seen")).astype(np.uint8),
        )
        out: Tracks = {f"actions.{self.kind}.{SCENE}": actions}
        out[f"features.latent.{SCENE}"] = FeatureTrack(
            feature="label.latent",
            subject=SCENE,
            values=values,
            names=tuple(contract.names),
            unit="1",
            description="Latent action from this row on, learned from video alone.",
        )
        if self.model.facts.config.latent == "vq":
            out[f"features.latent_codes.{SCENE}"] = self._codes(found, known)
        return out

    def _features(
        self, clip: Clip, tracks: Mapping[str, Track]
    ) -> Float[np.ndarray, "time number"]:
        facts = self.model.facts
        batch: list[np.ndarray] = []
        found: list[np.ndarray] = []
        focus, shape = facts.config.focus, facts.picture_shape
        points = points_in_clip(clip, tracks, focus, shape) if focus.tracks else None
        frames = read_frames(clip.video, start=clip.start, end=clip.end, kept=clip.kept)
        for number, frame in enumerate(frames):
            image = shrink(frame.rgb, facts.config.image_size, shape=shape)
            if points is not None:
                image = focused(image[None], points[[number]], focus)[0]
            batch.append(image)
            if len(batch) == _BATCH_FRAMES:
                found.append(self.model.features(np.stack(batch)))
                batch = []
        if batch:
            found.append(self.model.features(np.stack(batch)))
        return np.concatenate(found)

    def _codes(
        self, latents: Float[np.ndarray, "known latent"], known: Bool[np.ndarray, " time"]
    ) -> FeatureTrack:
        index = self.model.code_index(latents)
        codes: Int[np.ndarray, "time group"] = np.full((len(known), index.shape[1]), -1)
        codes[known] = index
        return FeatureTrack(
            feature="label.latent_codes",
            subject=SCENE,
            values=codes,
            names=tuple(f"code.{group}" for group in range(index.shape[1])),
            unit="1",
            description="Code of every group of the latent's codebook; -1 where there is none.",
        )


def latent_contract(model: LatentModel) -> ActionContract:
    """What the numbers of a latent are: no robot's, each a step from its row on."""
    size = model.facts.config.latent_size
    return ActionContract(
        robot="latent",
        dimensions=tuple(
            Dimension(name=f"latent.{i}", quantity="latent", unit="1") for i in range(size)
        ),
        mode="delta",
        frame=f"a code without axes, of one transition of {model.facts.gap_s:g} s",
        rotation="none",
        rate_hz=1 / model.facts.gap_s,
        shift_s=0,
        is_state=False,
    )


def frames_after(
    time_s: Float[np.ndarray, " time"], gap_s: float
) -> tuple[Int[np.ndarray, " time"], Bool[np.ndarray, " time"]]:
    """The frame nearest to a gap after each, and whether there is one (half a gap is forgiven)."""
    if len(time_s) < 2:
        return np.zeros(len(time_s), int), np.zeros(len(time_s), bool)
    later = nearest_frames(time_s, time_s + gap_s)
    apart_s = time_s[later] - time_s
    return later, (apart_s > 0) & (np.abs(apart_s - gap_s) <= 0.5 * gap_s)
