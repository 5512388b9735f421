"""Stage `objects.network`: things that hands take, cut out by a segmenter that the user has."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.checkpoints.folder import Checkpoint
from rotoscope.models.checkpoints.pictures import shrunk
from rotoscope.models.objects import text_prompt
from rotoscope.models.objects.clicks import clicks_file, prompts_of, read_clicks
from rotoscope.models.objects.describe import described
from rotoscope.models.objects.ground import camera_path, doubt_of_contacts, ground_steps
from rotoscope.models.objects.hand_region import seen_hands
from rotoscope.models.objects.network_things import NetworkThings
from rotoscope.models.objects.segmenter import TransformersSegmenter, segmenter_at
from rotoscope.models.objects.stage import OVERLAP_FRAMES, WINDOW_FRAMES, Objects, ObjectsConfig
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import QualityTrack, Track, median_rate_hz
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.read import read_frames


class ObjectsNetworkConfig(ObjectsConfig):
    """Which network, and what tells it what is meant."""

    model: Path
    """Folder of a video segmenter of `transformers`: SAM 2, EdgeTAM, SAM 3 or its tracker."""
    text: str | None = Field(default=None, min_length=1, max_length=400)
    """Names of the things, with commas between: `red cup, box`. Without them, and without clicks
    beside the video, what touches a hand and moves with it is meant."""
    detector: Path | None = None
    """Folder of a detector that finds names in pictures: Grounding DINO, OWLv2, OWL-ViT or SAM 3.
    May be left out where `model` is a whole SAM 3."""
    min_score: float = Field(default=0.3, ge=0, le=1)
    """Least probability [1] of a box by the detector."""
    picture_px: int = Field(default=1024, ge=160, le=2048)
    """Pictures are shrunk to this longer side [px] for the networks; larger ones only cost memory
    where the network shrinks them itself."""
    device: Device = "auto"
    """Where the networks run."""

    @property
    def names(self) -> tuple[str, ...]:
        """The things' names."""
        parts = (self.text or "").split(",")
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))

    @model_validator(mode="after")
    def _text_and_detector(self) -> Self:
        if self.text is not None and not self.names:
            raise ValueError(f"text={self.text!r} names nothing; give names with commas between")
        if self.detector is not None and self.text is None:
            raise ValueError("a detector finds what text names, and there is no text")
        return self


class ObjectsNetwork(ClipStage):
    """What moves with a hand, like `objects`, from masks of a video segmenter.

    What it cuts out is said by `NAME.clicks.json` beside the video, else by `text`, else by where
    something moves with a hand, or by what is between the fingertips. Contact, release and path
    come from the masks as they do in `objects`; what is never seen to go with a hand is left out
    here too. `quality.objects` says what told, how many things were found, and why none.
    """

    kind: ClassVar[str] = "objects.network"
    version: ClassVar[str] = "5"
    requires: ClassVar[tuple[str, ...]] = Objects.requires
    uses: ClassVar[tuple[str, ...]] = Objects.uses
    provides: ClassVar[tuple[str, ...]] = Objects.provides
    source = Objects.source
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers", "opencv-contrib-python")
    Config: ClassVar[type[StageConfig]] = ObjectsNetworkConfig
    config: ObjectsNetworkConfig

    @classmethod
    def files_beside(cls, path: Path) -> tuple[Path, ...]:
        """The clicks, if there are any."""
        file = clicks_file(path)
        return () if file is None else (file,)

    def cache_token(self) -> str:
        """The networks' bytes."""
        detector = self._detector()
        return " ".join(c.digest() for c in (segmenter_at(self.config.model), detector) if c)

    def setup(self) -> None:
        """Loads the networks; one thread, so that videos side by side do not fight.

        Raises:
            UsageError: A folder is not there or holds another network, or there is no such device.
        """
        import cv2
        import torch

        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        config, detector = self.config, self._detector()
        self._segmenter = TransformersSegmenter(segmenter_at(config.model), config.device)
        self._finder = (
            text_prompt.TransformersDetector(detector, config.device, config.min_score)
            if detector
            else None
        )

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The things of the clip; none where no hand is seen or nothing goes with one.

        Raises:
            UnreasonableVideoError: The clicks are not as they must be, or of another video.
        """
        size = shrunk(clip.video, self.config.max_side_px)
        to_frame = np.array([clip.video.width / size[0], clip.video.height / size[1]])
        ground = ground_steps(tracks, clip.num_frames, to_frame)
        hands = seen_hands(tracks, size[0] / clip.video.width)
        path = camera_path(tracks, to_frame) if hands else None
        file = clicks_file(clip.video.path)
        things = NetworkThings(
            segmenter=self._segmenter,
            hands=hands,
            ground=ground,
            path=path,
            rate_hz=median_rate_hz(clip.time_s),
            overlap_frames=OVERLAP_FRAMES,
            clicked=prompts_of(read_clicks(file, clip.video), clip) if file else None,
            names=self.config.names,
            detector=self._finder,
            most=self.config.max_objects,
        )
        if things.hands:
            self._look(clip, things, size)
        out = described(
            things.things,
            clip,
            tracks,
            size=size,
            most=self.config.max_objects,
            doubt=doubt_of_contacts(tracks, ground, path),
        )
        quality = out["quality.objects"]
        if isinstance(quality, QualityTrack):
            said: dict[str, str] = {"objects_prompt": things.told_by}
            why = things.why_none()
            if "objects_why" in quality.facts and why:
                said["objects_why"] = why
            out["quality.objects"] = dataclasses.replace(quality, facts=quality.facts | said)
        return out

    def _look(self, clip: Clip, things: NetworkThings, size: tuple[int, int]) -> None:
        import cv2

        large_size = shrunk(clip.video, self.config.picture_px)
        large: list[np.ndarray] = []
        small: list[np.ndarray] = []
        first = 0
        for frame in read_frames(clip.video, start=clip.start, end=clip.end, kept=clip.kept):
            for pictures, at in ((large, large_size), (small, size)):
                pictures.append(np.asarray(cv2.resize(frame.rgb, at, interpolation=cv2.INTER_AREA)))
            if len(large) == WINDOW_FRAMES:
                things.look(large, small, first)
                first += WINDOW_FRAMES - OVERLAP_FRAMES
                large, small = large[-OVERLAP_FRAMES:], small[-OVERLAP_FRAMES:]
        if len(large) > 2 and (first == 0 or len(large) > OVERLAP_FRAMES):
            things.look(large, small, first)

    def _detector(self) -> Checkpoint | None:
        config = self.config
        if config.text is None:
            return None
        model_type = segmenter_at(config.model).model_type
        if config.detector is None and model_type not in text_prompt.FAMILIES:
            raise UsageError(
                f"objects.network.text={config.text!r} needs objects.network.detector, a folder of "
                f"type {quoted(text_prompt.FAMILIES)}: {model_type} knows no words"
            )
        return text_prompt.detector_at(config.detector or config.model)
