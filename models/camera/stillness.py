"""Whether the camera stands still: told by cells of the picture, not by shares of points.

What moves in front of a still camera may carry most of the points; a camera that moves carries
all of them. So a few cells that hold still are enough, and one that does not proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from rotoscope.models.camera.background import Background

STILL_PX = 0.6
"""A point that is nearer than this to where it was holds still [px at 640 px across]. Followed
points of still scenes wander by .1 to .24 px."""
MIN_STILL_CELLS = 5
"""Of 16. With five, eleven still clips were called still and none of five moving ones was; a
still picture laid over a moving one (a logo) rarely reaches so far."""
MAX_MOVED_SHARE = 0.02
"""Frames of a still clip that may look moved, as in a flash of light."""
MIN_TESTED_SHARE = 0.5
"""A clip of which less than this could be tested is not called still."""


@dataclass(frozen=True, eq=False)
class Stillness:
    """What each frame says about the camera's standing still."""

    is_still: Bool[np.ndarray, " time"]
    """Enough cells hold still."""
    is_tested: Bool[np.ndarray, " time"]
    """There were points in enough cells to say so."""

    @property
    def is_clip_still(self) -> bool:
        """All of the clip, but for a frame here and there, and what cannot be tested."""
        num_moved = int((self.is_tested & ~self.is_still).sum())
        num_frames = len(self.is_still)
        return (
            num_moved <= MAX_MOVED_SHARE * num_frames
            and int(self.is_still.sum()) >= MIN_TESTED_SHARE * num_frames
        )

    @property
    def is_clip_moved(self) -> bool:
        """There was enough to see in most of the clip, and mostly it did not hold still."""
        num_tested = int(self.is_tested.sum())
        num_rested = int((self.is_tested & self.is_still).sum())
        return num_tested >= MIN_TESTED_SHARE * len(self.is_still) and 2 * num_rested < num_tested


def find_stillness(seen: Background) -> Stillness:
    """Compares every point with where it was when it was first seen by the camera at rest.

    Points that are found while the camera is where it began count from there, so that a clip may
    be longer than any of its points lasts.
    """
    num_frames = seen.num_frames
    is_still, is_tested = np.zeros(num_frames, bool), np.zeros(num_frames, bool)
    rest_px = np.full(seen.points_px.shape[1:], np.nan)
    held = np.full(seen.ids.shape[1], -1, seen.ids.dtype)
    for t in range(num_frames):
        ids = seen.ids[t]
        rest_px[ids != held] = np.nan
        held = ids
        known = np.flatnonzero((ids >= 0) & np.isfinite(rest_px[:, 0]))
        away_px = np.linalg.norm(seen.points_px[t, known] - rest_px[known], axis=1)
        is_tested[t] = seen.num_cells(t, known) >= MIN_STILL_CELLS
        is_still[t] = seen.num_cells(t, known[away_px < STILL_PX]) >= MIN_STILL_CELLS
        if is_still[t]:
            is_new = (ids >= 0) & ~np.isfinite(rest_px[:, 0])
            rest_px[is_new] = seen.points_px[t, is_new]
        elif not is_tested[t] and not is_still[:t].any():
            rest_px = np.where(ids[:, None] >= 0, seen.points_px[t], np.nan)  # begins anew
    return Stillness(is_still, is_tested)
