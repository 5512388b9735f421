"""Calibrations of several cameras from one file.

The TOML of Pose2Sim, anipose and aniposelib: one table per camera with `size`, `matrix`,
`distortions`, `rotation` (rotation vector, world to camera), `translation` [m] and `fisheye`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.perception.multi_view import View
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.geometry import se3

_FARTHEST_M = 1000.0
_BLOCK_PX = 16
"""Codecs fill pictures up to whole blocks at the right and at the bottom: 1080 pixels become 1088.
With and without, every pixel stays where it is."""
_WRONG_SHAPE = 0.01
"""Relative difference of two pictures' shapes that is taken for rounding."""


@dataclass(frozen=True, eq=False)
class CalibratedCamera:
    """One camera of a file."""

    name: str
    """Name of its table, or what `name` says."""
    view: View
    """Intrinsics of a picture of `size`, and where it stands."""
    size: tuple[int, int]
    """Width and height [px] that the intrinsics belong to."""

    def for_picture(self, width: int, height: int) -> View:
        """The view of a video of another size and the same shape, or without a codec's padding.

        Raises:
            UsageError: The video has another shape.
        """
        cut = self.size[0] - width, self.size[1] - height
        if max(map(abs, cut)) < _BLOCK_PX and 0 in cut:
            return self.view
        scale = width / self.size[0], height / self.size[1]
        if abs(scale[0] / scale[1] - 1.0) > _WRONG_SHAPE:
            raise UsageError(
                f"camera {self.name!r} is calibrated for {self.size[0]} x {self.size[1]} pixels, "
                f"its video has {width} x {height}, which is another shape; calibrate the picture "
                "that the video shows"
            )
        K = self.view.K * np.array([scale[0], scale[1], 1.0])[:, None]
        return View(K, self.view.T_camera_world, self.view.distortion, self.view.fisheye)


def read_calibration(path: Path) -> list[CalibratedCamera]:
    """The cameras of a TOML file, in its order.

    Raises:
        UsageError: It cannot be read, holds fewer than two cameras, or one lacks a number.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"calibration {path} cannot be read: {error}") from error
    cameras = [
        _camera(f"{path.name}: {key}", key, table)
        for key, table in tables.items()
        if isinstance(table, Mapping) and "matrix" in table
    ]
    if len(cameras) < 2:
        raise UsageError(
            f"calibration {path} holds {len(cameras)} cameras, two are the least; each is a table "
            "with size, matrix, distortions, rotation and translation"
        )
    return cameras


def views_for(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], given: Sequence[CalibratedCamera]
) -> list[View]:
    """The views of some videos: of the cameras named as they are, or of all cameras in order.

    Args:
        paths: The videos.
        sizes: Width and height of each one's pictures [px].
        given: The calibrated cameras.

    Raises:
        UsageError: Another number of cameras under other names, or a picture of another shape.
    """
    by_name = {camera.name: camera for camera in given}
    stems = [path.stem for path in paths]
    if all(stem in by_name for stem in stems):
        chosen = [by_name[stem] for stem in stems]
    elif len(given) == len(paths):
        chosen = list(given)
    else:
        raise UsageError(
            f"the calibration holds {len(given)} cameras ({', '.join(by_name)}), there are "
            f"{len(paths)} videos ({', '.join(stems)}); give one table for each, in the same order "
            "or of the same names"
        )
    return [camera.for_picture(*size) for camera, size in zip(chosen, sizes, strict=True)]


def _camera(what: str, key: str, table: Mapping[str, Any]) -> CalibratedCamera:
    lacking = [k for k in ("size", "matrix", "rotation", "translation") if k not in table]
    if lacking:
        raise UsageError(f"{what} lacks {quoted(lacking)}")
    width, height = (round(x) for x in _numbers(table["size"], (2,), f"{what}: size"))
    K = _numbers(table["matrix"], (3, 3), f"{what}: matrix")
    t = _numbers(table["translation"], (3,), f"{what}: translation")
    rotation = np.asarray(table["rotation"], dtype=float)
    R = rotation if rotation.shape == (3, 3) else se3.exp_so3(_numbers(rotation, (3,), what))
    if min(width, height) < 1 or not (K[0, 0] > 0 and K[1, 1] > 0):
        raise UsageError(f"{what}: sizes and focal lengths must be positive, got {K[0, 0]:g} px")
    if np.abs(t).max() > _FARTHEST_M:
        raise UsageError(
            f"{what}: translation reaches {np.abs(t).max():.4g} m; give meters, not millimeters"
        )
    lens = tuple(float(x) for x in np.ravel(table.get("distortions", ())))
    is_fisheye = bool(table.get("fisheye", False))
    if len(lens) not in (0, 4, 5) or (is_fisheye and len(lens) != 4):
        raise UsageError(f"{what}: distortions must be 4 or 5 numbers (4 of a fisheye)")
    view = View(K, se3.make(R, t), () if is_fisheye else lens, lens if is_fisheye else ())
    return CalibratedCamera(str(table.get("name", key)), view, (width, height))


def _numbers(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    try:
        out = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} must be numbers: {error}") from error
    if out.shape != shape or not np.isfinite(out).all():
        raise UsageError(f"{what} must be finite numbers of shape {shape}, got shape {out.shape}")
    return out
