"""Hands as ARKit names their joints: JSON of an own recording, and EgoDex's HDF5 files.

Both give poses of joints and of the camera in one world frame (Hoque et al. 2025 for EgoDex).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.hand_files.own import poses
from rotoscope.models.hand_files.table import FileCamera, HandTable
from rotoscope.models.hand_files.values import numbers, shaped
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.files.plain import read_json
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES

_SEGMENTS = ("Knuckle", "IntermediateBase", "IntermediateTip", "Tip")
_ARKIT_TO_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
"""ARKit's camera looks along its negative z axis, y up."""
EGODEX_SIZE = (1920, 1080)


def joint_names(prefix: str = "") -> tuple[str, ...]:
    """ARKit's names of MediaPipe's 21 joints, such as `wrist` and `indexFingerTip`.

    Args:
        prefix: `left` or `right` as EgoDex writes it, whose wrist is called `leftHand`.
    """
    fingers = ("thumb", "indexFinger", "middleFinger", "ringFinger", "littleFinger")
    names = [f"{finger}{segment}" for finger in fingers for segment in _SEGMENTS]
    if not prefix:
        return ("wrist", *names)
    return (f"{prefix}Hand", *(f"{prefix}{name[0].upper()}{name[1:]}" for name in names))


def read_arkit(path: Path) -> HandTable:
    """Hands of a JSON recording; see the documentation for its keys.

    Raises:
        MotionError: It is no JSON, or a key or joint lacks.
    """
    what, found = path.name, read_json(path, error=MotionError)
    frames = found.get("frames") if isinstance(found, Mapping) else None
    if (
        not isinstance(frames, list)
        or not frames
        or not all(isinstance(f, Mapping) for f in frames)
    ):
        raise MotionError(f"{what} is no recording of hands: it needs 'frames', a list of mappings")
    joints, numbers_of, is_right, cameras = [], [], [], []
    for number, frame in enumerate(frames):
        cameras.append(shaped(frame.get("camera"), (4, 4), f"{what}: camera of frame {number}"))
        for side in SIDES:
            hand = frame.get(side)
            if hand is None:
                continue
            joints.append(_named(hand, f"{what}: {side} hand of frame {number}"))
            numbers_of.append(number)
            is_right.append(side == "right")
    if not joints:
        raise MotionError(f"{what} holds no hand in any frame")
    given = poses({"camera": np.stack(cameras)}, "camera", what)
    assert given is not None
    return _table(
        f"{what} (ARKit)",
        np.array(is_right),
        np.stack(joints),
        np.array(numbers_of),
        None,
        given,
        _camera(found.get("camera"), what),
    )


def read_egodex(path: Path) -> HandTable:
    """Hands of an EgoDex file.

    Raises:
        MotionError: h5py is not installed, or a data set lacks.
    """
    what, names = path.name, {side: joint_names(side) for side in SIDES}
    found = _load_hdf5(path, [n for side in SIDES for n in names[side]])
    camera = poses(found, "camera", what)
    assert camera is not None
    joints = np.concatenate([np.stack([found[n][:, :3, 3] for n in names[s]], 1) for s in SIDES])
    scores = [found["confidences"].get(names[side][0]) for side in SIDES]
    has_scores = all(score is not None for score in scores)
    return _table(
        f"{what} (EgoDex)",
        np.repeat([side == "right" for side in SIDES], len(camera)),
        joints,
        np.tile(np.arange(len(camera)), 2),
        np.concatenate(scores) if has_scores else None,
        camera,
        FileCamera(shaped(found["intrinsic"], (3, 3), f"{what}: intrinsic"), EGODEX_SIZE),
    )


def _table(
    source: str,
    is_right: np.ndarray,
    joints_m: Float[np.ndarray, "row 21 3"],
    frame: np.ndarray,
    confidence: np.ndarray | None,
    T_world_camera: Float[np.ndarray, "frame 4 4"],
    camera: FileCamera | None,
) -> HandTable:
    """The table, the camera's axes turned to x right, y down, z forward where they are not."""
    assumed = []
    seen = se3.apply(se3.inverse(T_world_camera[frame]), joints_m)
    if np.nanmedian(seen[..., 2]) < 0:
        T_world_camera = T_world_camera @ _ARKIT_TO_OPENCV
        assumed.append("the camera looks along its negative z axis: else all hands lie behind it")
    return HandTable(
        source=source,
        is_right=is_right,
        joints_m=joints_m,
        frame=frame,
        confidence=confidence,
        is_measured=True,
        camera=camera,
        T_world_camera=T_world_camera,
        assumed=tuple(assumed),
    )


def _named(hand: Any, what: str) -> Float[np.ndarray, "21 3"]:
    names = joint_names()
    missing = [n for n in names if n not in hand] if isinstance(hand, Mapping) else list(names)
    if missing:
        raise MotionError(f"{what} lacks {', '.join(missing[:4])}; ARKit's names are {names}")
    return np.stack([_place(hand[name], f"{what}: {name}") for name in names])


def _place(value: Any, what: str) -> Float[np.ndarray, " axis"]:
    """A joint's position [m], from a position or a pose."""
    array = numbers(value, what)
    return shaped(array, (4, 4), what)[:3, 3] if array.size == 16 else shaped(array, (3,), what)


def _camera(found: Any, what: str) -> FileCamera | None:
    if found is None:
        return None
    if not isinstance(found, Mapping) or not {"intrinsic", "width", "height"} <= set(found):
        raise MotionError(f"{what}: camera needs intrinsic, width and height")
    width, height = (int(shaped(found[k], (), f"{what}: {k}")) for k in ("width", "height"))
    return FileCamera(shaped(found["intrinsic"], (3, 3), f"{what}: intrinsic"), (width, height))


def _load_hdf5(path: Path, names: list[str]) -> dict[str, Any]:
    try:
        import h5py  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise MotionError(
            f"{path.name}: reading HDF5 needs the package h5py, which Rotoscope does not install: "
            "pip install h5py"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            out: dict[str, Any] = {n: np.array(file["transforms"][n]) for n in [*names, "camera"]}
            out["intrinsic"] = np.array(file["camera"]["intrinsic"])
            scores = file.get("confidences", {})
            out["confidences"] = {n: np.array(scores[n]) for n in names if n in scores}
    except (OSError, KeyError) as error:
        raise MotionError(f"{path.name} is no file of EgoDex: {error}") from error
    return out
