"""Points of the picture that are followed through what hides them too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.tracks.base import Track, require_shape


@dataclass(frozen=True, eq=False)
class PointTrack(Track):
    """Points of the picture, each in a slot from where it is first seen until it is given up."""

    points_px: Float[np.ndarray, "time slot 2"]
    """Where each slot's point is [px of the upright frame]; inferred where it is not visible, NaN
    in an empty slot."""
    ids: Int[np.ndarray, "time slot"]
    """Which point a slot holds, counted through the video; -1 in an empty slot."""
    visible: Bool[np.ndarray, "time slot"]
    """The point was found in the picture itself."""
    sigma_px: Float[np.ndarray, "time slot"]
    """1-sigma along an axis [px of the frame]; NaN in an empty slot."""

    def __post_init__(self) -> None:
        super().__post_init__()
        num = self.ids.shape[1]
        require_shape("PointTrack", "points_px", self.points_px, (num, 2))
        require_shape("PointTrack", "visible", self.visible, (num,))
        require_shape("PointTrack", "sigma_px", self.sigma_px, (num,))
