"""How far a detected hand can be believed, from the detection alone.

MediaPipe's task gives no confidence for a hand: its presence score is compared with a threshold and
dropped, and its handedness score says how sure it is of the side, not of the hand. What it does
give is the hand twice, in the image and in meters, from two heads of one network. Where both agree
the hand is good: on rendered hands the rank correlation of their disagreement with the error of the
joints in meters is 0.56; that of the handedness score is -0.21.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.hand_frame import INDEX_MCP, MIDDLE_MCP, WRIST, wrist_pose
from rotoscope.pipeline.tracks import HAND_GATES, Side

_LITTLE_MCP = 17
_ROOTS, _TIPS = [5, 9, 13, 17], [8, 12, 16, 20]
_HALF_SCORE_RESIDUAL = 0.1
"""Disagreement, in hand sizes, that scores 0.5: beyond it most rendered hands were wrong."""
_MIN_SPREAD = 0.15
"""Breadth over length of the landmarks; hands seen edge-on reach 0.18, collapsed ones lie below."""
_MAX_TURN_RAD = np.radians(45.0)
_SURE = 0.7
"""Probability of the other side from which a frame's hand was seen as the other one."""


def consistency_score(
    landmarks_px: Float[np.ndarray, "*batch 21 2"], hand_m: Float[np.ndarray, "*batch 21 3"]
) -> Float[np.ndarray, "*batch"]:
    """How well hands in meters explain the same hands in the image, 0..1.

    The hand in meters is projected with weak perspective (scale and shift fitted); r, the root mean
    square distance to the image landmarks over the hand's size, gives 1 / (1 + (r / 0.1)^2).
    """
    flat = _centered(hand_m[..., :2])
    seen = _centered(landmarks_px)
    scale = np.sum(flat * seen, axis=(-2, -1)) / np.maximum(np.sum(flat**2, axis=(-2, -1)), 1e-12)
    missed = scale[..., None, None] * flat - seen
    residual_px = np.sqrt(np.sum(missed**2, axis=-1).mean(axis=-1))
    residual = residual_px / np.maximum(size_px(landmarks_px), 1e-6)
    return np.asarray(1.0 / (1.0 + (residual / _HALF_SCORE_RESIDUAL) ** 2))


def shape_gate(
    landmarks_px: Float[np.ndarray, "*batch 21 2"],
    *,
    width: int,
    height: int,
    min_hand_px: float,
    max_outside: float,
) -> UInt8[np.ndarray, "*batch"]:
    """Why landmarks cannot be a hand: too small, out of the image, collapsed to a line.

    Args:
        landmarks_px: Image landmarks [px].
        width: Width of the image [px].
        height: Its height [px].
        min_hand_px: Least size, the diagonal of the box around the landmarks [px].
        max_outside: Largest share of landmarks outside the image.

    Returns:
        Indices into `HAND_GATES`; 0 where they can be one.
    """
    is_inside = (landmarks_px >= 0.0) & (landmarks_px <= np.array([width, height]))
    outside = 1.0 - is_inside.all(axis=-1).mean(axis=-1)
    axes = np.linalg.svd(_centered(landmarks_px), compute_uv=False)
    is_spread = axes[..., 1] >= _MIN_SPREAD * axes[..., 0]
    is_large = size_px(landmarks_px) >= min_hand_px
    names = ("collapsed", "too_small", "out_of_the_picture")
    codes = [HAND_GATES.index(name) for name in names]
    return np.asarray(np.select([~is_spread, ~is_large, outside > max_outside], codes, 0), np.uint8)


def curl_towards_palm(
    hand_m: Float[np.ndarray, "*batch 21 3"], side: Side
) -> Float[np.ndarray, "*batch"]:
    """How far the fingertips lie on the palm's side, in palm lengths; negative is no real hand.

    Of a right hand the palm's normal, index root cross little root, points out of the palm, and
    fingers bend that way; the mirror image of a hand gives the opposite sign.
    """
    palm = hand_m - hand_m[..., WRIST : WRIST + 1, :]
    normal = np.cross(palm[..., INDEX_MCP, :], palm[..., _LITTLE_MCP, :])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    bend = np.sum((hand_m[..., _TIPS, :] - hand_m[..., _ROOTS, :]).mean(axis=-2) * normal, axis=-1)
    palm_length = np.maximum(np.linalg.norm(palm[..., MIDDLE_MCP, :], axis=-1), 1e-12)
    return np.asarray(bend / palm_length if side == "right" else -bend / palm_length)


def hand_of_side(
    hand_m: Float[np.ndarray, "*batch 21 3"],
    right_probability: Float[np.ndarray, "*batch"],
    side: Side,
) -> Float[np.ndarray, "*batch 21 3"]:
    """The model's joints as those of a hand of the given side [m].

    MediaPipe's joints follow the side it believes in: a right hand taken for a left one comes out
    mirrored in depth, which looks the same in the image (measured on rendered hands: error 29 mm,
    16 mm when mirrored back). So they are mirrored back where the model is sure of the other side
    and the fingers bend backwards for this one; else they are left as they are.
    """
    of_other_side = 1.0 - right_probability if side == "right" else right_probability
    is_mirrored = (of_other_side >= _SURE) & (curl_towards_palm(hand_m, side) < 0.0)
    depth_sign = np.where(is_mirrored, -1.0, 1.0)[..., None]
    return np.concatenate([hand_m[..., :2], hand_m[..., 2:] * depth_sign[..., None]], axis=-1)


def is_turned_over(
    hand_m: Float[np.ndarray, "detection 21 3"],
    right_probability: Float[np.ndarray, " detection"],
    side: Side,
) -> Bool[np.ndarray, " detection"]:
    """Where one hand is seen as the other one and turned over: palm taken for back.

    Where a frame's own handedness contradicts the hand's side and its palm is turned by 45 degrees
    and more from the nearest frame that agrees, nearly all are over 45 degrees wrong. Where it is
    not turned, the frame is as good as its neighbors. Where none agrees, those that are sure of the
    other side count as turned over.

    Args:
        hand_m: Joints of one hand, frame by frame, as `hand_of_side` gives them [m].
        right_probability: The model's own probability of a right hand.
        side: Which hand it is.
    """
    own = right_probability if side == "right" else 1.0 - right_probability
    agrees = np.flatnonzero(own >= 0.5)
    if len(agrees) == 0:
        return np.asarray(own <= 1.0 - _SURE)
    rows = np.arange(len(own))
    nearest = agrees[np.abs(rows[:, None] - agrees).argmin(axis=1)]
    R = wrist_pose(hand_m, side)[:, :3, :3]
    return np.asarray((own < 0.5) & (se3.angle_between(R, R[nearest]) > _MAX_TURN_RAD))


def size_px(landmarks_px: Float[np.ndarray, "*batch 21 2"]) -> Float[np.ndarray, "*batch"]:
    """Size of hands in the image: the diagonal of the box around the landmarks [px]."""
    return np.asarray(np.linalg.norm(np.ptp(landmarks_px, axis=-2), axis=-1))


def _centered(points: Float[np.ndarray, "*batch 21 d"]) -> Float[np.ndarray, "*batch 21 d"]:
    return points - points.mean(axis=-2, keepdims=True)
