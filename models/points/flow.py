"""Lucas and Kanade's pyramidal flow, forward and back (Bouguet 2001, Kalal et al. 2010)."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

WINDOW_PX = 15
LEVELS = 3


def follow_both_ways(
    before: UInt8[np.ndarray, "height width"],
    now: UInt8[np.ndarray, "height width"],
    points: Float[np.ndarray, "point 2"],
    *,
    guess: Float[np.ndarray, "point 2"] | None = None,
    levels: int = LEVELS,
) -> tuple[Float[np.ndarray, "point 2"], Float[np.ndarray, " point"]]:
    """Points in the next picture, and how far from its start each ends when followed back [px].

    The distance is infinite where a point was lost.
    """
    import cv2

    start = np.ascontiguousarray(points, np.float32).reshape(-1, 1, 2)
    first = start if guess is None else np.ascontiguousarray(guess, np.float32).reshape(-1, 1, 2)
    flow: Any = cv2.calcOpticalFlowPyrLK
    options: dict[str, Any] = {
        "winSize": (WINDOW_PX, WINDOW_PX),
        "maxLevel": levels,
        "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03),
        "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
    }
    there, found, _ = flow(before, now, start, first.copy(), **options)
    # Back as far as the guess led, not to the start itself, from which everything would come back.
    back, found_back, _ = flow(now, before, there, there - (first - start), **options)
    off_px = np.linalg.norm((back - start).reshape(-1, 2), axis=1)
    lost = (found.reshape(-1) == 0) | (found_back.reshape(-1) == 0)
    return there.reshape(-1, 2), np.where(lost, np.inf, off_px)
