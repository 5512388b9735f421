"""Where a parallel gripper must be to do what thumb and index finger do, and how sure that is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit, unit_or_zero
from rotoscope.pipeline.tracks import Side, require_shape

WRIST, THUMB_MCP, THUMB_IP, THUMB_TIP = 0, 2, 3, 4
INDEX_MCP, INDEX_PIP, INDEX_DIP, INDEX_TIP, LITTLE_MCP = 5, 6, 7, 8, 17

TOUCHING_M = 0.02
"""Tip distance at which the joints behind the tips count as much as the tips themselves [m]:
7 mm of landmark noise turn a 20 mm vector by 20 deg, which is what the joints' line is off by."""
SHORT_REACH_M = 0.03
"""Distance of the tips from the knuckles below which the palm's direction counts more [m]."""
SEEN_TIP_M, HIDDEN_TIP_M = 0.010, 0.028
"""1-sigma of the landmark of one fingertip against its own hand along an axis [m]: one that is
seen, and one that the hand hides (`hidden_tips`)."""
APERTURE_SIGMA_M = 0.014
"""1-sigma of the distance of two tips that are seen side by side [m]. Once more that where one lies
behind the other, and for each that is hidden. These three hold on the kinds `DEVELOPMENT` of
`benchmarks._hand_kinds`."""


def gripper_pose(
    joints_m: Float[np.ndarray, "time 21 3"], side: Side
) -> Float[np.ndarray, "time 4 4"]:
    """End-effector poses [m] in the frame of the joints; NaN where the joints are.

    Origin: midway between thumb tip and index tip. y: from index to thumb, the closing direction;
    it is the tips' vector while they are apart, and turns into the line of the joints behind them
    as they meet or cross and their own vector loses its meaning. x: the approach, from the
    knuckles (thumb MCP, index MCP) to the tips, made perpendicular to y; where the fingers are
    folded the wrist-to-knuckles direction holds it, and where it runs along y the row of knuckles
    does, as z = x cross y points to the thumb's side of the palm.

    Directions are weighed by squared lengths, so the pose is a smooth function of the joints of
    its own frame: no branches and no memory, hence no flips while the joints move smoothly.

    Args:
        joints_m: Joints in MediaPipe's order [m].
        side: Which hand it is; left and right hands have their thumb on opposite sides.

    Raises:
        TrackError: The joints have another shape.
    """
    require_shape("gripper_pose", "joints_m", joints_m, (21, 3))
    tips = 0.5 * (joints_m[:, THUMB_TIP] + joints_m[:, INDEX_TIP])
    y = unit(_closing_vector(joints_m))
    to_thumb_side = unit(joints_m[:, INDEX_MCP] - joints_m[:, LITTLE_MCP])
    z_hint = to_thumb_side if side == "right" else -to_thumb_side
    approach = _approach_vector(joints_m, tips) + SHORT_REACH_M**2 * np.cross(y, z_hint)
    x = unit(approach - np.sum(approach * y, axis=1, keepdims=True) * y)
    pose = se3.make(np.stack([x, y, np.cross(x, y)], axis=-1), tips)
    pose[~np.isfinite(pose).all(axis=(1, 2))] = np.nan
    return pose


def position_sigma(
    joints_m: Float[np.ndarray, "time 21 3"],
    wrist_sigma_m: Float[np.ndarray, "time 3"],
    wrist_sigma_rad: Float[np.ndarray, " time"],
    hidden: Float[np.ndarray, "time 2"],
) -> Float[np.ndarray, "time 3"]:
    """1-sigma of the end effector's position along the axes [m].

    The wrist's own, its rotation at the length of the lever from wrist to tips, and the
    fingertips' noise; independent, so their variances add. The angle's variance is the sum of
    those about three axes.

    Args:
        joints_m: Joints [m].
        wrist_sigma_m: 1-sigma of the wrist's position along the axes [m].
        wrist_sigma_rad: 1-sigma of its rotation [rad].
        hidden: How far thumb tip and index tip are hidden, 0 to 1.
    """
    lever = 0.5 * (joints_m[:, THUMB_TIP] + joints_m[:, INDEX_TIP]) - joints_m[:, WRIST]
    swing = np.sum(lever**2, axis=1, keepdims=True) - lever**2
    variance = wrist_sigma_m**2 + wrist_sigma_rad[:, None] ** 2 / 3.0 * swing
    tips = SEEN_TIP_M**2 + (HIDDEN_TIP_M**2 - SEEN_TIP_M**2) * hidden
    return np.asarray(np.sqrt(variance + tips.sum(axis=1, keepdims=True) / 4.0))


def aperture_sigma(
    seen_m: Float[np.ndarray, "time 21 3"],
    size_sigma_rel: Float[np.ndarray, " time"],
    hidden: Float[np.ndarray, "time 2"],
) -> Float[np.ndarray, " time"]:
    """1-sigma of the distance from thumb tip to index tip [m].

    Args:
        seen_m: Joints seen from the camera [m].
        size_sigma_rel: 1-sigma of the hand's size as a share of it.
        hidden: How far thumb tip and index tip are hidden, 0 to 1.
    """
    between = seen_m[:, THUMB_TIP] - seen_m[:, INDEX_TIP]
    aperture_m = _length(between)[:, 0]
    sight = unit(seen_m[:, THUMB_TIP] + seen_m[:, INDEX_TIP])
    behind = np.sum(unit_or_zero(between) * sight, axis=1)
    own = APERTURE_SIGMA_M**2 * (1.0 + behind**2 + hidden.sum(axis=1))
    return np.asarray(np.sqrt(own + (size_sigma_rel * aperture_m) ** 2))


def _closing_vector(joints: np.ndarray) -> np.ndarray:
    """From index to thumb, in m^2: the tips' vector by its length and agreement with the line."""
    tips = joints[:, THUMB_TIP] - joints[:, INDEX_TIP]
    line = unit(
        joints[:, THUMB_IP]
        - joints[:, INDEX_DIP]
        + 0.5 * (joints[:, THUMB_MCP] - joints[:, INDEX_PIP])
    )
    agreement = 0.5 * (_length(tips) + np.sum(tips * line, axis=1, keepdims=True))
    return np.asarray(tips * agreement + TOUCHING_M**2 * line)


def _approach_vector(joints: np.ndarray, tips: np.ndarray) -> np.ndarray:
    """From the hand to what it grasps, in m^2: tips from knuckles, knuckles from wrist."""
    knuckles = 0.5 * (joints[:, THUMB_MCP] + joints[:, INDEX_MCP])
    forward_kinematics = tips - knuckles
    palm = unit(knuckles - joints[:, WRIST])
    return np.asarray(forward_kinematics * _length(forward_kinematics) + SHORT_REACH_M**2 * palm)


def _length(v: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(v, axis=1, keepdims=True))
