"""`hand_tracking_results.csv` of Project Aria's machine perception services."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.models.hand_files.notes import Notes
from rotoscope.models.hand_files.table import HandTable
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion.numbers import read_text
from rotoscope.pipeline.tracks import SIDES, Side

_FINGERS = {"thumb": (6, 7, 0), "index": (8, 9, 10, 1), "middle": (11, 12, 13, 2)} | {
    "ring": (14, 15, 16, 3),
    "little": (17, 18, 19, 4),
}
"""Aria's landmarks from root to tip; the thumb has no root of its own."""
_WRIST = 5
_THUMB_ROOT_SHARE = 0.4
"""How far from the wrist to the thumb's next joint its root lies: MediaPipe's hand has 0.35 to
0.45 there. Nothing is retargeted from it."""


def is_aria(header: str) -> bool:
    """Whether a table's first line is that of Aria's hands."""
    return "tracking_timestamp_us" in header and "tx_left_landmark_0_device" in header


def read_aria(path: Path, notes: Notes) -> HandTable:
    """Hands in the camera's frame, by the pose of the camera in the device that the notes give.

    Raises:
        MotionError: A column lacks, a number is none, or the notes lack the pose or the clock.
    """
    what = path.name
    if notes.T_device_camera is None or notes.first_frame_us is None:
        raise MotionError(
            f"{what} holds hands in the frame and on the clock of Aria's device: write "
            "T_device_camera (16 numbers, rows first) and first_frame_us (the device's time of the "
            "video's first frame) into its notes (NAME.hands.yaml)"
        )
    times_us, confidences, joints, is_right = [], [], [], []
    rows = csv.DictReader(read_text(path).splitlines())
    try:
        for row in rows:
            for side in SIDES:
                confidence = float(row[f"{side}_tracking_confidence"])
                if confidence >= 0:  # -1 where there is no hand
                    times_us.append(float(row["tracking_timestamp_us"]))
                    confidences.append(confidence)
                    is_right.append(side == "right")
                    joints.append(_in_our_order(_landmarks(row, side)))
    except (KeyError, ValueError, TypeError) as error:
        raise MotionError(f"{what}: line {rows.line_num} cannot be read: {error}") from error
    if not joints:
        raise MotionError(f"{what} holds no hand: all confidences are -1")
    T = se3.inverse(np.array(notes.T_device_camera).reshape(4, 4))
    return HandTable(
        source=f"{what} (Aria)",
        is_right=np.array(is_right),
        joints_m=np.stack(joints) @ T[:3, :3].T + T[:3, 3],
        time_s=(np.array(times_us) - notes.first_frame_us) * 1e-6,
        confidence=np.array(confidences),
        is_measured=True,
        camera=notes.camera(),
        assumed=("the root of the thumb is not in the file and lies on its way to the wrist",),
    )


def _landmarks(row: Mapping[str, str], side: Side) -> Float[np.ndarray, "landmark 3"]:
    """Landmarks of a hand in the device's frame [m], the palm's center aside."""
    names = [[f"t{axis}_{side}_landmark_{k}_device" for axis in "xyz"] for k in range(20)]
    return np.array([[float(row[name]) for name in point] for point in names])


def _in_our_order(found: Float[np.ndarray, "landmark 3"]) -> Float[np.ndarray, "21 3"]:
    wrist, thumb = found[_WRIST], found[list(_FINGERS["thumb"])]
    root = wrist + _THUMB_ROOT_SHARE * (thumb[0] - wrist)
    others = [found[list(chain)] for name, chain in _FINGERS.items() if name != "thumb"]
    return np.concatenate([[wrist, root], thumb, *others])
