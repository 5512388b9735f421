"""Grasps of one hand over a clip: when something was taken, held and let go, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import StageConfig
from rotoscope.pipeline.tracks import require_shape
from rotoscope.retarget.gripper import hand_shape
from rotoscope.retarget.gripper.grasp_evidence import GRID_HZ, Evidence, grasp_evidence

GraspKind = Literal["pinch", "power"]

SMOOTHING_S = 0.1
"""Length of the running median that takes single wild frames out."""
SHORTEST_S = 0.35
"""A shorter hold is a tap or a hand turning round: nothing can be taken and used in that time."""
STILL_CLOSING = 0.25
"""Contact is where this share of a closing is left to do: landmarks creep on after it."""
STILL_M = 0.005
"""Changes of the opening up to this count as holding still [m]."""
PINCH_M = 0.04
"""Thumb to index or middle tip in a pinch: touch (30 mm with noise) or a thin thing [m]."""
ENCLOSING_RAD = 2.5
"""Fingers bent further than this point back at the wrist: they enclose what they hold."""


class GraspConfig(StageConfig):
    """When a movement of the hand is a grasp. Physical sizes; the same for every clip."""

    least_change_m: float = Field(default=0.010, gt=0)
    """Closing or opening that speaks with one nat for an event [m]; larger where the hand's own
    noise is larger. Real grasps close by 12 to 60 mm; landmark noise is 2 to 10 mm."""
    slow_m_s: float = Field(default=0.25, gt=0)
    """Palm speed that speaks with one nat against an event [m/s]: reaches peak at 0.5 to 1.5,
    contact happens below 0.15."""
    widest_held_m: float = Field(default=0.095, gt=0)
    """Opening of the hand above which nothing is held [m]: the Panda's 80 mm and a fingertip."""
    event_cost: float = Field(default=0.8, ge=0)
    """Nats that an event must be worth to be believed: the hysteresis between holding and not."""
    start_cost: float = Field(default=2.5, ge=0)
    """Nats against a hand that holds something when it is first seen: most hands come empty."""
    least_confidence: float = Field(default=0.55, ge=0, le=1)
    """Grasps less sure than this are not reported. Hands that relax at the end of a movement look
    like weak grasps, at 0.5 to 0.6; true ones mostly reach 0.65 to 1."""
    max_gap_s: float = Field(default=0.5, gt=0)
    """Gaps in the track up to this length are bridged [s]; nobody lets go and takes again in
    less. After a longer one the hand starts anew."""


@dataclass(frozen=True)
class Grasp:
    """One stretch during which the hand holds something, frames `[start, end)` of the clip."""

    start: int
    """First frame of the grasp."""
    end: int
    """One past its last frame."""
    start_s: float
    """Time of the first frame on the clip's clock [s]."""
    end_s: float
    """Time of the last frame [s]."""
    kind: GraspKind
    """`pinch`: held between fingertips; `power`: the hand encloses it."""
    confidence: float
    """Probability that it is one against an empty hand throughout, times the share of frames in
    which the hand was known. It knows the hand only: a mimed grasp is a grasp to it."""
    aperture_m: float
    """Median distance of thumb tip and index tip while holding [m]."""
    is_start_seen: bool
    """Whether the closing was seen; else the hand held it when it came into view."""
    is_end_seen: bool
    """Whether the opening was seen; else the hand went out of view holding it."""


