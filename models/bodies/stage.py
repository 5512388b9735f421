"""Stage `body`: where each person is in every frame, never two of them in one track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.models.bodies.identity import Person, assign_people, build_tracklets, join_tracklets
from rotoscope.models.bodies.joints import NUM_LANDMARKS, TORSO_LANDMARKS, joints_of
from rotoscope.models.bodies.landmarker import MediaPipeBodyFinder, MediaPipeBodyLandmarker
from rotoscope.models.bodies.tracker import BodyTracker, Sighting
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack
from rotoscope.pipeline.types import Frame, Video

_NUM_OTHERS = 3
"""People that the finder may find beyond those who are followed, to choose the largest from."""
_LEAST_TORSO_LANDMARKS = 3
"""Shoulders and hips that must be seen; the fourth may be hidden behind the trunk."""


class BodyConfig(StageConfig):
    """Whom to look for and what to believe. Speeds are in trunk sizes: shoulders to hips."""

    num_people: int = Field(default=1, ge=1, le=6)
    """Tracks `body.person0`, `body.person1`, ...; those seen largest and longest come first."""
    min_detection_confidence: float = Field(default=0.5, ge=0, le=1)
    """Least score of the person detector to look closer."""
    min_presence_confidence: float = Field(default=0.5, ge=0, le=1)
    """Least probability that the landmark network gives to a person being there."""
    search_interval_s: float = Field(default=0.5, ge=0)
    """Time between looks for one more person while fewer than `num_people` are followed [s]; while
    nobody is, every frame is looked at."""
    max_speed: float = Field(default=6.0, gt=0)
    """Fastest motion that is not a jump to somebody else [trunk sizes / s]; 3 m/s or so."""
    forget_s: float = Field(default=2.0, ge=0)
    """Who is unseen for longer is another person when seen again [s], and so is who comes back in
    clothes of another color."""
    min_stretch_s: float = Field(default=0.2, ge=0)
    """Shorter tracklets are not believed to be a person [s]."""
    cut_change: float = Field(default=25.0, gt=0, le=255)
    """Mean change of the picture from one frame to the next that makes it another scene [levels]:
    nobody is followed into it, and a track may go on with somebody else."""
    min_torso_visibility: float = Field(default=0.5, ge=0, le=1)
    """Least visibility of three out of shoulders and hips in a valid frame."""
    min_trunk_px: float = Field(default=20.0, ge=0)
    """Least length of a valid trunk [px]."""


class Body(FrameStage):
    """MediaPipe's 33 landmarks of each person (BlazePose GHUM, Bazarevsky et al. 2020, 2006.10204).

    Provides `body.person0` and so on, always as many as `num_people`. `score` is set wherever the
    person was found, the rest only where the frame is also valid: the trunk is inside the image.
    The model guesses landmarks outside of the image and behind things; they are left in, with
    `visibility` 0 where the guess lies outside.
    """

    kind: ClassVar[str] = "body"
    version: ClassVar[str] = "2"
    provides: ClassVar[tuple[str, ...]] = ("body",)
    assets: ClassVar[tuple[str, ...]] = ("pose_landmarker.task",)
    packages: ClassVar[tuple[str, ...]] = ("mediapipe",)
    preload: ClassVar[tuple[str, ...]] = ("rotoscope.models.perception.mediapipe_preload",)
    loosened_by: ClassVar[Mapping[str, str]] = {"not_believed": "lower min_torso_visibility"}
    Config: ClassVar[type[StageConfig]] = BodyConfig
    config: BodyConfig

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self._finder: MediaPipeBodyFinder | None = None
        self._landmarkers: list[MediaPipeBodyLandmarker] = []

    def setup(self) -> None:
        """Loads the finder, and one landmarker per person.

        Raises:
            AssetError: The weights were not fetched.
        """
        from rotoscope.pipeline.assets import asset_path

        model = asset_path("pose_landmarker.task")
        confidences = {
            "min_detection_confidence": self.config.min_detection_confidence,
            "min_presence_confidence": self.config.min_presence_confidence,
        }
        for _ in range(self.config.num_people):
            self._landmarkers.append(MediaPipeBodyLandmarker(model, **confidences))
        num_people = self.config.num_people + _NUM_OTHERS
        self._finder = MediaPipeBodyFinder(model, num_people=num_people, **confidences)

    def close(self) -> None:
        """Frees finder and landmarkers."""
        for network in (*self._landmarkers, self._finder):
            if network is not None:
                network.close()
        self._landmarkers, self._finder = [], None

    def begin(self, video: Video) -> None:
        """Starts a new video; nothing of the one before is remembered."""
        assert self._finder is not None
        for landmarker in self._landmarkers:
            landmarker.forget()
        self._width, self._height = video.width, video.height
        self._tracker = BodyTracker(
            self._finder,
            self._landmarkers,
            search_interval_s=self.config.search_interval_s,
            cut_change=self.config.cut_change,
        )

    def observe(self, frame: Frame) -> None:
        """Follows the people into the next frame."""
        self._tracker.observe(frame)

    @property
    def sightings(self) -> list[Sighting]:
        """Everybody found in each frame observed so far, before they are told apart and checked."""
        return self._tracker.sightings

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """All people over the whole video.

        Raises:
            TrackError: `time_s` does not hold one time per observed frame.
        """
        if len(self.sightings) != len(time_s):
            raise TrackError(
                f"body: {len(self.sightings)} frames were observed but {len(time_s)} times given; "
                "pass the time of each observed frame"
            )
        config = self.config
        frame_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0 / 30.0
        tracklets = build_tracklets(self.sightings, time_s, max_speed=config.max_speed)
        people = [
            person
            for person in join_tracklets(
                tracklets, max_speed=config.max_speed, forget_s=config.forget_s
            )
            if len(person.frames) * frame_s >= config.min_stretch_s
        ]
        return {
            f"body.person{index}": self._track(f"person{index}", of_track, len(time_s))
            for index, of_track in enumerate(assign_people(people, config.num_people))
        }

    def _track(self, subject: str, people: Sequence[Person], num_frames: int) -> BodyTrack:
        landmarks_px = np.full((num_frames, NUM_LANDMARKS, 2), np.nan)
        landmarks_m = np.full((num_frames, NUM_LANDMARKS, 3), np.nan)
        visibility = np.full((num_frames, len(BODY_JOINTS)), np.nan)
        score = np.full(num_frames, np.nan)
        valid = np.zeros(num_frames, bool)
        for person in people:
            rows = np.array(person.frames)
            seen_px = np.array([d.landmarks_px for d in person.detections])
            seen = np.array([d.visibility for d in person.detections])
            seen = np.where(self._is_inside(seen_px), seen, 0.0)
            presence = np.array([d.presence for d in person.detections])
            score[rows] = presence[:, TORSO_LANDMARKS].mean(axis=1)
            trunk_px = np.array([d.size_px for d in person.detections])
            good = self._has_trunk(seen) & (trunk_px >= self.config.min_trunk_px)
            rows = rows[good]
            valid[rows] = True
            landmarks_px[rows] = seen_px[good]
            landmarks_m[rows] = np.array([d.landmarks_m for d in person.detections])[good]
            visibility[rows] = joints_of(seen[good][..., None])[..., 0]
        return BodyTrack(
            subject=subject,
            score=score,
            valid=valid,
            landmarks_px=landmarks_px,
            landmarks_m=landmarks_m,
            visibility=visibility,
        )

    def _is_inside(
        self, landmarks_px: Float[np.ndarray, "detection 33 2"]
    ) -> Bool[np.ndarray, "detection 33"]:
        size_px = np.array([self._width, self._height])
        return np.asarray(((landmarks_px >= 0.0) & (landmarks_px <= size_px)).all(axis=-1))

    def _has_trunk(
        self, visibility: Float[np.ndarray, "detection 33"]
    ) -> Bool[np.ndarray, " detection"]:
        is_seen = visibility[:, TORSO_LANDMARKS] >= self.config.min_torso_visibility
        return np.asarray(is_seen.sum(axis=1) >= _LEAST_TORSO_LANDMARKS)
