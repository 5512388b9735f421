"""Whether two videos that can be laid onto each other show the same, where things move.

Two takes of one scene by one camera share all that rests, and may share when things move; a copy
also shares where each moving part is at each moment. So pictures are laid onto each other in time
and space, and what is not explained by a fraction of a pixel or by the encoder is counted, among
the pixels where something moves, in each part of the time by itself: takes may begin alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.duplicates.crops import Crop, laid_out
from rotoscope.pipeline.duplicates.fingerprint import Fingerprint, nearest

NUM_SAMPLES, PARTS = 30, 5
"""Moments that are compared, and parts of the time that are judged by themselves."""
_NUM_SEARCHED = 10
"""Moments by which the lag is refined."""
_FINE_S = np.arange(-4, 5) / 60
"""Lags around the coarse one that are tried [s]."""
MOVES = 12.0
"""Difference from the usual brightness of a pixel from which on something moves there [levels]."""
_NOISE, _OF_GRADIENT = 5.0, 0.4
"""What differs between copies: levels, and a share of the steepest change to a neighbor."""
MIN_PIXELS = 40
"""Fewer moving pixels in a part of the time say nothing."""


@dataclass(frozen=True)
class Agreement:
    """How well one video fits onto another."""

    lag_s: float
    """Time of the whole when the part begins [s]."""
    overlap_s: float
    """Time that both show [s]."""
    differing: float
    """Share of the moving pixels that differ, in the worst part of the time, 0..1; NaN where
    nothing moves."""
    resting: float
    """Share of the resting pixels that differ, 0..1."""


def agreement(whole: Fingerprint, part: Fingerprint, crop: Crop, lag_s: float) -> Agreement | None:
    """Lays the part onto the whole; `None` where they have no moment in common.

    Args:
        whole: The video that shows more.
        part: The one that shows a crop of it.
        crop: Which.
        lag_s: Time of the whole when the part begins, to a tenth of a second [s].
    """
    best = min(
        (found for fine in _FINE_S if (found := _at(whole, part, crop, lag_s + fine, _NUM_SEARCHED))),
        key=lambda found: found[0],
        default=None,
    )
    if best is None:
        return None
    found = _at(whole, part, crop, best[1], NUM_SAMPLES)
    return None if found is None else found[2]


def _at(
    whole: Fingerprint, part: Fingerprint, crop: Crop, lag_s: float, count: int
) -> tuple[float, float, Agreement] | None:
    """Mean difference where something moves, the lag, and the agreement, at a lag."""
    pair = aligned(whole, part, lag_s, count)
    if pair is None:
        return None
    ours, theirs, overlap_s = pair
    placed, inside = laid_out(theirs, crop)
    a, b = ours[:, inside], placed[:, inside]
    b = matched_light(a, b)
    moves = moving(a) | moving(b)
    steep = np.maximum(steepness(ours), steepness(np.where(inside, placed, ours)))[:, inside]
    off = np.abs(a - b)
    differs = off > _NOISE + _OF_GRADIENT * steep
    parts = np.array_split(np.arange(len(a)), PARTS if count >= NUM_SAMPLES else 1)
    shares = [
        float(differs[rows][moves[rows]].mean())
        for rows in parts
        if moves[rows].sum() >= MIN_PIXELS
    ]
    rests = ~moves
    told = Agreement(
        lag_s,
        overlap_s,
        max(shares) if shares else float("nan"),
        float(differs[rests].mean()) if rests.any() else 0.0,
    )
    return (float(off[moves].mean()) if moves.any() else float(off.mean())), lag_s, told


def aligned(
    whole: Fingerprint, part: Fingerprint, lag_s: float, count: int
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Pictures of both videos at moments evenly over the time that both show, and that time [s]."""
    begin = max(float(part.times_s[0]), float(whole.times_s[0]) - lag_s)
    end = min(float(part.times_s[-1]), float(whole.times_s[-1]) - lag_s)
    if end <= begin:
        return None
    wanted = np.linspace(begin, end, count)
    theirs = nearest(part.times_s, wanted)
    ours = nearest(whole.times_s, part.times_s[theirs] + lag_s)
    return (
        whole.pictures[ours].astype(np.float32),
        part.pictures[theirs].astype(np.float32),
        end - begin,
    )


def matched_light(
    ours: Float[np.ndarray, "time pixel"], theirs: Float[np.ndarray, "time pixel"]
) -> Float[np.ndarray, "time pixel"]:
    """The other's pixels with one gain and offset, by least squares without what differs most."""
    a, b = ours.ravel()[::7], theirs.ravel()[::7]
    keep = np.ones(len(a), bool)
    gain, offset = 1.0, 0.0
    for _ in range(2):
        spread = float(b[keep].var())
        gain = float(np.cov(a[keep], b[keep])[0, 1]) / spread if spread > 1 else 1.0
        gain = float(np.clip(gain, 0.6, 1.6))
        offset = float(a[keep].mean() - gain * b[keep].mean())
        off = np.abs(a - gain * b - offset)
        keep = off <= max(float(np.quantile(off, 0.8)), 1.0)
    return gain * theirs + offset


def moving(pixels: Float[np.ndarray, "time pixel"]) -> Bool[np.ndarray, "time pixel"]:
    """Where and when a pixel is not as it usually is."""
    found: np.ndarray = np.abs(pixels - np.median(pixels, axis=0)) > MOVES
    return found


def steepness(pictures: Float[np.ndarray, "time h w"]) -> Float[np.ndarray, "time h w"]:
    """Largest difference to one of the four neighbors [levels]."""
    out = np.zeros_like(pictures)
    across = np.abs(np.diff(pictures, axis=2))
    down = np.abs(np.diff(pictures, axis=1))
    np.maximum(out[:, :, 1:], across, out=out[:, :, 1:])
    np.maximum(out[:, :, :-1], across, out=out[:, :, :-1])
    np.maximum(out[:, 1:], down, out=out[:, 1:])
    np.maximum(out[:, :-1], down, out=out[:, :-1])
    return out
