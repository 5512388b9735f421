"""What a dexterous hand is asked for when it does what a human hand did."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.geometry.hand_frame import in_wrist_frame
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.hand.vector_objective import Distances, Vectors
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.robots.config import FINGERS, Finger, PointSection
from rotoscope.retarget.robots.robot import HandRobot

CHAINS: dict[Finger, tuple[int, ...]] = {
    finger: (0, *range(4 * k + 1, 4 * k + 5)) for k, finger in enumerate(FINGERS)
}
"""Joints of each finger in MediaPipe's order, from the wrist to the tip."""


LAST_JOINT_SHARE = 0.7
"""How far the last joint of a human finger bends for each radian of the one before it: about two
thirds (Rijpkema and Girard 1991)."""
PARALLEL = 0.95
"""Joints whose axes have at least this cosine bend a finger in one plane."""


class PinchSettings(BaseModel):
    """How thumb and finger meet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(default=3.0, ge=0)
    """Weight of the vector between thumb and fingertip when they touch, against 1 of the others."""
    touch_m: float = Field(default=0.025, ge=0)
    """Human fingertips this near touch [m]: landmarks lie inside the fingers."""
    apart_m: float = Field(default=0.045, gt=0)
    """Human fingertips further apart than this do not pinch [m]."""
    middle_weight: float = Field(default=0.5, ge=0)
    """Weight of the vectors to the middle joints."""
    opening_weight: float = Field(default=1.5, ge=0)
    """Weight of the distance between the tips of thumb and index finger while no finger pinches. A
    thumb that cannot be where the person's is would else leave it to chance how far the hand is
    open. Chosen on Shadow, Allegro and LEAP and dex-retargeting's recording."""

    @model_validator(mode="after")
    def _are_in_order(self) -> PinchSettings:
        if not self.touch_m < self.apart_m:
            raise ValueError(f"touch_m={self.touch_m:g} must be below apart_m={self.apart_m:g}")
        return self


def hand_scale(robot: HandRobot, joints_m: Float[np.ndarray, "time 21 3"]) -> float:
    """Robot finger length over human finger length.

    Both are sums of the distances along a finger from the wrist to the tip, without the thumb's,
    whose base differs most between hands; the median over fingers and frames.
    """
    if robot.config.scale is not None:
        return robot.config.scale
    fingers = _fingers(robot)
    robot_m = np.array([_robot_length_m(robot, finger) for finger in fingers])
    chains = [joints_m[:, CHAINS[finger]] for finger in fingers]
    human_m = [np.linalg.norm(np.diff(c, axis=1), axis=2).sum(axis=1) for c in chains]
    human = np.array([float(np.nanmedian(lengths)) for lengths in human_m])
    return float(np.median(robot_m / human))


def hand_length_m(robot: HandRobot) -> float:
    """From the palm point to the tip of the longest finger, along its joints [m]."""
    return max(_robot_length_m(robot, finger) for finger in _fingers(robot))


def _fingers(robot: HandRobot) -> list[Finger]:
    return [finger for finger in robot.config.tips if finger != "thumb"]


def _robot_length_m(robot: HandRobot, finger: Finger) -> float:
    """From the palm point over the joints of a finger to its tip [m]."""
    config = robot.config
    path = robot.description.path_between(robot.description.root_link, config.tips[finger].link)
    links = [j.child for j in path if j.kind != "fixed" and j.name not in robot.locked]
    frames = [Frame.at(config.palm.link, config.palm.offset_m), *(Frame.at(link) for link in links)]
    frames.append(Frame.at(config.tips[finger].link, config.tips[finger].offset_m))
    p = robot.tree(frames).forward_kinematics(robot.rest[None]).p_m[0]
    return float(np.linalg.norm(np.diff(p, axis=0), axis=1).sum())


def in_robot_hand_frame(
    robot: HandRobot, joints_m: Float[np.ndarray, "time 21 3"], side: Side
) -> Float[np.ndarray, "time 21 3"]:
    """Human joints in their wrist frame, mirrored where the robot's hand is the other one [m].

    Args:
        robot: The hand.
        joints_m: Joints of the human hand in any frame [m].
        side: Which human hand it is.
    """
    in_wrist = in_wrist_frame(joints_m, side)
    # The wrist frame's y runs towards the thumb on a right hand, away from it on a left.
    return in_wrist if side == robot.config.side else in_wrist * np.array([1.0, -1.0, 1.0])


