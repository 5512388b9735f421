"""Stage `label.pixels`: what a labeler's image networks say about every frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.encoders.pretrained import Embed
from rotoscope.models.inverse_dynamics.encoders import encoder_token
from rotoscope.models.inverse_dynamics.labeler import Labeler, load_labeler
from rotoscope.models.inverse_dynamics.labeler_facts import LABELER_FOLDER
from rotoscope.models.training.focus import focused
from rotoscope.models.training.focus_clips import points_in_clip
from rotoscope.models.training.pictures import shrink
from rotoscope.models.training.views import check_one_camera
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import EmbeddingTrack, Track
from rotoscope.pipeline.types import Clip, Frame, Video
from rotoscope.pipeline.video.read import read_frames

_BATCH_FRAMES = 64


class PixelsConfig(StageConfig):
    """Which labeler looks."""

    model: Path
    """Folder of a trained labeler that sees pictures; where left out, that of
    `label.inverse_dynamics`."""
    device: Device = "auto"
    """Where its networks run."""


class Pixels(FrameStage):
    """Looks at shrunk frames through the image networks of a trained labeler.

    Provides `pixels`, which `label.inverse_dynamics` turns into actions. Both are of one labeler:
    a recipe names it at either stage. Of each frame only the networks' numbers are kept, and a few
    that tell how familiar it is.
    """

    kind = "label.pixels"
    version = "4"
    provides = ("pixels",)
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    shares = ("model", "device")
    Config: ClassVar[type[StageConfig]] = PixelsConfig

    @property
    def folder(self) -> Path:
        """The labeler's folder."""
        assert isinstance(self.config, PixelsConfig)
        return self.config.model

    def cache_token(self) -> str:
        """The labeler's weights, and those of an encoder that it names."""
        labeler = load_labeler(self.folder)
        check_one_camera(labeler.facts.camera, self.folder)
        _ = labeler.encoder  # refuses one that changed since training
        encoder = encoder_token(labeler.facts.config.image_network)
        return f"{LABELER_FOLDER.digest(self.folder)} {encoder}"

    def setup(self) -> None:
        """Loads the labeler; one thread, so that videos side by side do not fight.

        Raises:
            UsageError: The labeler sees no pictures, or there is no such device.
        """
        import torch

        torch.set_num_threads(1)
        assert isinstance(self.config, PixelsConfig)
        labeler = load_labeler(self.folder, self.config.device)
        if not labeler.facts.camera:
            raise UsageError(
                f"the labeler {self.folder} sees {', '.join(labeler.facts.inputs)}, no pictures; "
                "remove the stage label.pixels"
            )
        if labeler.facts.config.focus.tracks:
            raise UsageError(
                f"the labeler {self.folder} looks at what "
                f"{', '.join(labeler.facts.config.focus.tracks)} follow; remove the stage "
                "label.pixels: label.inverse_dynamics looks itself, once they are known"
            )
        self.labeler: Labeler = labeler
        self.encoder: Embed | None = labeler.encoder

    def begin(self, video: Video) -> None:
        """Forgets the video before."""
        self.recent: deque[tuple[float, np.ndarray]] = deque()
        self.images: list[np.ndarray] = []
        self.before: list[np.ndarray] = []
        self.found: list[np.ndarray] = []

    def observe(self, frame: Frame) -> None:
        """Takes the next frame."""
        facts = self.labeler.facts
        self.take(frame.time_s, shrink(frame.rgb, facts.config.image_size, shape=facts.image_size))

    def take(self, time_s: float, image: UInt8[np.ndarray, "side side 3"]) -> None:
        """Takes the next picture, shrunk."""
        facts = self.labeler.facts
        self.recent.append((time_s, image))
        wanted_s = time_s - facts.config.motion_over_s(facts.contract.rate_hz)
        if facts.config.sums_motion:  # against its neighbor, whatever the rate
            wanted_s = self.recent[max(0, len(self.recent) - 2)][0]
        while len(self.recent) > 1 and _is_nearer(self.recent[1][0], self.recent[0][0], wanted_s):
            self.recent.popleft()
        self.images.append(image)
        self.before.append(self.recent[0][1])
        if len(self.images) == _BATCH_FRAMES:
            self._embed()

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """The numbers of all frames."""
        if self.images:
            self._embed()
        values = np.concatenate(self.found)
        return {"pixels": EmbeddingTrack(LABELER_FOLDER.digest(self.folder), values)}

    def _embed(self) -> None:
        images = np.stack(self.images)
        if self.encoder is not None:
            found = self.encoder(images, np.stack(self.before))
        else:
            members = self.labeler.embed(images, np.stack(self.before))
            found = np.concatenate(list(members), axis=1)
        looks = self.labeler.familiarity.glance(images)
        self.found.append(np.concatenate([found, looks], axis=1).astype(np.float16))
        self.images, self.before = [], []


def look_at(clip: Clip, tracks: Mapping[str, Track], labeler: Labeler, folder: Path) -> Track:
    """What `label.pixels` gives, of a labeler that looks at what tracks follow.

    Raises:
        TrackError: As `points_in_clip`.
    """
    config, shape = labeler.facts.config, labeler.facts.image_size
    points = points_in_clip(clip, tracks, config.focus, shape)
    stage = Pixels(PixelsConfig(model=folder))
    stage.labeler, stage.encoder = labeler, labeler.encoder
    stage.begin(clip.video)
    frames = read_frames(clip.video, start=clip.start, end=clip.end, kept=clip.kept)
    for frame, point in zip(frames, points, strict=True):
        image = shrink(frame.rgb, config.image_size, shape=shape)
        stage.take(frame.time_s, focused(image[None], point[None], config.focus)[0])
    return stage.finish(clip.time_s)["pixels"]


def _is_nearer(a_s: float, b_s: float, wanted_s: float) -> bool:
    return abs(a_s - wanted_s) < abs(b_s - wanted_s)
