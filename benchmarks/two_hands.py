"""Two rendered hands followed by two arms: each wrist, limits, arm against arm, and the cost.

The camera and the size of the hand are given, as in a recorded set-up. A wrist is where the arm's
gripper takes the person's wrist as it was seen, compared with the body model's: tracking, lifting,
smoothing and both arms together. Placement was changed twice after a look at
three of the scenes; `both_slow` was first scored after that. The solve alone is timed with the base
given where it was found.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks._rendered_lift import Perceived, lift, perceive, smooth
from benchmarks.figure import Bar, Figure
from rotoscope.models.rendered_hands import Body, Scene
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import SIDES, ActionTrack, GripperTrack, HandTrack, Side
from rotoscope.retarget.arm.stage import RetargetArm
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import overlap_of
from rotoscope.retarget.gripper.stage import RetargetGripper
from rotoscope.retarget.robots.two_arms import TwoArmRobot

BOTH: tuple[Side, Side] = ("right", "left")
SCENES = (
    Scene("both_palms", yaw_deg=5, sides=BOTH, center_m=(-0.14, 0.02, 0.55), seed=101),
    Scene(
        "both_backs",
        yaw_deg=185,
        pitch_deg=-30,
        sides=BOTH,
        center_m=(0.13, 0.04, 0.55),
        body=Body(gender=0.9, height=0.7),
        seed=102,
    ),
    Scene(
        "both_oblique",
        yaw_deg=150,
        pitch_deg=-20,
        sides=BOTH,
        center_m=(0.15, 0.0, 0.6),
        body=Body(gender=0.1, height=0.4),
        skin_rgb=(141, 92, 66),
        seed=103,
    ),
    Scene("both_slow", yaw_deg=20, speed=0.6, sides=BOTH, center_m=(-0.16, 0.0, 0.6), seed=104),
)
"""Two hands each, of several sizes, seen from several sides."""
ROBOTS = ("panda_pair", "aloha")
REPEATS = 3
"""Runs of which the fastest counts: the machine is not alone."""


@dataclass(frozen=True, eq=False)
class Followed:
    """What both arms did in one scene."""

    actions: ActionTrack
    away_m: dict[Side, Float[np.ndarray, " valid"]]
    """Distance of each wrist to where it belongs, in the frames that are valid for its position."""
    touching: int
    """Frames in which an arm is inside the other."""
    cpu_ms: float
    """CPU time a frame [ms], of everything that the stage does."""
    given_ms: float
    """The same where the base is given."""


def run() -> list[Figure]:
    """Figures by robot, scenes beside each other."""
    out: list[Figure] = []
    for name in ROBOTS:
        stage = RetargetArm(RetargetArm.Config(robot=name, side="both"))
        stage.setup()
        shapes = CollisionModel(stage.pair)
        found = {scene.name: _followed(stage, shapes, perceive(scene)) for scene in SCENES}
        out += _figures(name, found)
    return out


def _figures(name: str, found: dict[str, Followed]) -> Iterator[Figure]:
    where = f"two_hands.{name}"
    for side in SIDES:
        away = np.concatenate([one.away_m[side] for one in found.values()])
        yield Figure(f"{where}.{side}.median", 1e3 * float(np.median(away)), "mm", Bar("<=", 20.0))
        yield Figure(f"{where}.{side}.p90", 1e3 * float(np.quantile(away, 0.9)), "mm")
    actions = [one.actions for one in found.values()]
    outside = sum(
        int(
            a.contract.violations(a.values[k]).sum() + a.contract.rate_violations(a.values[k]).sum()
        )
        for a in actions
        for k in [np.isfinite(a.values).all(axis=1)]
    )
    yield Figure(f"{where}.limit_violations", outside, "frames", Bar("<=", 0))
    touching = sum(one.touching for one in found.values())
    yield Figure(f"{where}.arm_against_arm", touching, "frames", Bar("<=", 0))
    cpu = float(np.median([one.cpu_ms for one in found.values()]))
    yield Figure(f"{where}.cpu_per_frame", cpu, "ms")
    given = float(np.median([one.given_ms for one in found.values()]))
    yield Figure(f"{where}.cpu_per_frame_base_given", given, "ms", Bar("<=", 1.2))
    for scene, one in found.items():
        yield Figure(f"{where}.valid.{scene}", float(one.actions.valid.mean()), "1")
        for side in SIDES:
            median = float(np.median(one.away_m[side])) if len(one.away_m[side]) else np.nan
            yield Figure(f"{where}.{side}.{scene}", 1e3 * median, "mm")


def _followed(stage: RetargetArm, shapes: CollisionModel, seen: Perceived) -> Followed:
    lifted, _ = lift(seen, is_calibrated=True)
    hands = smooth(seen, lifted)
    grippers = RetargetGripper(RetargetGripper.Config()).run(seen.clip, hands)
    cpu_ms, made = _timed(stage, seen, grippers)
    actions = made[f"actions.{stage.kind}.both"]
    assert isinstance(actions, ActionTrack)
    given_ms = cpu_ms
    if actions.T_camera_base is not None:
        rows = actions.T_camera_base.tolist()
        again = RetargetArm(stage.config.model_copy(update={"T_camera_base": rows}))
        again.setup()
        given_ms, _ = _timed(again, seen, grippers)
    away = {side: _away(actions, grippers, hands, seen, side) for side in SIDES}
    touching = _touching(stage.pair, shapes, actions)
    return Followed(actions, away, touching, cpu_ms, given_ms)


def _timed(stage: RetargetArm, seen: Perceived, grippers: Tracks) -> tuple[float, Tracks]:
    """CPU time a frame [ms], and what the stage makes."""
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        made = stage.run(seen.clip, grippers)
        taken.append(time.process_time() - start)
    return 1e3 * min(taken) / len(seen.clip.time_s), made


def _away(
    actions: ActionTrack, grippers: Tracks, hands: Tracks, seen: Perceived, side: Side
) -> Float[np.ndarray, " valid"]:
    """Where the gripper has taken the person's wrist, fixed to it as it is seen, minus truth."""
    gripper, hand = grippers[f"gripper.{side}"], hands[f"hands.{side}"]
    assert isinstance(gripper, GripperTrack)
    assert isinstance(hand, HandTrack)
    assert hand.T_camera_wrist is not None
    assert actions.ee_values is not None
    assert actions.group_valid is not None
    if actions.T_camera_base is None:
        return np.zeros(0)
    good = actions.group_valid[:, actions.groups.index(f"{side}.position")]
    first = 7 * SIDES.index(side)
    ee = actions.ee_values[good, first : first + 6]
    T_camera_ee = actions.T_camera_base @ se3.make(se3.exp_so3(ee[:, 3:]), ee[:, :3])
    T_ee_wrist = se3.inverse(gripper.T_camera_ee[good]) @ hand.T_camera_wrist[good]
    truth = seen.rendered.hands[side].T_camera_wrist[good]
    away: np.ndarray = np.linalg.norm((T_camera_ee @ T_ee_wrist - truth)[:, :3, 3], axis=1)
    return away


def _touching(robot: TwoArmRobot, shapes: CollisionModel, actions: ActionTrack) -> int:
    known = np.isfinite(actions.values).all(axis=1)
    rows = [robot.split(row) for row in actions.values[known]]
    fingers = [
        robot.finger_joints({s: o / 100.0 for s, o in opening.items()}) for _, opening in rows
    ]
    found = overlap_of(shapes, np.stack([joints for joints, _ in rows]), others=fingers)
    valid = actions.valid[known]
    return int((valid & (found.between_m > 0.0)).sum())
