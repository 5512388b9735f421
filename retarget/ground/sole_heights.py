"""Heights of soles, and of what they rest on."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, runs

FOOT_POINTS = ("ankle", "heel", "toe")
"""Points of a foot, in the order of every `foot_point` axis here."""
POINT_HEIGHT_M = np.array([0.08, 0.02, 0.02])
"""Height of each over the sole of a foot that stands flat [m]: an adult's, to about 1 cm."""
_LOWER_FLOOR_M = 0.08
"""A lasting contact this much lower is on another floor, not on the same one seen badly [m]."""
_SAME_LEVEL_M = 0.02
"""Contacts that differ by less than this in height rest on the same floor [m]."""


def feet_of(
    joints_m: Float[np.ndarray, "time body_joint 3"],
) -> Float[np.ndarray, "time 2 foot_point 3"]:
    """Ankle, heel and toe of the left and the right foot out of `BODY_JOINTS` [m]."""
    index = [[BODY_JOINTS.index(f"{side}_{point}") for point in FOOT_POINTS] for side in SIDES]
    return joints_m[:, np.array(index)]


def sole_heights(
    feet_world_m: Float[np.ndarray, "time 2 foot_point 3"], *, still: Bool[np.ndarray, "time 2"]
) -> Float[np.ndarray, "time 2 foot_point"]:
    """Height of the sole below each point, as if the foot were flat [m]; NaN where unknown.

    How high each point lies over the sole is `POINT_HEIGHT_M`, corrected by what the still feet
    of this person and this source show relative to the lowest kind of point, by up to 6 cm.
    """
    z = feet_world_m[..., 2] - POINT_HEIGHT_M
    # The ankle of a foot that lies on its back is lower than of one that stands.
    z[..., 0] = np.where(np.isfinite(z[..., 1:]).any(axis=2), np.nan, z[..., 0])
    seen = z[still]
    known = [kind for kind in range(len(FOOT_POINTS)) if np.isfinite(seen[:, kind]).any()]
    # Compared within each frame, because the feet may have rested on different heights.
    kinds = np.array(
        [known_median(seen[:, k] - seen[:, known[-1]]) for k in range(z.shape[2])] if known else []
    )
    if np.isfinite(kinds).any():
        z = z - np.clip(np.nan_to_num(kinds - np.nanmin(kinds)), 0.0, 0.06)
    return z


def resting_height(heights_m: Float[np.ndarray, "span foot_point"]) -> float:
    """Height of one resting foot [m]: the lowest of its points, each the median over the span.

    The median comes first, so that neither noise nor a heel that leaves early pulls it. NaN where
    nothing is known.
    """
    medians = [known_median(column) for column in heights_m.T]
    return min(medians, key=lambda height: (np.isnan(height), height))


def resting_heights(
    contact: Bool[np.ndarray, "time 2"], heights_m: Float[np.ndarray, "time 2 foot_point"]
) -> Float[np.ndarray, "time 2"]:
    """`resting_height` of each contact in all its frames [m]; NaN where a foot does not rest."""
    out = np.full(contact.shape, np.nan)
    for foot in range(contact.shape[1]):
        for start, end in runs(contact[:, foot]):
            out[start:end, foot] = resting_height(heights_m[start:end, foot])
    return out


def ground_height(
    contact: Bool[np.ndarray, "time 2"],
    heights_m: Float[np.ndarray, "time 2 foot_point"],
    *,
    min_frames: float = np.inf,
) -> float:
    """Height of the ground [m]: what the lowest tenth of all contact time rests on.

    Or a floor that is lower yet, on which a foot rests for `min_frames` at least. The mean of all
    contacts within 2 cm of that one is taken. NaN where no foot ever rested.
    """
    found = [
        (resting_height(heights_m[start:end, foot]), end - start)
        for foot in range(contact.shape[1])
        for start, end in runs(contact[:, foot])
    ]
    rows = np.array(sorted(row for row in found if np.isfinite(row[0]))).reshape(-1, 2)
    if len(rows) == 0:
        return float("nan")
    height, frames = rows.T
    lowest = height[np.searchsorted(np.cumsum(frames) / frames.sum(), 0.1)]
    # Who stands on a box for long and steps down at last has a lower ground yet.
    lower = (height < lowest - _LOWER_FLOOR_M) & (frames >= min_frames)
    if lower.any():
        lowest = height[lower][0]
    near = np.abs(height - lowest) <= _SAME_LEVEL_M
    return float(np.average(height[near], weights=frames[near]))


def known_mean(points_m: Float[np.ndarray, "time 2 foot_point axis"]) -> np.ndarray:
    """Mean of each foot's known points, shape (time, 2, axis); NaN where none is known."""
    seen = np.isfinite(points_m).all(axis=3, keepdims=True)
    total = np.where(seen, points_m, 0.0).sum(axis=2)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = total / seen.sum(axis=2)
    return mean


def known_median(values: Float[np.ndarray, " n"]) -> float:
    """Median of what is known; NaN where nothing is."""
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) else float("nan")
