"""Dexterous hands in pictures, turned as the human hand is."""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.hand.targets import palm_from_wrist
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.rendering.protocol import require_columns
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import view_from
from rotoscope.retarget.robots.robot import HandRobot, load_hand

FLESH_M = 0.04
"""How far the shapes of a hand reach beyond its joints on both sides together [m]."""
PALM_SEEN = ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
"""Rotation of the wrist frame in the world where nothing says how the hand is turned: the palm
towards a camera that looks along y, fingers up."""
R_WORLD_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Axes of a level camera (x right, y down, z forward) that looks along the world's y."""


class HandPictures:
    """A hand turned as the human one is; of an arm that carries it nothing is drawn."""

    def __init__(
        self,
        renderer: RobotRenderer,
        robot: HandRobot,
        values: Float[np.ndarray, "row action"],
        R_camera_wrist: Float[np.ndarray, "row 3 3"] | None,
    ) -> None:
        num_joints = len(robot.joint_names)
        require_columns(robot.name, values, num_joints, is_rest_allowed=True)
        self.renderer, self.values = renderer, values[:, -num_joints:]
        self.R_world_palm = wrist_in_world(R_camera_wrist, len(values)) @ palm_from_wrist(robot).T
        self.middle_m, self.size_m = _extent(robot)

    def draw(self, row: int, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
        """The hand in one row, as an RGB picture."""
        R = self.R_world_palm[row]
        T_world_palm = se3.make(R, -R @ self.middle_m)
        shown_m = (self.size_m + FLESH_M) * max(1.0, height / width)
        view = view_from(
            np.array([0.0, -1.0, 0.0]), np.zeros(3), height_m=shown_m, width=width, height=height
        )
        return self.renderer.render(
            self.values[row], view, T_world_link=T_world_palm, width=width, height=height
        )


def wrist_in_world(
    R_camera_wrist: Float[np.ndarray, "row 3 3"] | None, num_rows: int
) -> Float[np.ndarray, "row 3 3"]:
    """Rotation of the wrist frame in a world whose y a camera looks along, z up.

    Where nothing is known, as in the row before; before that, the palm towards the camera.
    """
    out = np.tile(np.array(PALM_SEEN), (num_rows, 1, 1))
    if R_camera_wrist is None:
        return out
    last = out[0]
    for row, R in enumerate(R_camera_wrist):
        last = R_WORLD_CAMERA @ R if np.isfinite(R).all() else last
        out[row] = last
    return out


def _extent(robot: HandRobot) -> tuple[Float[np.ndarray, " 3"], float]:
    """Middle of the hand in its palm link, and its diameter [m], fingers at rest."""
    frames = [frame for name, frame in robot.frames().items() if not name.startswith("spheres.")]
    reached = robot.tree([Frame.at(robot.config.palm.link), *frames]).forward_kinematics(
        robot.rest[None]
    )
    T_palm_root = se3.inverse(se3.make(reached.R[0, 0], reached.p_m[0, 0]))
    points = se3.apply(T_palm_root, reached.p_m[0, 1:])
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    return middle, 2.0 * float(np.linalg.norm(points - middle, axis=1).max())


def hand_lines(
    name_or_path: str,
    values: Float[np.ndarray, "row action"],
    R_camera_wrist: Float[np.ndarray, "row 3 3"] | None = None,
) -> Float[np.ndarray, "row line 2 3"]:
    """The fingers of a robot hand as lines from joint to joint, around its middle, z up [m].

    Args:
        name_or_path: The robot.
        values: Joints in the order of its action contract, those of an arm before them allowed.
        R_camera_wrist: Rotation of the human wrist, as for `EpisodeRenderer.pictures`.

    Raises:
        RobotError: No such hand, or the values are not its.
        AssetError: Its asset was not fetched.
    """
    robot = load_hand(name_or_path)
    num_joints = len(robot.joint_names)
    require_columns(robot.name, values, num_joints, is_rest_allowed=True)
    config = robot.config
    pairs: list[tuple[Frame, Frame]] = []
    for point in config.tips.values():
        path = robot.description.path_between(robot.description.root_link, point.link)
        links = [j.child for j in path if j.kind != "fixed" and j.name not in robot.locked]
        frames = [Frame.at(config.palm.link, config.palm.offset_m), *map(Frame.at, links)]
        frames.append(Frame.at(point.link, point.offset_m))
        pairs += itertools.pairwise(frames)
    palm = Frame.at(config.palm.link)
    reached = robot.tree([palm, *(m for pair in pairs for m in pair)]).forward_kinematics(
        np.asarray(values[:, -num_joints:], float)
    )
    T_palm_root = se3.inverse(se3.make(reached.R[:, 0], reached.p_m[:, 0]))
    points = se3.apply(T_palm_root, reached.p_m[:, 1:]) - _extent(robot)[0]
    R = wrist_in_world(R_camera_wrist, len(values)) @ palm_from_wrist(robot).T
    return (points @ np.swapaxes(R, 1, 2)).reshape(len(values), len(pairs), 2, 3)
