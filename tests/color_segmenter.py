"""A segmenter and a detector that go by color: their masks are right, so all behind is seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.network_stage import ObjectsNetwork, ObjectsNetworkConfig
from rotoscope.models.objects.prompts import Prompt
from rotoscope.models.objects.text_prompt import Box

NEAR = 40
"""Colors that differ by less in every channel are one."""


@dataclass
class ColorSegmenter:
    """Takes all pixels of the color that it is pointed at, and notes what it was asked."""

    asked: list[list[list[Prompt]]] = field(default_factory=list)

    def masks(
        self, pictures: Sequence[np.ndarray], things: Sequence[Sequence[Prompt]], shape: Any
    ) -> list[list[Mask]]:
        self.asked.append([list(prompts) for prompts in things])
        return [self._one(pictures, prompts, shape) for prompts in things]

    def _one(
        self, pictures: Sequence[np.ndarray], prompts: Sequence[Prompt], shape: Any
    ) -> list[Mask]:
        first = min(prompts, key=lambda prompt: prompt.frame)
        color = color_at(pictures[first.frame], first)
        begin = first.frame if first.mask is not None else 0
        out = [np.zeros(shape, bool) for _ in pictures]
        for t in range(begin, len(pictures)):
            near = (np.abs(pictures[t].astype(int) - color) < NEAR).all(axis=2)
            small = cv2.resize(near.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_AREA)
            out[t] = small.astype(bool)
        return out


def color_at(picture: np.ndarray, prompt: Prompt) -> np.ndarray:
    """The color that a prompt points at."""
    size = np.array(picture.shape[1::-1])
    if prompt.mask is not None:
        big = cv2.resize(prompt.mask.astype(np.uint8), tuple(size.tolist()))
        return np.median(picture[big.astype(bool)], axis=0)
    at = prompt.points[prompt.is_on][0] if prompt.box is None else prompt.box.reshape(2, 2).mean(0)
    column, row = np.floor(at * size).astype(int)
    return picture[row, column].astype(int)


@dataclass
class ColorDetector:
    """Knows the colors of names."""

    colors: dict[str, tuple[int, int, int]]

    def boxes(self, picture: np.ndarray, name: str) -> list[Box]:
        near = (np.abs(picture.astype(int) - self.colors[name]) < NEAR).all(axis=2)
        if near.sum() < 20:
            return []
        y, x = np.nonzero(near)
        height, width = near.shape
        corners = np.array([x.min() / width, y.min() / height, x.max() / width, y.max() / height])
        return [Box(name, corners, 0.9)]


class ByColor(ObjectsNetwork):
    """The stage with these in place of networks."""

    colors: dict[str, tuple[int, int, int]]

    def setup(self) -> None:
        self._segmenter = self.segmenter = ColorSegmenter()
        self._finder = ColorDetector(self.colors) if self.config.text else None


def by_color(**settings: Any) -> ByColor:
    colors = settings.pop("colors", {})
    # Small pictures: what moves in them takes most of the time.
    settings = {"max_side_px": 160} | settings
    stage = ByColor(ObjectsNetworkConfig(model=Path("none"), **settings))
    stage.colors = colors
    stage.setup()
    return stage
