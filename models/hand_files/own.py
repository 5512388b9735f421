"""The documented file: arrays with one row per hand found (`docs/how_to/own_hand_tracker.md`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.hand_files.mano import NEEDS_MODEL, ManoModel, mano_joints
from rotoscope.models.hand_files.table import FileCamera, HandTable
from rotoscope.models.hand_files.values import mano_pose, numbers, rows, shaped, sides
from rotoscope.pipeline.errors import MotionError, quoted

KEYS = frozenset(
    {"joints_m", "side", "frame", "time_s", "valid", "confidence", "sigma_position_m"}
    | {"sigma_rotation_rad", "is_measured", "K", "width", "height", "sigma_focal_rel"}
    | {"T_world_camera", "global_orient", "hand_pose", "betas", "transl"}
)
"""Names that such a file may hold."""
MAX_FRAMES = 2**31


def read_own(path: Path, found: Mapping[str, Any], mano: ManoModel | None) -> HandTable:
    """The hands of a file of ours.

    Raises:
        MotionError: A name is unknown or missing, or an array has another shape than documented.
    """
    what = path.name
    unknown = sorted(set(found) - KEYS)
    if unknown or "side" not in found:
        raise MotionError(
            f"{what} is no file of hands: {'it lacks side' if not unknown else ''}"
            f"{f'it holds {quoted(unknown)}' if unknown else ''}; names are {quoted(KEYS)}"
        )
    is_right = sides(found["side"], f"{what}: side")
    num_rows = len(is_right)
    joints_m, source = _joints(what, found, is_right, mano)
    valid = rows(found, "valid", num_rows, (), what)
    if valid is not None:
        joints_m = np.where((valid > 0)[:, None, None], joints_m, np.nan)
    frame = rows(found, "frame", num_rows, (), what)
    return HandTable(
        source=source,
        is_right=is_right,
        joints_m=joints_m,
        frame=None if frame is None else whole(frame, f"{what}: frame"),
        time_s=rows(found, "time_s", num_rows, (), what),
        confidence=rows(found, "confidence", num_rows, (), what),
        sigma_position_m=_positive(
            _sigma_position(what, found, num_rows), joints_m, f"{what}: sigma_position_m"
        ),
        sigma_rotation_rad=_positive(
            rows(found, "sigma_rotation_rad", num_rows, (), what),
            joints_m,
            f"{what}: sigma_rotation_rad",
        ),
        is_measured=bool(np.any(numbers(found.get("is_measured", 0), f"{what}: is_measured"))),
        camera=_camera(what, found),
        T_world_camera=poses(found, "T_world_camera", what),
    )


def whole(value: Any, what: str) -> np.ndarray:
    """Frame numbers.

    Raises:
        MotionError: They are no whole numbers from 0.
    """
    out = numbers(value, what).ravel()
    is_whole = (out >= 0) & (out < MAX_FRAMES) & (out == np.round(out))
    if not is_whole.all():
        raise MotionError(f"{what} must be whole numbers from 0, the first frame of the video")
    return out.astype(np.int64)


def poses(found: Mapping[str, Any], key: str, what: str) -> Float[np.ndarray, "frame 4 4"] | None:
    """Rigid transforms, one per frame of the video; `None` where the file has none.

    Raises:
        MotionError: They are none.
    """
    if key not in found:
        return None
    out = numbers(found[key], f"{what}: {key}")
    if out.ndim != 3 or out.shape[1:] != (4, 4):
        raise MotionError(f"{what}: {key} must be shaped (frames, 4, 4), got {out.shape}")
    is_known = np.isfinite(out).all(axis=(1, 2))
    R = out[is_known, :3, :3]
    is_turn = np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max(axis=(1, 2)) < 1e-2
    if not (is_turn & (np.linalg.det(R) > 0)).all():
        raise MotionError(f"{what}: {key} holds matrices that are no rigid poses")
    return np.where(is_known[:, None, None], out, np.nan)


def _joints(
    what: str, found: Mapping[str, Any], is_right: Bool[np.ndarray, " row"], mano: ManoModel | None
) -> tuple[Float[np.ndarray, "row 21 3"], str]:
    joints_m = rows(found, "joints_m", len(is_right), (21, 3), what)
    if joints_m is not None:
        return joints_m, what
    pose = mano_pose(found, len(is_right), what)
    if pose is None:
        raise MotionError(f"{what} holds neither joints_m nor MANO's parameters")
    if mano is None:
        raise MotionError(f"{what}: {NEEDS_MODEL}")
    return mano_joints(mano, pose, is_right), f"{what} (MANO parameters)"


def _sigma_position(
    what: str, found: Mapping[str, Any], num_rows: int
) -> Float[np.ndarray, "row 3"] | None:
    given = found.get("sigma_position_m")
    is_one = given is not None and numbers(given, f"{what}: sigma_position_m").ndim == 1
    out = rows(found, "sigma_position_m", num_rows, () if is_one else (3,), what)
    return np.repeat(out[:, None], 3, axis=1) if out is not None and is_one else out


def _positive(
    sigma: np.ndarray | None, joints_m: Float[np.ndarray, "row 21 3"], what: str
) -> np.ndarray | None:
    """The sigma, where it is one of every hand that has joints.

    Raises:
        MotionError: It is not.
    """
    if sigma is None:
        return None
    is_hand = np.isfinite(joints_m).all(axis=(1, 2))
    is_good = (sigma > 0) & np.isfinite(sigma)
    if not is_good[is_hand].all():
        wrong = sigma[is_hand][~is_good[is_hand]][0]
        raise MotionError(f"{what} must be positive for every hand with joints, got {wrong:g}")
    return sigma


def _camera(what: str, found: Mapping[str, Any]) -> FileCamera | None:
    if "K" not in found:
        return None
    if not ("width" in found and "height" in found):
        raise MotionError(f"{what} gives K, which needs width and height [px] of its picture")
    width, height = (int(shaped(found[k], (), f"{what}: {k}")) for k in ("width", "height"))
    sigma = float(shaped(found.get("sigma_focal_rel", 0.01), (), f"{what}: sigma_focal_rel"))
    return FileCamera(shaped(found["K"], (3, 3), f"{what}: K"), (width, height), sigma)
