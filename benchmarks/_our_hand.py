"""Our solver on a hand, asked exactly what the peers are asked."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from benchmarks._hand_metrics import HandVectors, hands_folder
from rotoscope.retarget.description.links import Description
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.hand.vector_objective import Vectors, VectorWeights, follow_vectors
from rotoscope.retarget.robots.config import PointSection
from rotoscope.retarget.robots.joint_limits import (
    JointLimits,
    free_joints,
    joint_limits,
    joint_rest,
)


@dataclass(frozen=True)
class Variant:
    """How strictly the solver is held."""

    weights: VectorWeights
    """What counts how much."""
    has_speed_limits: bool
    """Whether the robot file's velocity limits hold, of which the peers know nothing."""


VARIANTS = {
    "ours": Variant(VectorWeights(acceleration=1000.0), has_speed_limits=False),
    "ours_calm": Variant(VectorWeights(acceleration=10.0), has_speed_limits=False),
    "ours_within_speed": Variant(VectorWeights(), has_speed_limits=True),
}
"""Vectors before all else; smoother than the peers' filtered output; and with every limit of the
robot file and the solver's own weights."""


def our_joints(
    vectors: HandVectors,
    joints_m: Float[np.ndarray, "time 21 3"],
    time_s: Float[np.ndarray, " time"],
    variant: Variant,
) -> tuple[list[str], Float[np.ndarray, "time joint"], float]:
    """Names of all movable joints, their values [rad or m], and CPU time per frame [ms].

    The same joints are free as in the peers' configurations: every one that follows no other. The
    time is that of the solution; reading the robot file is not counted, as with the peers.

    Args:
        vectors: What is to be followed.
        joints_m: Human joints in the wrist frame.
        time_s: Frame times.
        variant: How strictly the solver is held.
    """
    description = read_description(hands_folder() / vectors.urdf)
    names = free_joints(description, {})
    limits = joint_limits(description, {}, names, {})
    rest = joint_rest(description, {}, names, limits)
    if not variant.has_speed_limits:
        limits = _positions_only(limits)
    wanted = Vectors(
        origins=tuple(PointSection(link=link) for link in vectors.origin_links),
        tips=tuple(PointSection(link=link) for link in vectors.task_links),
        target_m=vectors.targets_m(joints_m),
        weight=np.ones((len(joints_m), len(vectors.task_links))),
    )
    start_s = time.process_time()
    solution = follow_vectors(
        description,
        wanted,
        limits,
        time_s,
        joints=names,
        locked={},
        rest=rest,
        weights=variant.weights,
    )
    taken_ms = 1e3 * (time.process_time() - start_s) / len(joints_m)
    return *_with_followers(description, names, solution.joints), taken_ms


def _positions_only(limits: JointLimits) -> JointLimits:
    unlimited = np.full(len(limits.lower), np.inf)
    return replace(limits, max_velocity=unlimited, max_acceleration=unlimited)


def _with_followers(
    description: Description, names: tuple[str, ...], values: np.ndarray
) -> tuple[list[str], np.ndarray]:
    movable = [joint.name for joint in description.joints.values() if joint.kind != "fixed"]
    columns = []
    for name in movable:
        link = description.resolve_mimic(name)
        columns.append(link.multiplier * values[:, names.index(link.joint)] + link.offset)
    return movable, np.stack(columns, axis=1)
