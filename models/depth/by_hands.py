"""A network's depth put into meters by the hands in it, whose size is known about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

Output = Literal["depth", "inverse"]
"""Distance up to a factor; or one over it, up to a factor and a shift."""
LARGEST_SPREAD = 0.15
"""Spread of the hands' distance about the network's from frame to frame, as a share of it, beyond
which the network tells nothing that the hands' pictures do not: lifted hands are 5 to 10 % off."""
_LEAST_FRAMES = 5
"""Fewer hands in frames make no scale."""
_SURE = 0.99
"""Confidence with which inverse depth must grow where hands come nearer."""
_MOST_POINTS = 400
"""Hands in frames that a line is fitted through, evenly over the clip: all pairs are looked at."""


@dataclass(frozen=True)
class Scale:
    """How a network's numbers become meters."""

    output: Output
    factor: float
    """Meters in one of its units of depth; or inverse meters in one of inverse depth."""
    shift: float
    """Inverse meters where it says zero; 0 for depth."""
    spread: float
    """1-sigma of the distance that it gives, as a share of it, seen from the hands."""
    why_none: str = ""
    """Why it must not be used; empty where it may."""

    def meters(self, values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Distance along the camera's axis [m]; NaN where there is none."""
        inverse = self.factor * values + self.shift
        with np.errstate(divide="ignore", invalid="ignore"):
            out = self.factor * values if self.output == "depth" else 1.0 / inverse
        return np.where((out > 0) & np.isfinite(out), out, np.nan)


def none(output: Output, why: str) -> Scale:
    """No scale, and why."""
    return Scale(output, np.nan, np.nan, np.nan, why)


def scale_by_hands(
    values: Float[np.ndarray, "frame point"],
    depth_m: Float[np.ndarray, "frame point"],
    output: Output,
) -> Scale:
    """The scale by which the network's depth agrees best with that of the hands.

    Args:
        values: What the network says at each landmark of each hand in each frame, a row for each
            hand that is seen; NaN where it says nothing.
        depth_m: How far the skin at that landmark is by the lifted hand [m].
        output: What the network gives.
    """
    known = np.isfinite(values) & np.isfinite(depth_m) & (depth_m > 0)
    if output == "depth":
        known &= values > 0
    rows = known.sum(axis=1) >= values.shape[1] // 2
    if rows.sum() < _LEAST_FRAMES:
        return none(output, f"hands with depth in {int(rows.sum())} frames: too few for a scale")
    values, depth_m, known = values[rows], depth_m[rows], known[rows]
    return (
        _scale_of_depth(values, depth_m, known)
        if output == "depth"
        else _scale_of_inverse(values, depth_m, known)
    )


def _scale_of_depth(values: np.ndarray, depth_m: np.ndarray, known: np.ndarray) -> Scale:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(known, depth_m / values, np.nan)
    by_frame = np.nanmedian(ratio, axis=1)
    factor = float(np.median(by_frame))
    return _checked(Scale("depth", factor, 0.0, 0.0), values, depth_m, known)


def _scale_of_inverse(values: np.ndarray, depth_m: np.ndarray, known: np.ndarray) -> Scale:
    """The line through inverse depth of which a quarter of the hands may be wrong (Theil, Sen).

    Each hand in each frame is one point, the median of its landmarks: some of them lie on what is
    beside or before the hand.
    """
    from scipy.stats import theilslopes

    x = np.nanmedian(np.where(known, values, np.nan), axis=1)
    y = np.nanmedian(np.where(known, 1.0 / np.where(known, depth_m, 1.0), np.nan), axis=1)
    some = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).astype(int))
    if np.ptp(x) <= 1e-6 * np.abs(x).max():
        return none("inverse", "the network says the same depth everywhere")
    line = theilslopes(y[some], x[some], alpha=_SURE)
    if not line.low_slope > 0:
        return none(
            "inverse",
            "hands that are nearer are not nearer in the network's depth; is it depth, not inverse "
            "depth, or does their distance hardly change?",
        )
    scale = Scale("inverse", float(line.slope), float(line.intercept), 0.0)
    return _checked(scale, values, depth_m, known)


def _checked(
    scale: Scale,
    values: Float[np.ndarray, "frame point"],
    depth_m: Float[np.ndarray, "frame point"],
    known: Bool[np.ndarray, "frame point"],
) -> Scale:
    """The scale with what it is good for, or why it is for nothing."""
    seen_m = np.where(known, scale.meters(values), np.nan)
    with np.errstate(all="ignore"):
        by_frame = np.log(np.nanmedian(np.where(known, depth_m / seen_m, np.nan), axis=1))
    by_frame = by_frame[np.isfinite(by_frame)]
    if len(by_frame) < _LEAST_FRAMES:
        return none(scale.output, "the network's depth of the hands is behind the camera")
    spread = 1.4826 * float(np.median(np.abs(by_frame - np.median(by_frame))))
    if spread > LARGEST_SPREAD:
        return none(
            scale.output,
            f"the network's distance of the hands differs from theirs by {100 * spread:.0f} % "
            "from frame to frame",
        )
    return Scale(scale.output, scale.factor, scale.shift, spread)
