"""Whether two videos that can be laid onto each other show the same, where things move.

Two takes of one scene by one camera share all that rests, and may share when things move; a copy
also shares where each moving part is at each moment. So pictures are laid onto each other in time
and space, and what differs is weighed by the steepness of the picture: both what is a fraction of a
pixel off and what an encoder blurs differ by a share of it. That share where something moves is
held against the share where all rests, which says how well a copy of this pair can fit at all; in
the part of the time in which it is worst, since takes may begin alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.duplicates.crops import Crop, laid_out
from rotoscope.pipeline.duplicates.fingerprint import Fingerprint, nearest

PARTS = 5
"""Parts of the time that are judged by themselves."""
_NUM_SEARCHED = 8
"""Moments by which the lag is refined."""
_FINE_S = np.arange(-4, 5) / 60
"""Lags around the coarse one that are tried [s]."""
MOVES = 12.0
"""Difference from the usual brightness of a pixel from which on something moves there [levels]."""
_NOISE, _STEEP, _FLOOR = 2.0, 10.0, 0.02
"""What differs anyway [levels]; steepness from which on a pixel counts [levels]; what is added to
the share where all rests, so that copies without any error can be divided by it."""
MIN_PIXELS = 40
"""Fewer moving pixels in a part of the time say nothing."""


@dataclass(frozen=True)
class Agreement:
    """How well one video fits onto another."""

    lag_s: float
    """Time of the whole when the part begins [s]."""
    overlap_s: float
    """Time that both show [s]."""
    resting: float
    """Mean difference over steepness where all rests; 0 is none."""
    moving: float
    """The same where something moves, in the worst part of the time; NaN where nothing moves."""

    @property
    def ratio(self) -> float:
        """How much worse what moves fits than what rests: about 1 for copies."""
        return self.moving / (self.resting + _FLOOR)


def agreement(
    whole: Fingerprint, part: Fingerprint, crop: Crop, lag_s: float, *, count: int
) -> Agreement | None:
    """Lays the part onto the whole; `None` where they have no moment in common.

    Args:
        whole: The video that shows more.
        part: The one that shows a crop of it.
        crop: Which.
        lag_s: Time of the whole when the part begins, to a twentieth of a second [s].
        count: Moments that are compared.
    """
    best_s = _best_lag(whole, part, crop, lag_s)
    if best_s is None:
        return None
    pair = aligned(whole, part, best_s, count)
    return None if pair is None else _told(*pair, crop, best_s)


def _told(
    ours: Float[np.ndarray, "time side side"],
    theirs: Float[np.ndarray, "time side side"],
    overlap_s: float,
    crop: Crop,
    lag_s: float,
) -> Agreement:
    """The agreement of pictures of the same moments."""
    placed, inside = laid_out(theirs, crop)
    a, b = ours[:, inside], placed[:, inside]
    b = matched_light(a, b)
    steep = np.maximum(steepness(ours), steepness(placed))[:, inside]
    off = np.abs(a - b) / (_NOISE + steep)
    counts = steep > _STEEP
    moves = (moving(a) | moving(b)) & counts
    rests = counts & ~moves
    shares = [
        float(off[rows][moves[rows]].mean())
        for rows in np.array_split(np.arange(len(a)), PARTS)
        if moves[rows].sum() >= MIN_PIXELS
    ]
    resting = float(off[rests].mean()) if rests.any() else float(off.mean())
    return Agreement(lag_s, overlap_s, resting, max(shares) if shares else float("nan"))


def _best_lag(whole: Fingerprint, part: Fingerprint, crop: Crop, lag_s: float) -> float | None:
    """The lag near a coarse one at which what moves differs least; `None` without overlap."""
    found = _moments(whole, part, lag_s, _NUM_SEARCHED)
    if found is None:
        return None
    _, rows, _ = found
    placed, inside = laid_out(part.pictures[rows].astype(np.float32), crop)
    inside = inside[::2, ::2]
    theirs = placed[:, ::2, ::2][:, inside]
    moves = moving(theirs)
    if not moves.any():
        moves[:] = True
    costs = []
    for fine_s in lag_s + _FINE_S:
        near = nearest(whole.times_s, part.times_s[rows] + fine_s)
        ours = whole.pictures[near][:, ::2, ::2][:, inside]
        costs.append(float(np.abs(ours - theirs)[moves].mean()))
    return float(lag_s + _FINE_S[int(np.argmin(costs))])


def misfit(
    ours: Float[np.ndarray, "time side side"], theirs: Float[np.ndarray, "time side side"]
) -> float:
    """Mean difference over steepness of pictures as they are, over all that is steep."""
    steep = steepness(ours)
    counts = steep > _STEEP
    b = matched_light(ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1))
    off = np.abs(ours - b.reshape(ours.shape)) / (_NOISE + steep)
    return float(off[counts].mean()) if counts.any() else float("inf")


def aligned(
    whole: Fingerprint, part: Fingerprint, lag_s: float, count: int
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Pictures of both videos at moments evenly over the time that both show, and that time [s]."""
    found = _moments(whole, part, lag_s, count)
    if found is None:
        return None
    ours, theirs, overlap_s = found
    return (
        whole.pictures[ours].astype(np.float32),
        part.pictures[theirs].astype(np.float32),
        overlap_s,
    )


def _moments(
    whole: Fingerprint, part: Fingerprint, lag_s: float, count: int
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Numbers of pictures of both, and the time that both show [s]."""
    begin = max(float(part.times_s[0]), float(whole.times_s[0]) - lag_s)
    end = min(float(part.times_s[-1]), float(whole.times_s[-1]) - lag_s)
    if end <= begin:
        return None
    theirs = nearest(part.times_s, np.linspace(begin, end, count))
    return nearest(whole.times_s, part.times_s[theirs] + lag_s), theirs, end - begin


def matched_light(
    ours: Float[np.ndarray, "time pixel"], theirs: Float[np.ndarray, "time pixel"]
) -> Float[np.ndarray, "time pixel"]:
    """The other's pixels with one gain and offset, by least squares without what differs most."""
    a, b = ours.ravel()[::7], theirs.ravel()[::7]
    gain, offset = 1.0, 0.0
    for _ in range(2):
        middle_a, middle_b = float(a.mean()), float(b.mean())
        spread = float(((b - middle_b) ** 2).mean())
        if spread > 1:
            gain = float(((a - middle_a) * (b - middle_b)).mean()) / spread
        gain = float(np.clip(gain, 0.6, 1.6))
        offset = middle_a - gain * middle_b
        off = np.abs(a - gain * b - offset)
        keep = off <= max(1.5 * float(off.mean()), 1.0)
        a, b = a[keep], b[keep]
    return (gain * theirs + offset).astype(np.float32)


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
