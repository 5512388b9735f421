"""Stage `depth`: lifted hands at the distance, and of the size, that a depth sensor measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.depth.depth_files import DepthFiles, depth_files
from rotoscope.models.depth.depth_video import DepthVideo, depth_video, quantization_file
from rotoscope.models.depth.measured import NOTHING, HandDistance, depth_at, hand_distance
from rotoscope.models.depth.placed import placed
from rotoscope.pipeline.errors import TrackError, UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks, select
from rotoscope.pipeline.tracks import Camera, HandTrack, QualityTrack, Track, require_camera
from rotoscope.pipeline.types import Clip, SourceKind, Video

_WRONG_SHAPE = 0.01
"""Relative difference of two pictures' shapes that is taken for rounding."""


class DepthConfig(StageConfig):
    """What the sensor's numbers mean."""

    meters_per_unit: float = Field(default=0.001, gt=0, le=1)
    """Length of one unit of the pictures [m]: 0.001 where they hold millimeters. Does not count for
    a video of LeRobot's, which says itself what its codes mean."""
    sigma_m: float = Field(default=0.004, ge=0, le=1)
    """1-sigma of a distance near the camera [m]; with `sigma_rel` that of your sensor."""
    sigma_rel: float = Field(default=0.004, ge=0, le=1)
    """1-sigma as a share of the distance, added to it."""


class Depth(ClipStage):
    """Puts lifted hands where a depth sensor sees them.

    `NAME.depth/` beside `NAME.mp4` holds one 16-bit PNG for each frame, registered to the color
    picture (of any size of the same shape), 0 where nothing was measured; or `NAME.depth.mkv` (or
    `.mp4`) one channel of 16 bits, or LeRobot's 12, which `NAME.depth.json` explains: the `info` of
    the depth feature in the dataset's `meta/info.json`. The hand's size is the
    median over the clip; in each frame the distance is measured. Frames in which depth says
    nothing keep their distance of the same size, with the sigma that they had. Stands behind
    `lift` and before `camera_motion`.
    """

    kind: ClassVar[str] = "depth"
    version: ClassVar[str] = "1"
    requires: ClassVar[tuple[str, ...]] = ("hands", "camera")
    provides: ClassVar[tuple[str, ...]] = ("hands", "quality.depth")
    source: ClassVar[SourceKind | None] = "video"
    Config: ClassVar[type[StageConfig]] = DepthConfig
    config: DepthConfig

    @classmethod
    def files_beside(cls, path: Path) -> tuple[Path, ...]:
        """The pictures of depth, or the video of depth and what says how it is meant."""
        others = (depth_video(path), quantization_file(path))
        return depth_files(path) or tuple(file for file in others if file is not None)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The hands, at the measured distance.

        Raises:
            TrackError: The track `camera` is not there, or a hand was not lifted.
            UnreasonableVideoError: There is no depth beside the video, not one picture for each
                frame, pictures of another kind or shape, or hands of no human size.
            DamagedVideoError: A picture cannot be read.
        """
        camera = require_camera(tracks, self.kind)
        files = _measured(clip.video, self.config.meters_per_unit)
        hands = lifted_hands(tracks, self.kind)
        found = self._distances(clip, camera, files, hands)
        out: Tracks = {}
        for name, hand in hands.items():
            moved, size = placed(hand, found[name], camera)
            told = np.isfinite([one.factor for one in found[name]])
            out[name] = moved
            facts = {"depth_frames": int(told.sum()), "depth_hand_size": round(size, 4)}
            out[f"quality.depth.{hand.side}"] = QualityTrack(subject=hand.side, facts=facts)
        return out

    def _distances(
        self,
        clip: Clip,
        camera: Camera,
        files: DepthFiles | DepthVideo,
        hands: Mapping[str, HandTrack],
    ) -> dict[str, list[HandDistance]]:
        """What depth says of each hand, frame by frame; one picture is in memory at a time."""
        found: dict[str, list[HandDistance]] = {name: [] for name in hands}
        picture = camera.width, camera.height
        for frame in range(clip.num_frames):
            depth_m = None
            for name, hand in hands.items():
                one = NOTHING
                if hand.valid[frame] and hand.joints_m is not None:
                    if depth_m is None:
                        depth_m = files.read(clip.start + frame)
                        _check_shape(depth_m, clip.video)
                    seen_m = depth_at(depth_m, hand.landmarks_px[frame], picture)
                    near = float(np.nanmedian(seen_m)) if np.isfinite(seen_m).any() else 0.0
                    sigma_m = self.config.sigma_m + self.config.sigma_rel * near
                    one = hand_distance(seen_m, hand.joints_m[frame], sigma_m)
                found[name].append(one)
        return found


def lifted_hands(tracks: Mapping[str, Track], kind: str) -> dict[str, HandTrack]:
    """The hands of a clip.

    Raises:
        TrackError: One was not lifted.
    """
    hands = {n: t for n, t in select(dict(tracks), ("hands",)).items() if isinstance(t, HandTrack)}
    for name, hand in hands.items():
        if hand.joints_m is None:
            raise TrackError(
                f"{name} has no metric joints; put the stage 'lift' before '{kind}' in the recipe"
            )
    return hands


def _measured(video: Video, meters_per_unit: float) -> DepthFiles | DepthVideo:
    file = None if depth_files(video.path) else depth_video(video.path)
    if file is None:
        return DepthFiles(video, meters_per_unit)
    return DepthVideo(file, video, meters_per_unit)


def _check_shape(depth_m: Float[np.ndarray, "height width"], video: Video) -> None:
    height, width = depth_m.shape
    if abs(width / height * video.height / video.width - 1) > _WRONG_SHAPE:
        raise UnreasonableVideoError(
            f"depth of {display_name(video.path.name)} has {width} x {height} pixels, the video "
            f"{video.width} x {video.height}, which is another shape: register depth to the color "
            "picture first"
        )
