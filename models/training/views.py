"""Pictures of several cameras as one: below each other, in the order in which they are named.

What all of a sample's pictures show is seen at once: squares of one side, (cameras * side, side).
Whoever takes a picture of any shape (components, marks) need not know; networks look at each
camera's square for itself, and what they say stands side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from jaxtyping import UInt8
from pydantic import BeforeValidator

from rotoscope.pipeline.errors import DatasetError, UsageError, quoted

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from rotoscope.pipeline.datasets.read import Dataset


def _one_or_several(value: Any) -> Any:
    """A list of one is that one: settings of one camera are written as they always were."""
    if not isinstance(value, list | tuple):
        return value
    names = tuple(value)
    if not names:
        return ""
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"cameras are named, got {list(names)}")
    if len(set(names)) < len(names):
        raise ValueError(f"{list(names)} names a camera twice; each once")
    return names[0] if len(names) == 1 else names


Cameras = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several)]
"""A camera's name, empty for none; or the names of several that are seen together."""


def cameras_of(camera: str | tuple[str, ...]) -> tuple[str, ...]:
    """The cameras of a setting; none where it is empty."""
    if isinstance(camera, tuple):
        return camera
    return (camera,) if camera else ()


def check_cameras(dataset: Dataset, camera: str | tuple[str, ...]) -> None:
    """Refuses cameras that a dataset lacks.

    Raises:
        DatasetError: Names those that are missing, and those that are there.
    """
    missing = [name for name in cameras_of(camera) if name not in dataset.cameras]
    if missing:
        raise DatasetError(
            f"{dataset.root} has no camera {quoted(missing)}; it has "
            f"{quoted(dataset.cameras) or 'none'}: name one of them with camera=..., or several "
            "with camera=[A,B]"
        )


def check_one_camera(camera: str | tuple[str, ...], folder: Path) -> None:
    """Refuses a model of several cameras where there is one video.

    Raises:
        UsageError: Says what to do instead.
    """
    cameras = cameras_of(camera)
    if len(cameras) > 1:
        raise UsageError(
            f"{folder} sees {len(cameras)} cameras at once ({', '.join(cameras)}), a video is of "
            "one; label a dataset that has all of them with 'rotoscope relabel', or train on one "
            "camera"
        )


def stacked(pictures: list[np.ndarray]) -> UInt8[np.ndarray, "height side 3"]:
    """Squares of one moment, one below the other."""
    return pictures[0] if len(pictures) == 1 else np.concatenate(pictures)


def for_views(make: Callable[[], torch.nn.Module], num: int) -> torch.nn.Module:
    """A network for one camera; of several one each, since each shows things elsewhere.

    Args:
        make: Makes one: pictures (n, channels, side, side) to (n, numbers, ...).
        num: Cameras. The network takes (n, channels, num * side, side); numbers are side by side.
    """
    if num == 1:
        return make()
    import torch
    from torch import nn

    class Views(nn.Module):
        """One network for each camera."""

        def __init__(self) -> None:
            super().__init__()
            self.each = nn.ModuleList(make() for _ in range(num))

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            squares = pictures.chunk(num, dim=-2)
            return torch.cat([look(s) for look, s in zip(self.each, squares, strict=True)], dim=1)

    return Views()


def squares_of(pictures: torch.Tensor, *, dim: int = -2) -> tuple[torch.Tensor, ...]:
    """Each camera's part of pictures, as often as their width fits into `dim`, their height."""
    return pictures.chunk(pictures.shape[dim] // pictures.shape[dim + 1], dim=dim)