def curl_coupling(robot: HandRobot, sigma_rad: float) -> Float[np.ndarray, "joint joint"]:
    """Coupling by which the last joint of each finger bends with the one before it.

    Fingertip and middle joint alone leave open how a finger folds between them, and a person
    cannot bend the last joint alone: both hang on one tendon. It bends `LAST_JOINT_SHARE` as far.
    """
    names = robot.joint_names
    coupling = np.zeros((len(names), len(names)))
    for finger, tip in robot.config.tips.items():
        if finger == "thumb":
            continue
        path = robot.description.path_between(robot.description.root_link, tip.link)
        chain = [joint.name for joint in path if joint.name in names]
        if len(chain) < 2:
            continue
        pair = [names.index(name) for name in chain[-2:]]
        axes = (
            robot.tree([Frame.at(tip.link)])
            .forward_kinematics(robot.rest[None], jacobian=True)
            .J_w[0, pair, 0]
        )
        cos = float(axes[0] @ axes[1])
        if abs(cos) < PARALLEL:
            continue
        row = np.zeros(len(names))
        row[pair] = -LAST_JOINT_SHARE * np.sign(cos), 1.0
        coupling += np.outer(row, row) / sigma_rad**2
    return coupling


def hand_vectors(
    robot: HandRobot,
    joints_m: Float[np.ndarray, "time 21 3"],
    scale: float,
    settings: PinchSettings | None = None,
    *,
    apart_m: Float[np.ndarray, "time finger"] | None = None,
) -> Vectors:
    """Vectors that a robot hand is to copy, in the frame of its root link.

    From the wrist to the tips and middle joints of the fingers, at the robot's size, as in
    dex-retargeting's vector objective; and from the thumb's tip to the others'. As human fingertips
    come together, these shrink to nothing and weigh more, so that a pinch closes on the robot too
    (the idea of DexPilot, Handa et al. 2020, without its switch).

    Args:
        robot: The hand.
        joints_m: Human joints in the wrist frame of a hand of the robot's side, see
            `in_robot_hand_frame`; NaN where unknown.
        scale: Robot hand size over human hand size.
        settings: How thumb and finger meet.
        apart_m: Distance of the person's thumb tip to each other tip [m]; from the joints when
            absent, see `tips_apart`.
    """
    settings = settings or PinchSettings()
    config = robot.config
    if apart_m is None:
        apart_m = tips_apart(robot, joints_m)
    human = joints_m @ _root_from_wrist(robot).T
    origins, tips = list[PointSection](), list[PointSection]()
    targets, weights = list[np.ndarray](), list[np.ndarray]()
    for points, weight, joint in ((config.tips, 1.0, -1), (config.middles, None, -3)):
        for finger, point in points.items():
            origins.append(config.palm)
            tips.append(point)
            targets.append(scale * human[:, CHAINS[finger][joint]])
            weights.append(np.full(len(human), weight or settings.middle_weight))
    thumb = human[:, CHAINS["thumb"][-1]]
    for k, finger in enumerate(_fingers(robot)):
        between = human[:, CHAINS[finger][-1]] - thumb
        near = _nearness(apart_m[:, k], settings)
        origins.append(config.tips["thumb"])
        tips.append(config.tips[finger])
        targets.append(scale * (1.0 - near)[:, None] * between)
        weights.append(settings.weight * near)
    target = np.stack(targets, axis=1)
    known = np.isfinite(target).all(axis=2)
    return Vectors(
        origins=tuple(origins),
        tips=tuple(tips),
        target_m=np.where(known[..., None], target, 0.0),
        weight=np.where(known, np.stack(weights, axis=1), 0.0),
    )


def opening(
    robot: HandRobot,
    joints_m: Float[np.ndarray, "time 21 3"],
    scale: float,
    settings: PinchSettings | None = None,
    *,
    apart_m: Float[np.ndarray, "time finger"] | None = None,
) -> Distances | None:
    """How far apart the tips of thumb and index finger are to be while no finger pinches.

    Args:
        robot: The hand.
        joints_m: Human joints in any frame [m]; NaN where unknown.
        scale: Robot hand size over human hand size.
        settings: How thumb and finger meet.
        apart_m: As for `hand_vectors`.

    Returns:
        Nothing for a hand without thumb or index finger.
    """
    settings, tips = settings or PinchSettings(), robot.config.tips
    if not {"thumb", "index"} <= tips.keys():
        return None
    if apart_m is None:
        apart_m = tips_apart(robot, joints_m)
    target_m = scale * tip_distance(joints_m, "index")
    known = np.isfinite(target_m)
    weight = settings.opening_weight * (1.0 - _nearness(apart_m, settings).max(axis=1))
    return Distances(
        origins=(tips["thumb"],),
        tips=(tips["index"],),
        target_m=np.where(known, target_m, 0.0)[:, None],
        weight=np.where(known, weight, 0.0)[:, None],
    )


