"""Soles of a humanoid: from what is drawn of its feet, from frames, or from the legs' length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.body import Body, Limb
from rotoscope.retarget.onboarding.skeleton import Skeleton

SOLE_M = 0.002
"""Points of a foot this near to its lowest are its sole [m]."""
ROUND_SHARE = 0.06
"""Of a round sole, points this near to the lowest count: a share of the foot's length."""
FLAT_SHARE = 0.5
"""A sole shorter than this share of the foot is round."""
HUMAN_FOOT = (0.31, 0.11, 0.08)
"""Length and width of a human foot and height of its ankle over hip to ankle: 0.152, 0.055 and
0.039 of the height over 0.491 of it (Drillis and Contini 1966)."""
HEEL_SHARE = 0.25
"""Of a human foot, this share lies behind the ankle."""


@dataclass(frozen=True)
class Sole:
    """The rectangle that a foot stands on, in the body's frame."""

    corners_m: Float[np.ndarray, "corner 3"]
    """Its corners: back right, back left, front right, front left [m]."""
    reason: str
    """What it was taken from."""
    is_guess: bool = False
    """Whether the file does not show it."""

    @property
    def heel_m(self) -> Float[np.ndarray, " 3"]:
        """Middle of the back [m]."""
        return np.asarray(self.corners_m[:2].mean(axis=0))

    @property
    def toe_m(self) -> Float[np.ndarray, " 3"]:
        """Middle of the front [m]."""
        return np.asarray(self.corners_m[2:].mean(axis=0))


def find_sole(skeleton: Skeleton, body: Body, leg: Limb) -> Sole:
    """Where a leg stands."""
    links = [link for part in skeleton.below(leg.last) for link in skeleton.parts[part].links]
    drawn = [se3.apply(body.T[k], skeleton.surface[k]) for k in links if k in skeleton.surface]
    if drawn and np.concatenate(drawn)[:, 2].min() < leg.bend.end_m[2]:
        points = np.concatenate(drawn)
        length = float(np.ptp(points[:, 0]))
        height = points[:, 2] - points[:, 2].min()
        flat = points[height < SOLE_M]
        if np.ptp(flat[:, 0]) >= FLAT_SHARE * length:
            return _rectangle(flat, "lowest points of what is drawn")
        round_ = points[height < max(SOLE_M, ROUND_SHARE * length)]
        return _rectangle(round_, "lowest points of what is drawn, which is not flat")
    length, width, ankle = (share * body.leg_m for share in HUMAN_FOOT)
    frames = np.array([body.T[link][:3, 3] for link in links])
    lowest = frames[np.argmin(frames[:, 2])]
    is_below = lowest[2] < leg.bend.end_m[2] - 0.2 * ankle
    at = lowest if is_below else leg.bend.end_m - np.array([0.0, 0.0, ankle])
    back = leg.bend.end_m[0] - HEEL_SHARE * length
    x, y = (back, back + length), (at[1] - 0.5 * width, at[1] + 0.5 * width)
    corners = np.array([[a, b, at[2]] for a in x for b in y])
    source = "a frame below the ankle" if is_below else "the length of the leg"
    return Sole(corners, f"a human foot's size, from {source}", is_guess=True)


def _rectangle(points: Float[np.ndarray, "point 3"], reason: str) -> Sole:
    (x0, y0, z), (x1, y1, _) = points.min(axis=0), points.max(axis=0)
    corners = np.array([[x, y, z] for x in (x0, x1) for y in (y0, y1)])
    return Sole(corners, reason)
