"""`label.confidence` of retargeted actions: the chance that what they say is near the truth.

It is the chance, under normal errors of the stated sigmas, of one event: everything that the action
is about lies within its tolerance of what the person did. That is what perception may be wrong by
and what the robot leaves of the motion, together. The tolerances are those below for every robot;
independent parts multiply.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

POSITION_M = 0.075
"""An end effector, or a palm, is near within this distance [m]: less than a palm is long."""
ROTATION_RAD = float(np.deg2rad(30.0))
"""And turned alike within this angle [rad]. Nearer tolerances have too little chance to tell rows
of video with an unknown camera apart: 5 cm and 20 degrees were met by three in ten rows of the
development kinds, these by six."""
TIPS_M = 0.03
"""Fingertips are near within this distance of where they are seen from the palm [m], root mean
square over the fingers and at the human hand's size: the width of two fingertips."""
LIMBS_RAD = float(np.deg2rad(20.0))
"""The limbs of a body point alike within this angle [rad], root mean square over the limbs."""

_LARGEST_Z = 6.0
"""Sigmas beyond which nothing lies."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def position_chance(
    sigma_m: Float[np.ndarray, "time 3"], beside_m: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """Chance that a position is within `POSITION_M` of the truth; 0 where anything is unknown.

    Args:
        sigma_m: 1-sigma of what was seen along three axes [m].
        beside_m: How far the robot stays away from it, in a direction that is not known [m].
    """
    variance = np.sort(sigma_m**2 + beside_m[:, None] ** 2 / 3.0, axis=1)
    known = np.asarray(np.isfinite(variance).all(axis=1))
    variance = np.maximum(np.where(known[:, None], variance, 1.0), 1e-12)
    # Along the worst axis numerically, across it in closed form (Rayleigh, mean of the other two):
    # P = int 2 phi(z) (1 - exp(-(r^2 - s^2 z^2) / (2 t^2))) dz over |z| <= r / s.
    worst, across = np.sqrt(variance[:, 2:]), variance[:, :2].mean(axis=1, keepdims=True)
    end = np.minimum(POSITION_M / worst, _LARGEST_Z)
    z = 0.5 * end * (_NODES + 1.0)
    left = np.maximum(POSITION_M**2 - (worst * z) ** 2, 0.0)
    density = np.sqrt(2.0 / np.pi) * np.exp(-0.5 * z**2) * -np.expm1(-0.5 * left / across)
    return np.where(known, np.clip(0.5 * end[:, 0] * (density @ _WEIGHTS), 0.0, 1.0), 0.0)


def rotation_chance(
    sigma_rad: Float[np.ndarray, " time"], beside_rad: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """Chance that a rotation is within `ROTATION_RAD` of the truth; 0 where anything is unknown.

    Args:
        sigma_rad: Root mean square angle by which what was seen may be off [rad].
        beside_rad: Angle that the robot stays away from it [rad].
    """
    return _within(ROTATION_RAD, sigma_rad**2 + beside_rad**2)


def tips_chance(
    sigma_m: Float[np.ndarray, " time"], beside_m: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """Chance that fingertips are within `TIPS_M` of the truth; 0 where anything is unknown.

    Args:
        sigma_m: Root mean square distance by which what was seen may be off [m].
        beside_m: Root mean square distance that the robot leaves, at the human hand's size [m].
    """
    return _within(TIPS_M, sigma_m**2 + beside_m**2)


def limbs_chance(
    sigma_rad: Float[np.ndarray, " time"], beside_rad: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """Chance that limbs are within `LIMBS_RAD` of the truth; 0 where anything is unknown.

    Args:
        sigma_rad: Root mean square angle by which what was seen may be off [rad].
        beside_rad: Root mean square angle that the robot leaves [rad].
    """
    return _within(LIMBS_RAD, sigma_rad**2 + beside_rad**2)


def _within(
    tolerance: float, mean_square: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """Chance that an error with three normal parts alike is no longer than the tolerance."""
    from scipy.special import gammainc

    # The square of its length over the variance of a part is chi-square with three degrees.
    known = np.isfinite(mean_square)
    square = np.maximum(np.where(known, mean_square, 1.0), 1e-12)
    return np.where(known, gammainc(1.5, 1.5 * tolerance**2 / square), 0.0)
