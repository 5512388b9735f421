"""Things that are pasted before a hand that was filmed: they slide in and stay."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8

Kind = Literal["slab", "bar", "box"]
KINDS: tuple[Kind, ...] = ("slab", "bar", "box")
"""Over the wrist from behind, across the palm, over one side of it."""
_TEXTURES = ("stripes", "noise", "checker", "shade")
_SLIDE_FRAMES = 8
_GRAIN = 2.5


def hidden(
    pictures: Sequence[UInt8[np.ndarray, "height width 3"]],
    landmarks_px: Float[np.ndarray, "time 21 2"],
    kind: Kind,
    name: str,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The clip with a thing before the hand; which one follows from the names alone.

    Args:
        pictures: Of the clip.
        landmarks_px: Where the hand truly is in them [px].
        kind: What is pasted.
        name: Of the clip.
    """
    import cv2

    rng = np.random.default_rng(zlib.crc32(f"{name}~{kind}0".encode()))
    num, (height, width) = len(pictures), pictures[0].shape[:2]
    at = int(num * rng.uniform(0.4, 0.7))
    amount, turn = rng.uniform(0.1, 0.9), rng.uniform(-1, 1, 2)
    mask = _mask(kind, landmarks_px[at], amount, turn, (height, width)).astype(np.uint8)
    texture = _texture(rng, str(rng.choice(_TEXTURES)), height, width).astype(np.float32)
    start = int(num * rng.uniform(0.1, 0.35)) if rng.random() < 0.75 else -20
    way = rng.normal(size=2)
    way *= rng.uniform(250, 400) / np.linalg.norm(way)
    for index, picture in enumerate(pictures):
        away = way * np.clip(1 - (index - start) / _SLIDE_FRAMES, 0, 1)
        motion = np.array([[1, 0, away[0]], [0, 1, away[1]]], np.float32)
        is_covered = cv2.warpAffine(mask, motion, (width, height)) > 0
        shown = cv2.warpAffine(texture, motion, (width, height), borderMode=cv2.BORDER_REFLECT)
        image = picture.astype(float)
        image[is_covered] = shown[is_covered] + rng.normal(0, _GRAIN, (is_covered.sum(), 3))
        yield np.clip(image, 0, 255).astype(np.uint8)


def _mask(
    kind: Kind,
    landmarks_px: Float[np.ndarray, "21 2"],
    amount: float,
    turn: Float[np.ndarray, " 2"],
    shape: tuple[int, int],
) -> Bool[np.ndarray, "height width"]:
    import cv2

    wrist, palm = landmarks_px[0], landmarks_px[9] - landmarks_px[0]
    breadth = np.linalg.norm(landmarks_px[5] - landmarks_px[17])
    length = float(max(np.linalg.norm(palm), 0.6 * breadth, 20.0))
    ahead = palm / max(float(np.linalg.norm(palm)), 1e-6)
    aside = np.array([-ahead[1], ahead[0]])
    side = 1.0 if turn[0] > 0 else -1.0
    center, along, across, angle = {
        "slab": (wrist + ahead * (amount - 3) * length, 3.0, 4.0, 0.5 * turn[0]),
        "bar": (
            wrist + ahead * (0.1 + 0.8 * amount) * length,
            0.12 + 0.25 * abs(turn[1]),
            4.0,
            0.8 * turn[0],
        ),
        "box": (
            wrist + (0.3 * ahead + aside * side * (1.5 - 0.9 * amount)) * length,
            1.3,
            1.2,
            0.4 * turn[1],
        ),
    }[kind]
    u = np.cos(angle) * ahead + np.sin(angle) * aside
    v = -np.sin(angle) * ahead + np.cos(angle) * aside
    corners = [
        center + length * (a * along * u + b * across * v)
        for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))
    ]
    out = np.zeros(shape, np.uint8)
    cv2.fillPoly(out, [np.round(corners).astype(np.int32)], (1.0,))
    return np.asarray(out > 0)


def _texture(
    rng: np.random.Generator, kind: str, height: int, width: int
) -> Float[np.ndarray, "height width 3"]:
    import cv2

    image = np.tile(rng.uniform(20, 230, 3), (height, width, 1))
    y, x = np.mgrid[:height, :width]
    if kind == "stripes":
        period, angle = rng.uniform(8, 40), rng.uniform(0, np.pi)
        wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi / period)
        image[wave > 0] = rng.uniform(20, 230, 3)
    elif kind == "noise":
        coarse = rng.normal(0, 25, (height // 8, width // 8))
        fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        image = image + fine[..., None]
    elif kind == "checker":
        side = int(rng.integers(8, 30))
        image[(y // side + x // side) % 2 > 0] = rng.uniform(20, 230, 3)
    else:
        image = image * np.linspace(0.6, 1.3, width)[None, :, None]
    return np.clip(image, 0, 255)
