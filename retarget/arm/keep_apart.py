"""An arm's trajectory with its links out of each other, and what could not be taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.retarget.arm.follow_poses import Followed, FollowSettings
from rotoscope.retarget.arm.solve import judged, solve_joints
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import TOLERANCE_OVERLAP_M, Overlap, overlap_of
from rotoscope.retarget.collision.resolve import pulled_apart
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.robot import Robot

APART_SIGMA_M = 2e-3
"""1-sigma of what is missing to the distance between balls [m]. Chosen with the weights of poses:
arms give way before they touch, and no further."""
AGAIN = SolverOptions(first_barrier=1.0, max_iterations=12)
"""How a trajectory is solved again that was solved without asking what is inside what."""


@dataclass(frozen=True, eq=False)
class KeptApart:
    """What an arm does in the frames where its joint values are known, and what touches."""

    followed: Followed
    """Joint values and errors."""
    overlap: Overlap
    """What is inside what, or below the table, in those frames."""

    @property
    def is_inside_itself(self) -> Bool[np.ndarray, " known"]:
        """Frames in which links are too far inside each other."""
        return self.overlap.itself_m > TOLERANCE_OVERLAP_M

    @property
    def is_below_table(self) -> Bool[np.ndarray, " known"]:
        """Frames in which a link is too far below the table."""
        return self.overlap.below_m > TOLERANCE_OVERLAP_M


def keep_apart(
    robot: ArmRobot,
    shapes: CollisionModel,
    followed: Followed,
    *,
    fingers: Sequence[Mapping[str, float]],
    table_m: float | None,
    tolerance_rad: Float[np.ndarray, " known"],
    settings: FollowSettings,
) -> KeptApart:
    """The same motion with links apart, as far as they can be.

    A motion in which nothing touches is left as it is.

    Args:
        robot: The arm.
        shapes: Its shapes.
        followed: What it does, without asking what is inside what.
        fingers: Values of the gripper's joints in each known frame [rad or m].
        table_m: Height of the table over the base [m]; none when absent.
        tolerance_rad: Rotation error that still counts as reached in each known frame [rad].
        settings: Tolerances and weights.
    """
    targets, joints = followed.targets, followed.solution.joints
    floor = None if table_m is None else np.full(len(joints), table_m)
    # Balls on open fingers reach furthest.
    holding = replace(robot, locked=robot.finger_joints(1.0))
    kept, found = pulled_apart(
        joints,
        shapes,
        overlap=partial(
            overlap_of,
            shapes,
            others=fingers,
            floor_m=floor,
            may_be_below=links_beside_table(robot, table_m),
        ),
        tree_of=lambda watched: holding.tree(watched.balls.frames()),
        solve_again=lambda watched, x: solve_joints(
            holding,
            targets,
            x,
            weights=settings.weights,
            options=AGAIN,
            further=watched.frames(),
            terms=watched.terms(1, margin_m=0.0, sigma_m=APART_SIGMA_M, floor_m=floor),
        ),
        floor_m=floor,
    )
    if kept is joints:
        return KeptApart(followed, found)
    solution = judged(
        robot, kept, targets, tolerance_m=settings.tolerance_m, tolerance_rad=tolerance_rad
    )
    return KeptApart(replace(followed, solution=solution), found)


def links_beside_table(robot: Robot, table_m: float | None) -> set[str]:
    """Links that may be lower than the table: of a base that stands beside it, all but the gripper.

    Where a table that is higher than the base ends, nobody knows.
    """
    if table_m is None or table_m <= 0.0:
        return set()
    above = {joint.child: joint.parent for joint in robot.description.joints.values()}
    grippers = {frame.link for frame in robot.frames().values()}

    def is_gripper(link: str | None) -> bool:
        return link is not None and (link in grippers or is_gripper(above.get(link)))

    return {link for link in robot.description.links if not is_gripper(link)}
