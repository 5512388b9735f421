"""Distances of hands that something hides in part.

Of a hand that is hidden in part, the landmark model draws a smaller one into what it sees: it fits
as well as any, and comes out 10 to 40 % too far. Seldom does a hand come out too near. So of
distances that contradict what the hand's own points say of how it moved (`apparent_scale`) the
nearer ones are believed: a path is laid through them that follows those points from frame to frame,
and rows beyond it are put onto it.

Constants were chosen on films of push and drawer-open of the benchmark `exchange_rate`, on the same
with slabs, bars and boxes before them, and on `DEVELOPMENT` of `benchmarks._rendered_scenes`, where
nothing is hidden: see `benchmarks.hidden_palms`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.hands.apparent_scale import DistanceSteps
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.tracks import HandTrack

TOO_FAR = 0.08
"""Rows that lie farther beyond the path, as a share of the distance, are put onto it."""
LANDMARK_SIGMA = 0.2
"""1-sigma of the logarithm of one frame's distance by landmarks, as far as it is of its own: errors
are a fifth of it, but frames in a row share them."""
DOUBT_FROM = 0.06
"""Beyond this a distance is doubted: little by little where it is too near, for good too far."""
SPEED_M_S = 1.2
"""1-sigma of how fast a hand comes nearer or goes away where its points cannot be followed."""
LONGEST_PAUSE_S = 0.5
"""Stretches farther apart say nothing about each other."""
DEPTH_OF_EXCESS, ACROSS_OF_EXCESS = 0.3, 1.2
"""What rows that are put nearer are wrong by beyond their own sigma, for each unit of the logarithm
by which they were too far: along the line of sight, as a share of the distance, and across it, in
palm lengths."""
HIDDEN_TURN_RAD, HIDDEN_ACROSS = 0.7, 0.2
"""What hidden hands are wrong by beyond their own sigma whatever the excess: their rotation, and
across the line of sight in palm lengths."""
HIDDEN_AROUND_S = 0.3
"""How fast these two fade, by a factor of e, before and after rows that are known to be hidden: the
same thing hides the hand there, too, only less of it."""
_KNUCKLES = [5, 9, 13, 17]
_NEAR_FIRST, _FAR_WEIGHT = 8, 0.15
"""So many times rows beyond the path get at most this weight, before they are asked themselves."""
_NUM_ITERATIONS = 25


@dataclass(frozen=True, eq=False)
class Excess:
    """How much too far hands seem to be."""

    log_excess: Float[np.ndarray, " time"]
    """Logarithm of the distance by landmarks over the path's; 0 where the row is left as it is."""
    sigma: Float[np.ndarray, " time"]
    """1-sigma of it where it is not 0: how well the path is known."""
    hidden: Float[np.ndarray, " time"]
    """1 where a hand was too far, less the longer before or after; 0 where none was."""


def stretches(
    time_s: Float[np.ndarray, " time"], valid: Bool[np.ndarray, " time"]
) -> list[Int[np.ndarray, " row"]]:
    """Valid rows, parted where the hand was not seen for long."""
    rows = np.flatnonzero(valid)
    apart = np.flatnonzero(np.diff(time_s[rows]) > LONGEST_PAUSE_S) + 1
    return [part for part in np.split(rows, apart) if len(part)]


