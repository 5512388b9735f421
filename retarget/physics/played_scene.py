"""The scene that a robot's commands are played in: table, servos, what may touch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.robots import PlayOptions
from rotoscope.retarget.description.mujoco import body_pose, compile_robot, import_mujoco
from rotoscope.retarget.physics.contacts import Pair, pairs_at
from rotoscope.retarget.physics.gains import own_actuators
from rotoscope.retarget.physics.model import FLOOR, PhysicsModel, build_physics_model
from rotoscope.retarget.physics.settings import PhysicsSettings, Root
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.max_effort import stated_efforts
from rotoscope.retarget.robots.robot import HandRobot, HumanoidRobot, Robot
from rotoscope.retarget.robots.spec import spec_of
from rotoscope.retarget.robots.two_arms import TwoArmRobot


@dataclass(frozen=True, eq=False)
class PlayedScene:
    """A robot in the place where it is played, and what is no collision there."""

    model: PhysicsModel
    """The robot and what stands around it."""
    ignored: tuple[Pair, ...]
    """Links that may touch: fingers of a gripper."""
    driven_by: str
    """What moves the joints, in words."""


def played_scene(
    robot: Robot, root: Root, options: PlayOptions, settings: PhysicsSettings
) -> PlayedScene:
    """An arm or two on a table, a hand in the air, a humanoid on the ground.

    Links that overlap in the robot's rest posture do so because their shapes are too large: MuJoCo
    takes meshes as their convex hulls. They do not push each other.

    Raises:
        RobotError: The file cannot be simulated.
    """
    rest = dict(zip(robot.joint_names, robot.rest, strict=True)) | robot.locked
    if isinstance(robot, ArmRobot):
        rest |= robot.finger_joints(1.0)
    plain = _model(robot, root, settings)
    overlapping = pairs_at(plain, rest)
    carries = _carries_weight(robot) if options.carries_weight is None else options.carries_weight
    compensates = not (carries or plain.is_own.any())

    def prepare(spec: Any) -> None:
        for one, two in overlapping:
            spec.add_exclude(bodyname1=one, bodyname2=two)
        if compensates:
            for body in spec.bodies[1:]:
                body.gravcomp = 1.0
        if options.has_table and _stands_on_table(robot):
            _add_table(spec, robot, settings.friction)

    model = _model(robot, root, settings, prepare=prepare, max_effort=options.max_effort)
    driven_by = _in_words(model, settings, _efforts(robot), compensates=compensates)
    if options.max_effort is not None:
        driven_by += f", at most {options.max_effort:g} N m"
    return PlayedScene(model, tuple(_fingers(robot, model)), driven_by)


def _model(
    robot: Robot,
    root: Root,
    settings: PhysicsSettings,
    *,
    prepare: Callable[[Any], None] = lambda spec: None,
    max_effort: float | None = None,
) -> PhysicsModel:
    spec = own = None
    efforts = _efforts(robot)
    if isinstance(robot, TwoArmRobot):
        spec = spec_of(robot, geometry="collision")
        own = {
            f"{side}/{joint}": actuator
            for side, arm in robot.arms.items()
            for joint, actuator in own_actuators(arm.path).items()
        }
    return build_physics_model(
        robot.path, root, settings, prepare=prepare, max_effort=max_effort, spec=spec, own=own,
        efforts=efforts,
    )  # fmt: skip


def _efforts(robot: Robot) -> dict[str, float]:
    """Torque limits of YAML files by joint of the model [N m or N]."""
    if isinstance(robot, TwoArmRobot):
        return {
            f"{side}/{joint}": effort
            for side, arm in robot.arms.items()
            for joint, effort in stated_efforts(arm.config, arm.description).items()
        }
    if isinstance(robot, ArmRobot | HandRobot | HumanoidRobot):
        return stated_efforts(robot.config, robot.description)
    return {}


def _carries_weight(robot: Robot) -> bool:
    """Whether the YAML files say that motors carry the weight: of two arms, both."""
    arms = robot.arms.values() if isinstance(robot, TwoArmRobot) else (robot,)
    return all(isinstance(arm, ArmRobot) and arm.config.arm.carries_weight for arm in arms)


def _stands_on_table(robot: Robot) -> bool:
    if isinstance(robot, TwoArmRobot):
        return robot.config.stands_on_table
    return isinstance(robot, ArmRobot)


def _add_table(spec: Any, robot: Robot, friction: float) -> None:
    mujoco = import_mujoco()
    T = _pose_at_rest(robot) if isinstance(robot, ArmRobot) else np.eye(4)
    spec.worldbody.add_geom(
        name=FLOOR,
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 0.01],
        pos=T[:3, 3].tolist(),
        quat=se3.quat_from_matrix(T[:3, :3]).tolist(),
        contype=1,
        conaffinity=1,
        condim=3,
        friction=[friction, 0.005, 0.0001],
    )


def _pose_at_rest(robot: ArmRobot) -> Float[np.ndarray, "4 4"]:
    """Base of an arm, which no joint moves, in the world of its file [m]."""
    mujoco = import_mujoco()
    model = compile_robot(robot.path, geometry="none")
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    return body_pose(data, robot.base_link)


def _fingers(robot: Robot, model: PhysicsModel) -> Iterable[Pair]:
    """Pairs of links that a gripper presses together: what its joints move, and what carries it."""
    if isinstance(robot, ArmRobot):
        return _pressed(model.model, robot.config.end_effector.link, robot.config.gripper.joints)
    if not isinstance(robot, TwoArmRobot):
        return ()
    found: list[Pair] = []
    for side, arm in robot.arms.items():
        joints = [f"{side}/{joint}" for joint in arm.config.gripper.joints]
        found += _pressed(model.model, f"{side}/{arm.config.end_effector.link}", joints)
    return found


def _pressed(model: Any, carrier: str, joints: Iterable[str]) -> list[Pair]:
    names = {carrier}
    for joint in joints:
        body = int(model.jnt_bodyid[model.joint(joint).id])
        names |= {model.body(b).name for b in _below(model, body)}
    return list(itertools.combinations(sorted(names), 2))


def _below(model: Any, body: int) -> list[int]:
    """A body and all that hangs on it."""
    found = [body]
    for other in range(body + 1, model.nbody):
        if int(model.body_parentid[other]) in found:
            found.append(other)
    return found


def _in_words(
    model: PhysicsModel,
    settings: PhysicsSettings,
    efforts: Mapping[str, float],
    *,
    compensates: bool,
) -> str:
    whose = "the robot's YAML file" if set(model.joint_names) <= set(efforts) else "the file"
    if efforts and whose == "the file":
        whose = "the robot's YAML file and of the file"
    if model.is_own.all():
        limits = f", with torque limits of {whose}" if efforts else ""
        return f"the file's own position actuators{limits}, which carry the robot's weight"
    servo = (
        f"position servos (full torque at an error of {settings.stiff_rad:g} rad, damping "
        f"{settings.damping_s:g} s, torque limits of {whose})"
    )
    weight = "weight compensated" if compensates else "carrying the robot's weight"
    if model.is_own.any():
        own = int(model.is_own.sum())
        return f"the file's own position actuators on {own} joints, {servo} on others, {weight}"
    return f"{servo}, {weight}"
