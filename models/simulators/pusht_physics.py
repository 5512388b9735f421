"""What PushT's expert imagines: a T that a disc pushes, quasi-static contact, in pixels.

Sizes and goal are those of PushT (Chi et al. 2023, 2303.04137), the physics are simpler than its
own: a block on a table with friction moves as much as the pusher makes it, its twist normal to an
ellipsoidal limit surface (Goyal et al. 1991; Lynch and Mason 1996), contact without friction.
Everything is computed for many blocks at once, so that a planner may try many pushes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

FIELD_PX = 512.0
"""Side of the square table."""
AGENT_RADIUS_PX = 15.0
"""Radius of the disc that pushes."""
GOAL = np.array([256.0, 256.0, np.pi / 4])
"""Where the T's origin (middle of its bar's outer edge) and angle are to be."""
BOXES = np.array([[-60.0, 0.0, 60.0, 30.0], [-15.0, 30.0, 15.0, 120.0]])
"""Bar and stem of the T in its own frame: left, top, right, bottom."""
_AREAS = np.prod(BOXES[:, 2:] - BOXES[:, :2], axis=1)
CENTROID = (_AREAS[:, None] * (BOXES[:, :2] + BOXES[:, 2:]) / 2).sum(0) / _AREAS.sum()
"""Center of area in the T's own frame."""
MAX_SLIDE_PX = 2.0
"""The pusher moves in pieces no longer than this."""
_NUM_PASSES = 3


def moment_arm_px() -> float:
    """Mean distance of the T's points from its centroid: how hard it is to turn."""
    found = []
    for left, top, right, bottom in BOXES:
        x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
        found.append(np.hypot(x - CENTROID[0], y - CENTROID[1]).ravel())
    return float(np.concatenate(found).mean())


_ARM_PX = moment_arm_px()


def pushed(
    block: Float[np.ndarray, "n 3"], agent: Float[np.ndarray, "n 2"], move: Float[np.ndarray, "n 2"]
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 2"]]:
    """Blocks (x, y, angle) and agents after the agents moved, pushing what is in their way."""
    length = np.linalg.norm(move, axis=1)
    if (distance(block, agent)[0] - length > AGENT_RADIUS_PX).all():
        return block, agent + move  # too far away to touch anything
    num = max(1, int(np.ceil(length.max() / MAX_SLIDE_PX)))
    for _ in range(num):
        agent = agent + move / num
        block = _parted(block, agent)
    return block, agent


def distance(
    block: Float[np.ndarray, "n 3"], point: Float[np.ndarray, "n 2"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 2"]]:
    """Signed distance of points to their block [px], and the direction away from it."""
    local = _turned(point - block[:, :2], -block[:, 2])
    middle, half = (BOXES[:, :2] + BOXES[:, 2:]) / 2, (BOXES[:, 2:] - BOXES[:, :2]) / 2
    offset = local[:, None] - middle
    beyond = np.abs(offset) - half
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=2)
    signed = outside + np.minimum(beyond.max(2), 0)
    nearest = np.argmin(signed, axis=1)
    rows = np.arange(len(local))
    away = np.where(
        outside[..., None] > 0, np.maximum(beyond, 0), beyond == beyond.max(2, keepdims=True)
    ) * np.sign(offset)
    away = away[rows, nearest]
    length = np.linalg.norm(away, axis=1, keepdims=True)
    unit = away / np.where(length > 0, length, 1)
    return signed[rows, nearest], _turned(unit, block[:, 2])


def corners(block: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "box 4 2"]:
    """Corners of bar and stem on the table, in order."""
    order = [[0, 1], [2, 1], [2, 3], [0, 3]]
    flat = BOXES[:, order].reshape(-1, 2)
    return (block[:2] + _turned(flat, np.full(len(flat), block[2]))).reshape(2, 4, 2)


def center(block: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
    """Centers of area on the table."""
    return block[:, :2] + _turned(np.tile(CENTROID, (len(block), 1)), block[:, 2])


def _parted(block: np.ndarray, agent: np.ndarray) -> np.ndarray:
    # In a corner the disc touches bar and stem: a few passes serve both.
    for _ in range(_NUM_PASSES):
        signed, away = distance(block, agent)
        depth = AGENT_RADIUS_PX - signed
        if not (depth > 1e-9).any():
            break
        lever = agent - away * signed[:, None] - center(block)
        moment = lever[:, 1] * away[:, 0] - lever[:, 0] * away[:, 1]  # lever x (-away)
        gain = np.maximum(depth, 0) / (1 + (moment / _ARM_PX) ** 2)
        block = _moved(block, -gain[:, None] * away, gain * moment / _ARM_PX**2)
    return block


def _moved(block: np.ndarray, shift: np.ndarray, turn_rad: np.ndarray) -> np.ndarray:
    """Shifted and turned about the center of area."""
    middle = center(block) + shift
    angle = block[:, 2] + turn_rad
    origin = middle - _turned(np.tile(CENTROID, (len(block), 1)), angle)
    return np.column_stack([origin, angle])


def _turned(vectors: np.ndarray, angle_rad: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    x, y = vectors[:, 0], vectors[:, 1]
    return np.column_stack([cos * x - sin * y, sin * x + cos * y])
