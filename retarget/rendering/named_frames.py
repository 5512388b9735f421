"""A hand or humanoid at rest with all that its YAML file names: is a proposal right, at a look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.rendering.offscreen import View
from rotoscope.retarget.rendering.renderer import RobotRenderer, carried_link
from rotoscope.retarget.rendering.views import view_from
from rotoscope.retarget.robots.config import BranchedConfig
from rotoscope.retarget.robots.robot import HandRobot, HumanoidRobot, Robot

WIDTH, HEIGHT = 960, 1080
"""Size of the picture [px]."""
MARGIN = 1.3
"""What it shows over what the robot takes."""
AXIS_SHARE = 0.12
"""Length of a drawn axis over the robot's size."""
TOWARDS_CAMERA = np.array([1.0, 0.55, 0.25])
"""Where the camera stands: ahead, to the robot's left, and above."""
AXES_RGB = ((215, 50, 50), (40, 150, 60), (50, 90, 215))
"""X, y and z: forward, left and up of a humanoid, out of the palm, along and across of a hand."""
POINT_RGB = (20, 20, 20)
BALL_RGB = (230, 140, 30)


@dataclass(frozen=True, eq=False)
class _Scene:
    """A robot at rest and what looks at it."""

    T_world_link: Float[np.ndarray, "4 4"]
    """Where it is carried [m]."""
    frames: dict[str, Frame]
    """What is drawn of it."""
    T: Float[np.ndarray, "frame 4 4"]
    """Where these are in the frame that the camera stands in [m]."""
    view: View
    """The camera."""
    size_m: float
    """How large it is [m]."""


def named_frames_picture(robot: Robot) -> UInt8[np.ndarray, "height width 3"]:
    """A hand or humanoid at rest: frames as axes, points by name, balls as circles.

    An arm has a picture of its own: `rotoscope.retarget.rendering.frames_picture`.

    Raises:
        RobotError: Its file cannot be drawn, or this machine cannot draw without a display.
    """
    scene = _scene(robot)
    with RobotRenderer(robot) as renderer:
        picture = renderer.render(
            robot.rest, scene.view, T_world_link=scene.T_world_link, width=WIDTH, height=HEIGHT
        )
    return _drawn_over(picture, robot, scene)


def _scene(robot: Robot) -> _Scene:
    frames = robot.frames()
    if isinstance(robot, HandRobot):
        frames["palm"] = _palm(robot)
    reached = robot.tree([Frame.at(carried_link(robot)), *frames.values()]).forward_kinematics(
        robot.rest[None]
    )
    T_base = se3.make(reached.R[0], reached.p_m[0])
    main = 1 + list(frames).index("root" if isinstance(robot, HumanoidRobot) else "palm")
    T_world_base = se3.inverse(T_base[main])
    T = T_world_base @ T_base
    if isinstance(robot, HumanoidRobot):
        # It stands on the floor.
        T = se3.make(np.eye(3), np.array([0.0, 0.0, -T[:, 2, 3].min()])) @ T
    points = T[1:, :3, 3]
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max())
    view = view_from(
        TOWARDS_CAMERA, 0.5 * (low + high), height_m=MARGIN * size, width=WIDTH, height=HEIGHT
    )
    return _Scene(T[0], frames, T[1:], view, size)


def _palm(robot: HandRobot) -> Frame:
    """The palm with x out of it and z towards the fingers."""
    config = robot.config
    z = np.array(config.forward) / np.linalg.norm(config.forward)
    x = np.array(config.palm_normal) - (np.array(config.palm_normal) @ z) * z
    x /= np.linalg.norm(x)
    R = np.stack([x, np.cross(z, x), z], axis=1)
    return Frame(config.palm.link, se3.make(R, np.array(config.palm.offset_m)))


def _drawn_over(
    picture: UInt8[np.ndarray, "height width 3"], robot: Robot, scene: _Scene
) -> UInt8[np.ndarray, "height width 3"]:
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    focal_px = scene.view.K[1, 1] * HEIGHT / scene.view.height
    for (name, frame), T in zip(scene.frames.items(), scene.T, strict=True):
        u, v, depth = _pixel(scene.view, T[:3, 3])
        if name.startswith("spheres.") and isinstance(robot.config, BranchedConfig):
            ball = robot.config.spheres[name.removeprefix("spheres.")]
            r = ball.radius_m * focal_px / depth
            draw.ellipse((u - r, v - r, u + r, v + r), outline=BALL_RGB, width=2)
            continue
        is_point = name.startswith(("body.", "tips.", "middles.", "feet."))
        for k in range(0 if is_point else 3):
            end = T[:3, 3] + AXIS_SHARE * scene.size_m * T[:3, k]
            draw.line((u, v, *_pixel(scene.view, end)[:2]), fill=AXES_RGB[k], width=4)
        draw.ellipse((u - 4, v - 4, u + 4, v + 4), fill=POINT_RGB)
        if not name.startswith("feet."):
            label = name.split(".")[-1]
            text = label if is_point else f"{label} ({frame.link})"
            draw.text((u + 7, v - 6), text, fill=POINT_RGB, stroke_width=2, stroke_fill="white")
    return np.asarray(image)


def _pixel(view: View, point_m: Float[np.ndarray, " 3"]) -> tuple[float, float, float]:
    """Where a point is in the picture [px], and how far in front of the camera [m]."""
    at = se3.apply(se3.inverse(view.T_base_camera), point_m[None])[0]
    u, v, w = view.K @ at
    return float(u / w * WIDTH / view.width), float(v / w * HEIGHT / view.height), float(w)
