"""What is done to masks of small pictures: grown, shrunk, cleaned, cut out, compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8

Mask = Bool[np.ndarray, "height width"]
_SMALL_PX = 4


def dilated(mask: Mask, px: int) -> Mask:
    """The mask, larger by so much all around."""
    import cv2

    out = np.zeros_like(mask)
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return out
    box = np.s_[max(top - px, 0) : top + height + px, max(left - px, 0) : left + width + px]
    part = np.ascontiguousarray(mask[box]).view(np.uint8)
    if px < _SMALL_PX:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
        out[box] = np.asarray(cv2.dilate(part, kernel)).view(bool)
    else:
        # Time of a kernel grows with the square of its size, that of distances does not.
        away = cv2.distanceTransform(1 - part, cv2.DIST_L2, cv2.DIST_MASK_5)
        out[box] = away <= px  # as many pixels as the ellipse has, within a few
    return out


def eroded(mask: Mask, px: int) -> Mask:
    """The mask, smaller by so much all around."""
    return ~dilated(~mask, px)


def opened(mask: Mask) -> Mask:
    """The mask without specks and hairs."""
    import cv2

    return np.asarray(
        cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    ).view(bool)


def touching(mask: Mask, seeds: Mask) -> Mask:
    """The connected parts of a mask that hold a good part of the seeds in it."""
    import cv2

    num, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    if num < 2:
        return mask
    counts = np.bincount(labels[seeds & mask], minlength=num)
    counts[0] = 0
    good = counts >= max(1, 0.15 * counts.max())
    good[0] = False
    return np.asarray(good[labels])


def overlap(a: Mask, b: Mask) -> float:
    """Intersection over union; 0 where both are empty."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def shifted(mask: Mask, by: tuple[float, float]) -> Mask:
    """The mask moved across and down, whole pixels."""
    import cv2

    M = np.array([[1, 0, round(by[0])], [0, 1, round(by[1])]], float)
    return np.asarray(
        cv2.warpAffine(mask.view(np.uint8), M, mask.shape[::-1], flags=cv2.INTER_NEAREST)
    ).view(bool)


def cut_out(
    rgb: UInt8[np.ndarray, "height width 3"], first: Mask, sure: Mask, never: Mask, *, rounds: int
) -> Mask:
    """GrabCut (Rother et al. 2004) about a first guess."""
    import cv2

    y, x = np.nonzero(first)
    if len(x) < 8:
        return np.zeros_like(first)
    pad = 12
    top, bottom = max(0, y.min() - pad), min(len(first), y.max() + pad + 1)
    left, right = max(0, x.min() - pad), min(first.shape[1], x.max() + pad + 1)
    box = np.s_[top:bottom, left:right]
    labels = np.where(first[box], cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[never[box]] = cv2.GC_BGD
    labels[sure[box]] = cv2.GC_FGD
    is_thing = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if min(is_thing.sum(), (~is_thing).sum()) < 8:
        return first
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    image = np.ascontiguousarray(rgb[box])
    grab_cut: Any = cv2.grabCut  # its stubs leave out that there need be no rectangle
    grab_cut(image, labels, None, background, foreground, rounds, cv2.GC_INIT_WITH_MASK)
    out = np.zeros_like(first)
    out[box] = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return out
