"""Which points belong to the background: those that turn with the picture for as long as they last.

A thing that a hand moves may have more corners than everything behind it, and fill half of the
picture; in one pair of frames nothing tells the two apart. Over their lives they differ: what is
moved rests and starts, so that it agrees with no one rotation throughout, while what stands still
agrees with one in every pair of frames. So several rotations are kept for each pair, and points and
pairs choose each other: the rotation of a pair is the one that trusted points agree with, a point
is trusted as often as it agreed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.camera.background import Background
from rotoscope.models.camera.rotation import INLIER_PX, fit_rotation, residuals_px

GAP_FRAMES = 3
"""Distance of the two frames of a pair. What is moved slowly shows over three frames; over more,
fewer points last."""
NUM_ROTATIONS = 3
"""Rotations that are kept for a pair: of the background, and of two things before it."""
AGREES_PX = 0.6
"""Nearer to where a rotation puts it a point agrees with it [px of the small picture]."""
MIN_SHARED = 8
"""Fewer points that two frames share give no rotation."""
NUM_ROUNDS = 6
"""Points and pairs have chosen each other after three or four rounds."""


@dataclass(frozen=True, eq=False)
class _Pair:
    ids: Int[np.ndarray, " point"]
    share: Float[np.ndarray, " point"]
    errors_px: Float[np.ndarray, "rotation point"]


def find_trust(seen: Background) -> Float[np.ndarray, " id"]:
    """Share of its pairs of frames in which each point agreed with the camera's rotation, by id.

    One more agreement is counted than there was, so that a point in no pair is trusted.
    """
    rng = np.random.default_rng(0)
    frames = range(GAP_FRAMES, seen.num_frames, GAP_FRAMES)
    pairs = [pair for t in frames if (pair := _pair(seen, t - GAP_FRAMES, t, rng)) is not None]
    trust: np.ndarray = np.ones(int(seen.ids.max(initial=-1)) + 1)
    for _ in range(NUM_ROUNDS):
        agreed, told = np.ones(len(trust)), np.ones(len(trust))
        for pair in pairs:
            cost = np.minimum(pair.errors_px, INLIER_PX) @ (pair.share * trust[pair.ids])
            agreed[pair.ids] += pair.errors_px[int(np.argmin(cost))] < AGREES_PX
            told[pair.ids] += 1
        trust = agreed / told
    return trust


def _pair(seen: Background, first: int, second: int, rng: np.random.Generator) -> _Pair | None:
    """Rotations of the pair, each of the points that the ones before it left over."""
    slots = seen.shared(first, second)
    share = seen.shares(second, slots)
    a, b = seen.rays[first, slots], seen.rays[second, slots]
    left = np.arange(len(slots))
    found: list[np.ndarray] = []
    while len(found) < NUM_ROTATIONS and len(left) >= MIN_SHARED:
        R, _, _ = fit_rotation(a[left], b[left], seen.focal_px, rng, share[left])
        errors_px = residuals_px(R, a, b, seen.focal_px)
        found.append(errors_px)
        rest = left[errors_px[left] > INLIER_PX]
        if len(rest) == len(left):
            break
        left = rest
    return _Pair(seen.ids[second, slots], share, np.array(found)) if found else None
