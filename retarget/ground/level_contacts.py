"""Contacts cut where the foot rises or sinks: what it rests on does not move."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.tracks import runs
from rotoscope.retarget.ground.foot_speeds import frame_interval_s

_SMOOTHED_S = 0.1
"""Heights are medians over this long [s]."""
_STILL_M = 0.025
"""A resting foot's height stays this close to its median [m]: soft shoes, and feet that roll."""
APART = 1.25
"""Levels differ by more than this many times that."""
_NOISE_SIGMAS = 1.0
"""And this many sigma of the tracking's noise."""


def level_contacts(
    contact: Bool[np.ndarray, "time 2"],
    heights_m: Float[np.ndarray, "time 2 foot_point"],
    time_s: Float[np.ndarray, " time"],
    *,
    noise_m: Float[np.ndarray, "2 foot_point"],
    lasting_s: float,
) -> Bool[np.ndarray, "time 2"]:
    """Contacts, each cut into the stretches in which the foot stays at one height.

    Speed alone does not tell: a foot that is lowered by 10 cm within half a second is as slow as
    one that rolls. Each contact keeps the height at which it lasts longest, then that of the rest,
    and so on; what lies between them was motion.

    Args:
        contact: The left, the right foot is slow.
        heights_m: Height of the sole below each point of the foot [m]; NaN where unknown.
        time_s: Time of each frame [s].
        noise_m: 1-sigma of the noise of each height from frame to frame [m].
        lasting_s: Shorter stretches at other heights than the first are motion [s].
    """
    out = contact.copy()
    interval_s = frame_interval_s(time_s)
    lowest = np.where(np.isfinite(heights_m), heights_m, np.inf).min(axis=2)
    lasting = lasting_s / interval_s - 1e-9
    half = max(0, round(_SMOOTHED_S / 2 / interval_s))
    for foot in range(contact.shape[1]):
        level_m = _STILL_M + _NOISE_SIGMAS * float(noise_m[foot].max())
        for start, end in runs(contact[:, foot]):
            height = _medians(lowest[start:end, foot], half)
            if np.ptp(height) <= level_m:
                continue
            level = _levels(height, level_m, lasting)
            # Two levels that touch are two contacts.
            level[1:][(level[1:] != level[:-1]) & (level[:-1] > 0)] = 0
            out[start:end, foot] = level > 0
    return out


def _levels(
    height_m: Float[np.ndarray, " span"], level_m: float, lasting: float
) -> Int[np.ndarray, " span"]:
    """Number of the height that each frame is at, 1 the one that lasts longest; 0 for none."""
    levels = np.zeros(len(height_m), dtype=int)
    left = np.ones(len(height_m), dtype=bool)
    middles: list[float] = []
    while left.any():
        ordered = np.sort(height_m[left])
        ends = np.searchsorted(ordered, ordered + level_m, side="right")
        most = int(np.argmax(ends - np.arange(len(ordered))))
        middle = float(np.median(ordered[most : ends[most]]))
        inside = left & (np.abs(height_m - middle) <= level_m)
        # Levels closer to each other than this are one, along which the track drifts.
        is_other = all(abs(middle - other) > APART * level_m for other in middles)
        found = [(a, b) for a, b in runs(inside) if is_other and (not middles or b - a >= lasting)]
        if found:
            middles.append(middle)
        for a, b in found:
            levels[a:b] = len(middles)
        left &= ~inside
    for number, middle in enumerate(middles, start=1):
        # A foot that rolls, or whose track drifts, is a little off before it goes elsewhere.
        near = (levels == 0) & (np.abs(height_m - middle) <= 2 * level_m)
        for a, b in runs(near | (levels == number)):
            if (levels[a:b] == number).any():
                levels[a:b] = number
    return levels


def _medians(values: Float[np.ndarray, " span"], half: int) -> Float[np.ndarray, " span"]:
    padded = np.pad(values, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    found: np.ndarray = np.median(windows, axis=1)
    return found
