"""A humanoid whose legs stand still doing with arms and waist what a person's upper body does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES
from rotoscope.retarget.collision.apart import Watched
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import overlap_of
from rotoscope.retarget.collision.resolve import pulled_apart
from rotoscope.retarget.humanoid.human_skeleton import ARM, HumanMotion
from rotoscope.retarget.humanoid.problem import HumanoidWeights
from rotoscope.retarget.kinematics.frames import FramePoses
from rotoscope.retarget.optimize.cost import Regularizer
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.optimize.terms import CostTerm, DirectionCost, OrientationCost
from rotoscope.retarget.optimize.trajectory import Problem, solve
from rotoscope.retarget.robots.joint_limits import JointLimits
from rotoscope.retarget.robots.robot import HumanoidRobot

LIMBS = tuple((f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in ARM)
"""Bones whose directions are copied."""


@dataclass(frozen=True, eq=False)
class UpperBodyMotion:
    """What arms and waist do, and how well."""

    joints: Float[np.ndarray, "time joint"]
    """Values of all of the robot's joints; those of the legs rest [rad or m]."""
    limbs: tuple[tuple[str, str], ...]
    """Those of `LIMBS` that the robot has."""
    limb_error_rad: Float[np.ndarray, "time limb"]
    """Angle between each limb of person and robot [rad]; NaN where not seen."""
    overlap_m: Float[np.ndarray, " time"]
    """How far parts of the robot are inside each other at worst [m]; 0 if apart."""


