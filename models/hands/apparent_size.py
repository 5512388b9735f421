"""Hands that suddenly look smaller and then as before: landmarks drawn together, not distance.

Of a hand seen end on the landmark network sometimes draws its points together, to as little as half
of the hand, and neither its score nor the fit of a hand model tells. One frame later the hand is
farther by more than an arm can do, and soon after back where it was. That it comes back is asked
for: what jumps and stays may have been wrong before.

Constants were chosen on nine clips of puppets seen end on (`SHRINKING` of
`benchmarks._rendered_scenes`) and on its `DEVELOPMENT`: of 62 frames that were a quarter too far
away and more they take 18, of the other 1,016 none. What draws together little by little, as the
rest of the 62, looks like a hand that reaches out, and stays.
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Bool, Float, Int

MIN_JUMP = 0.15
"""Least jump away, as a logarithm of the distance."""
MIN_SPEED_M_S = 3.0
"""And as a speed: a hand that reaches makes 2 m/s, one that throws hardly more along the view."""
BACK_WITHIN = 0.1
"""A hand is back where it was when it is as near as this, as a logarithm of the distance."""
MAX_AWAY_S = 0.7
"""Longest time that it may be away [s]."""
MAX_STEP_S = 0.25
"""Frames that are farther apart say nothing of a speed [s]."""


def is_shrunk(
    distance_m: Float[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    valid: Bool[np.ndarray, " time"],
) -> Bool[np.ndarray, " time"]:
    """Frames in which a hand has jumped away, from the jump to where it is back or from there on.

    Looked at forward and back in time, as landmarks may draw together little by little and open at
    once.

    Args:
        distance_m: Distance of the hand along the line of sight [m].
        time_s: Time of each frame [s].
        valid: Frames in which the distance is believed.
    """
    rows = np.flatnonzero(valid)
    out = np.zeros(len(valid), bool)
    out[_away(rows, distance_m, time_s)] = True
    out[_away(rows[::-1], distance_m, -time_s)] = True
    return out


def _away(
    rows: Int[np.ndarray, " row"],
    distance_m: Float[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
) -> list[int]:
    """Frames of all excursions, `rows` in the order of `time_s`."""
    found: list[int] = []
    for at, (before, after) in enumerate(itertools.pairwise(rows.tolist())):
        step_s = time_s[after] - time_s[before]
        away_m = distance_m[after] - distance_m[before]
        is_jump = away_m > np.expm1(MIN_JUMP) * distance_m[before]
        if step_s > MAX_STEP_S or not is_jump or away_m <= MIN_SPEED_M_S * step_s:
            continue
        later = rows[at + 1 :]
        near = distance_m[later] <= np.exp(BACK_WITHIN) * distance_m[before]
        back = int(np.argmax(near))
        if near.any() and time_s[later[back]] - time_s[before] <= MAX_AWAY_S:
            found += later[:back].tolist()
    return found
