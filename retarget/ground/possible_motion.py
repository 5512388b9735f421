"""What no body on a ground does: jumps of its track, speeds, flights and falls that cannot be.

Motion files in a wrong unit or rate, with a T-pose in front or another take behind, and tracks that
hop between people all come out as motion that looks like any other, number by number. Each limit
here is one of the human body or of physics, with its source, and not one of what a robot can do.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.retarget.ground.free_fall import (
    MAX_DROPPED_SHARE,
    MAX_TIME_SCALE,
    TRUNK,
    drops,
    time_scale,
)

MAX_BODY_SPEED = 12.5
"""Fastest that a body moves as a whole [m/s]: the best sprinter reached 12.4 (Graubner and Nixdorf
2011, on the 2009 world championships)."""
JUMP_SPEED, JUMP_FACTOR = 3.0, 8.0
"""A step of all joints at this speed [m/s, root mean square], or of a quarter of them, that is this
many times faster than the steps around it is a jump of the track: a body takes its 100 ms to reach
a speed."""
MIN_STRETCH_S = 0.25
"""Shorter stretches between two jumps, or before the first, belong to nothing [s]."""
MAX_FLIGHT_S = 1.0
"""Longest time in the air [s]: the best standing jumps rise 1.2 m, 0.99 s up and down."""
AIR_M = 0.15
"""Height of the lowest joint over the ground above which nothing stands on it [m]; an ankle stands
0.08 m high, and grounds are found to some centimeters."""
LEAP_M = 0.3
"""A track that leaps this high at a jump, and stays over the ground by as much, floats [m]: two
steps of a staircase."""
REST_SPEED = 0.35
"""A joint slower than this may rest on a step, a chair, a bar [m/s]."""
CARRIED_SHARE = 0.7
"""Share of the frames off the ground in which a joint must be that slow to be carried."""
MOVING_SPEED, MAX_SLIP_SHARE = 0.5, 0.7
"""While the body travels over the ground faster than the first [m/s], the slowest part near the
ground moves with less than this share of its speed: it stands in every step. Beyond it the body
glides."""
TOUCH_M, MAX_SLIDING_SHARE, MIN_SLIDING_S = 0.06, 0.25, 1.0
"""Where a body stays in its place for the last [s], the slowest part lower than the first [m]
slides (twice as fast as the body, and faster than `REST_SPEED`) in less of the frames. Chosen on a
walk with its path taken out (0.38 to 0.49; 0.00 with it), and standing tracked to 2 cm (0.02)."""
_SPEED_S = 0.1


@dataclass(frozen=True, eq=False)
class Impossible:
    """Frames in which a body does what none can, and what was found."""

    frames: Bool[np.ndarray, " time"]
    """Frames that cannot be."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What was found, for the quality record; empty where all is possible."""
    jumps: tuple[int, ...] = ()
    """First frame behind each jump between two stretches that are each possible."""


