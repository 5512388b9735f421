"""What tracks are about stands out of a picture; the rest of it fades to gray.

Labels from pictures fail where other things move and light changes. Where something says where
hand, object or robot are, a picture is kept near them and fades to a middle gray away from them, in
training and in labeling alike: what is gray does not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import torch

GRAY = 128
"""What is far from everything fades to, of 255."""
_FULL = 255
"""A weight of 1, as a byte."""
_BATCH = 256
_AXES = (".x", ".y")

Points = Float[np.ndarray, "time camera point 2"]
"""Where things are in each camera's picture, shares of its width and height; NaN where unknown."""


class FocusConfig(BaseModel):
    """What of a picture is looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tracks: tuple[str, ...] = ()
    """Features that say where things are in the picture, such as `track.colour.cup`,
    `track.points`, `label.object_outline` or `track.hand.joints`; that of a camera beside the first
    is named `CAMERA:TRACK`. None: all of the picture counts."""
    radius: float = Field(default=0.1, gt=0)
    """How far around a point the picture stays: 1-sigma of the fading, as a share of its side."""
    kept: float = Field(default=0.0, ge=0, le=1)
    """How much of the picture is left far away from all points: 0 is plain gray, 1 all of it."""

    @model_validator(mode="after")
    def _names_are_names(self) -> Self:
        if not all(name.rpartition(":")[2] for name in self.tracks):
            raise ValueError(f"focus.tracks holds an empty name: {list(self.tracks)}")
        return self


def weights_near(
    points: Float[np.ndarray, "frame camera point 2"], *, side: int, radius: float
) -> UInt8[np.ndarray, "frame height side"]:
    """How much every pixel belongs to the tracked things, 255 at a point; 0 where none is known.

    A normal density around every point, the largest of which counts; of several cameras one
    square below the other.

    Args:
        points: Where things are.
        side: Of a square [px].
        radius: 1-sigma, as a share of the side.
    """
    centers = (np.arange(side, dtype=np.float32) + 0.5) / side
    off = (centers - points[..., None].astype(np.float32)) / np.float32(radius)
    near = np.nan_to_num(np.exp(-0.5 * off**2))  # what is unknown is near nothing
    frames, cameras, num = points.shape[:3]
    out = np.zeros((frames, cameras, side, side), np.float32)
    for point in range(num):
        across, down = near[:, :, point, 0], near[:, :, point, 1]
        np.maximum(out, down[..., :, None] * across[..., None, :], out=out)
    return (out.reshape(frames, cameras * side, side) * _FULL + 0.5).astype(np.uint8)


def focused(
    images: UInt8[np.ndarray, "frame height side 3"], points: Points, config: FocusConfig
) -> UInt8[np.ndarray, "frame height side 3"]:
    """Pictures that fade to gray away from points; in memory."""
    out = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _BATCH):
        part = slice(start, start + _BATCH)
        near = weights_near(points[part], side=images.shape[2], radius=config.radius)
        share = config.kept + (1 - config.kept) * near.astype(np.float32)[..., None] / _FULL
        out[part] = (GRAY + (images[part].astype(np.float32) - GRAY) * share + 0.5).astype(np.uint8)
    return out


def point_shares(
    values: Float[np.ndarray, "time number"], names: Sequence[str], size: tuple[int, int]
) -> Float[np.ndarray, "time point 2"]:
    """Points of a feature as shares of width and height of a picture of `size`.

    Numbers called x and y in turn are such shares (`track.points`, outlines); of others the first
    two are shares of the width (`track.colour`).
    """
    if all(name.endswith(_AXES[k % 2]) for k, name in enumerate(names)):
        return values.reshape(len(values), -1, 2)
    found: np.ndarray = values[:, None, :2] * np.array([1.0, size[0] / size[1]])
    return found


def held(
    points: Float[np.ndarray, "time ..."], time_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time ..."]:
    """Points whose gaps are bridged by lines; before the first and after the last they rest.

    Where a thing was just now is where to look for it; a point that is never known stays unknown.
    """
    flat = points.reshape(len(points), -1).copy()
    for column in flat.T:
        known = np.isfinite(column)
        if known.any() and not known.all():
            column[~known] = np.interp(time_s[~known], time_s[known], column[known])
    return flat.reshape(points.shape)


def exchanged(images: torch.Tensor, near: torch.Tensor, *, share: float) -> torch.Tensor:
    """Rows of pictures, some before the background of another row.

    Row by row is drawn whether, and whose; all pictures of a row change alike. Where the other row
    shows its own things one's own background stays, so that nothing is seen twice.

    Args:
        images: (row, picture, height, side, 3), 0..255.
        near: `weights_near` of each, (row, picture, height, side).
        share: Of the rows whose background changes.
    """
    import torch

    num, place = len(images), images.device
    order = torch.randperm(num).to(place)
    order = torch.where((torch.rand(num) < share).to(place), order, torch.arange(num, device=place))
    mine, theirs = near.float()[..., None] / _FULL, near[order].float()[..., None] / _FULL
    own = images.float()
    background = own + (images[order].float() - own) * (1 - theirs)
    return own + (background - own) * (1 - mine)


def tracks_of(tracks: Sequence[str], cameras: Sequence[str]) -> dict[str, list[str]]:
    """Tracks by camera; what names none is of the first."""
    out: dict[str, list[str]] = {camera: [] for camera in cameras}
    for name in tracks:
        camera, _, track = name.rpartition(":")
        out.setdefault(camera or cameras[0], []).append(track)
    return out
