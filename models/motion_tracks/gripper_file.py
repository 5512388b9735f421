"""Stage `gripper.file`: where a robot's gripper was in its own video, read from beside the video.

Robots know where their gripper is; with the camera's calibration that is all a motion track needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from rotoscope.pipeline.errors import MotionError, quoted
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.motion.arrays import load_arrays
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import GripperTrack, Side, Track
from rotoscope.pipeline.types import Clip, SourceKind

NAME = "gripper.npz"
_KEYS = ("T_camera_ee", "aperture_m", "held")
_WIDEST_M = 0.5
_NOT_RIGID = 1e-3


class GripperFileConfig(StageConfig):
    """What the robot's own calibration is good for."""

    side: Side = "right"
    """Which hand the gripper stands for."""
    sigma_position_m: float = Field(default=0.005, gt=0, le=0.5)
    """1-sigma of the gripper's place in the camera's frame along an axis [m]: of hand-eye
    calibration, and of clocks that differ. An assumption; put in what you know."""


class GripperFile(ClipStage):
    """Reads `NAME.gripper.npz` beside `NAME.mp4` and provides `gripper.<side>`.

    The file holds, one row per frame of the video: `T_camera_ee` (frames, 4, 4), the end-effector
    pose in the camera's frame [m] (origin between the fingertips, x in the approach direction, y
    from one finger to the other); `aperture_m` (frames,), the distance of the fingers; and, where
    it is known, `held` (frames,), whether something is held. Rows of NaN are unknown.
    """

    kind: ClassVar[str] = "gripper.file"
    version: ClassVar[str] = "2"
    requires: ClassVar[tuple[str, ...]] = ("camera",)
    provides: ClassVar[tuple[str, ...]] = ("gripper",)
    source: ClassVar[SourceKind | None] = "video"
    Config: ClassVar[type[StageConfig]] = GripperFileConfig
    config: GripperFileConfig

    @classmethod
    def files_beside(cls, path: Path) -> tuple[Path, ...]:
        """The gripper's file, if it is there."""
        file = _place(path)
        return (file,) if file.is_file() else ()

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The gripper on the clip's frames.

        Raises:
            MotionError: The file is not there, cannot be read, or is about another video.
        """
        file = _place(clip.video.path)
        if not file.is_file():
            raise MotionError(
                f"{display_name(clip.video.path.name)} has no {file.name} beside it, which "
                f"says where the robot's gripper was; it holds {quoted(_KEYS)}"
            )
        T, aperture_m, held = _read(file, clip.video.num_frames)
        rows = slice(clip.start, clip.end)
        T, aperture_m, held = T[rows], aperture_m[rows], held[rows]
        valid = np.isfinite(T).all(axis=(1, 2)) & np.isfinite(aperture_m)
        widest_m = max(float(np.max(aperture_m, where=valid, initial=0.0)), 1e-6)
        sigma_m = np.where(valid[:, None], self.config.sigma_position_m, np.nan)
        side = self.config.side
        gripper = GripperTrack(
            side=side,
            T_camera_ee=np.where(valid[:, None, None], T, np.nan),
            aperture_m=np.where(valid, aperture_m, np.nan),
            opening=np.where(valid, aperture_m / widest_m, np.nan),
            grasping=held & valid,
            valid=valid,
            filled=np.zeros(len(valid), bool),
            sigma_position_m=np.repeat(sigma_m, 3, axis=1),
            sigma_rotation_rad=np.where(valid, 0.0, np.nan),
            max_opening_m=widest_m,
        )
        return {f"gripper.{side}": gripper}


def _place(video: Path) -> Path:
    stem = video.name if video.is_dir() else video.stem
    return beside(video, f"{stem}.{NAME}", what="the file of the gripper", error=MotionError)


def _read(file: Path, num_frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = load_arrays(file)
    unknown, lacking = sorted(set(found) - set(_KEYS)), sorted(set(_KEYS[:2]) - set(found))
    if unknown or lacking:
        raise MotionError(
            f"{file.name} lacks {quoted(lacking)} and holds {quoted(unknown)}; it must hold "
            f"{quoted(_KEYS[:2])} and may hold 'held'"
        )
    T = _shaped(found["T_camera_ee"], (num_frames, 4, 4), f"{file.name}: T_camera_ee")
    aperture_m = _shaped(found["aperture_m"], (num_frames,), f"{file.name}: aperture_m")
    held = _shaped(found.get("held", np.zeros(num_frames)), (num_frames,), f"{file.name}: held")
    known = T[np.isfinite(T).all(axis=(1, 2))]
    R = known[:, :3, :3]
    off = np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max(initial=0.0)
    if off > _NOT_RIGID or (np.linalg.det(R) < 0).any():
        raise MotionError(
            f"{file.name}: T_camera_ee holds matrices that are no rigid poses (a rotation is "
            f"{off:.2g} from one; {_NOT_RIGID:g} is allowed)"
        )
    open_m = np.nanmax(aperture_m, initial=0.0)
    if open_m > _WIDEST_M or np.nanmin(aperture_m, initial=0.0) < 0:
        raise MotionError(
            f"{file.name}: aperture_m reaches from {np.nanmin(aperture_m, initial=0.0):g} to "
            f"{open_m:g}; the distance of the fingers is 0 to {_WIDEST_M:g} m"
        )
    return T, aperture_m, np.nan_to_num(held) > 0


def _shaped(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    out = np.asarray(value)
    if out.dtype.kind not in "biuf" or out.shape != shape:
        raise MotionError(
            f"{what} must be numbers of shape {shape}, one row for each frame of the video, got "
            f"{out.dtype} of shape {out.shape}"
        )
    return out.astype(float)
