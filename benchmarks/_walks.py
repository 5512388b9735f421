"""People who walk, climb and stand, made up, with the true contact of each foot.

A foot strikes with the heel, rolls flat, pushes off over the toe and swings on a minimum-jerk path
to its next place. Its toe or its heel is at rest from strike to push-off: that is contact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.tracks import BODY_JOINTS

ANKLE_M, HEEL_M, TOE_M = (0.0, 0.08), (-0.05, 0.02), (0.13, 0.02)
"""Points of a foot: forward of the ankle, and over the sole, while it stands flat [m]."""
STANCE_SHARE = 0.62
"""Share of a stride that a foot is on the ground: a walker's (Perry 1992)."""
_ROLL, _PUSH = 0.12, 0.3
"""Shares of the stance in which the foot rolls off its heel, and pushes off over its toe."""
_STRIKE_RAD, _PUSH_RAD = -0.25, 0.7
"""Pitch of the foot at the strike (toe up) and at push-off (heel up) [rad]."""
_SWING_LIFT_M = 0.06
_HIP_WIDTH_M, _LEG_M, _TRUNK_M = 0.18, 0.84, 0.5


@dataclass(frozen=True, eq=False)
class Walk:
    """A made-up motion."""

    time_s: Float[np.ndarray, " time"]
    """Time of each frame [s]."""
    joints_m: Float[np.ndarray, "time body_joint 3"]
    """`BODY_JOINTS`, z up, ground at 0 [m]; NaN for arms and head."""
    contact: Bool[np.ndarray, "time 2"]
    """Which foot truly rests."""
    support_m: Float[np.ndarray, "time 2"]
    """Height of what it truly rests on [m]; NaN where it does not."""


def walk(
    *,
    num_strides: int = 5,
    rate_hz: float = 30.0,
    stride_m: float = 1.2,
    stride_s: float = 1.1,
    rise_m: float = 0.0,
    heading_rad: float = 0.0,
) -> Walk:
    """Somebody who stands for a second, walks, and stands again; climbs `rise_m` with each step."""
    duration_s = 2.0 + num_strides * stride_s
    time_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    feet = [_foot(time_s, k, num_strides, stride_m, stride_s, rise_m) for k in range(2)]
    points = np.stack([f[0] for f in feet], axis=1)
    contact = np.stack([f[1] for f in feet], axis=1)
    support = np.stack([f[2] for f in feet], axis=1)
    joints = np.full((len(time_s), len(BODY_JOINTS), 3), np.nan)
    middle = points[:, :, 0].mean(axis=1)
    lower = np.minimum(points[:, 0, 0, 2], points[:, 1, 0, 2])
    pelvis = np.column_stack([middle[:, :2], _smoothed(lower, rate_hz) - 0.08 + _LEG_M + 0.06])
    _put(joints, "pelvis", pelvis)
    _put(joints, "neck", pelvis + np.array([0, 0, _TRUNK_M]))
    for k, (side, y) in enumerate((("left", 1.0), ("right", -1.0))):
        hip = pelvis + np.array([0, 0.5 * y * _HIP_WIDTH_M, 0])
        for part, offset in (("hip", 0.0), ("shoulder", _TRUNK_M)):
            _put(joints, f"{side}_{part}", hip + np.array([0, 0, offset]))
        _put(joints, f"{side}_knee", 0.5 * (hip + points[:, k, 0]) + np.array([0.03, 0, 0]))
        for p, part in enumerate(("ankle", "heel", "toe")):
            _put(joints, f"{side}_{part}", points[:, k, p])
    cos, sin = np.cos(heading_rad), np.sin(heading_rad)
    R = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    return Walk(time_s, joints @ R.T, contact, support)


def noisy(
    joints_m: Float[np.ndarray, "time body_joint 3"],
    rng: np.random.Generator,
    *,
    sigma_m: float,
    correlation: float = 0.0,
) -> Float[np.ndarray, "time body_joint 3"]:
    """The joints with Gaussian noise; `correlation` is that between neighboring frames."""
    noise = rng.normal(0.0, sigma_m, joints_m.shape)
    for t in range(1, len(noise)):
        noise[t] = correlation * noise[t - 1] + np.sqrt(1 - correlation**2) * noise[t]
    return np.asarray(joints_m + noise)