def tips_apart(
    robot: HandRobot,
    joints_m: Float[np.ndarray, "time 21 3"],
    own_m: Float[np.ndarray, "time 21 3"] | None = None,
) -> Float[np.ndarray, "time finger"]:
    """Distance of the person's thumb tip to the tip of each finger that the robot has [m].

    Lifted joints lose a pinch whose fingertips hide each other: where they are along the line of
    sight is a guess then. A landmark model's own joints keep it, and are worse elsewhere; the
    smaller distance counts. On development scenes of rendered hands (`_rendered_scenes` of the
    benchmarks) 97 % of the frames in which tips touch are below 35 mm so, 90 % by the lifted joints
    alone; of the frames in which they are apart, 2 % and none.

    Args:
        robot: The hand.
        joints_m: Joints in any frame [m]; NaN where unknown.
        own_m: The landmark model's own joints, of any size (`HandTrack.hand_m`).
    """
    apart_m = np.stack([tip_distance(joints_m, finger) for finger in _fingers(robot)], axis=1)
    if own_m is None:
        return apart_m
    sizes = _palm_m(joints_m), _palm_m(own_m)
    both = np.isfinite(np.stack(sizes)).all(axis=0)
    if not both.any():
        return apart_m
    ratio = float(np.median(sizes[0][both]) / np.median(sizes[1][both]))
    own = np.stack([tip_distance(own_m, finger) for finger in _fingers(robot)], axis=1)
    return np.asarray(np.fmin(apart_m, np.where(both[:, None], ratio * own, np.nan)))


def tip_distance(
    joints_m: Float[np.ndarray, "time 21 3"], finger: Finger
) -> Float[np.ndarray, " time"]:
    """Distance of the thumb's tip to a finger's [m]."""
    between = joints_m[:, CHAINS[finger][-1]] - joints_m[:, CHAINS["thumb"][-1]]
    return np.asarray(np.linalg.norm(between, axis=1))


def _palm_m(joints_m: Float[np.ndarray, "time 21 3"]) -> Float[np.ndarray, " time"]:
    palm = joints_m[:, hand_frame.MIDDLE_MCP] - joints_m[:, hand_frame.WRIST]
    return np.asarray(np.linalg.norm(palm, axis=1))


def _nearness(
    distance_m: Float[np.ndarray, "*shape"], settings: PinchSettings
) -> Float[np.ndarray, "*shape"]:
    """1 where fingertips touch, 0 where they are apart, smooth in between."""
    span = settings.apart_m - settings.touch_m
    x = np.clip((settings.apart_m - distance_m) / span, 0.0, 1.0)
    return np.where(np.isfinite(distance_m), x * x * (3.0 - 2.0 * x), 0.0)


def palm_from_wrist(robot: HandRobot) -> Float[np.ndarray, "3 3"]:
    """Axes of the human wrist frame in the palm link; see `wrist_rotation` for what they are."""
    z = unit(np.array(robot.config.forward))
    normal = np.array(robot.config.palm_normal)
    x = unit(normal - (normal @ z) * z)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _root_from_wrist(robot: HandRobot) -> Float[np.ndarray, "3 3"]:
    palm = Frame(robot.config.palm.link, se3.make(palm_from_wrist(robot), np.zeros(3)))
    reached = robot.tree([palm]).forward_kinematics(robot.rest[None])
    return np.asarray(reached.R[0, 0])


def vector_names(robot: HandRobot) -> tuple[str, ...]:
    """Names of the vectors of `hand_vectors`, in order."""
    config = robot.config
    out = [f"tip_{finger}" for finger in config.tips]
    out += [f"middle_{finger}" for finger in config.middles]
    out += [f"pinch_{finger}" for finger in config.tips if finger != "thumb"]
    return tuple(out)
