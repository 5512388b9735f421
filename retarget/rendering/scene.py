"""Scenes of MuJoCo with one robot: floor, light, colors, and what lets it be put anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.mujoco import import_mujoco
from rotoscope.retarget.rendering.offscreen import add_floor, add_lights
from rotoscope.retarget.robots.arm import ArmRobot
from rotoscope.retarget.robots.robot import HandRobot, Robot
from rotoscope.retarget.robots.spec import spec_of
from rotoscope.retarget.robots.two_arms import TwoArmRobot

TILE_M = 0.25
"""Side of the floor's tiles under a humanoid [m]."""
FLOOR_REACH_M = 100.0
"""How far the floor reaches to each side of a humanoid [m]."""
BONE_RADIUS_M = 0.004
"""Radius of the bars from each joint of a hand to the next [m]: hidden inside most shapes."""
ARM_RGBA = (0.93, 0.93, 0.95, 1.0)
BODY_RGBA = (0.82, 0.84, 0.87, 1.0)
TOUCHING_RGBA = (0.95, 0.55, 0.15, 1.0)
"""Colors of links that the robot's file gives none; what touches things stands out."""
UNCOLOURED_RGBA = (0.5, 0.5, 0.5, 1.0)
"""What MuJoCo gives shapes whose file names no color."""


def robot_scene(robot: Robot) -> Any:
    """The compiled model of a robot in a place of its kind.

    An arm stands on a table, a humanoid on a floor at z = 0 of its world; a hand hangs in the air.

    Raises:
        RobotError: Its file cannot be drawn, or a hand or humanoid cannot be moved as a whole.
    """
    spec = spec_of(robot)
    touching: set[str] = set()
    stands = isinstance(robot, ArmRobot | TwoArmRobot)
    if isinstance(robot, ArmRobot | TwoArmRobot):
        touching = _gripper_links(spec, robot)
        add_floor(spec, half_size_m=1.5, height_m=-0.001, tile_m=0.1)
    else:
        _hang_on_mocap(spec, robot)
    if isinstance(robot, HandRobot):
        touching = _tip_links(robot)
        _draw_bones(spec, robot)
    elif not stands:
        add_floor(spec, half_size_m=FLOOR_REACH_M, height_m=0.0, tile_m=TILE_M)
    add_lights(spec)
    plain = ARM_RGBA if stands else BODY_RGBA
    for geom in spec.geoms:
        if np.allclose(geom.rgba, UNCOLOURED_RGBA) and not geom.material:
            geom.rgba = TOUCHING_RGBA if geom.parent.name in touching else plain
    try:
        return spec.compile()
    except ValueError as error:
        raise RobotError(f"MuJoCo cannot draw {robot.path}: {error}") from error


def _gripper_links(spec: Any, robot: ArmRobot | TwoArmRobot) -> set[str]:
    """Links that belong to the gripper: the end effector's and those that its joints move."""
    if isinstance(robot, TwoArmRobot):
        links = {frame.link for frame in robot.frames().values()}
        return links | {j.parent.name for j in spec.joints if j.name in robot.locked}
    fingers = robot.config.gripper.joints
    moved = {joint.parent.name for joint in spec.joints if joint.name in fingers}
    return {robot.config.end_effector.link} | moved


def _tip_links(robot: HandRobot) -> set[str]:
    """Links of the fingertips, and those that are fixed to them."""
    parents = {j.child: j for j in robot.description.joints.values()}
    found = set()
    for point in robot.config.tips.values():
        link = point.link
        found.add(link)
        while link in parents and parents[link].kind == "fixed":
            link = parents[link].parent
            found.add(link)
    return found


def _draw_bones(spec: Any, robot: HandRobot) -> None:
    """A bar from each joint to the next: files often show no shape of some links of a finger."""
    mujoco = import_mujoco()
    links = robot.description.path_between
    root, tips = robot.description.root_link, [p.link for p in robot.config.tips.values()]
    for joint in {joint.name: joint for tip in tips for joint in links(root, tip)}.values():
        end = joint.T_parent_child[:3, 3]
        parent = spec.body(joint.parent)
        if parent is not None and parent.name != "world" and np.linalg.norm(end) > 1e-3:
            parent.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                size=[BONE_RADIUS_M, 0.0, 0.0],
                fromto=[0.0, 0.0, 0.0, *end],
            )


def _hang_on_mocap(spec: Any, robot: Robot) -> None:
    """Lets the whole robot be put anywhere, whatever its file hangs it on."""
    mujoco = import_mujoco()
    tops = list(spec.worldbody.bodies)
    if len(tops) != 1:
        raise RobotError(
            f"{robot.path} has {len(tops)} bodies that hang on the world; a robot that is drawn in "
            "motion needs exactly one, on which everything hangs"
        )
    for geom in list(spec.worldbody.geoms):
        spec.delete(geom)
    for joint in [j for j in spec.joints if j.type == mujoco.mjtJoint.mjJNT_FREE]:
        spec.delete(joint)
    # Keyframes hold a value for the joint that was deleted.
    for key in list(spec.keys):
        spec.delete(key)
    tops[0].mocap = True
