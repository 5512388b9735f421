"""One jaw that turns against a part that stands still."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.fingertips import Cloud
from rotoscope.retarget.onboarding.hand_view import HandView

MIN_POINTS = 4
"""A jaw of fewer corners is not drawn."""


class JawView(HandView):
    """Looks at a part that turns, and at what of the hand it can close on."""

    def ends_of_jaw(self, child: int, values: Mapping[str, float]) -> tuple[Cloud, Cloud]:
        """The outer halves of what stands still and of what moves, as far as they face."""
        joint = self.skeleton.parts[child].joint
        assert joint is not None
        T = self.poses(values)
        inverse = se3.inverse(T[self.skeleton.entry(self.hand)])
        hinge = se3.apply(inverse @ T[self.skeleton.entry(child)], joint.anchor_m[None])[0]
        axis = (inverse @ T[self.skeleton.entry(child)])[:3, :3] @ joint.axis
        moving, still = self.seen([child], values), self.seen([self.hand], values)

        def radius(c: Cloud) -> np.ndarray:
            d = c.points - hinge
            return np.asarray(np.linalg.norm(d - np.outer(d @ axis, axis), axis=1))

        r = radius(moving)
        if moving.is_empty or still.is_empty or r.max() < 0.02:
            return still.only(np.zeros(len(still.points), bool)), moving
        tip = moving.only(r >= 0.75 * r.max())
        level = tip.points @ axis
        at = still.points @ axis
        facing = (radius(still) >= 0.5 * r.max()) & (at >= level.min() - 0.02)
        return still.only(facing & (at <= level.max() + 0.02)), tip

    def gap(self, child: int, values: Mapping[str, float]) -> float | None:
        """Least distance of the two [m]; `None` where either is not there."""
        still, moving = self.ends_of_jaw(child, values)
        if still.is_empty or len(moving.points) < MIN_POINTS:
            return None
        return float(cKDTree(still.points).query(moving.points)[0].min())