def impossible_steps(
    joints_m: Float[np.ndarray, "time body_joint 3"], time_s: Float[np.ndarray, " time"]
) -> Impossible:
    """Frames at jumps of the track, and those of a body faster than any; needs no ground.

    Args:
        joints_m: `BODY_JOINTS` in any metric frame [m]; NaN where unknown.
        time_s: Time of each frame [s].
    """
    known = np.flatnonzero(np.isfinite(joints_m).all(axis=2).any(axis=1))
    frames = np.zeros(len(time_s), dtype=bool)
    if len(known) < 2:
        return Impossible(frames)
    steps = np.linalg.norm(np.diff(joints_m[known], axis=0), axis=2)
    steps /= np.diff(time_s[known])[:, None]
    seen = np.isfinite(steps)
    count = np.maximum(seen.sum(axis=1), 1)
    rms = np.sqrt(np.where(seen, steps**2, 0.0).sum(axis=1) / count)
    # A T-pose in front moves both arms, which are more than a quarter of the joints.
    ordered = np.sort(np.where(seen, steps, -np.inf), axis=1)
    fast = ordered[np.arange(len(ordered)), -np.maximum(count // 4, 1)]
    # The slowest joint: a body that is too fast is so in all its parts.
    slowest = np.min(np.where(seen, steps, np.inf), axis=1)
    too_fast = np.isfinite(slowest) & (slowest > MAX_BODY_SPEED)
    is_jump = np.any(
        [(speed > JUMP_SPEED) & (speed > JUMP_FACTOR * _around(speed)) for speed in (rms, fast)],
        axis=0,
    )
    breaks = np.flatnonzero(too_fast | is_jump)
    ends = np.concatenate([[0], breaks + 1, [len(known)]])
    stretches = [slice(a, b) for a, b in itertools.pairwise(ends)]
    frame_s = float(np.median(np.diff(time_s[known])))
    lasting = [
        time_s[known[s.stop - 1]] - time_s[known[s.start]] + frame_s >= MIN_STRETCH_S
        for s in stretches
    ]
    jumps = []
    for k, (stretch, lasts) in enumerate(zip(stretches, lasting, strict=True)):
        if not lasts and len(stretches) > 1:
            frames[known[stretch]] = True
        elif k + 1 < len(stretches) and lasting[k + 1]:
            # Between two motions that are each possible, nobody knows which came by this step.
            frames[known[[stretch.stop - 1, stretch.stop]]] = True
            jumps.append(int(known[stretch.stop]))
    facts: dict[str, Any] = {}
    if frames.any():
        facts = {
            "jump_frames": int(frames.sum()),
            "fastest_m_s": round(float(slowest[np.isfinite(slowest)].max()), 2),
        }
    return Impossible(frames, facts, tuple(jumps))


def floating(
    joints_m: Float[np.ndarray, "time body_joint 3"], jumps: tuple[int, ...]
) -> Impossible:
    """Stretches that begin or end with a jump upward and never come down to any ground.

    Args:
        joints_m: `BODY_JOINTS` in a world with z up and the ground at 0 [m]; NaN where unknown.
        jumps: First frame behind each jump of the track.
    """
    height = np.where(np.isfinite(joints_m[..., 2]), joints_m[..., 2], np.inf).min(axis=1)
    height[~np.isfinite(height)] = np.nan
    frames = np.zeros(len(height), dtype=bool)
    ends = [0, *jumps, len(height)]
    for k, (start, end) in enumerate(itertools.pairwise(ends)):
        beside = [height[a:b] for a, b in itertools.pairwise(ends[max(k - 1, 0) : k + 3])]
        own = _lowest(height[start:end])
        # A glitch on a staircase goes on at the height where it began.
        if len(ends) > 2 and own > LEAP_M and own - min(map(_lowest, beside)) > LEAP_M:
            at = [e for e in (start, end) if 0 < e < len(height)]
            leaps = [
                abs(np.nanmedian(height[e : e + 5]) - np.nanmedian(height[max(e - 5, 0) : e]))
                for e in at
            ]
            frames[start:end] = max(leaps) > LEAP_M
    return Impossible(frames, {"floating_frames": int(frames.sum())} if frames.any() else {})


def _lowest(height_m: Float[np.ndarray, " time"]) -> float:
    seen = height_m[np.isfinite(height_m)]
    return float(np.percentile(seen, 5)) if len(seen) else np.inf


def impossible_travel(
    joints_m: Float[np.ndarray, "time body_joint 3"], time_s: Float[np.ndarray, " time"]
) -> Impossible:
    """Frames of flights too long, of falls that gravity does not make, and of bodies that glide.

    Args:
        joints_m: `BODY_JOINTS` in a world with z up and the ground at 0 [m]; NaN where unknown.
        time_s: Time of each frame [s].
    """
    known = np.flatnonzero(np.isfinite(joints_m).all(axis=2).any(axis=1))
    frames = np.zeros(len(time_s), dtype=bool)
    facts: dict[str, Any] = {}
    if len(known) < 3:
        return Impossible(frames)
    joints, times = joints_m[known], time_s[known]
    heights = np.where(np.isfinite(joints[..., 2]), joints[..., 2], np.inf)
    speed = _speeds(joints, times)
    rests = np.where(np.isfinite(speed), speed, np.inf).min(axis=1) < REST_SPEED
    # At the top of a flight everything is slow for a moment; what carries a body stays at rest.
    flights = [
        (start, end)
        for start, end in _spans(heights.min(axis=1) > AIR_M)
        if rests[start:end].mean() < CARRIED_SHARE
    ]
    for start, end in flights:
        if times[end - 1] - times[start] > MAX_FLIGHT_S:
            frames[known[start:end]] = True
            facts["flight_s"] = round(float(times[end - 1] - times[start]), 2)
    scale = time_scale(joints, times, flights)
    if scale is not None and not 1.0 / MAX_TIME_SCALE <= scale <= MAX_TIME_SCALE:
        frames[known] = True
        facts["times_too_slow"] = round(1.0 / scale, 2)
    dropped = drops(joints, times)
    if dropped.any():
        frames[known[dropped]] = True
        facts["dropped_frames"] = int(dropped.sum())
    if dropped.mean() > MAX_DROPPED_SHARE:
        # A clock that runs too fast shows here and there only, and holds for all of the motion.
        frames[known] = True
    glides = _glides(joints, speed, heights, times)
    if glides.any():
        frames[known[glides]] = True
        facts["gliding_frames"] = int(glides.sum())
    return Impossible(frames, facts)


def _around(values: Float[np.ndarray, " step"]) -> Float[np.ndarray, " step"]:
    """The largest of the two values before and the two behind each; inf where there are none."""
    padded = np.pad(values, 2, constant_values=-np.inf)
    shifted = [padded[k : k + len(values)] for k in (0, 1, 3, 4)]
    around = np.max(shifted, axis=0)
    found: np.ndarray = np.where(np.isfinite(around), around, np.inf)
    return found


def _speeds(
    joints_m: Float[np.ndarray, "known body_joint 3"], time_s: Float[np.ndarray, " known"]
) -> Float[np.ndarray, "known body_joint"]:
    """Speed of every joint over `_SPEED_S` around each frame [m/s]."""
    half = max(1, round(0.5 * _SPEED_S / float(np.median(np.diff(time_s)))))
    index = np.arange(len(time_s))
    a, b = np.maximum(index - half, 0), np.minimum(index + half, len(time_s) - 1)
    moved = np.linalg.norm(joints_m[b] - joints_m[a], axis=2)
    speeds: np.ndarray = moved / (time_s[b] - time_s[a])[:, None]
    return speeds


def _spans(mask: Bool[np.ndarray, " known"]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _glides(
    joints_m: Float[np.ndarray, "known body_joint 3"],
    speed: Float[np.ndarray, "known body_joint"],
    heights: Float[np.ndarray, "known body_joint"],
    time_s: Float[np.ndarray, " known"],
) -> Bool[np.ndarray, " known"]:
    """Moving frames of a motion in whose steps nothing near the ground stands.

    The body moves over the ground, or its feet move under a body that does not: a treadmill, or a
    file without the root's path.
    """
    body = _speeds(joints_m[:, TRUNK] * [1.0, 1.0, 0.0], time_s).mean(axis=1)
    near = np.where((heights < AIR_M) & np.isfinite(speed), speed, np.inf).min(axis=1)
    across = _speeds(joints_m * [1.0, 1.0, 0.0], time_s)
    touching = np.where((heights < TOUCH_M) & np.isfinite(across), across, np.inf).min(axis=1)
    slow = np.isfinite(body) & np.isfinite(touching) & (body <= MOVING_SPEED)
    slow_s = slow.sum() * float(np.median(np.diff(time_s)))
    slides = np.zeros(len(time_s), dtype=bool)
    sliding = touching > np.maximum(REST_SPEED, 2.0 * body)  # what moves as one is moved slowly
    if slow_s > MIN_SLIDING_S and sliding[slow].mean() > MAX_SLIDING_SHARE:
        slides = np.isfinite(body) & (body <= MOVING_SPEED)
    moving = np.isfinite(body) & np.isfinite(near) & (body > MOVING_SPEED)
    if time_s[moving].size == 0 or np.median(near[moving] / body[moving]) <= MAX_SLIP_SHARE:
        return slides
    glides: np.ndarray = moving | slides
    return glides
