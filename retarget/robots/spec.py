"""Any robot as an editable MuJoCo model; two arms become one model."""

from __future__ import annotations

from typing import Any

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.description.mujoco import Geometry, body_pose, import_mujoco, robot_spec
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.robot import Robot
from rotoscope.retarget.robots.two_arms import TwoArmRobot, own_links


def spec_of(robot: Robot, *, geometry: Geometry = "visual") -> Any:
    """The `mujoco.MjSpec` of a robot; of two arms each in its place, names as those of the robot.

    Raises:
        RobotError: A file of it cannot be read by MuJoCo.
    """
    if not isinstance(robot, TwoArmRobot):
        return robot_spec(robot.path, geometry=geometry)
    whole = import_mujoco().MjSpec()
    whole.compiler.degree = False
    for side in robot.arms:
        _mount(whole, robot, side, geometry)
    return whole


def _mount(whole: Any, robot: TwoArmRobot, side: Side, geometry: Geometry) -> None:
    arm = robot.arms[side]
    spec = robot_spec(arm.path, geometry=geometry)
    _strip(spec, arm)
    mujoco = import_mujoco()
    try:
        model = spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot compile {arm.path}: {error}") from error
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    T = robot.base_pose(side) @ se3.inverse(body_pose(data, arm.base_link))
    frame = whole.worldbody.add_frame(pos=T[:3, 3], quat=se3.quat_from_matrix(T[:3, :3]))
    whole.attach(spec, prefix=f"{side}/", frame=frame)


def _strip(spec: Any, arm: ArmRobot) -> None:
    """Leaves of a file what is one arm's: its links, those that carry it, its joints."""
    own, carrying = own_links(arm), set()
    body = spec.body(arm.base_link)
    if body is None:
        raise RobotError(
            f"{arm.path}: MuJoCo has no link {arm.base_link!r}, which our reader found"
        )
    while body is not None and body.name != "world":
        carrying.add(body.name)
        body = body.parent
    for element in (*spec.actuators, *spec.sensors, *spec.keys, *spec.equalities, *spec.excludes):
        spec.delete(element)
    _prune(spec, spec.worldbody, own | carrying)
    for part in (*spec.worldbody.geoms, *spec.lights, *spec.cameras):
        spec.delete(part)
    moving = {*arm.joint_names, *arm.config.gripper.joints}
    for joint in [j for j in spec.joints if j.name not in moving]:
        spec.delete(joint)


def _prune(spec: Any, body: Any, kept: set[str]) -> None:
    for child in list(body.bodies):
        if child.name and child.name not in kept:
            spec.delete(child)
        else:
            _prune(spec, child, kept)
