"""Following vectors between links: what dexterous hands are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from rotoscope.retarget.description.links import Description
from rotoscope.retarget.kinematics.frames import Mark
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.optimize.cost import Calm
from rotoscope.retarget.optimize.interior_point import Search
from rotoscope.retarget.optimize.terms import ApartTerm, Term, VectorTerm
from rotoscope.retarget.optimize.trajectory import Problem, first_guess, solve
from rotoscope.retarget.robots.joint_limits import JointLimits
from rotoscope.retarget.robots.tree_config import PointSection, SphereSection


class VectorWeights(BaseModel):
    """1-sigma that each wish is held with; smaller is stricter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vector_m: float = Field(default=2e-3, gt=0)
    """Difference of a vector of full weight [m]."""
    acceleration: float = Field(default=200.0, gt=0)
    """Joint acceleration [rad/s^2]."""
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
    held: Mapping[str, float],
    rest: Float[np.ndarray, " joint"],
    spheres: Sequence[tuple[SphereSection, SphereSection]] = (),
    coupling: Float[np.ndarray, "joint joint"] | None = None,
    weights: VectorWeights | None = None,
    search: Search | None = None,
) -> VectorSolution:
    """Joint values whose vectors are nearest to the wanted ones, for all frames together.

    Args:
        description: The robot's links and joints.
        vectors: What is wanted.
        limits: Limits of the joints.
        time_s: Frame times [s].
        joints: Names of the joints that are free.
        held: Values of joints that are not [rad or m].
        rest: Values that the joints are drawn to where nothing else is asked [rad or m].
        spheres: Pairs of balls that must not touch.
        coupling: Matrix of a cost that ties joints to each other, see `Calm.coupling`.
        weights: How strictly each wish is held.
        search: How the minimum is looked for.
    """
    weights = weights or VectorWeights()
    marks = _Marks()
    origins = [marks.index(point) for point in vectors.origins]
    tips = [marks.index(point) for point in vectors.tips]
    terms: list[Term] = [
        VectorTerm(
            origins, tips, vectors.target_m, vectors.weight, weights.vector_m, weights.robust
        )
    ]
    if spheres:
        terms.append(apart_term(marks, spheres, weights.apart_margin_m, weights.apart_m))
    tree = KinematicTree(description, columns=joints, held=held, marks=marks.marks)
    count = len(joints)
    sigma_rest = np.full(count, weights.rest)
    calm = Calm(np.full(count, weights.acceleration), rest, sigma_rest, coupling)
    problem = Problem(tree, terms, calm, limits, time_s)
    start = first_guess(problem, np.tile(rest, (len(time_s), 1)), np.ones(count, bool))
    solved = solve(problem, start, search=search or Search(max_iterations=12, first_barrier=1.0))
    p = tree.reach(solved).p_m
    error = np.linalg.norm(p[:, tips] - p[:, origins] - vectors.target_m, axis=-1)
    return VectorSolution(solved, np.where(vectors.weight > 0, error, np.nan))


class _Marks:
    """Points by number, each kept once."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self._seen: dict[tuple[str, tuple[float, float, float]], int] = {}

    def index(self, point: PointSection) -> int:
        key = (point.link, point.offset_m)
        if key not in self._seen:
            self._seen[key] = len(self.marks)
            self.marks.append(Mark.at(point.link, point.offset_m))
        return self._seen[key]


def apart_term(
    marks: _Marks,
    spheres: Sequence[tuple[SphereSection, SphereSection]],
    margin_m: float,
    sigma_m: float,
) -> ApartTerm:
    """The wish that pairs of balls do not touch."""
    return ApartTerm(
        [marks.index(a) for a, _ in spheres],
        [marks.index(b) for _, b in spheres],
        np.array([a.radius_m + b.radius_m + margin_m for a, b in spheres]),
        sigma_m,
    )
