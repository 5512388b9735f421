"""A settled pose held against others beside it: a thin panel fits as well a bit along itself.

Nearest points pin a panel where it is taken to be: each finds a neighbor that it lies on. So the
pose is moved along what its surface tells least, and what fits better there is settled anew; what
fits as well is not told.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from rotoscope.models.object_pose.landmarks import Followed
from rotoscope.models.object_pose.settle import Guess, Problem, Settled, View, settle
from rotoscope.models.object_pose.surface import Model
from rotoscope.pipeline.geometry import se3

STEPS_VOXELS = (1.0, 2.0)
"""How far beside it is looked."""
BETTER = 9.0
"""Log likelihood ratio times two from which another place is better (3 sigma)."""
ALIKE = 4.0
"""Below it one fits as well (2 sigma)."""
MOST_STEPS = 8
"""How often a pose is moved on while it gets better."""
_REACHES = (2.5, 2.5, 2.5, 2.5)


def probed(
    view: View, model: Model, found: Settled, others: list[Guess | Followed]
) -> Settled:
    """The pose, or a better one beside it; its covariance grows to places that fit as well.

    Args:
        view: The frame.
        model: The thing.
        found: The settled pose.
        others: What else says where it is, corners left out: on panes they follow what lies behind.
    """
    problem = Problem(view, model)
    T = found.T_model_camera
    start = least = problem.misfit(T)
    axes = np.linalg.eigh(found.covariance[3:, 3:])[1][:, 1:].T
    for _ in range(MOST_STEPS):
        tried = [(problem.misfit(other), other) for other in _beside(T, axes, model.voxel_m)]
        best, other = min(tried, key=lambda one: one[0])
        if best > least - BETTER:
            break
        T, least = other, best
    if least < start:
        anew = settle(view, model, T, others, _REACHES)
        if problem.misfit(anew.T_model_camera) < start - BETTER:
            found = anew
            start = problem.misfit(found.T_model_camera)
    return _widened(problem, found, start, axes, model.voxel_m)


def _beside(
    T: Float[np.ndarray, "4 4"], axes: Float[np.ndarray, "axis 3"], voxel_m: float
) -> list[Float[np.ndarray, "4 4"]]:
    """Poses shifted along the axes, both ways."""
    ways = [sign * step * voxel_m * axis for axis in axes for step in STEPS_VOXELS
            for sign in (1.0, -1.0)]  # fmt: skip
    return [se3.make(np.eye(3), way) @ T for way in ways]


def _widened(
    problem: Problem,
    found: Settled,
    least: float,
    axes: Float[np.ndarray, "axis 3"],
    voxel_m: float,
) -> Settled:
    """The covariance with the places beside it that fit as well."""
    P = found.covariance.copy()
    for axis in axes:
        for step in STEPS_VOXELS:
            ends = _beside(found.T_model_camera, step * axis[None], voxel_m / STEPS_VOXELS[0])[:2]
            if min(problem.misfit(end) for end in ends) - least < ALIKE:
                P[3:, 3:] += (step * voxel_m) ** 2 * np.outer(axis, axis)
    return dataclasses.replace(found, covariance=P)