def may_be_hidden(
    distance_m: Float[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    valid: Bool[np.ndarray, " time"],
) -> Bool[np.ndarray, " time"]:
    """Rows of stretches in which any is too far to be at the distance of another."""
    out = np.zeros(len(valid), bool)
    for rows in stretches(time_s, valid):
        log_m = np.log(distance_m[rows])
        out[rows] = np.ptp(log_m) > TOO_FAR
    return out


def excess(
    distance_m: Float[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    valid: Bool[np.ndarray, " time"],
    steps: DistanceSteps,
) -> Excess:
    """By how much each valid row is farther than the path that the nearer ones lie on.

    Args:
        distance_m: By landmarks, along the camera's axis [m].
        time_s: Of each frame [s].
        valid: Rows with a distance.
        steps: What the hand's own points say about how the distance changed.
    """
    out, sigma, hidden = np.zeros((3, len(valid)))
    for rows in stretches(time_s, valid):
        if len(rows) < 2 or np.ptp(np.log(distance_m[rows])) <= TOO_FAR:
            continue
        change, weight = _changes(rows, distance_m, time_s, steps)
        beyond, spread = _beyond_path(np.log(distance_m[rows]), change, weight)
        is_hidden = beyond > TOO_FAR
        out[rows[is_hidden]], sigma[rows[is_hidden]] = beyond[is_hidden], spread[is_hidden]
        if is_hidden.any():
            away_s = np.abs(time_s[rows][:, None] - time_s[rows[is_hidden]]).min(axis=1)
            hidden[rows] = np.exp(-away_s / HIDDEN_AROUND_S)
    return Excess(out, sigma, hidden)


def _changes(
    rows: Int[np.ndarray, " row"],
    distance_m: Float[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    steps: DistanceSteps,
) -> tuple[Float[np.ndarray, " step"], Float[np.ndarray, " step"]]:
    """Changes of the distance's logarithm between neighboring rows, and one over their variance."""
    sigma = SPEED_M_S * np.diff(time_s[rows]) / distance_m[rows[:-1]]
    change = np.zeros(len(rows) - 1)
    told = (np.diff(rows) == 1) & np.isfinite(steps.log_change[rows[1:]])
    change[told] = steps.log_change[rows[1:]][told]
    sigma[told] = steps.sigma[rows[1:]][told]
    return change, 1.0 / sigma**2


def _beyond_path(
    seen: Float[np.ndarray, " row"],
    change: Float[np.ndarray, " step"],
    stiffness: Float[np.ndarray, " step"],
) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """How far each row lies beyond the path, and 1-sigma of the path.

    Reweighted least squares: weights are Huber's for rows nearer than the path and Geman and
    McClure's for those beyond it, which end by counting for nothing.
    """
    from scipy.linalg import solveh_banded

    weight: np.ndarray = np.full(len(seen), LANDMARK_SIGMA**-2)
    pull = np.zeros(len(seen))
    pull[1:] += stiffness * change
    pull[:-1] -= stiffness * change
    between = np.append(0.0, -stiffness)
    for iteration in range(_NUM_ITERATIONS + 1):
        diagonal = weight.copy()
        diagonal[1:] += stiffness
        diagonal[:-1] += stiffness
        path = solveh_banded(np.stack([between, diagonal]), weight * seen + pull)
        beyond = seen - path
        near = np.minimum(1.0, DOUBT_FROM / np.maximum(-beyond, 1e-9))
        far = 1.0 / (1.0 + (beyond / DOUBT_FROM) ** 2) ** 2
        if iteration < _NEAR_FIRST:
            far = np.minimum(far, _FAR_WEIGHT)
        weight = np.where(beyond > 0, far, near) / LANDMARK_SIGMA**2
    return beyond, np.sqrt(_variance(diagonal, stiffness))


def _variance(
    diagonal: Float[np.ndarray, " row"], stiffness: Float[np.ndarray, " step"]
) -> Float[np.ndarray, " row"]:
    """Diagonal of the inverse of the path's tridiagonal matrix."""
    before, after = diagonal.copy(), diagonal.copy()
    for i in range(1, len(diagonal)):
        before[i] -= stiffness[i - 1] ** 2 / before[i - 1]
        after[-1 - i] -= stiffness[-i] ** 2 / after[-i]
    return np.asarray(1.0 / (before + after - diagonal))


def uncovered(hand: HandTrack, found: Excess, *, palm_length_m: float) -> HandTrack:
    """The track with hands that are too far put nearer; their knuckles stay where they are seen.

    Their sigma grows, across and of the rotation also that of the rows around them.

    Args:
        hand: Lifted.
        found: How much too far its rows are.
        palm_length_m: Of the hand that was fitted [m].
    """
    rows = np.flatnonzero(found.hidden)
    if len(rows) == 0:
        return hand
    assert hand.joints_m is not None
    assert hand.sigma_position_m is not None
    assert hand.sigma_rotation_rad is not None
    assert hand.T_camera_wrist is not None
    by, hidden = found.log_excess[rows], found.hidden[rows]
    joints_m, sigma_m = hand.joints_m.copy(), hand.sigma_position_m.copy()
    T_camera_wrist, sigma_rad = hand.T_camera_wrist.copy(), hand.sigma_rotation_rad.copy()
    knuckles_m = joints_m[rows][:, _KNUCKLES].mean(axis=1)
    joints_m[rows] += (np.expm1(-by)[:, None] * knuckles_m)[:, None]
    put = rows[by != 0]
    T_camera_wrist[put] = hand_frame.wrist_pose(joints_m[put], hand.side)
    depth = np.hypot(found.sigma[rows], DEPTH_OF_EXCESS * by)[:, None]
    along_m = depth * joints_m[rows, hand_frame.WRIST]
    across_m = np.hypot(ACROSS_OF_EXCESS * by, HIDDEN_ACROSS * hidden)[:, None] * palm_length_m
    sigma_m[rows] = np.sqrt(sigma_m[rows] ** 2 + along_m**2 + across_m**2)
    sigma_rad[rows] = np.hypot(sigma_rad[rows], HIDDEN_TURN_RAD * hidden)
    return hand.replace(
        joints_m=joints_m,
        T_camera_wrist=T_camera_wrist,
        sigma_position_m=sigma_m,
        sigma_rotation_rad=sigma_rad,
    )
