"""Which part of a picture another picture shows: a crop, scaled and perhaps mirrored.

All pictures here are squares, whatever their videos' shapes were; a crop is a share of the width
and a share of the height.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

SMALLEST = 0.5
"""Smallest share of a side that a crop keeps, of those that are found."""
_SCALES = np.arange(1.0, SMALLEST - 0.01, -0.06)
"""Sizes of the crop that are tried."""
_COARSE = 2
"""Pictures are made smaller by this for the search."""
_SEARCHED = 2
"""Moments that are searched."""
_ROUNDS, _STEP = 4, 0.004
"""Rounds of the refinement, and the step of its numerical derivative [share of a side]."""
_ROBUST = 10.0
"""Differences beyond this weigh less [levels]."""


@dataclass(frozen=True)
class Crop:
    """A part of a whole picture."""

    left: float = 0.0
    """Where it begins, as a share of the whole's width."""
    top: float = 0.0
    """Where it begins, as a share of the whole's height."""
    width: float = 1.0
    """Its share of the whole's width."""
    height: float = 1.0
    """Its share of the whole's height."""
    is_mirrored: bool = False
    """Whether it is shown mirrored left to right."""


def laid_out(
    part: Float[np.ndarray, "picture side side"], crop: Crop
) -> tuple[Float[np.ndarray, "picture side side"], Bool[np.ndarray, "side side"]]:
    """Pictures of the part in the place where they are in the whole, and which pixels they fill.

    Each pixel is the mean of what it covers of the part.
    """
    side = part.shape[-1]
    if crop.is_mirrored:
        part = part[:, :, ::-1]
    if (crop.left, crop.top, crop.width, crop.height) == (0, 0, 1, 1):
        return part, np.ones((side, side), bool)
    across, columns = _areas(side, crop.left, crop.width)
    down, rows = _areas(side, crop.top, crop.height)
    return down @ part @ across.T, np.logical_and.outer(rows, columns)


def _areas(side: int, begin: float, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the part's pixels in each pixel of the whole, and pixels that lie inside."""
    edges = (np.arange(side + 1) / side - begin) / share * side
    low, high = edges[:-1, None], edges[1:, None]
    cells = np.arange(side)[None]
    overlap = (np.minimum(high, cells + 1) - np.maximum(low, cells)).clip(min=0)
    inside = (edges[:-1] > -0.25) & (edges[1:] < side + 0.25)
    return overlap / np.maximum(overlap.sum(axis=1, keepdims=True), 1e-9), inside


def find_crop(
    whole: Float[np.ndarray, "picture side side"],
    part: Float[np.ndarray, "picture side side"],
    aspect: float,
) -> tuple[float, Crop]:
    """The likeliest crop that pictures of the part are of pictures of the whole.

    Many sizes and places, mirrored and not, to a coarse pixel.

    Args:
        whole: Pictures of one video.
        part: Pictures of the other, of the same moments.
        aspect: Width over height of the whole's video over that of the part's.

    Returns:
        Mean correlation of the pictures there, and the crop.
    """
    large, small = (_halved(p[:_SEARCHED], _COARSE) for p in (whole, part))
    side = large.shape[-1]
    best = (-1.0, Crop())
    for share in _SCALES:
        wide, high = round(share * side), round(share * aspect * side)
        if not SMALLEST * side <= high <= side:
            continue
        shrunk = _resized(side, high) @ small @ _resized(side, wide).T
        both = np.stack([shrunk, shrunk[:, :, ::-1]], axis=1)
        sought = _unit(both.reshape(len(small), 2, -1)).astype(np.float32)
        views = np.lib.stride_tricks.sliding_window_view(large, (len(large), high, wide))[0]
        scores = np.zeros((views.shape[0] * views.shape[1], 2))
        for number in range(len(large)):
            places = views[:, :, number].reshape(-1, high * wide)
            # What is sought has no mean, so that of the place does not count above the line.
            scores += places @ sought[number].T / _spreads(large[number], high, wide)[:, None]
        place, is_mirrored = np.unravel_index(int(np.argmax(scores)), scores.shape)
        score = float(scores[place, is_mirrored]) / len(large)
        if score > best[0]:
            top, left = divmod(int(place), views.shape[1])
            best = score, Crop(left / side, top / side, wide / side, high / side, bool(is_mirrored))
    return best


def _spreads(picture: np.ndarray, high: int, wide: int) -> np.ndarray:
    """Length of each window of a picture less its mean, by sums over corners."""
    size = high * wide
    sums, squares = (_window_sums(values, high, wide) for values in (picture, picture**2))
    found: np.ndarray = np.sqrt(np.maximum(squares - sums**2 / size, 1.0)).ravel()
    return found


def _window_sums(values: np.ndarray, high: int, wide: int) -> np.ndarray:
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    total[1:, 1:] = values.cumsum(axis=0, dtype=float).cumsum(axis=1)
    found: np.ndarray = (
        total[high:, wide:] - total[:-high, wide:] - total[high:, :-wide] + total[:-high, :-wide]
    )
    return found


def _resized(side: int, new: int) -> np.ndarray:
    """Matrix that makes `side` pixels `new` ones, each the mean of what it covers."""
    edges = np.arange(new + 1) * side / new
    cells = np.arange(side)[None]
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    overlap = overlap.clip(min=0)
    out: np.ndarray = overlap / overlap.sum(axis=1, keepdims=True)
    return out


def refined(
    whole: Float[np.ndarray, "picture side side"],
    part: Float[np.ndarray, "picture side side"],
    crop: Crop,
) -> Crop:
    """The crop to a fraction of a pixel: Gauss and Newton on differences, large ones weigh less.

    Brightness and contrast are free; sizes across and down are free of each other.
    """
    for _ in range(_ROUNDS):
        here, inside = laid_out(part, crop)
        if inside.sum() < 64:
            return crop
        target = whole[:, inside]
        base = here[:, inside]
        columns = []
        for name in ("left", "top", "width", "height"):
            moved = replace(crop, **{name: getattr(crop, name) + _STEP})
            columns.append((laid_out(part, moved)[0][:, inside] - base).ravel() / _STEP)
        columns += [base.ravel(), np.ones(base.size)]
        left = (target - base).ravel()
        weight = _ROBUST / np.maximum(np.abs(left - np.median(left)), _ROBUST)
        inputs = np.array(columns)
        weighed = inputs * weight
        ridge = 1e-6 * np.diag(np.maximum((weighed * inputs).sum(axis=1), 1e-6))
        step = np.linalg.solve(weighed @ inputs.T + ridge, weighed @ left)[:4].clip(-0.04, 0.04)
        crop = replace(
            crop, left=float(crop.left + step[0]), top=float(crop.top + step[1]),
            width=float(np.clip(crop.width + step[2], 0.8 * SMALLEST, 1.1)),
            height=float(np.clip(crop.height + step[3], 0.8 * SMALLEST, 1.1)),
        )  # fmt: skip
        if np.abs(step).max() < 0.1 / whole.shape[-1]:
            break
    return crop


def _halved(pictures: np.ndarray, times: int) -> np.ndarray:
    side = pictures.shape[-1] // times
    return pictures.reshape(len(pictures), side, times, side, times).mean(axis=(2, 4))


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows less their mean, of length 1."""
    off = rows - rows.mean(axis=-1, keepdims=True)
    out: np.ndarray = off / np.maximum(np.linalg.norm(off, axis=-1, keepdims=True), 1e-6)
    return out
