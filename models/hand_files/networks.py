"""What networks for hands in single pictures, and what was made of them, write.

HaMeR (Pavlakos et al. 2024) and WiLoR (Potamias et al. 2024) give one mapping per hand. Both see
every hand as a right one, left hands in the mirrored picture, and both calculate with a nominal
focal length that belongs to no camera: their depth is a scale.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.hand_files.own import poses, whole
from rotoscope.models.hand_files.table import FileCamera, HandTable, is_mirrored
from rotoscope.models.hand_files.values import number, numbers, shaped, sides
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES

_JOINTS = ("pred_keypoints_3d", "joints3d")
_TRANSLATIONS = ("pred_cam_t_full", "cam_t_full", "cam_t")
_FOCALS = ("scaled_focal_length", "focal")
_SIDES = ("is_right", "right", "side", "handedness")
_FRAMES = ("frame", "frame_idx", "frame_id", "img_name", "image_name", "image_path")
_CONFIDENCES = ("confidence", "score", "hand_score", "det_score")
_LAST_NUMBER = re.compile(r"(\d+)\D*$")


def read_results(path: Path, found: Any) -> HandTable:
    """Hands as HaMeR or WiLoR found them: a list of mappings, or a list of such lists by frame.

    Raises:
        MotionError: A hand lacks its side, joints, translation or focal length.
    """
    hands = list(_hands(found))
    if not hands:
        raise MotionError(f"{path.name} holds no hands")
    rows = [_row(path.name, index, hand) for index, hand in enumerate(hands)]
    is_right = np.array([row["is_right"] for row in rows])
    about_origin = np.stack([row["joints"] for row in rows])
    assumed = []
    if is_mirrored(about_origin, is_right, right=False):
        about_origin[~is_right] *= np.array([-1.0, 1.0, 1.0])
        assumed.append("left hands were those of the mirrored picture and were mirrored back")
    frame = whole([row["frame"] for row in rows], f"{path.name}: frames")
    if any(isinstance(_first(hand, _FRAMES), str) for hand in hands) and frame.min() > 0:
        assumed.append(
            f"pictures are counted from hands.file.first_frame; the first with a hand is number "
            f"{frame.min()}"
        )
    joints_m = about_origin + np.stack([row["translation"] for row in rows])[:, None]
    confidence = [row["confidence"] for row in rows]
    return HandTable(
        source=f"{path.name} (HaMeR or WiLoR)",
        is_right=is_right,
        joints_m=joints_m,
        frame=frame,
        confidence=None if None in confidence else numbers(confidence, "confidence"),
        nominal_focal_px=np.array([row["focal"] for row in rows]),
        assumed=tuple(assumed),
    )


def is_vitra(found: Mapping[str, Any]) -> bool:
    """Whether a file is an episode of VITRA (Li et al. 2025)."""
    return {"intrinsics", "extrinsics", *SIDES} <= set(found)


def read_vitra(path: Path, found: Mapping[str, Any]) -> HandTable:
    """Hands of an episode of VITRA: both sides in the world's frame, and the camera's path.

    Raises:
        MotionError: An array lacks or has another shape.
    """
    what = path.name
    extrinsics = poses(found, "extrinsics", what)
    assert extrinsics is not None
    frames = np.arange(len(extrinsics))
    joints, seen = [], []
    for side in SIDES:
        hand = found[side]
        if not isinstance(hand, Mapping) or not {"joints_worldspace", "kept_frames"} <= set(hand):
            raise MotionError(f"{what}: {side} lacks joints_worldspace or kept_frames")
        size = (len(frames), 21, 3)
        joints.append(shaped(hand["joints_worldspace"], size, f"{what}: {side} joints_worldspace"))
        seen.append(shaped(hand["kept_frames"], size[:1], f"{what}: {side} kept_frames") > 0)
    is_seen = np.concatenate(seen)
    K = shaped(found["intrinsics"], (3, 3), f"{what}: intrinsics")
    return HandTable(
        source=f"{what} (VITRA)",
        is_right=np.repeat([side == "right" for side in SIDES], len(frames))[is_seen],
        joints_m=np.concatenate(joints)[is_seen],
        frame=np.tile(frames, 2)[is_seen],
        camera=FileCamera(K, (round(2 * K[0, 2]), round(2 * K[1, 2])), 0.05),
        T_world_camera=se3.inverse(extrinsics),
        assumed=("the principal point is the middle of the picture that K belongs to",),
    )


def _hands(found: Any) -> Iterator[dict[str, Any]]:
    """Every hand, flat, with its frame where lists by frame say it by their order."""
    if isinstance(found, np.ndarray) and found.dtype == object:
        found = found.tolist()
    if isinstance(found, Mapping):
        if any(key in found for key in (*_SIDES, "wilor_preds")):
            yield _flat(found)
            return
        for key, inside in found.items():
            last = _LAST_NUMBER.search(str(key))
            for hand in _hands(inside):
                yield ({"frame": int(last[1])} if last else {}) | hand
        return
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        raise MotionError(f"a list of hands is wanted, got a {type(found).__name__}")
    by_frame = all(isinstance(inside, Sequence | np.ndarray) for inside in found)
    for index, inside in enumerate(found):
        for hand in _hands(inside):
            yield ({"frame": index} if by_frame else {}) | hand


def _flat(hand: Mapping[str, Any]) -> dict[str, Any]:
    inside = hand.get("wilor_preds")
    return {**hand, **(inside if isinstance(inside, Mapping) else {})}


def _row(name: str, index: int, hand: Mapping[str, Any]) -> dict[str, Any]:
    what = f"{name}: hand {index}"
    confidence = _first(hand, _CONFIDENCES)
    return {
        "is_right": _is_right(_needed(hand, _SIDES, what), f"{what}: side"),
        "joints": shaped(_needed(hand, _JOINTS, what), (21, 3), f"{what}: joints"),
        "translation": shaped(_needed(hand, _TRANSLATIONS, what), (3,), f"{what}: translation"),
        "focal": _focal(_needed(hand, _FOCALS, what), f"{what}: focal"),
        "frame": _frame_of(_needed(hand, _FRAMES, what), what),
        "confidence": None if confidence is None else number(confidence, f"{what}: confidence"),
    }


def _is_right(value: Any, what: str) -> bool:
    found = sides(value, what)
    if len(found) != 1:
        raise MotionError(f"{what} must be one value, got {len(found)}")
    return bool(found[0])


def _focal(value: Any, what: str) -> float:
    out = number(value, what)
    if out <= 0:
        raise MotionError(f"{what} must be positive, got {out:g}")
    return out


def _first(hand: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((hand[name] for name in names if hand.get(name) is not None), None)


def _needed(hand: Mapping[str, Any], names: Sequence[str], what: str) -> Any:
    found = _first(hand, names)
    if found is None:
        raise MotionError(
            f"{what} has none of {', '.join(names)}; it has {', '.join(map(str, sorted(hand)))}. A "
            "translation in the crop (pred_cam_t) is not enough: the one in the whole picture is "
            "needed, with the focal length that it belongs to"
        )
    return found


def _frame_of(value: Any, what: str) -> int:
    """A frame's number, or the last number in the name of its picture."""
    if isinstance(value, str):
        last = _LAST_NUMBER.search(value.rpartition(".")[0] or value)
        if last is None:
            raise MotionError(f"{what}: the picture's name {value!r} has no number")
        return int(last[1])
    return int(whole(number(value, f"{what}: frame"), f"{what}: frame")[0])
