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

NUM_AXES = 3
"""Of six, those that are told least."""
STEPS_VOXELS = (1.0, 2.0)
"""How far beside it is looked."""
BETTER = 9.0
"""Log likelihood ratio times two from which another place is better (3 sigma)."""
ALIKE = 4.0
"""Below it one fits as well (2 sigma)."""
MOST_STEPS = 8
"""How often a pose is moved on while it gets better."""
_REACHES = (2.5, 2.5, 2.5, 2.5)


def probed(view: View, model: Model, found: Settled, others: list[Guess | Followed]) -> Settled:
    """The pose, or a better one beside it; its covariance grows to places that fit as well.

    Args:
        view: The frame.
        model: The thing.
        found: The settled pose.
        others: What else says where it is, corners left out: on panes they follow what lies behind.
    """
    problem = Problem(view, model)
    ways = _ways(model, found)
    T = found.T_model_camera
    start = least = problem.misfit(T)
    beside = [problem.misfit(way @ T) for way in ways]
    for _ in range(MOST_STEPS):
        best = int(np.argmin(beside))
        if beside[best] > least - BETTER:
            break
        T, least = ways[best] @ T, beside[best]
        beside = [problem.misfit(way @ T) for way in ways]
    if least < start:
        anew = settle(view, model, T, others, _REACHES)
        least = problem.misfit(anew.T_model_camera)
        if least > start - BETTER:
            return found
        found = anew
        beside = [problem.misfit(way @ found.T_model_camera) for way in ways]
    P = found.covariance.copy()
    for way, misfit in zip(ways, beside, strict=True):
        if misfit - least < ALIKE:
            x = np.concatenate([se3.log_so3(way[:3, :3]), way[:3, 3]])
            P += 0.5 * np.outer(x, x)
    return dataclasses.replace(found, covariance=P)


def _ways(model: Model, found: Settled) -> list[Float[np.ndarray, "4 4"]]:
    """Moves along what a pose tells least, both ways: shifts, turns, or both as of a screw.

    A turn counts as the shift of a point at the model's mean distance from its middle.
    """
    size_m = float(np.linalg.norm(model.points_m - model.points_m.mean(axis=0), axis=1).mean())
    unit = np.array([size_m] * 3 + [1.0] * 3)
    axes = np.linalg.eigh(found.covariance * np.outer(unit, unit))[1][:, -NUM_AXES:].T / unit
    out = []
    for axis in axes:
        for step in STEPS_VOXELS:
            for way in (step * model.voxel_m * axis, -step * model.voxel_m * axis):
                out.append(se3.make(se3.exp_so3(way[:3]), way[3:]))
    return out
