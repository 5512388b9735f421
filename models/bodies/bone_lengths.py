"""How long a person's bones are: their proportions from the clip, their stature from a prior.

MediaPipe tells no size: rendered people of 1.5 to 1.9 m all come out at 1.60 m.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.bodies.joints import BONE_ENDS, BONES

STATURE_PRIOR_M = 1.70
"""Standing height of an adult: 1.76 m for men and 1.63 m for women on average (ANSUR II)."""
STATURE_PRIOR_SIGMA_M = 0.10
"""Spread among adults: 7 cm within a sex, 6.5 cm between the means and the mean of both."""

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
MARKED_SHARE = 0.953
"""Bones between MediaPipe's landmarks over those that a skeleton of that stature has, such that
rendered people stand where they do: it marks other points than joints (shoulders high, hips low)
and draws what leans towards the camera too flat, which reads as 5 % more distance (3.5 to 6.0 % on
three people of `benchmarks.body_landmarks`, others than those it reports)."""


def _groups() -> Float[np.ndarray, "group bone"]:
    plain = [name.removeprefix("left_").removeprefix("right_") for name in BONES]
    return np.array([[float(name == group) for name in plain] for group in dict.fromkeys(plain)])


BONE_GROUPS = _groups()
"""Bones that are equally long: those of both sides."""


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
    of_group = BONE_GROUPS @ medians / BONE_GROUPS.sum(axis=1)
    return np.asarray(of_group @ BONE_GROUPS)


def stature_of(lengths_m: Float[np.ndarray, " bone"]) -> float:
    """Standing height of a person with these bones between MediaPipe's landmarks [m]."""
    indices = [BONES.index(name) for name in _STATURE_SHARE]
    return float(lengths_m[indices].sum() / sum(_STATURE_SHARE.values()) / MARKED_SHARE)
