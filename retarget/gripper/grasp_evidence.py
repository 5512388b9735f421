"""What speaks for holding something and for having empty hands, in nats, on an even time grid.

People take and leave things with the hand nearly at rest, because the thing is at rest: the hand
opens on the way, closes when it has arrived, and stays as it is while it carries (Jeannerod 1984).
So a closing of the hand speaks for a grasp and an opening for a release only where the hand is
slow; a hand that travels closed speaks for a thing that is carried; a wide open hand holds nothing.
Thumb and index need not meet for any of it.

The constants are physical and the same for every video. They were chosen on half of 95
motion-captured grasps (the GRAB recordings in the MyoDM set: cups, tools, spheres, boxes, toys),
with and without 6 mm of slow landmark noise, and on a clip of a tumbler held throughout. On the
other half of the grasps, edges of 0.2 s left out, 96 % of the frames called held were held and
93 % of the held frames were found. A third more or less of any of them moves that by a few percent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

GRID_HZ = 30.0
"""Rate of the even time grid: four times the bandwidth of voluntary hand movement."""
LOOK_BACK_S = 0.45
"""A closing counts from the widest opening this long before; natural closings take 0.3 to 0.5 s."""
SETTLE_S = 0.35
"""The hand must stay closed this long: a shorter touch is a tap, which no gripper could follow."""
SPEED_WINDOW_S = 0.2
"""Time over which the palm's speed is taken."""
NOISE_MULTIPLE = 3.0
"""Frame-to-frame noise of the opening times this is the least change that counts: slow landmark
errors are several times the fast ones, and only the fast ones can be measured."""
CHANGE_LIMIT = 2.0
"""A change of the opening speaks with at most this many nats: one wild fit proves nothing."""
UNMOVED_COST = 0.9
"""What more an event must pay that comes without the movement of the fingers it needs [nat]."""
SPEED_PENALTY_LIMIT = 4.0
"""However fast the hand, the penalty stays finite [nat]."""
CARRY_RATE = 1.2
"""Evidence per second from the hand's shape while it travels [nat/s]."""
CARRY_SPEED_M_S = 0.15
"""From this palm speed on, the hand counts as travelling in full."""
SHAPE_WIDTH_M = 0.03
"""Opening below the limit at which a shape speaks in full [m]."""
OPEN_RATE = 6.0
"""Evidence per second that a wide open hand is empty [nat/s]."""
TOUCH_RATE = 0.75
"""Evidence per second from fingertips that touch while the hand rests [nat/s]."""
TOUCH_M = 0.03
"""Thumb tip to fingertip at touch: half of both fingertips (about 18 mm) and landmark noise [m]."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Log-likelihood ratios on the grid."""

    take: Float[np.ndarray, " time"]
    """For taking something at this moment [nat]; -inf away from the best moment nearby."""
    leave: Float[np.ndarray, " time"]
    """For letting go at this moment [nat]; -inf away from the best moment nearby."""
    hold: Float[np.ndarray, " time"]
    """For holding rather than not during this step [nat]."""
    speed_m_s: Float[np.ndarray, " time"]
    """Speed of the palm [m/s]."""


def grasp_evidence(
    opening_m: Float[np.ndarray, " time"],
    pinch_m: Float[np.ndarray, " time"],
    palm_m: Float[np.ndarray, "time 3"],
    *,
    noise_m: float,
    least_change_m: float,
    slow_m_s: float,
    widest_held_m: float,
    event_cost: float,
) -> Evidence:
    """Evidence from smoothed openings and palm positions at `GRID_HZ`.

    Args:
        opening_m: `hand_shape.hand_opening`, smoothed [m].
        pinch_m: `hand_shape.pinch_distance`, smoothed [m].
        palm_m: `hand_shape.palm_center` [m].
        noise_m: 1-sigma of the frame-to-frame noise of the opening before smoothing [m].
        least_change_m: Change of the opening that speaks with one nat [m].
        slow_m_s: Palm speed at which an event becomes unlikely (one nat against it) [m/s].
        widest_held_m: Opening above which a hand holds nothing [m].
        event_cost: What an event must be worth to be believed [nat].
    """
    speed = palm_speed(palm_m)
    change = max(least_change_m, NOISE_MULTIPLE * noise_m)
    penalty = np.minimum((speed / slow_m_s) ** 2, SPEED_PENALTY_LIMIT) + event_cost
    look, settle = round(LOOK_BACK_S * GRID_HZ), round(SETTLE_S * GRID_HZ)
    at_rest_m = _changes_at_rest(opening_m, speed / slow_m_s)
    closed_by = window_max(at_rest_m, look, 0) - window_max(at_rest_m, 0, settle)
    opened_by = window_max(at_rest_m, 0, look) - window_max(at_rest_m, settle, 0)
    travel = np.clip(speed / CARRY_SPEED_M_S, 0.0, 1.0)
    shape = np.clip((widest_held_m - opening_m) / SHAPE_WIDTH_M, -1.0, 1.0)
    carried = np.where(shape > 0, CARRY_RATE * travel * shape, OPEN_RATE * shape)
    touching = TOUCH_RATE * (pinch_m < TOUCH_M) * (1.0 - travel)
    return Evidence(
        take=_best_moments(_worth(closed_by / change) - penalty),
        leave=_best_moments(_worth(opened_by / change) - penalty),
        hold=(carried + touching) / GRID_HZ,
        speed_m_s=speed,
    )


def palm_speed(palm_m: Float[np.ndarray, "time 3"]) -> Float[np.ndarray, " time"]:
    """Speed of the palm [m/s] with the share that white position noise explains taken out.

    The noise is read off the second differences (variance 6 sigma^2 an axis); their median makes
    it blind to real accelerations.
    """
    num, half = len(palm_m), max(1, round(SPEED_WINDOW_S * GRID_HZ / 2))
    if num < 2:
        return np.zeros(num)
    frame = np.arange(num)
    early, late = np.maximum(frame - half, 0), np.minimum(frame + half, num - 1)
    squared = np.sum((palm_m[late] - palm_m[early]) ** 2, axis=1)
    if num > 2:
        bend = np.sum(np.diff(palm_m, n=2, axis=0) ** 2, axis=1)
        squared = np.maximum(squared - 2.0 * np.median(bend) / 6.0, 0.0)
    return np.asarray(np.sqrt(squared) * GRID_HZ / (late - early))


def window_max(x: Float[np.ndarray, " time"], before: int, after: int) -> np.ndarray:
    """Largest value among `before` samples ahead of each sample, itself, and `after` behind it."""
    padded = np.pad(x, (before, after), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, before + after + 1)
    return np.asarray(windows.max(axis=1))


def _changes_at_rest(opening_m: np.ndarray, relative_speed: np.ndarray) -> np.ndarray:
    """The opening as if it had changed only while the hand was slow.

    On its way a hand opens for what comes and closes because it relaxes; neither is an event.
    """
    steps = np.diff(opening_m, prepend=opening_m[:1]) * np.exp(-(relative_speed**2))
    return np.asarray(np.cumsum(steps))


def _worth(change: np.ndarray) -> np.ndarray:
    """Nats of a change of the opening, given in units of the least change that counts."""
    missing = np.maximum(1.0 - change, 0.0)
    return np.asarray(CHANGE_LIMIT * np.tanh(change / CHANGE_LIMIT) - UNMOVED_COST * missing)


def _best_moments(score: np.ndarray) -> np.ndarray:
    """The score where it is the best within the settling time, else -inf: one event, one moment."""
    half = round(SETTLE_S * GRID_HZ / 2)
    return np.where(score >= window_max(score, half, half), score, -np.inf)
