"""Made-up people who stand, wait on one leg, step onto boxes and lie, with what truly carries them.

Feet move as straight lines with minimum jerk, the pelvis over what carries; knees and trunk follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._walks import ANKLE_M, HEEL_M, TOE_M, Walk
from rotoscope.pipeline.tracks import BODY_JOINTS

_HIP_M, _LEG_M, _TRUNK_M, _SHOULDER_M = 0.09, 0.84, 0.5, 0.18


@dataclass(frozen=True)
class Pose:
    """Where the soles are at one moment, and how the weight is shared."""

    at_s: float
    """Moment [s]; between two of them everything moves smoothly."""
    left_m: tuple[float, float, float]
    """Place of the left sole [m], z up, ground at 0."""
    right_m: tuple[float, float, float]
    """Place of the right sole [m]."""
    on_left: float = 0.5
    """Share of the weight that the left foot carries, 0..1."""


def stance(poses: Sequence[Pose], *, rate_hz: float = 30.0, trunk_pitch_rad: float = 0.0) -> Walk:
    """A person who goes through poses; a foot rests where it is still and carries before it moves.

    Feet that are at rest on something but carry nothing count as resting only at height 0.
    """
    at_s = np.array([pose.at_s for pose in poses])
    time_s = np.arange(int(at_s[-1] * rate_hz) + 1) / rate_hz
    soles = np.stack(
        [
            _smooth(time_s, at_s, np.array([pose.left_m for pose in poses])),
            _smooth(time_s, at_s, np.array([pose.right_m for pose in poses])),
        ],
        axis=1,
    )
    share = _smooth(time_s, at_s, np.array([[pose.on_left] for pose in poses]))
    joints = np.full((len(time_s), len(BODY_JOINTS), 3), np.nan)
    middle = share * soles[:, 0] + (1.0 - share) * soles[:, 1]
    height = soles[..., 2].min(axis=1) + _LEG_M + 0.05
    pelvis = np.column_stack([middle[:, :2], height])
    up = np.array([np.sin(trunk_pitch_rad), 0.0, np.cos(trunk_pitch_rad)])
    _put(joints, "pelvis", pelvis)
    _put(joints, "neck", pelvis + _TRUNK_M * up)
    for k, (side, y) in enumerate((("left", 1.0), ("right", -1.0))):
        hip = pelvis + np.array([0.0, y * _HIP_M, 0.0])
        _put(joints, f"{side}_hip", hip)
        _put(joints, f"{side}_shoulder", pelvis + _TRUNK_M * up + [0.0, y * _SHOULDER_M, 0.0])
        for part, offset in (("ankle", ANKLE_M), ("heel", HEEL_M), ("toe", TOE_M)):
            _put(joints, f"{side}_{part}", soles[:, k] + [offset[0], 0.0, offset[1]])
        ankle = soles[:, k] + [ANKLE_M[0], 0.0, ANKLE_M[1]]
        _put(joints, f"{side}_knee", 0.5 * (hip + ankle) + [0.08, 0.0, 0.0])
    contact = _carries(time_s, at_s, poses)
    support = np.where(contact, soles[..., 2], np.nan)
    return Walk(time_s, joints, contact, support)


def waiting_on_one_leg(height_m: float, *, ahead_m: float = 0.0, rate_hz: float = 30.0) -> Walk:
    """Somebody who lifts the right foot, holds it still in the air for two seconds, and stands."""
    left, down, up = (0.0, 0.1, 0.0), (0.0, -0.1, 0.0), (ahead_m, -0.12, height_m)
    return stance(
        [
            Pose(0.0, left, down),
            Pose(1.0, left, down),
            Pose(1.4, left, down, 1.0),
            Pose(2.0, left, up, 1.0),
            Pose(4.0, left, up, 1.0),
            Pose(4.6, left, down, 1.0),
            Pose(5.0, left, down),
            Pose(6.0, left, down),
        ],
        rate_hz=rate_hz,
    )


def step_onto_box(height_m: float, *, rate_hz: float = 30.0) -> Walk:
    """Somebody who steps onto a box with the right foot first, and stands there."""
    left, right = (0.0, 0.1, 0.0), (0.0, -0.1, 0.0)
    left_up, right_up = (0.35, 0.1, height_m), (0.35, -0.1, height_m)
    return stance(
        [
            Pose(0.0, left, right),
            Pose(1.0, left, right),
            Pose(1.3, left, right, 1.0),
            Pose(1.8, left, right_up, 1.0),
            Pose(2.4, left, right_up, 0.0),
            Pose(3.0, left_up, right_up, 0.0),
            Pose(3.4, left_up, right_up),
            Pose(5.0, left_up, right_up),
        ],
        rate_hz=rate_hz,
    )


def down_from_box(height_m: float, *, rate_hz: float = 30.0) -> Walk:
    """Somebody who stands on a box for long, and steps down at the very end."""
    left, right = (0.0, 0.1, height_m), (0.0, -0.1, height_m)
    left_down, right_down = (0.35, 0.1, 0.0), (0.35, -0.1, 0.0)
    return stance(
        [
            Pose(0.0, left, right),
            Pose(9.0, left, right),
            Pose(9.3, left, right, 1.0),
            Pose(9.8, left, right_down, 1.0),
            Pose(10.2, left, right_down, 0.0),
            Pose(10.7, left_down, right_down, 0.0),
            Pose(11.0, left_down, right_down),
            Pose(11.2, left_down, right_down),
        ],
        rate_hz=rate_hz,
    )


def _carries(
    time_s: Float[np.ndarray, " time"], at_s: Float[np.ndarray, " pose"], poses: Sequence[Pose]
) -> Bool[np.ndarray, "time 2"]:
    """Still between two poses, and carrying at one of its still poses or on the ground."""
    out = np.zeros((len(time_s), 2), dtype=bool)
    for foot in range(2):
        places = [(pose.left_m, pose.right_m)[foot] for pose in poses]
        weights = [(pose.on_left, 1.0 - pose.on_left)[foot] for pose in poses]
        begin = 0
        for k in range(1, len(poses) + 1):
            if k < len(poses) and places[k] == places[begin]:
                continue
            if places[begin][2] == 0.0 or max(weights[begin:k]) > 0.4:
                out[(time_s >= at_s[begin]) & (time_s <= at_s[k - 1]), foot] = True
            begin = k
    return out


def _smooth(
    time_s: Float[np.ndarray, " time"],
    at_s: Float[np.ndarray, " pose"],
    values: Float[np.ndarray, "pose number"],
) -> Float[np.ndarray, "time number"]:
    after = np.clip(np.searchsorted(at_s, time_s, side="right"), 1, len(at_s) - 1)
    share = np.clip((time_s - at_s[after - 1]) / (at_s[after] - at_s[after - 1]), 0.0, 1.0)[:, None]
    smooth = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)  # minimum jerk
    found: np.ndarray = values[after - 1] + smooth * (values[after] - values[after - 1])
    return found


def _put(joints: np.ndarray, name: str, values: np.ndarray) -> None:
    joints[:, BODY_JOINTS.index(name)] = values
