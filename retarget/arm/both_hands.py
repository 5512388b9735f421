"""Two arms that follow two hands: one base, one trajectory, nothing inside anything else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.arm.follow_poses import GOOD_SHARE, MAX_PLACES_TRIED, FollowSettings
from rotoscope.retarget.arm.initial_guess import initial_guess
from rotoscope.retarget.arm.pair_placement import (
    BELOW_GRIP_M,
    LOWEST,
    PairPlacement,
    find_pair_placements,
    lowest_of_hands,
)
from rotoscope.retarget.arm.pair_solve import PairSolution, solve_pair
from rotoscope.retarget.arm.targets import Targets
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import TOLERANCE_OVERLAP_M, overlap_of
from rotoscope.retarget.common.gaps import fill_short_gaps
from rotoscope.retarget.robots.two_arms import TwoArmRobot

logger = logging.getLogger(__name__)

NUM_LOOKS = 8
"""Waypoints of each hand at which a place is looked at for arms inside each other."""
BADLY_PLACED = 0.9
"""Where arms on the table reach a smaller share of the waypoints than this, other heights of the
base are tried too."""


@dataclass(frozen=True, eq=False)
class Hands:
    """What both hands do, in the camera frame."""

    T_camera_ee: Mapping[Side, Float[np.ndarray, "time 4 4"]]
    """Wanted end-effector poses [m]."""
    is_wanted: Mapping[Side, Bool[np.ndarray, " time"]]
    """Frames that have one."""
    openings: Mapping[Side, Float[np.ndarray, " time"]]
    """Openings of the grippers, 0..1, finite."""
    tolerance_rad: Mapping[Side, Float[np.ndarray, " time"]]
    """Error of what is judged of the rotation that still counts as reached [rad]."""
    time_s: Float[np.ndarray, " time"]
    """Frame times [s]."""

    def at(self, frames: Int[np.ndarray, " known"]) -> Hands:
        """Those frames alone."""
        return Hands(
            {side: T[frames] for side, T in self.T_camera_ee.items()},
            {side: w[frames] for side, w in self.is_wanted.items()},
            {side: o[frames] for side, o in self.openings.items()},
            {side: o[frames] for side, o in self.tolerance_rad.items()},
            self.time_s[frames],
        )

    @property
    def num_wanted(self) -> int:
        """Poses of both hands."""
        return int(sum(wanted.sum() for wanted in self.is_wanted.values()))


@dataclass(frozen=True, eq=False)
class FollowedPair:
    """What both arms do in the frames where their joint values are known."""

    frames: Int[np.ndarray, " known"]
    """Frames of the clip in which some hand has a pose, and short gaps between them."""
    T_camera_base: Float[np.ndarray, "4 4"]
    """Frame of both arms in the camera frame [m]."""
    placement: PairPlacement | None
    """How well they stand there; `None` where it was given."""
    solution: PairSolution
    """Joint values, errors and overlaps in those frames."""
    table_m: float | None
    """Height of the table over the base that the arms kept above [m]."""


def follow_both(
    robot: TwoArmRobot,
    shapes: CollisionModel,
    hands: Hands,
    *,
    T_camera_base: Float[np.ndarray, "4 4"] | None,
    table_m: float | None,
    settings: FollowSettings,
) -> FollowedPair:
    """Joint values of both arms for all frames together.

    Args:
        robot: Both arms.
        shapes: Their shapes.
        hands: What is to be followed; some frame of one hand at least.
        T_camera_base: Where the frame of both stands [m]; found when absent.
        table_m: Height of the table over the base [m]; when absent, that of a base which stands on
            it, or below the lowest place that a hand was at.
        settings: Tolerances and weights.
    """
    some = np.any([*hands.is_wanted.values()], axis=0)
    frames = np.flatnonzero(fill_short_gaps(some, hands.time_s, settings.max_bridge_s))
    known = hands.at(frames)
    if T_camera_base is not None:
        return _follow_from(robot, shapes, known, frames, T_camera_base, None, table_m, settings)
    placements = _free_first(robot, shapes, _places(robot, known, table_m, settings))
    tried: list[FollowedPair] = []
    for placement in placements[:MAX_PLACES_TRIED]:
        T = placement.T_camera_base
        tried.append(_follow_from(robot, shapes, known, frames, T, placement, table_m, settings))
        if _num_good(tried[-1], slow=True) >= GOOD_SHARE * known.num_wanted:
            break
    best = max(tried, key=_num_good)
    logger.info(
        "base of %s at %s m in the camera frame, score %.3f; %d of %d poses reached",
        robot.name,
        np.round(best.T_camera_base[:3, 3], 3).tolist(),
        placements[0].score,
        _num_good(best),
        known.num_wanted,
    )
    return best


def _places(
    robot: TwoArmRobot, hands: Hands, table_m: float | None, settings: FollowSettings
) -> list[PairPlacement]:
    """Places for the base, best first: on the table, where it stands on one and reaches."""
    find = partial(
        find_pair_placements,
        robot,
        hands.T_camera_ee,
        hands.is_wanted,
        hands.time_s,
        camera_pitch_rad=settings.camera_pitch_rad,
        tolerance_m=settings.tolerance_m,
        tolerance_rad=hands.tolerance_rad,
    )
    if table_m is None and not robot.config.stands_on_table:
        return find()
    on_table = find(table_m=0.0 if table_m is None else table_m)
    if table_m is not None or on_table[0].reachable_share >= BADLY_PLACED:
        return on_table
    anywhere = find()
    is_better = anywhere[0].reachable_share > on_table[0].reachable_share + 0.05
    return anywhere if is_better else on_table


def _free_first(
    robot: TwoArmRobot, shapes: CollisionModel, placements: list[PairPlacement]
) -> list[PairPlacement]:
    """The same, those last where the arms would stand inside each other at many waypoints."""

    def worth(placement: PairPlacement) -> float:
        joints = [
            placement.joints[side][
                np.linspace(0, len(placement.joints[side]) - 1, NUM_LOOKS, dtype=int)
            ]
            if side in placement.joints
            else np.tile(arm.home, (NUM_LOOKS, 1))
            for side, arm in robot.arms.items()
        ]
        deep = overlap_of(shapes, np.concatenate(joints, axis=1)).itself_m
        return placement.score - float((deep > TOLERANCE_OVERLAP_M).mean())

    return sorted(placements, key=worth, reverse=True)


def _num_good(followed: FollowedPair, *, slow: bool = False) -> int:
    """Poses reached in frames where nothing is inside anything else.

    On demand those too that the arms are only too slow for, as they are from anywhere.
    """
    free = ~followed.solution.is_overlapping
    arms = followed.solution.arms.values()
    return sum(int(((a.is_reached | (a.is_too_fast & slow)) & free).sum()) for a in arms)


def _follow_from(
    robot: TwoArmRobot,
    shapes: CollisionModel,
    hands: Hands,
    frames: Int[np.ndarray, " known"],
    T_camera_base: Float[np.ndarray, "4 4"],
    placement: PairPlacement | None,
    table_m: float | None,
    settings: FollowSettings,
) -> FollowedPair:
    targets, guess = {}, []
    heights: list[np.ndarray] = []
    for side, arm in robot.arms.items():
        T_arm_camera = se3.inverse(T_camera_base @ robot.base_pose(side))
        wanted = hands.is_wanted[side]
        T = T_arm_camera @ np.where(wanted[:, None, None], hands.T_camera_ee[side], np.eye(4))
        targets[side] = Targets(T[:, :3, :3], T[:, :3, 3], hands.time_s, wanted)
        if not wanted.any():
            guess.append(np.tile(arm.home, (len(frames), 1)))
            continue
        heights.append(lowest_of_hands(T[wanted]) + robot.base_pose(side)[2, 3])
        known = (np.zeros(0, int), np.zeros((0, len(arm.joint_names))))
        if placement is not None and side in placement.joints:
            known = (placement.waypoints[side], placement.joints[side])
        guess.append(initial_guess(arm, targets[side], *known))
    if table_m is None:
        table_m = float(np.quantile(np.concatenate(heights), LOWEST)) - BELOW_GRIP_M
    fingers = [
        robot.finger_joints({side: float(o[t]) for side, o in hands.openings.items()})
        for t in range(len(frames))
    ]
    solution = solve_pair(
        robot,
        shapes,
        targets,
        np.concatenate(guess, axis=1),
        fingers=fingers,
        table_m=table_m,
        tolerance_rad=hands.tolerance_rad,
        settings=settings,
    )
    return FollowedPair(frames, T_camera_base, placement, solution, table_m)
