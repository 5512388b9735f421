"""How long a person's bones are: their proportions from the clip, their stature from a prior."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from models.body_joints import BONE_ENDS, BONES

STATURE_PRIOR_M = 1.70
"""Standing height of an adult: 1.76 m for men and 1.63 m for women on average (ANSUR II)."""
STATURE_PRIOR_SIGMA_M = 0.10
"""Spread among adults: 7 cm within a sex, 6.5 cm between the means and the mean of both."""
MODEL_SIGMA_REL = 0.12
"""How far the landmark model's own scale may be wrong: one picture does not tell it."""

_STATURE_SHARE = {
    "spine": 0.288,
    "head": 0.118,
    "left_thigh": 0.245,
    "right_thigh": 0.245,
    "left_shank": 0.246,
    "right_shank": 0.246,
}
"""Length over stature: hip at 0.530, knee at 0.285, ankle at 0.039, shoulder at 0.818 and eye at
0.936 of the standing height (Drillis and Contini 1966)."""


def bone_lengths(
    lengths_m: Float[np.ndarray, "time bone"], is_seen: Bool[np.ndarray, "time body_joint"]
) -> Float[np.ndarray, " bone"]:
    """Constant lengths of the bones [m]: medians over the clip, alike on both sides.

    Args:
        lengths_m: Lengths in each frame [m].
        is_seen: Joints that were seen; bones with an unseen end count only if they have it always.
    """
    has_both = ~(~is_seen @ (BONE_ENDS != 0).T)
    medians = np.array(
        [
            np.median(lengths_m[seen, b] if seen.any() else lengths_m[:, b])
            for b, seen in enumerate(has_both.T)
        ]
    )
    return np.array([medians[_both_sides(name)].mean() for name in BONES])


def _both_sides(name: str) -> list[int]:
    bone = name.removeprefix("left_").removeprefix("right_")
    return [i for i, n in enumerate(BONES) if n in (bone, f"left_{bone}", f"right_{bone}")]


def stature_of(lengths_m: Float[np.ndarray, " bone"]) -> float:
    """Standing height of a person with these bones [m]."""
    indices = [BONES.index(name) for name in _STATURE_SHARE]
    return float(lengths_m[indices].sum() / sum(_STATURE_SHARE.values()))


def likely_stature(model_m: float) -> tuple[float, float]:
    """Stature of an adult that the landmark model takes for `model_m` tall: mean and 1-sigma [m].

    The product of two normal distributions of the logarithm, the prior's and the model's.
    """
    prior_rel = STATURE_PRIOR_SIGMA_M / STATURE_PRIOR_M
    trust = prior_rel**2 / (prior_rel**2 + MODEL_SIGMA_REL**2)
    stature_m = STATURE_PRIOR_M * (model_m / STATURE_PRIOR_M) ** trust
    return float(stature_m), float(stature_m * prior_rel * np.sqrt(1.0 - trust))