def follow_upper_body(
    robot: HumanoidRobot,
    person: HumanMotion,
    R_torso: Float[np.ndarray, "time 3 3"],
    *,
    weights: HumanoidWeights,
    shapes: CollisionModel,
    max_iterations: int = 25,
) -> UpperBodyMotion:
    """Joint values of a robot that stands at rest on its legs, for all frames together.

    Args:
        robot: The robot.
        person: The person, in a frame with z up, x where the robot is to look.
        R_torso: The person's torso there; NaN where unknown.
        weights: 1-sigma of each cost; smaller is stricter.
        shapes: The robot's shapes.
        max_iterations: Steps of the solver at most.
    """
    upper = without_legs(robot)
    columns = [robot.joint_names.index(name) for name in upper.joint_names]

    def whole(x: np.ndarray) -> np.ndarray:
        out = np.tile(robot.rest, (len(x), 1))
        out[:, columns] = x
        return out

    first = SolverOptions(max_iterations=max_iterations)
    again = SolverOptions(max_iterations=max_iterations // 2, first_barrier=1.0)
    start = np.tile(upper.rest, (len(person.time_s), 1))
    x = solve(_problem(upper, person, R_torso, weights, None), start, options=first)
    T = np.tile(np.eye(4), (len(x), 1, 1))
    x, overlap = pulled_apart(
        x,
        shapes,
        overlap=lambda x: overlap_of(shapes, whole(x), T_world_root=T),
        tree_of=lambda watched: upper.tree(watched.balls.frames()),
        solve_again=lambda watched, x: solve(
            _problem(upper, person, R_torso, weights, watched), x, options=again
        ),
    )
    limbs = _limbs_of(robot)
    ends = [name for limb in limbs for name in limb]
    reached = upper.tree([robot.frames()[f"body.{name}"] for name in ends]).forward_kinematics(x)
    return UpperBodyMotion(
        joints=whole(x),
        limbs=limbs,
        limb_error_rad=_limb_errors(reached, limbs, person),
        overlap_m=overlap.itself_m,
    )


def without_legs(robot: HumanoidRobot) -> HumanoidRobot:
    """The same robot with the joints between its root and its feet locked at rest."""
    legs = {
        joint.name
        for foot in robot.config.feet.values()
        for joint in robot.description.path_between(robot.base_link, foot.link)
    }
    kept = [i for i, name in enumerate(robot.joint_names) if name not in legs]
    rest = dict(zip(robot.joint_names, robot.rest.tolist(), strict=True))
    return replace(
        robot,
        joint_names=tuple(robot.joint_names[i] for i in kept),
        limits=JointLimits(
            robot.lower[kept],
            robot.upper[kept],
            robot.max_velocity[kept],
            robot.max_acceleration[kept],
        ),
        rest=robot.rest[kept],
        locked={**robot.locked, **{name: rest[name] for name in legs & set(rest)}},
    )


def facing(R_torso: Float[np.ndarray, "time 3 3"]) -> Float[np.ndarray, "3 3"]:
    """Rotation about z of the direction that a torso faces most of the time."""
    ahead = np.nanmean(R_torso[:, :2, 0], axis=0)
    return se3.exp_so3(np.array([0.0, 0.0, np.arctan2(ahead[1], ahead[0])]))


def upright_torso(person: HumanMotion) -> Float[np.ndarray, "time 3 3"]:
    """The torso's rotation; upright, turned as the shoulders are, where no hips are seen."""
    seen = person.torso_rotation()
    y = person.direction("right_shoulder", "left_shoulder")
    y = np.stack([y[:, 0], y[:, 1], np.zeros(len(y))], axis=1)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    z = np.broadcast_to([0.0, 0.0, 1.0], y.shape)
    upright = np.stack([np.cross(y, z), y, z], axis=-1)
    is_seen = np.isfinite(seen).all(axis=(1, 2))
    return np.where(is_seen[:, None, None], seen, upright)


def is_seen(
    joints_m: Float[np.ndarray, "time body_joint 3"], index: Sequence[int]
) -> Bool[np.ndarray, " time"]:
    """Frames in which all of these joints are known."""
    return np.isfinite(joints_m[:, list(index)]).all(axis=(1, 2))


def _problem(
    robot: HumanoidRobot,
    person: HumanMotion,
    R_torso: Float[np.ndarray, "time 3 3"],
    weights: HumanoidWeights,
    watched: Watched | None,
) -> Problem:
    named = robot.frames()
    bones = [(a, b, 1.0) for a, b in _limbs_of(robot)]
    hand = (weights.limb_rad / weights.hand_rad) ** 2
    bones += [
        (f"{s}_wrist", f"{s}_hand", hand)
        for s in SIDES
        if {f"{s}_wrist", f"{s}_hand"} <= set(robot.config.body)
    ]
    ends = list(dict.fromkeys(name for a, b, _ in bones for name in (a, b)))
    frames = [named[f"body.{name}"] for name in ends]
    target = np.stack([person.direction(a, b) for a, b, _ in bones], axis=1)
    known = np.isfinite(target).all(axis=2)
    terms: list[CostTerm] = [
        DirectionCost(
            [ends.index(a) for a, _, _ in bones],
            [ends.index(b) for _, b, _ in bones],
            np.nan_to_num(target),
            known * np.array([w for _, _, w in bones]),
            weights.limb_rad,
            weights.robust,
        )
    ]
    if robot.config.torso is not None:
        turned = np.isfinite(R_torso).all(axis=(1, 2))
        R = np.where(turned[:, None, None], R_torso, np.eye(3))
        terms.append(
            OrientationCost(
                [len(frames)],
                R[:, None],
                turned[:, None].astype(float),
                weights.torso_rad,
                weights.robust,
            )
        )
        frames.append(named["torso"])
    if watched is not None:
        terms += watched.terms(len(frames), margin_m=0.0, sigma_m=weights.ground_m)
        frames += watched.frames()
    count = len(robot.joint_names)
    regularizer = Regularizer(
        sigma_acceleration=np.full(count, weights.acceleration),
        rest=robot.rest,
        sigma_rest=np.full(count, weights.rest),
    )
    return Problem(robot.tree(frames), terms, regularizer, robot.limits, person.time_s)


def _limbs_of(robot: HumanoidRobot) -> tuple[tuple[str, str], ...]:
    body = robot.config.body
    return tuple((a, b) for a, b in LIMBS if a in body and b in body)


def _limb_errors(
    reached: FramePoses, limbs: tuple[tuple[str, str], ...], person: HumanMotion
) -> Float[np.ndarray, "time limb"]:
    out = np.empty((len(person.time_s), len(limbs)))
    for k, (a, b) in enumerate(limbs):
        along = reached.p_m[:, 2 * k + 1] - reached.p_m[:, 2 * k]
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        cos = np.sum(along * person.direction(a, b), axis=1)
        out[:, k] = np.arccos(np.clip(cos, -1.0, 1.0))
    return out
