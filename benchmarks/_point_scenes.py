"""Pictures of textured things that pass before one another, with the true place of every point.

Things are flat, of a texture each, and slide, turn and grow before a background that drifts. Which
thing covers a pixel is known, so is whether a point is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

WIDTH, HEIGHT, RATE_HZ = 640, 480, 30
_EDGE_PX = 1.5
_MARGIN = 400


@dataclass(frozen=True)
class PointScene:
    """One clip to be drawn."""

    seed: int
    texture: str = "patches"
    """`patches`, `clouds`, `print` or `weave`."""
    num_things: int = 4
    num_frames: int = 90
    speed: float = 1.0
    """Times the usual speed: a thing crosses a third of the picture in a second."""
    grain: float = 2.5
    """1-sigma of the noise of pixels [gray levels]."""
    flicker: float = 0.0
    """How much the light changes, as a share."""

    @cached_property
    def layers(self) -> list[_Layer]:
        """The background, then the things, the nearest last."""
        rng = np.random.default_rng([self.seed, 11])
        return [_layer(rng, self, number) for number in range(self.num_things + 1)]

    def pictures(self) -> Iterator[UInt8[np.ndarray, "height width"]]:
        """Every picture, in gray."""
        rng = np.random.default_rng([self.seed, 12])
        for t in range(self.num_frames):
            image = np.zeros((HEIGHT, WIDTH), np.float32)
            for layer in self.layers:
                color, alpha = layer.drawn(t)
                image += alpha * (color - image)
            light = 1 + self.flicker * np.sin(2 * np.pi * t / 40)
            noisy = light * image + rng.normal(0, self.grain, image.shape)
            yield np.clip(noisy, 0, 255).astype(np.uint8)

    def queries(self, num: int) -> Float[np.ndarray, "point 2"]:
        """Corners of the first picture: what there is to follow, some on every thing."""
        picture = next(self.pictures())
        found = cv2.goodFeaturesToTrack(picture, num, 0.005, 12, blockSize=5)
        return found.reshape(-1, 2).astype(float)

    def follow(
        self, points: Float[np.ndarray, "point 2"]
    ) -> tuple[Float[np.ndarray, "time point 2"], Bool[np.ndarray, "time point"]]:
        """Where points of the first picture are in every picture, and whether they are seen."""
        owner = self._owner(0, points)
        out = np.zeros((self.num_frames, len(points), 2))
        seen = np.zeros((self.num_frames, len(points)), bool)
        for t in range(self.num_frames):
            for number, layer in enumerate(self.layers):
                mine = owner == number
                step = layer.warp(t) @ np.linalg.inv(layer.warp(0))
                out[t, mine] = points[mine] @ step[:2, :2].T + step[:2, 2]
            seen[t] = self._owner(t, out[t]) == owner
        inside = ((out >= 0) & (out <= [WIDTH - 1, HEIGHT - 1])).all(axis=2)
        return out, seen & inside

    def _owner(self, t: int, points: np.ndarray) -> np.ndarray:
        owner = np.zeros(len(points), int)
        for number, layer in enumerate(self.layers):
            if number:
                owner[layer.covers(t, points)] = number
        return owner


@dataclass(frozen=True, eq=False)
class _Layer:
    texture: Float[np.ndarray, "size size"]
    shape: Float[np.ndarray, "size size"]
    warps: Float[np.ndarray, "time 3 3"]
    """Pixels of the texture to those of the picture."""

    def warp(self, t: int) -> np.ndarray:
        return self.warps[t]

    def drawn(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        size = (WIDTH, HEIGHT)
        color = cv2.warpAffine(self.texture, self.warps[t, :2], size, borderMode=cv2.BORDER_REFLECT)
        return color, cv2.warpAffine(self.shape, self.warps[t, :2], size)

    def covers(self, t: int, points: np.ndarray) -> np.ndarray:
        inverse = np.linalg.inv(self.warps[t])
        at = points @ inverse[:2, :2].T + inverse[:2, 2]
        return (
            cv2.remap(self.shape, at[:, None].astype(np.float32), None, cv2.INTER_LINEAR).reshape(
                -1
            )
            > 0.5
        )


def _layer(rng: np.random.Generator, scene: PointScene, number: int) -> _Layer:
    t = np.arange(scene.num_frames) / RATE_HZ
    is_ground = number == 0
    size = WIDTH + 2 * _MARGIN if is_ground else int(rng.integers(110, 210))
    texture = _texture(rng, scene.texture, size)
    shape = np.ones((size, size), np.float32) if is_ground else _blob(rng, size)
    amount = scene.speed * (0.12 if is_ground else 1.0)
    reach = amount * rng.uniform(60, 150, 2)
    hz, phase = rng.uniform(0.2, 0.55, 4), rng.uniform(0, 2 * np.pi, 4)
    swing = np.sin(2 * np.pi * hz[:, None] * t + phase[:, None])
    home = np.array([WIDTH, HEIGHT]) * (0.5 if is_ground else rng.uniform(0.25, 0.75, 2))
    angle, growth = amount * 0.35 * swing[2], 1 + 0.15 * min(amount, 1) * swing[3]
    c, s = growth * np.cos(angle), growth * np.sin(angle)
    warps = np.tile(np.eye(3), (len(t), 1, 1))
    warps[:, 0, 0], warps[:, 0, 1], warps[:, 1, 0], warps[:, 1, 1] = c, -s, s, c
    center = home + reach * swing[:2].T
    warps[:, :2, 2] = center - warps[:, :2, :2] @ np.full(2, size / 2)
    return _Layer(texture, shape, warps)


def _texture(rng: np.random.Generator, kind: str, size: int) -> np.ndarray:
    out = np.full((size, size), rng.uniform(70, 180), np.float32)
    if kind == "patches":
        for _ in range(size * size // 700):
            x, y, w, h = *rng.integers(0, size, 2), *rng.integers(6, 36, 2)
            out[y : y + h, x : x + w] = rng.uniform(30, 225)
    elif kind == "clouds":
        for scale, share in ((3, 18), (8, 30), (24, 40)):
            out += share * _noise(rng, size, scale)
    elif kind == "print":
        for _ in range(size * size // 900):
            at = tuple(int(v) for v in rng.integers(0, size, 2))
            text = "".join(chr(c) for c in rng.integers(65, 91, 3))
            cv2.putText(out, text, at, 0, rng.uniform(0.3, 0.8), float(rng.uniform(20, 230)), 1)
    else:
        yy, xx = np.mgrid[:size, :size] / rng.uniform(9, 16)
        out += 30 * np.sign(np.sin(xx) * np.sin(yy)) + 30 * _noise(rng, size, 12)
    return np.clip(cv2.GaussianBlur(out, (0, 0), 0.8), 0, 255)


def _noise(rng: np.random.Generator, size: int, scale: int) -> np.ndarray:
    small = rng.normal(size=(size // scale + 2, size // scale + 2)).astype(np.float32)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def _blob(rng: np.random.Generator, size: int) -> np.ndarray:
    """A round or cornered shape with a soft edge."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
    radius = 0.5 * size * rng.uniform(0.75, 0.98, len(angle))
    corners = size / 2 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    out = np.zeros((size, size), np.float32)
    cv2.fillPoly(out, [corners.astype(np.int32)], 1.0)
    return cv2.GaussianBlur(out, (0, 0), _EDGE_PX)


CHOSE = (
    *(PointScene(s, "patches") for s in range(3)),
    *(PointScene(s, "clouds") for s in range(3, 6)),
)
"""The scenes on which the tracker's constants were chosen."""
REPORT = {
    "patches": [PointScene(s, "patches") for s in range(100, 103)],
    "clouds": [PointScene(s, "clouds") for s in range(110, 113)],
    "print": [PointScene(s, "print") for s in range(120, 123)],
    "weave": [PointScene(s, "weave") for s in range(130, 133)],
    "fast": [PointScene(s, "clouds", speed=1.8) for s in range(140, 143)],
    "flicker": [PointScene(s, "patches", flicker=0.25, grain=5) for s in range(150, 153)],
}
"""Others, by kind: half of the kinds have a texture, a speed or a light that chose nothing."""
