"""Scalars that say how far a hand is closed. All are blind to where the hand is and to its side."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

THUMB_TIP, INDEX_TIP = 4, 8
FINGERTIPS = (8, 12, 16, 20)
FINGER_CHAINS = ((0, 5, 6, 7, 8), (0, 9, 10, 11, 12), (0, 13, 14, 15, 16), (0, 17, 18, 19, 20))
PALM = (0, 5, 9, 13, 17)


def aperture(joints_m: Float[np.ndarray, "*batch 21 3"]) -> Float[np.ndarray, "*batch"]:
    """Distance from thumb tip to index tip [m]: the width of the gripper that the two form.

    Landmarks lie inside the fingertips, so pads that touch are still 10 to 30 mm apart here.
    """
    tips = joints_m[..., THUMB_TIP, :] - joints_m[..., INDEX_TIP, :]
    return np.asarray(np.linalg.norm(tips, axis=-1))


def thumb_to_fingertips(
    joints_m: Float[np.ndarray, "*batch 21 3"],
) -> Float[np.ndarray, "*batch 4"]:
    """Distances from the thumb tip to the tips of index, middle, ring and little finger [m]."""
    tips = joints_m[..., FINGERTIPS, :] - joints_m[..., None, THUMB_TIP, :]
    return np.asarray(np.linalg.norm(tips, axis=-1))


def pinch_distance(joints_m: Float[np.ndarray, "*batch 21 3"]) -> Float[np.ndarray, "*batch"]:
    """Distance from thumb tip to the nearer of index and middle tip [m]; people pinch with both."""
    return np.asarray(thumb_to_fingertips(joints_m)[..., :2].min(axis=-1))


def hand_opening(joints_m: Float[np.ndarray, "*batch 21 3"]) -> Float[np.ndarray, "*batch"]:
    """How far the whole hand is open [m]: 20 mm in a fist, 40 to 90 around things, 120 flat.

    Mean of the pinch distance and of the median distance from the thumb tip to the four
    fingertips (the thumb against the "virtual finger" of the others, Iberall 1987). The median
    leaves out a single finger that points or beckons.
    """
    distances = thumb_to_fingertips(joints_m)
    return np.asarray(0.5 * (distances[..., :2].min(axis=-1) + np.median(distances, axis=-1)))


def finger_curl(joints_m: Float[np.ndarray, "*batch 21 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Bend of index, middle, ring and little finger from wrist to tip [rad], 0 when straight.

    The sum of the angles between neighboring segments: a fist reaches 4 to 5 rad; a flat hand
    of the landmark model stays near 1 rad.
    """
    chains = np.stack([joints_m[..., chain, :] for chain in FINGER_CHAINS], axis=-3)
    bones = np.diff(chains, axis=-2)
    before, after = bones[..., :-1, :], bones[..., 1:, :]
    across = np.linalg.norm(np.cross(before, after), axis=-1)
    return np.asarray(np.arctan2(across, np.sum(before * after, axis=-1)).sum(axis=-1))


def palm_center(joints_m: Float[np.ndarray, "*batch 21 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Mean of wrist and finger roots [m]: moves with the hand, not with the fingers."""
    return np.asarray(joints_m[..., PALM, :].mean(axis=-2))
