"""Stage `depth`: lifted hands at the distance, and of the size, that a depth sensor measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.depth.depth_files import DepthFiles, depth_files
from rotoscope.models.depth.measured import NOTHING, HandDistance, depth_at, hand_distance
from rotoscope.pipeline.errors import TrackError, UnreasonableVideoError
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks, select
from rotoscope.pipeline.tracks import Camera, HandTrack, QualityTrack, Track, require_camera
from rotoscope.pipeline.types import Clip, SourceKind

PALM_RANGE_M = (0.04, 0.14)
"""Wrist to the root of the middle finger, of children to very large hands."""
_FARTHEST_REL = 0.3
"""Frames in which a hand would have to be so much nearer or farther than its size and its picture
say are of something else, as the wall behind it."""
_FEWEST = 5
"""Frames that tell a hand's size; fewer leave the size that was assumed."""
SIGMA_ACROSS_M = 0.008
"""1-sigma of the wrist across the line of sight [m]: MediaPipe's wrist is the crease, 5 to 15 mm
from the joint."""


class DepthConfig(StageConfig):
    """What the sensor's numbers mean."""

    meters_per_unit: float = Field(default=0.001, gt=0, le=1)
    """Length of one unit of the pictures [m]: 0.001 where they hold millimeters."""
    sigma_m: float = Field(default=0.004, ge=0, le=1)
    """1-sigma of a distance near the camera [m]; with `sigma_rel` that of your sensor."""
    sigma_rel: float = Field(default=0.004, ge=0, le=1)
    """1-sigma as a share of the distance, added to it."""


class Depth(ClipStage):
    """Puts lifted hands where a depth sensor sees them.

    `NAME.depth/` beside `NAME.mp4` holds one 16-bit PNG for each frame, registered to the color
    picture (of any size of the same shape), 0 where nothing was measured. The hand's size is the
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
        """The pictures of depth."""
        return depth_files(path)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The hands, at the measured distance.

        Raises:
            TrackError: The track `camera` is not there, or a hand was not lifted.
            UnreasonableVideoError: There is no depth beside the video, not one picture for each
                frame, pictures of another kind or shape, or hands of no human size.
            DamagedVideoError: A picture cannot be read.
        """
        camera = require_camera(tracks, self.kind)
        files = DepthFiles(clip.video, self.config.meters_per_unit)
        hands = {n: t for n, t in select(tracks, ("hands",)).items() if isinstance(t, HandTrack)}
        found = self._distances(clip, camera, files, hands)
        out: Tracks = {}
        for name, hand in hands.items():
            moved, size = _placed(hand, found[name], camera)
            told = np.isfinite([one.factor for one in found[name]])
            out[name] = moved
            facts = {"depth_frames": int(told.sum()), "depth_hand_size": round(size, 4)}
            out[f"quality.depth.{hand.side}"] = QualityTrack(subject=hand.side, facts=facts)
        return out

    def _distances(
        self, clip: Clip, camera: Camera, files: DepthFiles, hands: Mapping[str, HandTrack]
    ) -> dict[str, list[HandDistance]]:
        """What depth says of each hand, frame by frame; one picture is in memory at a time."""
        found: dict[str, list[HandDistance]] = {name: [] for name in hands}
        picture = camera.width, camera.height
        for frame in range(clip.num_frames):
            depth_m = None
            for name, hand in hands.items():
                if hand.joints_m is None:
                    raise TrackError(
                        f"{name} has no metric joints; put the stage 'lift' before 'depth' in the "
                        "recipe"
                    )
                one = NOTHING
                if hand.valid[frame]:
                    depth_m = files.read(clip.start + frame) if depth_m is None else depth_m
                    seen_m = depth_at(depth_m, hand.landmarks_px[frame], picture)
                    near = float(np.nanmedian(seen_m)) if np.isfinite(seen_m).any() else 0.0
                    sigma_m = self.config.sigma_m + self.config.sigma_rel * near
                    one = hand_distance(seen_m, hand.joints_m[frame], sigma_m)
                found[name].append(one)
        return found


def _placed(hand: HandTrack, found: list[HandDistance], camera: Camera) -> tuple[HandTrack, float]:
    """The hand of its measured size, in each frame at its measured distance; and that size."""
    factor = np.array([one.factor for one in found])
    told = np.isfinite(factor)
    if told.sum() < _FEWEST or hand.joints_m is None:
        return hand, 1.0
    size = float(np.median(factor[told]))
    joints_m = hand.joints_m * size
    palm = joints_m[:, hand_frame.MIDDLE_MCP] - joints_m[:, hand_frame.WRIST]
    palm_m = float(np.nanmedian(np.linalg.norm(palm, axis=1)))
    if not PALM_RANGE_M[0] <= palm_m <= PALM_RANGE_M[1]:
        raise UnreasonableVideoError(
            f"depth makes the {hand.side} hand's palm {1e3 * palm_m:.0f} mm long, "
            f"{1e3 * PALM_RANGE_M[0]:.0f} to {1e3 * PALM_RANGE_M[1]:.0f} are hands': the unit of "
            "the pictures is another one (depth.meters_per_unit), they are not registered to the "
            "color picture, or the focal length is wrong"
        )
    told &= np.abs(factor / size - 1.0) <= _FARTHEST_REL
    wrist_m = joints_m[:, hand_frame.WRIST]
    nearer = np.where(told, factor / size - 1.0, 0.0)
    joints_m = joints_m + (nearer[:, None] * wrist_m)[:, None]
    sigma_m = hand.sigma_position_m
    if sigma_m is not None:
        measured_m = _sigma(joints_m[:, hand_frame.WRIST], found, camera)
        sigma_m = np.where(told[:, None], measured_m, size * sigma_m)
    return (
        hand.replace(
            joints_m=joints_m,
            T_camera_wrist=hand_frame.wrist_pose(joints_m, hand.side),
            sigma_position_m=sigma_m,
        ),
        size,
    )


def _sigma(
    wrist_m: Float[np.ndarray, "time 3"], found: list[HandDistance], camera: Camera
) -> Float[np.ndarray, "time 3"]:
    """1-sigma of the wrist along camera axes [m]: of distance along the ray, and across it."""
    rel = np.array([one.sigma_rel for one in found])
    along = rel[:, None] * np.abs(wrist_m)
    # An error of the focal length moves what is seen aside, not the distance that was measured.
    aside = camera.sigma_focal_rel * np.abs(wrist_m) * np.array([1.0, 1.0, 0.0])
    sigma: np.ndarray = np.sqrt(along**2 + aside**2 + SIGMA_ACROSS_M**2)
    return sigma
