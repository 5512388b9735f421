"""Which axis of a file points up, where neither the file nor its format says so.

People mostly stand, but not always: a vote for the axis along which the body is long stands a
crawling person upright. What every motion on the ground shares is the ground: seen along the true
axis, some part of the body is always at the same lowest level, and rests there. Along any other
axis the lowest parts swing or travel. So axes compete by contact first, and by how the body stands
only where contact cannot tell them apart (a person who moves little rests along every axis).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion.motion import Up
from rotoscope.pipeline.tracks import BODY_JOINTS

FIXED_BY_CUSTOM = ("bvh", "amc")
"""Formats in which nearly all files have the usual axis; arrays have any."""
AXES: dict[Up, tuple[int, float]] = {
    "x": (0, 1.0),
    "y": (1, 1.0),
    "z": (2, 1.0),
    "-x": (0, -1.0),
    "-y": (1, -1.0),
    "-z": (2, -1.0),
}
"""Column and sign of every axis that may point up."""

STANDING = 0.6
"""The body's own axis must agree with an axis of the file by this cosine, on average over the
frames, for the person to stand along it."""
_LEVEL, _REST = 0.06, 0.2
"""Height over the lowest level [leg lengths] and speed [leg lengths / s] at which a part counts
1/e as one that rests on the ground: 5 cm and 0.17 m/s."""
_SPEED_S = 0.1
"""Time over which speeds are taken [s]: shorter ones are the noise of the positions."""
_HANDS = 0.35
"""Who stands on the head or the hands has an arm no higher over the ground than this [leg lengths],
a forearm: a head alone is still and level wherever a walk has lost its travel."""
_UPRIGHT, _IN_PLACE, _SLIDES = 0.9, 0.6, 0.3
"""A person who is as upright as this on average (cosine), whose pelvis keeps within so much [leg
lengths] along every axis and whose feet slide faster than this [leg lengths / s] walks in place: on
a treadmill, or in a file without the root's path. Then the trunk rests, and no ground is told."""
_LIES, _KICKS = 0.2, 0.2
"""Who lies and moves the legs has pelvis and neck no higher than the first over the ground [leg
lengths], and lifts an ankle by more than the second. Both were chosen on one who lies and kicks,
and on walks without a path."""
_CLEAR = 0.15
"""An axis with this much less contact than the best one is not up. The three were chosen on the
walks and crawls that the tests make; recorded files chose nothing."""
_SOME, _CLEARLY_ALONG = 0.3, 0.35
"""With less contact than the first across every axis, who stands must do so along one axis more
than along any other by the second: who gets up from the floor does both. Chosen on two recorded
motions, a roll and one of getting up."""
_GROUND_PERCENTILE = 10.0
_ARMS = ("left_elbow", "right_elbow", "left_wrist", "right_wrist")


@dataclass(frozen=True)
class Upward:
    """The axis that was found, and why."""

    up: Up
    """Axis of the file that points up."""
    why: str
    """A sentence's end."""


def find_upward(
    joints: Float[np.ndarray, "time body_joint 3"],
    *,
    leg: float,
    rate_hz: float,
    usual: Up,
    format_name: str,
) -> Upward:
    """The axis along which the person rests on a ground, of several the one he or she stands along.

    Args:
        joints: `BODY_JOINTS` in the file's unit; NaN where unknown.
        leg: Length of a leg in that unit.
        rate_hz: Frames per second.
        usual: Axis that most files of the format have, for motions that do not tell.
        format_name: Name of the format.

    Raises:
        MotionError: Neither ground nor body tell, and the format has no custom.
    """
    contact = {axis: _contact_share(joints / leg, axis, rate_hz) for axis in AXES}
    best = max(contact.values())
    left = [axis for axis in AXES if contact[axis] >= best - _CLEAR]
    for axis, upright in _standing(joints).items():
        in_place = upright > _UPRIGHT and _walks_in_place(joints / leg, axis, rate_hz)
        if in_place and not any(_lies(joints / leg, other) for other in left):
            return Upward(axis, "the person walks in place along it")
    if len(left) == 1:
        return Upward(
            left[0],
            f"the body rests on a ground across it in {best:.0%} of the frames, across others in "
            f"{sorted(contact.values())[-2]:.0%} at most",
        )
    standing = _standing(joints)
    along = max(left, key=lambda axis: standing[axis])
    others = max(value for axis, value in standing.items() if axis != along)
    is_clear = best >= _SOME or standing[along] - others >= _CLEARLY_ALONG
    if standing[along] >= STANDING and is_clear:
        return Upward(along, "the person stands along it")
    if usual in left and (best >= _SOME or format_name in FIXED_BY_CUSTOM):
        return Upward(usual, f"usual in {format_name} files")
    if best < _SOME:
        raise MotionError(
            "which axis points up cannot be told: the body rests on a ground across no axis "
            f"({best:.0%} of the frames at most) and stands along none; write 'up: y', or what it "
            "is, into motion.yaml beside the file"
        )
    return Upward(
        max(left, key=lambda axis: contact[axis]), "most frames rest on a ground across it"
    )


