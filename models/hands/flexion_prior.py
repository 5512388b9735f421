"""What fingers do anyway: how far a hand at work bends them, and what they cannot do.

Ranges are wide normal distributions around a relaxed hand, so that landmarks decide wherever they
say something; what remains is that fingers bend towards the palm, hardly sideways, and the last
joint with the one before.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.perception.least_squares import Linearised

HINGE_MEAN = np.radians([(10, 0, 0, 10, 10)] + [(20, 0, 0, 30, 18)] * 4)
"""A relaxed hand [rad], thumb first."""
HINGE_SIGMA = np.radians([(25, 25, 15, 25, 30)] + [(35, 9, 4, 40, 25)] * 4)
"""How far hands at work stray from that [rad]; wide, since grasping uses most of the range."""
HINGE_LOWER = np.radians([(-180, -180, -180, -180, -180)] + [(-25, -180, -180, -3, -3)] * 4)
"""Angles below which a healthy finger hardly goes [rad]."""
LIMIT_SIGMA_RAD = float(np.radians(5.0))
"""How soft those limits are."""
TIP_PER_MIDDLE_JOINT = 0.6
"""The last joint of a finger bends about 0.6 times as far as the one before: one tendon."""
TIP_PER_MIDDLE_SIGMA_RAD = float(np.radians(12.0))
"""Spread of that coupling."""
_NUM_HINGES = HINGE_MEAN.size


def linearise(angles: Float[np.ndarray, "row 5 5"]) -> Linearised:
    """Cost of hinge angles [rad] (finger, hinge), and its derivatives by all 25 of them."""
    num = len(angles)
    relaxed = (angles - HINGE_MEAN) / HINGE_SIGMA
    beyond = np.minimum(angles - HINGE_LOWER, 0.0) / LIMIT_SIGMA_RAD
    pull = angles[:, 1:, 4] - TIP_PER_MIDDLE_JOINT * angles[:, 1:, 3]
    coupled = pull / TIP_PER_MIDDLE_SIGMA_RAD
    slope = relaxed / HINGE_SIGMA + beyond / LIMIT_SIGMA_RAD
    slope[:, 1:, 4] += coupled / TIP_PER_MIDDLE_SIGMA_RAD
    slope[:, 1:, 3] -= TIP_PER_MIDDLE_JOINT * coupled / TIP_PER_MIDDLE_SIGMA_RAD
    normal = np.tile(_CONSTANT, (num, 1, 1))
    diagonal = np.einsum("rpp->rp", normal)
    diagonal += ((beyond < 0) / LIMIT_SIGMA_RAD**2).reshape(num, _NUM_HINGES)
    cost = (relaxed**2 + beyond**2).sum(axis=(1, 2)) + (coupled**2).sum(axis=1)
    return Linearised(cost, normal, slope.reshape(num, _NUM_HINGES))


def _constant_curvature() -> Float[np.ndarray, "hinge hinge"]:
    out = np.diag(1.0 / HINGE_SIGMA.ravel() ** 2)
    row = np.array([0.0, 0.0, 0.0, -TIP_PER_MIDDLE_JOINT, 1.0])
    block = np.outer(row, row) / TIP_PER_MIDDLE_SIGMA_RAD**2
    for finger in range(1, 5):
        out[5 * finger : 5 * finger + 5, 5 * finger : 5 * finger + 5] += block
    return out


_CONSTANT = _constant_curvature()
