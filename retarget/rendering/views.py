"""Cameras that look at a robot."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.retarget.rendering.offscreen import View
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.two_arms import TwoArmRobot

FIELD_OF_VIEW_RAD = float(np.radians(20.0))
"""Angle that a picture's height spans: narrow, so that near parts look no larger than far ones."""
ELEVATION_RAD = float(np.radians(12.0))
"""How far from above a humanoid is looked at."""


def view_from(
    direction: Float[np.ndarray, " 3"],
    looked_at_m: Float[np.ndarray, " 3"],
    *,
    height_m: float,
    width: int,
    height: int,
) -> View:
    """A camera that looks at a point from a direction, z up in the picture.

    Args:
        direction: From the point towards the camera; not along z.
        looked_at_m: What is in the middle of the picture [m].
        height_m: How much of the world the picture's height shows at that point [m].
        width: Pixels across.
        height: Pixels down.
    """
    focal_px = 0.5 * height / np.tan(0.5 * FIELD_OF_VIEW_RAD)
    eye = looked_at_m + unit(direction) * focal_px * height_m / height
    return _looking_at(looked_at_m, eye, focal_px, width=width, height=height)


def three_quarter_view(robot: ArmRobot, *, width: int = 640, height: int = 480) -> View:
    """A view from the front left and above that shows the whole arm in a picture of that size."""
    links = robot.link_positions(robot.home[None])[0]
    size_m = 1.3 * float(np.linalg.norm(np.diff(links, axis=0), axis=1).sum())
    looked_at = np.array([0.17, 0.0, 0.27]) * size_m
    eye = looked_at + size_m * np.array([0.72, 0.6, 0.32])
    return _looking_at(looked_at, eye, 1.65 * min(height, width), width=width, height=height)


def front_view(robot: TwoArmRobot, *, width: int = 640, height: int = 480) -> View:
    """A view from behind two arms and above, as the person sees their own hands."""
    ends = [robot.base_pose(side)[:3, 3] for side in robot.arms]
    size_m = robot.reach_m + float(np.linalg.norm(ends[1] - ends[0]))
    looked_at = np.mean(ends, axis=0) + np.array([0.15, 0.0, 0.12]) * size_m
    eye = looked_at + size_m * np.array([-0.95, 0.35, 0.75])
    return _looking_at(looked_at, eye, 1.3 * min(height, width), width=width, height=height)


def _looking_at(
    looked_at_m: Float[np.ndarray, " 3"],
    eye_m: Float[np.ndarray, " 3"],
    focal_px: float,
    *,
    width: int,
    height: int,
) -> View:
    forward = unit(looked_at_m - eye_m)
    right = unit(np.cross(forward, [0.0, 0.0, 1.0]))
    R = np.stack([right, np.cross(forward, right), forward], axis=1)
    K = np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])
    return View(K, width, height, se3.make(R, eye_m))
