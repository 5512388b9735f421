"""What gravity says about a motion: how fast its clock runs, and what nothing that falls does."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.retarget.ground.body_weight import center_of_mass

GRAVITY = 9.81
"""Acceleration of what falls freely [m/s^2]."""
MAX_TIME_SCALE = 1.6
"""Largest factor between the file's clock and the one that gravity tells: common slow motion is 2
to 8 times too slow, and errors of the fit stay below 1.3 on jumps at 30 frames a second."""
_MIN_FALL_S, _MIN_FALL_FRAMES, _MAX_FALL_RESIDUAL_M = 0.2, 6, 0.03
TRUNK = [BODY_JOINTS.index(name) for name in ("pelvis", "neck")]
"""Joints whose mean falls as the body does."""
DROP_S, DROP_WEIGHTS = 0.1, 2.0
"""Nothing pulls a body down but its weight: over the first [s] its center of mass is not
accelerated downward by more than this many times gravity, half of it for what is not seen."""
_DROP_SIGMAS = 3.0
MAX_DROPPED_SHARE = 0.02
"""Share of such frames beyond which the clock is wrong and no frame is believed. At its true clock
no frame of 15 DeepMimic clips is one, on which this was chosen, nor of CMU, OMOMO, aitviewer and
PBHC, which chose nothing; with 2 cm of noise added up to 0.8 percent."""


def time_scale(
    joints_m: Float[np.ndarray, "known body_joint 3"],
    time_s: Float[np.ndarray, " known"],
    flights: list[tuple[int, int]],
) -> float | None:
    """How fast the clock runs against gravity's, from all falls that are parabolas.

    z = a + b t + c t^2 has c = -g / 2; a clock s times too fast makes g / s^2 of it.
    """
    found, weights = [], []
    for start, end in flights:
        t = time_s[start:end] - time_s[start]
        z = joints_m[start:end, TRUNK, 2].mean(axis=1)
        if len(t) < _MIN_FALL_FRAMES or t[-1] < _MIN_FALL_S or not np.isfinite(z).all():
            continue
        fit = np.polynomial.Polynomial.fit(t, z, 2)
        if np.sqrt(np.mean((fit(t) - z) ** 2)) > _MAX_FALL_RESIDUAL_M:
            continue
        found.append(-2.0 * fit.convert().coef[2])
        weights.append(t[-1])
    if not found:
        return None
    fall = float(np.average(found, weights=weights))
    return float(np.sqrt(fall / GRAVITY)) if fall > 0 else None


def drops(
    joints_m: Float[np.ndarray, "known body_joint 3"], time_s: Float[np.ndarray, " known"]
) -> Bool[np.ndarray, " known"]:
    """Frames in which the body is accelerated downward by more than its weight can.

    The acceleration is that of a parabola through the frames around each, by least squares; what
    its residual explains is taken off.
    """
    height = center_of_mass(joints_m)[:, 2]
    out = np.zeros(len(time_s), dtype=bool)
    interval_s = float(np.median(np.diff(time_s)))
    half = max(2, round(DROP_S / 2 / interval_s))
    if len(time_s) < 2 * half + 1 or not np.isfinite(height).any():
        return out
    after = np.arange(-half, half + 1) * interval_s
    fit = np.linalg.pinv(np.stack([np.ones_like(after), after, after**2], axis=1))
    windows = np.lib.stride_tricks.sliding_window_view(height, 2 * half + 1)
    parabola = windows @ fit.T
    residual = windows - parabola @ np.stack([np.ones_like(after), after, after**2])
    noise = np.sqrt((residual**2).sum(axis=1) / (2 * half - 2)) * np.linalg.norm(fit[2])
    # No frame is missing within.
    lasts_s = np.lib.stride_tricks.sliding_window_view(time_s, 2 * half + 1)
    is_whole = lasts_s[:, -1] - lasts_s[:, 0] < 1.1 * (after[-1] - after[0])
    with np.errstate(invalid="ignore"):
        acceleration = 2.0 * (parabola[:, 2] + _DROP_SIGMAS * noise)
        out[half:-half] = is_whole & (acceleration < -DROP_WEIGHTS * GRAVITY)
    return out
