"""An arm with the frames of its YAML file: where its base stands, its gripper is, its tips meet."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.rendering.offscreen import View
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import view_from
from rotoscope.retarget.robots.arm import ArmRobot

AXIS_COLORS = ((214, 39, 40), (44, 160, 44), (31, 119, 180))
"""x, y, z: of the end effector the approach, the closing direction, and across both."""
TIP_COLOR = (255, 200, 0)
SIDE_PX = 640
"""Side of each of the two pictures [px]."""


def arm_picture(robot: ArmRobot) -> UInt8[np.ndarray, "height width 3"]:
    """An arm at home: the whole of it, and beside that its gripper half open.

    Red, green and blue are x, y and z; of the end effector x is the approach and y the closing
    direction. Yellow dots are the ends of the fingers.

    Raises:
        RobotError: It cannot be drawn here.
    """
    from PIL import Image, ImageDraw

    links = robot.link_positions(robot.home[None])[0]
    end = robot.pose(robot.home[None]).matrix[0]
    reach = float(np.linalg.norm(np.ptp(links, axis=0)))
    tips = _tips(robot)
    grip = max(2.0 * robot.config.gripper.max_opening_m, 0.12)
    across = end[:3, 2] + 0.8 * np.array([0.0, 0.0, 1.0]) + 0.3 * end[:3, 1]
    views = [
        view_from(
            np.array([0.8, 0.9, 0.45]),
            0.5 * (links.min(axis=0) + links.max(axis=0)),
            height_m=1.8 * reach,
            width=SIDE_PX,
            height=SIDE_PX,
        ),
        view_from(across, end[:3, 3], height_m=3.0 * grip, width=SIDE_PX, height=SIDE_PX),
    ]
    sheet = Image.new("RGB", (2 * SIDE_PX, SIDE_PX))
    with RobotRenderer(robot) as renderer:
        for i, view in enumerate(views):
            fingers = robot.finger_joints(0.5)
            drawn = renderer.render(
                robot.home, view, fingers=fingers, width=SIDE_PX, height=SIDE_PX
            )
            picture = Image.fromarray(drawn)
            pen = ImageDraw.Draw(picture)
            _draw_axes(pen, view, np.eye(4), 0.15 * reach)
            _draw_axes(pen, view, end, 0.15 * reach if i == 0 else 0.5 * grip)
            for u, v in _pixels(view, tips):
                pen.ellipse([u - 4, v - 4, u + 4, v + 4], fill=TIP_COLOR)
            sheet.paste(picture, (i * SIDE_PX, 0))
    return np.asarray(sheet)


def _tips(robot: ArmRobot) -> Float[np.ndarray, "tip 3"]:
    """The ends of the fingers at home and half open, in the base [m]."""
    if robot.config.gripper.tips is None:
        return np.zeros((0, 3))
    frames = [Frame.at(tip.link, tip.offset_m) for tip in robot.config.gripper.tips]
    held = {
        j.name: float(np.clip(0.0, j.lower, j.upper))
        for j in robot.description.joints.values()
        if j.kind != "fixed" and j.mimic is None and j.name not in robot.joint_names
    }
    fingers = {n: v for n, v in robot.finger_joints(0.5).items() if n in held}
    tree = type(robot.kinematics)(
        robot.description,
        columns=robot.joint_names,
        locked=held | fingers,
        frames=frames,
        root=robot.base_link,
    )
    return np.asarray(tree.forward_kinematics(robot.home[None]).p_m[0])


def _draw_axes(pen: object, view: View, T: Float[np.ndarray, "4 4"], length_m: float) -> None:
    from PIL import ImageDraw

    assert isinstance(pen, ImageDraw.ImageDraw)
    origin = T[:3, 3]
    for k, color in enumerate(AXIS_COLORS):
        ends = np.stack([origin, origin + length_m * T[:3, k]])
        pen.line([tuple(p) for p in _pixels(view, ends).tolist()], fill=color, width=4)


def _pixels(view: View, points_m: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point 2"]:
    seen = se3.apply(se3.inverse(view.T_base_camera), points_m) @ view.K.T
    return np.asarray(seen[:, :2] / seen[:, 2:])
