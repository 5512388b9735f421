"""Things that look like hands and are none: drawn hands that move, pictures of hands on walls."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import UInt8

WIDTH, HEIGHT, RATE_HZ, NUM_FRAMES = 640, 480, 30.0, 75

Picture = UInt8[np.ndarray, "height width 3"]
_Stroke = tuple[tuple[float, float], tuple[float, float], float]
"""From where to where, and how thick; a palm's half is about 0.3."""

_FINGERS = ((-0.24, 0.5), (-0.08, 0.6), (0.08, 0.56), (0.24, 0.42))


def drawn(*, seed: int, color: tuple[int, int, int], has_outline: bool = True) -> Iterator[Picture]:
    """A hand of five fingers, filled with one color, that waves and closes before flat shapes."""
    rng = np.random.default_rng(seed)
    wall = np.full((HEIGHT, WIDTH, 3), rng.integers(120, 240, 3), np.uint8)
    for _ in range(25):
        corner = rng.integers(0, (WIDTH, HEIGHT))
        far = corner + rng.integers(30, 160, 2)
        shade = rng.integers(80, 255, 3).tolist()
        cv2.rectangle(wall, corner.tolist(), far.tolist(), shade, -1)
    phase = rng.uniform(0, 6, 4)
    for index in range(NUM_FRAMES):
        t = index / RATE_HZ
        center = np.array(
            [
                WIDTH / 2 + 120 * np.sin(2.1 * t + phase[0]),
                HEIGHT / 2 + 50 * np.sin(3 * t + phase[1]),
            ]
        )
        image = wall.copy()
        strokes = _strokes(curl=0.5 + 0.5 * np.sin(4 * t + phase[2]))
        angle = 0.3 * np.sin(2.6 * t + phase[3])
        if has_outline:
            _draw(image, strokes, center, angle, (20, 20, 20), 8)
        _draw(image, strokes, center, angle, color, 0)
        yield image


def on_a_wall(photo: Picture, *, seed: int, is_handheld: bool) -> Iterator[Picture]:
    """A framed picture on a wall with other things, before a still or a handheld camera."""
    rng = np.random.default_rng(seed)
    wall = np.full((2 * HEIGHT, 2 * WIDTH, 3), (200, 195, 185), np.uint8)
    for _ in range(60):
        corner = rng.integers(0, (2 * WIDTH, 2 * HEIGHT))
        far = corner + rng.integers(20, 120, 2)
        cv2.rectangle(wall, corner.tolist(), far.tolist(), rng.integers(90, 230, 3).tolist(), -1)
    wall = cv2.GaussianBlur(wall, (5, 5), 0)
    wall[320:635, 430:850] = cv2.resize(photo, (420, 315))
    cv2.rectangle(wall, (430, 320), (850, 635), (40, 30, 20), 6)
    for index in range(NUM_FRAMES):
        t = index / RATE_HZ if is_handheld else 0.0
        angle, zoom = 0.06 * np.sin(1.9 * t), 1 + 0.1 * np.sin(1.3 * t)
        middle = np.array([WIDTH + 90 * np.sin(1.1 * t), HEIGHT + 50 * np.sin(1.7 * t)])
        turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = np.array([WIDTH / 2, HEIGHT / 2]) - turn @ middle
        shot = cv2.warpAffine(wall, np.column_stack([turn, shift]), (WIDTH, HEIGHT))
        grain = np.random.default_rng((seed, index)).normal(0, 3, shot.shape)
        yield np.clip(shot + grain, 0, 255).astype(np.uint8)


def _strokes(*, curl: float) -> list[_Stroke]:
    fingers = [
        ((x, 0.05), (1.5 * x, -length + 0.5 * curl * (1 + 0.1 * i)), 0.075)
        for i, (x, length) in enumerate(_FINGERS)
    ]
    palm, forearm = ((0.0, 0.3), (0.0, 0.1), 0.3), ((0.0, 0.5), (0.0, 1.3), 0.22)
    return [palm, *fingers, ((-0.22, 0.3), (-0.55, 0.05), 0.09), forearm]


def _draw(
    image: Picture,
    strokes: list[_Stroke],
    center: np.ndarray,
    angle: float,
    color: tuple[int, int, int],
    margin_px: int,
) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for start, end, radius in strokes:
        a, b = (
            np.round(turn @ np.array(p) * 110 + center).astype(int).tolist() for p in (start, end)
        )
        cv2.line(image, a, b, color, int(220 * radius) + margin_px, cv2.LINE_AA)