def _contact_share(
    joints: Float[np.ndarray, "time body_joint 3"], axis: Up, rate_hz: float
) -> float:
    """How well, 0..1 in the mean over known frames, the best part rests at the lowest level."""
    column, sign = AXES[axis]
    height = sign * joints[:, :, column]
    known = np.isfinite(height).any(axis=1)
    if not known.any():
        return 0.0
    lowest = np.min(np.where(np.isfinite(height), height, np.inf), axis=1)
    ground = np.percentile(lowest[known], _GROUND_PERCENTILE)
    off = ((height - ground) / _LEVEL) ** 2 + (_speed(joints, rate_hz) / _REST) ** 2
    rests = np.exp(-np.min(np.where(np.isfinite(off), off, np.inf), axis=1))
    arms = height[:, [BODY_JOINTS.index(n) for n in _ARMS]] - ground
    on_arms = np.where(np.isfinite(arms), arms, np.inf).min(axis=1) < _HANDS
    is_head_down = sign * _body_axis(joints)[:, column] < -STANDING
    rests[is_head_down & ~on_arms & np.isfinite(arms).any(axis=1)] = 0.0
    return float(rests[known].mean())


def _walks_in_place(
    joints: Float[np.ndarray, "time body_joint 3"], axis: Up, rate_hz: float
) -> bool:
    """Whether the feet slide along the ground under a pelvis that stays where it is."""
    pelvis = joints[:, BODY_JOINTS.index("pelvis")]
    pelvis = pelvis[np.isfinite(pelvis).all(axis=1)]
    if not len(pelvis) or np.ptp(pelvis, axis=0).max() > _IN_PLACE:
        return False
    ankles = joints[:, [BODY_JOINTS.index(n) for n in ("left_ankle", "right_ankle")]]
    column, sign = AXES[axis]
    lower = np.argmin(np.nan_to_num(sign * ankles[..., column], nan=np.inf), axis=1)
    slides = _speed(ankles, rate_hz)[np.arange(len(ankles)), lower]
    return bool(np.isfinite(slides).any() and np.nanmedian(slides) > _SLIDES)


def _lies(joints: Float[np.ndarray, "time body_joint 3"], axis: Up) -> bool:
    """Whether pelvis and neck are as low as anything along an axis, and legs are lifted off it."""
    column, sign = AXES[axis]
    height = sign * joints[:, :, column]
    known = np.isfinite(height).any(axis=1)
    lowest = np.min(np.where(np.isfinite(height), height, np.inf), axis=1)
    ground = np.percentile(lowest[known], _GROUND_PERCENTILE)
    trunk = height[:, [BODY_JOINTS.index(n) for n in ("pelvis", "neck")]] - ground
    ankles = height[:, [BODY_JOINTS.index(n) for n in ("left_ankle", "right_ankle")]]
    lifted = np.nanpercentile(ankles, 90, axis=0) - np.nanpercentile(ankles, 10, axis=0)
    return bool(np.nanmedian(trunk, axis=0).max() < _LIES and lifted.max() > _KICKS)


def _speed(
    joints: Float[np.ndarray, "time body_joint 3"], rate_hz: float
) -> Float[np.ndarray, "time body_joint"]:
    """Speed of every joint, over `_SPEED_S` around each frame."""
    half = max(1, round(_SPEED_S * rate_hz / 2))
    frames = np.arange(len(joints))
    before, after = np.maximum(frames - half, 0), np.minimum(frames + half, len(joints) - 1)
    moved = np.linalg.norm(joints[after] - joints[before], axis=2)
    speed: np.ndarray = moved * rate_hz / np.maximum(after - before, 1)[:, None]
    return speed


def _standing(joints: Float[np.ndarray, "time body_joint 3"]) -> dict[Up, float]:
    """Mean cosine between the body, from ankles to neck, and every axis."""
    body = _body_axis(joints)
    body = body[np.isfinite(body[:, 0])]
    mean = body.mean(axis=0) if len(body) else np.zeros(3)
    return {axis: float(sign * mean[column]) for axis, (column, sign) in AXES.items()}


def _body_axis(joints: Float[np.ndarray, "time body_joint 3"]) -> Float[np.ndarray, "time 3"]:
    """Unit vector from the ankles to the neck; NaN where they are not known."""
    left, right, neck = (
        joints[:, BODY_JOINTS.index(n)] for n in ("left_ankle", "right_ankle", "neck")
    )
    body = neck - (left + right) / 2
    length = np.linalg.norm(body, axis=1, keepdims=True)
    axis: np.ndarray = body / np.where(length > 0, length, np.nan)
    return axis
