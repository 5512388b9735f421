"""Stage `camera_motion`: what the camera does, and hands and bodies as a still camera sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from rotoscope.models.camera.background import find_background
from rotoscope.models.camera.columns import columns, quality
from rotoscope.models.camera.decide import decide
from rotoscope.models.camera.level import leveled
from rotoscope.models.camera.reference import body_in_reference, hand_in_reference
from rotoscope.models.camera.scale import StatedScale
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    BodyTrack,
    CameraMotion,
    HandTrack,
    Track,
    require_camera,
    require_points,
)
from rotoscope.pipeline.types import Clip


class CameraMotionConfig(StageConfig):
    """What is known of the camera's path beforehand."""

    farthest_m: float | None = Field(default=None, gt=0)
    """How far the camera gets from where it began, along a straight line [m]; gives the scale of a
    moving camera's path. Nothing given: unknown, or as `scale_from_hands` says."""
    farthest_sigma_rel: float = Field(default=0.02, ge=0, le=0.5)
    """1-sigma of a given `farthest_m` as a share of it."""
    scale_from_hands: bool = False
    """Whether hands of known size give the scale, where they come to touch what is seen beside
    them, to 30 %. For cameras that surely move: a turn that is taken for a path gets a scale too,
    and its rows would be valid and wrong."""
    taken_still: bool = True
    """Whether the camera is taken to stand still where its background does not tell, as before a
    plain wall, until it is seen to move: right for a camera on a tripod. Otherwise frames in which
    it is not known are not valid: right for one on the head or in the hand."""
    columns: bool = False
    """Whether the dataset gets the camera's pose, intrinsics and sigma in every row, as
    `track.camera.*`."""
    world: Literal["first_camera", "gravity"] = "first_camera"
    """Frame of hands and bodies: that of the clip's first camera, or, where `camera.yaml` states
    gravity, a level one that begins there: y falls, z looks ahead, so that robots stand upright in
    it. The columns, which say how the camera stands in it, are there then."""


class CameraMotionStage(ClipStage):
    """Tells still, turning, moving and unknown cameras apart and takes their motion out.

    Provides `camera_motion`. In turning and moving clips hands and bodies that have a metric pose
    are taken into the frame of the reference camera, the clip's first frame; their sigma grows by
    the camera's, and frames in which the camera is not known become invalid. In still clips they
    are not touched. Stands after `lift` and before `smooth`.
    """

    kind: ClassVar[str] = "camera_motion"
    version: ClassVar[str] = "3"
    requires: ClassVar[tuple[str, ...]] = ("scene_points", "camera", "hands|body")
    uses: ClassVar[tuple[str, ...]] = ("camera_motion", "picture")
    provides: ClassVar[tuple[str, ...]] = (
        "camera_motion",
        "hands",
        "body",
        "features",
        "quality.camera",
    )
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    Config: ClassVar[type[StageConfig]] = CameraMotionConfig
    config: CameraMotionConfig

    def setup(self) -> None:
        """Loads OpenCV; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The motion, and the hands and bodies that it changes.

        Raises:
            TrackError: The tracks `camera` or `scene_points` are not there.
        """
        camera, points = require_camera(tracks, self.kind), require_points(tracks, self.kind)
        stated = None
        if self.config.farthest_m is not None:
            stated = StatedScale(self.config.farthest_m, self.config.farthest_sigma_rel)
        seen = find_background(points, camera, tracks)
        hands = tracks if self.config.scale_from_hands else {}
        given = tracks.get("camera_motion")
        if isinstance(given, CameraMotion):
            motion = given
        else:
            motion = decide(seen, camera, hands, stated, taken_still=self.config.taken_still)
        if self.config.world == "gravity" and camera.gravity is not None:
            motion = leveled(motion, camera.gravity)
        out: Tracks = {"camera_motion": motion, "quality.camera": quality(motion)}
        if self.config.columns or motion.R_level_first is not None:
            out |= columns(motion, camera)
        if motion.kind == "still" and motion.R_level_first is None:
            return out
        for name, track in tracks.items():
            if isinstance(track, HandTrack) and track.T_camera_wrist is not None:
                out[name] = hand_in_reference(track, motion, camera.sigma_focal_rel)
            elif isinstance(track, BodyTrack) and track.joints_m is not None:
                out[name] = body_in_reference(track, motion, camera.sigma_focal_rel)
        return out
