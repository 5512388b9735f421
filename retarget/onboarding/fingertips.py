"""Finger surfaces of a gripper: their far ends, and the points where they meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.skeleton import Skeleton

FINGERTIP_M = 0.01
"""The grasp is this far behind the ends of the fingers [m]."""
BAND_M = 0.005
"""Points this near to a plane across the fingers show their section there [m]."""
MAX_POINTS = 4000
"""Points of a link that are looked at."""

Poses = Mapping[str, Float[np.ndarray, "4 4"]]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points on the surfaces of some links, in one frame."""

    points: Float[np.ndarray, "point 3"]
    """The points [m]."""
    links: tuple[str, ...]
    """The links that they are of."""
    owner: np.ndarray
    """Which of these each point is of, as an index."""

    def only(self, kept: np.ndarray) -> Cloud:
        """The points of a mask."""
        return Cloud(self.points[kept], self.links, self.owner[kept])

    @property
    def is_empty(self) -> bool:
        """Whether there are no points."""
        return len(self.points) == 0


def cloud(
    skeleton: Skeleton, parts: Iterable[int], T: Poses, T_frame: Float[np.ndarray, "4 4"]
) -> Cloud:
    """Surface points of parts, in a frame that is given in the root link.

    A link without shapes counts with its origin where no other link of the parts has any.
    """
    links = tuple(link for part in parts for link in skeleton.parts[part].links)
    drawn = [link for link in links if len(skeleton.surface.get(link, ()))]
    inverse = se3.inverse(T_frame)
    points, owner = [np.zeros((0, 3))], [np.zeros(0, int)]
    for i, link in enumerate(links):
        if link in drawn:
            here = thinned(skeleton.surface[link])
        elif not drawn:
            here = np.zeros((1, 3))
        else:
            continue
        points.append(se3.apply(inverse @ T[link], here))
        owner.append(np.full(len(here), i))
    return Cloud(np.concatenate(points), links, np.concatenate(owner))


def thinned(points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "kept 3"]:
    """Every n-th point, so that there are no more than `MAX_POINTS`, and all that lie outermost."""
    if len(points) <= MAX_POINTS:
        return points
    outermost = np.concatenate([points.argmin(axis=0), points.argmax(axis=0)])
    return points[np.union1d(np.arange(0, len(points), len(points) // MAX_POINTS + 1), outermost)]


def inner_end(
    finger: Cloud, approach: Float[np.ndarray, " 3"], inwards: Float[np.ndarray, " 3"]
) -> tuple[str, Float[np.ndarray, " 3"]]:
    """The middle of a finger's inner face near its end: the link that has it, and where it is [m].

    Args:
        finger: Surface points of one finger.
        approach: Unit vector from the hand to the ends of the fingers.
        inwards: Unit vector across it, towards the other finger.
    """
    along = finger.points @ approach
    height = float(along.max()) - FINGERTIP_M
    is_near = np.abs(along - height) <= BAND_M
    # A finger of few points, such as a box, has none near its end but the corners.
    band = finger.only(is_near) if is_near.sum() >= 6 else finger.only(along >= height - BAND_M)
    across = np.cross(approach, inwards)
    sideways = band.points @ across
    middle = 0.5 * (float(sideways.min()) + float(sideways.max()))
    depth = band.points @ inwards
    half = max(0.5 * float(np.ptp(sideways)), 1e-3)
    is_middle = np.abs(sideways - middle) <= half
    inner = int(np.argmax(np.where(is_middle, depth, -np.inf)))
    point = height * approach + middle * across + float(depth[inner]) * inwards
    return band.links[int(band.owner[inner])], point
