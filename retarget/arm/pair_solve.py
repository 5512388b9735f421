"""Joint values of two arms for a whole trajectory at once, kept apart from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.arm.follow_poses import FollowSettings
from rotoscope.retarget.arm.hold_still import hold_still
from rotoscope.retarget.arm.keep_apart import APART_SIGMA_M, links_beside_table
from rotoscope.retarget.arm.solve import TrajectorySolution, judged
from rotoscope.retarget.arm.targets import Targets, TrajectoryWeights
from rotoscope.retarget.arm.task import TASKS
from rotoscope.retarget.collision.apart import Watched
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import TOLERANCE_OVERLAP_M, Overlap, overlap_of
from rotoscope.retarget.collision.resolve import pulled_apart
from rotoscope.retarget.optimize.cost import Regularizer
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.optimize.terms import CostTerm, PoseCost
from rotoscope.retarget.optimize.trajectory import Problem, feasible, solve
from rotoscope.retarget.robots.two_arms import TwoArmRobot

HOLD_FACTOR = 5.0
"""How many times weaker a hand that is not seen is held where it was last seen: it goes on to where
the hand is seen next as soon as its speed asks for it."""
HOME_SIGMA_RAD = 0.02
"""1-sigma of the distance to home of an arm whose hand is never seen [rad or m]."""


@dataclass(frozen=True, eq=False)
class PairSolution:
    """Joint values of every frame, and how they do."""

    joints: Float[np.ndarray, "time joint"]
    """Joint values of both arms that keep every limit [rad or m]."""
    arms: Mapping[Side, TrajectorySolution]
    """Each arm's own joints and errors."""
    overlap: Overlap
    """What is inside what."""

    @property
    def is_overlapping(self) -> Bool[np.ndarray, " time"]:
        """Frames in which parts are too far inside each other, or below the table."""
        return np.maximum(self.overlap.itself_m, self.overlap.below_m) > TOLERANCE_OVERLAP_M


