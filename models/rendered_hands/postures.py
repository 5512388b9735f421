"""Finger postures of an arm: open, pinch and fist, and the motion between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from rotoscope.models.rendered_hands.arm import BONES, Arm
from rotoscope.pipeline.geometry.hand_frame import INDEX_TIP, THUMB_TIP

Grip = Literal["pinch", "fist"]

PINCH_GAP_M = 0.015
"""Distance of the tip landmarks when the pads touch: two fingertip radii."""
_OPEN_DEG = (-12.0, -6.0, -4.0)
_FIST_DEG = (58.0, 75.0, 45.0)
_RELAXED_DEG = (18.0, 20.0, 10.0)
_PINCH_INDEX_DEG = (42.0, 38.0, 22.0)
_PINCH_THUMB_DEG = (0.0, 22.0, 15.0)
_FIST_THUMB_DEG = (15.0, 25.0, 35.0)
_FIRST_PHALANX = 3
_ANGLE_WEIGHT_M = 0.004
"""How strongly the pinch keeps to its nominal angles [m of gap per radian]."""


def open_hand(arm: Arm) -> Float[np.ndarray, "bone 3"]:
    """All fingers nearly straight."""
    return _curled(arm, [(0.0, 0.0, 0.0), *[_OPEN_DEG] * 4])


def fist(arm: Arm) -> Float[np.ndarray, "bone 3"]:
    """A power grasp: all fingers curled, the thumb beside the index finger."""
    return _curled(arm, [_FIST_THUMB_DEG, *[_FIST_DEG] * 4])


def pinch(arm: Arm) -> Float[np.ndarray, "bone 3"]:
    """Thumb and index pads touch, the other fingers relaxed."""
    from scipy.optimize import least_squares

    nominal = _curled(arm, [_PINCH_THUMB_DEG, _PINCH_INDEX_DEG, *[_RELAXED_DEG] * 3])
    axes = arm.flexion_axes()
    thumb, index = _FIRST_PHALANX, _FIRST_PHALANX + 3

    def posture(x: Float[np.ndarray, " parameter"]) -> Float[np.ndarray, "bone 3"]:
        out = nominal.copy()
        out[thumb] += x[:3]
        out[thumb + 1 : thumb + 3] += x[3:5, None] * axes[0]
        out[index : index + 3] += x[5:8, None] * axes[1]
        return out

    def cost(x: Float[np.ndarray, " parameter"]) -> Float[np.ndarray, " residual"]:
        joints = arm.joints(arm.motions(posture(x)))
        gap = float(np.linalg.norm(joints[THUMB_TIP] - joints[INDEX_TIP]))
        return np.append(_ANGLE_WEIGHT_M * x, gap - PINCH_GAP_M)

    return posture(least_squares(cost, np.zeros(8)).x)


def _curled(arm: Arm, degrees: Sequence[tuple[float, float, float]]) -> Float[np.ndarray, "bone 3"]:
    """Rotation vectors [rad] that bend each finger's three joints, thumb first."""
    out = np.zeros((len(BONES), 3))
    bend = np.radians(np.array(degrees))
    out[_FIRST_PHALANX:] = (bend[..., None] * arm.flexion_axes()[:, None]).reshape(-1, 3)
    return out


def closing(time_s: Float[np.ndarray, " time"], period_s: float) -> Float[np.ndarray, " time"]:
    """How far the hand is closed, 0..1: open, closing, held, opening, once every `period_s`.

    Each phase takes a quarter of the period; the moves are minimum-jerk polynomials (Flash and
    Hogan 1985), as human reaching is.
    """
    phase = np.mod(time_s / period_s, 1.0) * 4.0
    closes = _minimum_jerk(phase - 0.5)
    opens = _minimum_jerk(phase - 2.5)
    return closes - opens


def _minimum_jerk(x: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x**2)