def find_grasps(
    time_s: Float[np.ndarray, " time"],
    joints_m: Float[np.ndarray, "time 21 3"],
    known: Bool[np.ndarray, " time"],
    *,
    shape_m: Float[np.ndarray, "time 21 3"] | None = None,
    config: GraspConfig | None = None,
) -> list[Grasp]:
    """Grasps in order of time: the most likely sequence of holding and not holding.

    A two-state Viterbi path over the evidence of `rotoscope.retarget.gripper.grasp_evidence`:
    taking and leaving are changes of the hand's opening while the hand is nearly at rest, so
    several grasps, grasps of wide things whose fingers never meet, and things held from the first
    frame on are found the same way. Noise in the opening raises the change that counts.

    Args:
        time_s: Frame times [s], increasing.
        joints_m: Joints in one frame that does not move with the hand [m]; NaN where unknown.
        known: Frames whose joints count, observed or filled.
        shape_m: Another estimate of the same hand [m], in any frame: `HandTrack.hand_m`. The
            opening is then the mean of both, whose errors differ: while a hand carries a tumbler
            that hides half of it, the opening of lifted joints wanders by 23 mm (1-sigma), that of
            the landmark model by 10, their mean by 14, and one alone looks like letting go.
        config: Physical limits; `GraspConfig()` where not given.

    Raises:
        TrackError: The arrays disagree in length or shape.
    """
    require_shape("find_grasps", "joints_m", joints_m, (21, 3))
    if not len(time_s) == len(joints_m) == len(known):
        raise TrackError(
            f"find_grasps: time_s, joints_m and known must be equally long, got {len(time_s)}, "
            f"{len(joints_m)} and {len(known)}"
        )
    require_shape("find_grasps", "shape_m", shape_m, (21, 3))
    config = config or GraspConfig()
    estimates = [joints_m] if shape_m is None else [joints_m, shape_m]
    frames = np.flatnonzero(known & np.isfinite(joints_m).all(axis=(1, 2)))
    return [
        grasp
        for stretch in _stretches(time_s, frames, config.max_gap_s)
        for grasp in _grasps_of_stretch(time_s, estimates, stretch, config)
    ]


def grasping_frames(grasps: list[Grasp], num_frames: int) -> Bool[np.ndarray, " time"]:
    """True in every frame of every grasp, bridged gaps included."""
    held = np.zeros(num_frames, dtype=bool)
    for grasp in grasps:
        held[grasp.start : grasp.end] = True
    return held


def _stretches(time_s: np.ndarray, frames: np.ndarray, max_gap_s: float) -> Iterator[np.ndarray]:
    """Known frames, split where the hand was away for longer than `max_gap_s`."""
    cuts = np.flatnonzero(np.diff(time_s[frames]) > max_gap_s) + 1
    for part in np.split(frames, cuts):
        if len(part) > 1 and time_s[part[-1]] - time_s[part[0]] >= SHORTEST_S:
            yield part


def _grasps_of_stretch(
    time_s: np.ndarray, estimates: list[np.ndarray], frames: np.ndarray, config: GraspConfig
) -> list[Grasp]:
    seen_s, joints_m = time_s[frames], estimates[0]
    grid_s = np.arange(seen_s[0], seen_s[-1] + 0.5 / GRID_HZ, 1.0 / GRID_HZ)
    raw_m = np.interp(grid_s, seen_s, _agreed(hand_shape.hand_opening, estimates, frames))
    pinch_m = np.interp(grid_s, seen_s, _agreed(hand_shape.pinch_distance, estimates, frames))
    palm_m = hand_shape.palm_center(joints_m[frames])
    opening_m = _smooth(raw_m)
    evidence = grasp_evidence(
        opening_m,
        _smooth(pinch_m),
        np.stack([np.interp(grid_s, seen_s, axis) for axis in palm_m.T], axis=1),
        noise_m=float(1.4826 * np.median(np.abs(np.diff(raw_m))) / np.sqrt(2.0)),
        least_change_m=config.least_change_m,
        slow_m_s=config.slow_m_s,
        widest_held_m=config.widest_held_m,
        event_cost=config.event_cost,
    )
    found = []
    for first, last in _runs(most_likely_states(evidence, start_cost=config.start_cost)):
        log_odds = _log_odds(evidence, first, last, config.start_cost)
        level_m = float(np.median(opening_m[first : last + 1]))
        if level_m > config.widest_held_m:
            continue
        start_s = grid_s[first + _still_closing(opening_m[first : last + 1], level_m)]
        end_s = grid_s[last - _still_closing(opening_m[first : last + 1][::-1], level_m)]
        inside = frames[(seen_s >= start_s - 0.5 / GRID_HZ) & (seen_s <= end_s + 0.5 / GRID_HZ)]
        if len(inside) and time_s[inside[-1]] - time_s[inside[0]] >= SHORTEST_S:
            is_seen = (first > 0, last < len(grid_s) - 1)
            found.append(describe_grasp(time_s, joints_m, inside, log_odds, is_seen))
    return [grasp for grasp in found if grasp.confidence >= config.least_confidence]


