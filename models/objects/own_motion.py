"""Which pixels about a segment go with it, and which stay with the background."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.objects.masks import Mask, dilated
from rotoscope.models.objects.views import Views

MOVES_CLEARLY_PX = 1.2
"""From this motion of the segment on, what stays is told from it [px of the small picture]."""
BETTER_LEVELS = 8.0
"""So much better one of two motions must explain a pixel to be its own [gray levels]."""
PART_LEVELS = 1.5
"""A part that the background's motion explains so much better, in the mean, stays [gray levels]."""
BAND_PX = 5
"""How far an outline is looked for from where the flow puts it [px of the small picture]."""

Better = Float[np.ndarray, "height width"]
"""By how much the background's motion explains a pixel better than the segment's [gray levels];
negative the other way, 0 where it cannot be told."""


def better_as_ground(views: Views, t: int, mask: Mask) -> Better:
    """What the two motions say of the pixels about a segment; nothing where it hardly moves.

    The segment's motion is one step, its median: dense flow near its outline is smeared over what
    stays.
    """
    import cv2

    out = np.zeros(mask.shape, np.float32)
    if not mask.any():
        return out
    y, x = np.nonzero(dilated(mask, 2 * BAND_PX + 20))
    box = np.s_[y.min() : y.max() + 1, x.min() : x.max() + 1]
    grid = np.stack(
        np.meshgrid(np.arange(x.min(), x.max() + 1), np.arange(y.min(), y.max() + 1)), -1
    )
    here = views.gray[t][box].astype(np.float32)
    as_ground: list[np.ndarray] = []
    as_mask: list[np.ndarray] = []
    for there, step in ((t + 1, views.forward[t]), (t - 1, views.backward[t])):
        if not 0 <= there < len(views.gray):
            continue
        ground = step.background_in(box)
        own = np.median(step.flow[mask], axis=0)
        if np.linalg.norm(own - ground[mask[box]].mean(axis=0)) < MOVES_CLEARLY_PX:
            continue
        for to, residuals in ((grid + ground, as_ground), (grid + own, as_mask)):
            at = to.astype(np.float32)
            moved = cv2.remap(views.gray[there], at[..., 0], at[..., 1], cv2.INTER_LINEAR)
            residuals.append(cv2.blur(np.abs(here - moved), (3, 3)))
    if as_ground:
        out[box] = np.min(as_mask, axis=0) - np.min(as_ground, axis=0)
    return out


def going_parts(mask: Mask, better: Better) -> Mask:
    """The mask without connected parts that stay: something of its colors that lies apart."""
    import cv2

    num, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    if num < 3:
        return mask
    largest = 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    out = mask.copy()
    for part in range(1, num):
        own = labels == part
        if part != largest and float(better[dilated(own, 2)].mean()) > PART_LEVELS:
            out[own] = False
    return out
