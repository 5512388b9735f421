"""How fast points of the feet move, and what of that is only noise of the tracking."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_MAX_NOISE_INTERVAL_S = 1.0 / 12.0
"""With longer frame intervals third differences show motion instead of noise."""
_THIRD_DIFFERENCE_GAIN = np.sqrt(20.0)
"""Standard deviation of the third difference of white noise of unit standard deviation."""
_LOWER_QUARTILE_OF_NORMAL = 0.3186
"""A quarter of a normal distribution's absolute values lies below this many sigma."""
_NOISE_SHARE = 0.3
"""A window is long enough when the noise of its slopes is below this share of the speeds that
matter."""


def foot_speeds(
    feet_m: Float[np.ndarray, "time 2 foot_point 3"],
    time_s: Float[np.ndarray, " time"],
    *,
    window_s: float,
    max_window_s: float,
    noise_sigmas: float,
    believed_m_s: float,
) -> tuple[Float[np.ndarray, "time 2 foot_point"], Float[np.ndarray, "time 2 foot_point"]]:
    """Horizontal and vertical speed of each point [m/s], the tracking noise taken off.

    Speeds are slopes over a short window, which grows until the noise of a slope is small against
    the speeds that matter. The noise is measured on the track itself. The ankle has a speed only
    where neither heel nor toe is known: it moves while the foot rolls.

    Args:
        feet_m: Ankle, heel and toe of both feet, z up [m]; NaN where unknown.
        time_s: Time of each frame [s].
        window_s: Shortest window [s].
        max_window_s: Longest window [s].
        noise_sigmas: Speed that this many sigma of the noise explain is none.
        believed_m_s: Where the noise of a slope is larger than this, nothing is known: NaN.
    """
    interval = frame_interval_s(time_s)
    noise_m = position_noise(feet_m, interval)
    half = max(1, round(window_s / 2 / interval))
    longest = max(half, int(max_window_s / 2 / interval))
    typical = float(np.nanmedian(noise_m)) if np.isfinite(noise_m).any() else 0.0
    wanted = _NOISE_SHARE * believed_m_s
    while half < longest and typical * _slope_gain(half, interval) > wanted:
        half += 1
    velocity = slopes(feet_m, time_s, half)
    drift = np.minimum(_sigma_at_rest(np.abs(velocity)), believed_m_s / max(noise_sigmas, 1.0))
    sigma = np.maximum(noise_m * _slope_gain(half, interval), drift)
    has_sole = np.isfinite(velocity[:, :, 1:, 0]).any(axis=2)
    velocity[:, :, 0][has_sole] = np.nan
    horizontal_sigma = np.sqrt(np.nansum(sigma[..., :2] ** 2, axis=-1))
    allowed = noise_sigmas * horizontal_sigma
    horizontal = _beyond(np.linalg.norm(velocity[..., :2], axis=-1), allowed)
    vertical = _beyond(np.abs(velocity[..., 2]), noise_sigmas * sigma[..., 2])
    is_hopeless = horizontal_sigma > believed_m_s
    return np.where(is_hopeless, np.nan, horizontal), np.where(is_hopeless, np.nan, vertical)


def slopes(
    values: Float[np.ndarray, "time ..."], time_s: Float[np.ndarray, " time"], half: int
) -> Float[np.ndarray, "time ..."]:
    """Slopes of least-squares lines through each frame's known neighbors.

    Args:
        values: Values; NaN where unknown.
        time_s: Time of each frame [s].
        half: Frames taken on either side.

    Returns:
        Slopes [1/s]; NaN for unknown frames and those without a known neighbor.
    """
    num_frames = len(values)
    tail = (1,) * (values.ndim - 1)
    sums = {key: np.zeros(values.shape) for key in ("n", "t", "x", "tt", "tx")}
    for offset in range(-half, half + 1):
        a, b = max(0, -offset), min(num_frames, num_frames - offset)
        if b <= a:
            continue
        x = values[a + offset : b + offset] - values[a:b]
        t = (time_s[a + offset : b + offset] - time_s[a:b]).reshape(-1, *tail)
        known = np.isfinite(x)
        x = np.where(known, x, 0.0)
        for key, term in (("n", 1.0), ("t", t), ("x", x), ("tt", t * t), ("tx", t * x)):
            sums[key][a:b] += np.where(known, term, 0.0)
    determinant = sums["n"] * sums["tt"] - sums["t"] ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (sums["n"] * sums["tx"] - sums["t"] * sums["x"]) / determinant
    return np.where(np.isfinite(values) & (sums["n"] >= 2), slope, np.nan)


def position_noise(
    feet_m: Float[np.ndarray, "time 2 foot_point 3"], interval_s: float
) -> Float[np.ndarray, "2 foot_point 3"]:
    """1-sigma of the noise from frame to frame of each coordinate [m], 0 where it cannot be told.

    From the lower quartile of third differences: a foot is at rest for at least a quarter of most
    clips, and motion hardly shows in the third difference of a resting foot.
    """
    if interval_s > _MAX_NOISE_INTERVAL_S or len(feet_m) < 8:
        return np.zeros(feet_m.shape[1:])
    third = np.abs(np.diff(feet_m, 3, axis=0))
    return _sigma_at_rest(third) / _THIRD_DIFFERENCE_GAIN


def _sigma_at_rest(
    values: Float[np.ndarray, "time 2 foot_point 3"],
) -> Float[np.ndarray, "2 foot_point 3"]:
    """Standard deviation of what is normal noise for a quarter of the time; 0 where unknown."""
    known = np.isfinite(values)
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    rank = (known.sum(axis=0) // 4)[None]
    quartile = np.take_along_axis(ordered, rank, axis=0)[0]
    return np.where(known.sum(axis=0) >= 8, quartile / _LOWER_QUARTILE_OF_NORMAL, 0.0)


def _slope_gain(half: int, interval_s: float) -> float:
    """1-sigma of a slope over `2 half + 1` frames for noise of 1 [1/s]."""
    n = 2 * half + 1
    return float(1.0 / (interval_s * np.sqrt(n * (n * n - 1) / 12.0)))


def _beyond(speed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The part of a speed that noise does not explain: they add as squares."""
    return np.sqrt(np.maximum(speed**2 - allowed**2, 0.0))


def frame_interval_s(time_s: Float[np.ndarray, " time"]) -> float:
    """Usual time between two frames [s]; 1 for a single frame."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
