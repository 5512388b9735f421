"""Following vectors between links: what dexterous hands are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from rotoscope.retarget.description.links import Description
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.optimize.cost import Regularizer
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.optimize.one_sided import SelfCollisionCost
from rotoscope.retarget.optimize.terms import CostTerm, DistanceCost, VectorCost
from rotoscope.retarget.optimize.trajectory import Problem, initial_guess, solve
from rotoscope.retarget.robots.config import PointSection, SphereSection
from rotoscope.retarget.robots.joint_limits import JointLimits

GUESS_ITERATIONS = 8
"""Steps of the solver at each waypoint of the first guess: with twelve, tips of Shadow, Allegro
and LEAP are less than .2 mm nearer, and Shadow takes a third more time."""


class VectorWeights(BaseModel):
    """1-sigma of each cost; smaller is stricter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_m: float = Field(default=2e-3, gt=0)
    """Difference of a vector of full weight [m]."""
    acceleration: float = Field(default=40.0, gt=0)
    """Joint acceleration [rad/s^2]. Chosen on Shadow, Allegro and LEAP and the recording of
    dex-retargeting's example: below it fingertips begin to lag, above it hands are rougher for
    nothing."""
    rest: float = Field(default=3.0, gt=0)
    """Distance of each joint to its rest value [rad]."""
    robust: float = Field(default=1.0, gt=0)
    """Differences beyond this many sigma pull with constant force: the mean length of the
    differences is what becomes least, not that of their squares."""
    curl_rad: float = Field(default=0.3, gt=0)
    """Difference between the last joint of a finger and what the one before it says [rad]."""
    apart_m: float = Field(default=2e-3, gt=0)
    """How far two balls may sink into each other [m]."""
    apart_margin_m: float = Field(default=1e-3, ge=0)
    """Distance that balls keep [m]."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Wanted vectors between points of a robot, in the frame of its root link."""

    origins: tuple[PointSection, ...]
    """Where they begin."""
    tips: tuple[PointSection, ...]
    """Where they end."""
    target_m: Float[np.ndarray, "time vector 3"]
    """Wanted vectors [m]; any where the weight is 0."""
    weight: Float[np.ndarray, "time vector"]
    """Weight of each; 0 where there is no target."""


@dataclass(frozen=True, eq=False)
class Distances:
    """Wanted distances between points of a robot, whatever the direction."""

    origins: tuple[PointSection, ...]
    """Where they begin."""
    tips: tuple[PointSection, ...]
    """Where they end."""
    target_m: Float[np.ndarray, "time distance"]
    """Wanted distances [m]; any where the weight is 0."""
    weight: Float[np.ndarray, "time distance"]
    """Weight of each, against vectors of weight 1; 0 where there is no target."""


@dataclass(frozen=True, eq=False)
class VectorSolution:
    """What the joints do, and how well."""

    joints: Float[np.ndarray, "time joint"]
    """Joint values that keep every limit [rad or m]."""
    error_m: Float[np.ndarray, "time vector"]
    """Length of the difference of each vector [m]; NaN where there is no target."""


def follow_vectors(
    description: Description,
    vectors: Vectors,
    limits: JointLimits,
    time_s: Float[np.ndarray, " time"],
    *,
    joints: Sequence[str],
    locked: Mapping[str, float],
    rest: Float[np.ndarray, " joint"],
    distances: Distances | None = None,
    spheres: Sequence[tuple[SphereSection, SphereSection]] = (),
    coupling: Float[np.ndarray, "joint joint"] | None = None,
    weights: VectorWeights | None = None,
    options: SolverOptions | None = None,
) -> VectorSolution:
    """Joint values whose vectors are nearest to the wanted ones, for all frames together.

    Args:
        description: The robot's links and joints.
        vectors: What is wanted.
        limits: Limits of the joints.
        time_s: Frame times [s].
        joints: Names of the joints that are free.
        locked: Values of joints that are not [rad or m].
        rest: Values that the joints are drawn to where nothing else is asked [rad or m].
        distances: Distances that are wanted besides.
        spheres: Pairs of balls that must not touch.
        coupling: Matrix of a cost that ties joints to each other, see `Regularizer.coupling`.
        weights: 1-sigma of each cost; smaller is stricter.
        options: How the minimum is looked for.
    """
    weights = weights or VectorWeights()
    frames = _FrameIndex()
    origins = [frames.index(point) for point in vectors.origins]
    tips = [frames.index(point) for point in vectors.tips]
    terms: list[CostTerm] = [
        VectorCost(
            origins, tips, vectors.target_m, vectors.weight, weights.vector_m, weights.robust
        )
    ]
    if distances is not None:
        begin, end = ([frames.index(p) for p in ps] for ps in (distances.origins, distances.tips))
        terms.append(
            DistanceCost(
                begin,
                end,
                distances.target_m,
                distances.weight,
                weights.vector_m,
                weights.robust,
            )
        )
    if spheres:
        terms.append(self_collision_cost(frames, spheres, weights.apart_margin_m, weights.apart_m))
    tree = KinematicTree(description, columns=joints, locked=locked, frames=frames.frames)
    count = len(joints)
    sigma_rest = np.full(count, weights.rest)
    regularizer = Regularizer(np.full(count, weights.acceleration), rest, sigma_rest, coupling)
    problem = Problem(tree, terms, regularizer, limits, time_s)
    start = initial_guess(
        problem,
        np.tile(rest, (len(time_s), 1)),
        np.ones(count, bool),
        max_iterations=GUESS_ITERATIONS,
    )
    solved = solve(
        problem, start, options=options or SolverOptions(max_iterations=12, first_barrier=1.0)
    )
    p = tree.forward_kinematics(solved).p_m
    error = np.linalg.norm(p[:, tips] - p[:, origins] - vectors.target_m, axis=-1)
    return VectorSolution(solved, np.where(vectors.weight > 0, error, np.nan))


class _FrameIndex:
    """Points by number, each kept once."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._seen: dict[tuple[str, tuple[float, float, float]], int] = {}

    def index(self, point: PointSection) -> int:
        key = (point.link, point.offset_m)
        if key not in self._seen:
            self._seen[key] = len(self.frames)
            self.frames.append(Frame.at(point.link, point.offset_m))
        return self._seen[key]


def self_collision_cost(
    frames: _FrameIndex,
    spheres: Sequence[tuple[SphereSection, SphereSection]],
    margin_m: float,
    sigma_m: float,
) -> SelfCollisionCost:
    """Cost of pairs of balls that touch."""
    return SelfCollisionCost(
        [frames.index(a) for a, _ in spheres],
        [frames.index(b) for _, b in spheres],
        np.array([a.radius_m + b.radius_m + margin_m for a, b in spheres]),
        sigma_m,
    )