def _foot(
    time_s: Float[np.ndarray, " time"],
    foot: int,
    num_strides: int,
    stride_m: float,
    stride_s: float,
    rise_m: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ankle, heel and toe of one foot; whether it rests; on what height."""
    y = (0.5 - foot) * _HIP_WIDTH_M
    swing_s = (1.0 - STANCE_SHARE) * stride_s
    # The left foot starts with half a stride, the right one half a stride later with a whole one.
    starts = 1.0 + foot * 0.5 * stride_s + np.arange(num_strides) * stride_s
    lengths = np.full(num_strides, stride_m)
    lengths[0 if foot == 0 else -1] *= 0.5
    rises = np.where(lengths < stride_m, rise_m, 2 * rise_m)
    if foot == 1:
        starts, lengths, rises = starts[:-1], lengths[:-1], rises[:-1]
        lengths, rises = np.append(lengths, stride_m / 2), np.append(rises, rise_m)
        starts = np.append(starts, starts[-1] + stride_s)
    ends = starts + swing_s
    place = np.concatenate([[0.0], np.cumsum(lengths)])
    height = np.concatenate([[0.0], np.cumsum(rises)])
    points = np.empty((len(time_s), 3, 3))
    contact = np.ones(len(time_s), bool)
    support = np.empty(len(time_s))
    for t, now in enumerate(time_s):
        k = int((starts <= now).sum())  # swings that have begun
        if k and now < ends[k - 1]:
            share = float((now - starts[k - 1]) / swing_s)
            points[t] = _swinging(share, place[k - 1 : k + 1], height[k - 1 : k + 1], y)
            contact[t], support[t] = False, np.nan
            continue
        since = now - ends[k - 1] if k else np.inf
        until = starts[k] - now if k < len(starts) else np.inf
        points[t] = _standing(since, until, stride_s * STANCE_SHARE, place[k], height[k], y)
        support[t] = height[k]
    return points, contact, support


def _standing(
    since_s: float, until_s: float, stance_s: float, x: float, z: float, y: float
) -> Float[np.ndarray, "3 3"]:
    roll_s, push_s = _ROLL * stance_s, _PUSH * stance_s
    if since_s < roll_s:
        return _pitched(_STRIKE_RAD * (1.0 - since_s / roll_s), HEEL_M, x, z, y)
    if until_s < push_s:
        return _pitched(_PUSH_RAD * (1.0 - until_s / push_s) ** 2, TOE_M, x, z, y)
    return _pitched(0.0, TOE_M, x, z, y)


def _pitched(
    pitch_rad: float, pivot: tuple[float, float], x: float, z: float, y: float
) -> Float[np.ndarray, "3 3"]:
    """A foot at (x, y, z) turned about a point of itself that stays where it is."""
    cos, sin = np.cos(pitch_rad), np.sin(pitch_rad)
    out = []
    for point in (ANKLE_M, HEEL_M, TOE_M):
        dx, dz = point[0] - pivot[0], point[1] - pivot[1]
        out.append([x + pivot[0] + cos * dx + sin * dz, y, z + pivot[1] - sin * dx + cos * dz])
    return np.array(out)


def _swinging(
    share: float, x: Float[np.ndarray, " 2"], z: Float[np.ndarray, " 2"], y: float
) -> Float[np.ndarray, "3 3"]:
    smooth = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)  # minimum jerk
    begin = _pitched(_PUSH_RAD, TOE_M, float(x[0]), float(z[0]), y)[0]
    end = _pitched(_STRIKE_RAD, HEEL_M, float(x[1]), float(z[1]), y)[0]
    ankle = begin + smooth * (end - begin)
    ankle[2] += _SWING_LIFT_M * np.sin(np.pi * share) ** 2
    pitch = _PUSH_RAD + smooth * (_STRIKE_RAD - _PUSH_RAD)
    foot = _pitched(pitch, ANKLE_M, 0.0, 0.0, y)
    return np.asarray(foot + ankle - foot[0])


def _smoothed(values: Float[np.ndarray, " time"], rate_hz: float) -> Float[np.ndarray, " time"]:
    width = max(1, int(0.5 * rate_hz))
    padded = np.pad(values, width, mode="edge")
    return np.convolve(padded, np.full(2 * width + 1, 1.0 / (2 * width + 1)), mode="valid")


def _put(joints: np.ndarray, name: str, values: np.ndarray) -> None:
    joints[:, BODY_JOINTS.index(name)] = values