def solve_pair(
    robot: TwoArmRobot,
    shapes: CollisionModel,
    targets: Mapping[Side, Targets],
    start: Float[np.ndarray, "time joint"],
    *,
    fingers: Sequence[Mapping[str, float]],
    table_m: float | None,
    tolerance_rad: Mapping[Side, Float[np.ndarray, " time"]],
    settings: FollowSettings,
    max_iterations: int = 25,
) -> PairSolution:
    """The trajectory of both arms that follows both hands best without leaving any limit.

    Links that are inside each other, or the table, are kept apart by the balls on them; which these
    are is found by their shapes, and the trajectory solved again where there are any.

    Args:
        robot: Both arms.
        shapes: Their shapes.
        targets: What each arm is to follow, in the frame of its own base.
        start: Where to start from [rad or m].
        fingers: Values of the grippers' joints in each frame [rad or m].
        table_m: Height of the table over the base [m]; none when absent.
        tolerance_rad: Error of what is judged of each hand's rotation that still counts as reached.
        settings: Tolerances and weights.
        max_iterations: Steps of the solver at most, each time.
    """
    num = len(start)
    floor = None if table_m is None else np.full(num, table_m)
    overlap = partial(
        overlap_of,
        shapes,
        others=fingers,
        floor_m=floor,
        may_be_below=links_beside_table(robot, table_m),
    )

    def solved(watched: Watched | None, x: np.ndarray, options: SolverOptions) -> np.ndarray:
        problem = _problem(robot, targets, watched, floor, settings.weights)
        found = solve(problem, x, options=options)
        return feasible(_still(robot, targets, found, settings.max_bridge_s), problem)

    first = SolverOptions(max_iterations=max_iterations)
    again = replace(first, first_barrier=1.0, max_iterations=max_iterations // 2)
    x, found = pulled_apart(
        solved(None, start, first),
        shapes,
        overlap=overlap,
        tree_of=lambda watched: robot.tree(watched.balls.frames()),
        solve_again=lambda watched, x: solved(watched, x, again),
        floor_m=floor,
    )
    arms = {
        side: judged(
            arm,
            x[:, robot.columns(side)],
            targets[side],
            tolerance_m=settings.tolerance_m,
            tolerance_rad=tolerance_rad[side],
        )
        for side, arm in robot.arms.items()
    }
    return PairSolution(x, arms, found)


def _still(
    robot: TwoArmRobot,
    targets: Mapping[Side, Targets],
    x: Float[np.ndarray, "time joint"],
    max_bridge_s: float,
) -> Float[np.ndarray, "time joint"]:
    """The same with each arm still while its hand is out of sight."""
    parts = [
        hold_still(
            x[:, robot.columns(side)],
            targets[side].is_wanted,
            targets[side].time_s,
            arm.max_velocity,
            max_bridge_s=max_bridge_s,
        )
        for side, arm in robot.arms.items()
    ]
    return np.concatenate(parts, axis=1)


def _problem(
    robot: TwoArmRobot,
    targets: Mapping[Side, Targets],
    watched: Watched | None,
    floor_m: Float[np.ndarray, " time"] | None,
    weights: TrajectoryWeights,
) -> Problem:
    tree = robot.kinematics
    time_s = targets["left"].time_s
    terms: list[CostTerm] = [
        _pose_cost(i, robot, side, targets[side], weights) for i, side in enumerate(robot.arms)
    ]
    if watched is not None:
        tree = robot.tree([*robot.frames().values(), *watched.frames()])
        margin_m = robot.config.margin_m
        terms += watched.terms(
            len(robot.arms), margin_m=margin_m, sigma_m=APART_SIGMA_M, floor_m=floor_m
        )
    num = len(robot.joint_names)
    home = np.full(num, weights.home)
    for side in robot.arms:
        if not targets[side].is_wanted.any():
            home[robot.columns(side)] = HOME_SIGMA_RAD
    regularizer = Regularizer(
        sigma_acceleration=np.full(num, weights.acceleration), rest=robot.rest, sigma_rest=home
    )
    return Problem(tree, terms, regularizer, robot.limits, time_s)


def _pose_cost(
    frame_id: int, robot: TwoArmRobot, side: Side, own: Targets, weights: TrajectoryWeights
) -> PoseCost:
    """An arm at its hand's poses, in the frame of both; held still where there is none."""
    T = robot.base_pose(side)
    held = held_targets(own)
    weight = np.where(own.is_wanted, 1.0, HOLD_FACTOR**-2.0 if own.is_wanted.any() else 0.0)
    return PoseCost(
        frame_id=frame_id,
        target_m=held.p_m @ T[:3, :3].T + T[:3, 3],
        target=T[:3, :3] @ held.R,
        weight=weight,
        sigma_m=weights.position_m,
        sigma_rad=weights.rotation_rad * TASKS[robot.arms[side].follows].rotation_factor,
        robust=weights.robust,
        far_m=weights.far_m,
        far_rad=weights.far_rad,
    )


def held_targets(own: Targets) -> Targets:
    """The same targets, where there is none the last one before, or the first of all."""
    index = np.where(own.is_wanted, np.arange(len(own.is_wanted)), -1)
    last = np.maximum.accumulate(index)
    first = int(np.argmax(own.is_wanted))
    last = np.where(last < 0, first, last)
    return Targets(own.R[last], own.p_m[last], own.time_s, own.is_wanted)


def ee_in_base(
    robot: TwoArmRobot, side: Side, joints: Float[np.ndarray, "time joint"]
) -> Float[np.ndarray, "time 4 4"]:
    """Where an arm's end effector is, in the frame of both [m]."""
    reached = robot.arms[side].pose(joints[:, robot.columns(side)])
    T: np.ndarray = robot.base_pose(side) @ se3.make(reached.R, reached.p_m)
    return T