def describe_grasp(
    time_s: np.ndarray,
    joints_m: np.ndarray,
    inside: np.ndarray,
    log_odds: float,
    is_seen: tuple[bool, bool],
) -> Grasp:
    """The grasp over known frames `inside`, which is `log_odds` nats better than none."""
    joints, start, end = joints_m[inside], int(inside[0]), int(inside[-1]) + 1
    pinch_m = float(np.median(hand_shape.pinch_distance(joints)))
    curl_rad = float(np.median(hand_shape.finger_curl(joints)))
    return Grasp(
        start=start,
        end=end,
        start_s=float(time_s[start]),
        end_s=float(time_s[end - 1]),
        kind="pinch" if pinch_m <= PINCH_M and curl_rad <= ENCLOSING_RAD else "power",
        confidence=len(inside) / (end - start) / (1.0 + float(np.exp(-log_odds))),
        aperture_m=float(np.median(hand_shape.aperture(joints))),
        is_start_seen=is_seen[0],
        is_end_seen=is_seen[1],
    )


def most_likely_states(evidence: Evidence, *, start_cost: float) -> Bool[np.ndarray, " time"]:
    """Viterbi path through the states empty (False) and holding (True)."""
    take, leave, hold = (x.tolist() for x in (evidence.take, evidence.leave, evidence.hold))
    empty, held = 0.0, hold[0] - start_cost
    came_from_held = [(False, True)]
    for t in range(1, len(hold)):
        by_leaving, by_taking = held + leave[t - 1], empty + take[t]
        came_from_held.append((by_leaving > empty, by_taking <= held))
        empty, held = max(empty, by_leaving), max(held, by_taking) + hold[t]
    state, states = held > empty, np.zeros(len(hold), dtype=bool)
    for t in range(len(hold) - 1, -1, -1):
        states[t] = state
        state = came_from_held[t][int(state)]
    return states


def _log_odds(evidence: Evidence, first: int, last: int, start_cost: float) -> float:
    """How much better the path is with this grasp than with an empty hand instead [nat]."""
    begin = evidence.take[first] if first > 0 else -start_cost
    finish = evidence.leave[last] if last < len(evidence.hold) - 1 else 0.0
    return float(begin + evidence.hold[first : last + 1].sum() + finish)


def _still_closing(opening_m: np.ndarray, level_m: float) -> int:
    """Samples at the front in which a slow closing has not come to its hold yet."""
    limit_m = level_m + max(STILL_M, STILL_CLOSING * float(opening_m[0] - level_m))
    return int(np.argmax(opening_m <= limit_m))


def _agreed(
    measure: Callable[[np.ndarray], np.ndarray], estimates: list[np.ndarray], frames: np.ndarray
) -> np.ndarray:
    """Mean of a measure over one or two estimates of the hand.

    Where the second is missing, half of the difference to it is carried over from its neighbors,
    so that no step looks like a movement.
    """
    first = measure(estimates[0][frames])
    if len(estimates) == 1:
        return first
    difference = measure(estimates[1][frames]) - first
    both = np.flatnonzero(np.isfinite(difference))
    if len(both) == 0:
        return first
    return first + 0.5 * np.interp(np.arange(len(frames)), both, difference[both])


def _smooth(x: np.ndarray) -> np.ndarray:
    """Running median, then a mean of three."""
    half = round(SMOOTHING_S * GRID_HZ / 2)
    padded = np.pad(x, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.convolve(np.pad(np.median(windows, axis=1), 1, mode="edge"), np.ones(3) / 3, "valid")


def _runs(states: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], states, [False]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
