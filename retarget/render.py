"""Pictures of a robot, drawn without a display."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from pipeline.errors import RobotError
from pipeline.geometry import se3
from retarget.mujoco_model import body_pose, import_mujoco, robot_spec, verify_chain
from retarget.robot import Robot, load_robot

SUPERSAMPLING = 2
"""Pictures are drawn this much larger and averaged; MuJoCo's own multisampling is off."""
MAX_SIZE_PX = 2048
"""Longest side of a picture [px]."""
NEAR_M, FAR_M = 0.02, 30.0
"""Depth range that is drawn [m]."""
ARM_RGBA = (0.93, 0.93, 0.95, 1.0)
HAND_RGBA = (0.95, 0.55, 0.15, 1.0)
"""Colours of links that the robot's file gives none; the hand stands out from the arm."""
_DEFAULT_RGBA = (0.5, 0.5, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole camera that looks at the robot."""

    K: Float[np.ndarray, "3 3"]
    """Intrinsic matrix for a picture of `width` by `height` [px]."""
    width: int
    """Pixels across that K is meant for; pictures of other sizes are scaled."""
    height: int
    """Pixels down that K is meant for."""
    T_base_camera: Float[np.ndarray, "4 4"]
    """Camera (x right, y down, z forward) in the robot's base frame [m]."""


def three_quarter_view(robot: Robot, *, width: int = 640, height: int = 480) -> View:
    """A view from the front left and above that shows the whole arm in a picture of that size."""
    links = robot.link_positions(robot.home[None])[0]
    size_m = 1.3 * float(np.linalg.norm(np.diff(links, axis=0), axis=1).sum())
    looked_at = np.array([0.17, 0.0, 0.27]) * size_m
    eye = looked_at + size_m * np.array([0.72, 0.6, 0.32])
    forward = (looked_at - eye) / np.linalg.norm(looked_at - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward], axis=1)
    focal_px = 1.65 * min(height, width)
    K = np.array([[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]])
    return View(K, width, height, se3.make(R, eye))


class RobotRenderer:
    """Draws one robot with MuJoCo's offscreen renderer. Close it before making another.

    Args:
        robot: The robot, or its name.

    Raises:
        RobotError: Its files cannot be drawn, its kinematics differ from MuJoCo's, or this machine
            lacks the library for drawing without a display.
    """

    def __init__(self, robot: Robot | str) -> None:
        self.robot = load_robot(robot) if isinstance(robot, str) else robot
        self._mujoco = import_mujoco()
        verify_chain(self.robot)
        self._model = _scene(self._mujoco, self.robot)
        self._data = self._mujoco.MjData(self._model)
        self._mujoco.mj_kinematics(self._model, self._data)
        self._T_world_base = body_pose(self._data, self.robot.config.base_link)
        self._renderer: Any = None

    def render(
        self,
        joints_rad: Float[np.ndarray, " joint"],
        opening01: float,
        *,
        width: int = 640,
        height: int = 480,
        view: View | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The robot as an RGB picture.

        Args:
            joints_rad: Arm joint values [rad, or m for sliding joints].
            opening01: Gripper opening, 0 closed to 1 open.
            width: Pixels across.
            height: Pixels down.
            view: Camera; `three_quarter_view` when absent.

        Raises:
            RobotError: A value is not finite, or the picture is too large.
        """
        self._move(np.asarray(joints_rad, dtype=float), float(opening01))
        renderer = self._renderer_of(width * SUPERSAMPLING, height * SUPERSAMPLING)
        self._mujoco.mj_forward(self._model, self._data)
        renderer.update_scene(self._data)
        view = view or three_quarter_view(self.robot, width=width, height=height)
        self._aim(renderer.scene, view, width, height)
        return _averaged(renderer.render())

    def close(self) -> None:
        """Releases the drawing context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def __enter__(self) -> RobotRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _move(self, joints: np.ndarray, opening: float) -> None:
        if len(joints) != self.robot.chain.num_joints or not np.isfinite([*joints, opening]).all():
            raise RobotError(
                f"drawing {self.robot.name} needs {self.robot.chain.num_joints} finite joint "
                f"values and a finite opening, got {joints.tolist()} and {opening}"
            )
        for segment, value in zip(self.robot.chain.segments, joints, strict=True):
            self._data.joint(segment.name).qpos[:] = value
        for name, (closed, open_) in self.robot.config.gripper.joints.items():
            self._data.joint(name).qpos[:] = closed + np.clip(opening, 0.0, 1.0) * (open_ - closed)

    def _renderer_of(self, width: int, height: int) -> Any:
        if max(width, height) > MAX_SIZE_PX * SUPERSAMPLING:
            raise RobotError(
                f"a picture may have {MAX_SIZE_PX} px on a side, "
                f"got {width // SUPERSAMPLING} by {height // SUPERSAMPLING}"
            )
        current = self._renderer
        if current is not None and (current.width, current.height) == (width, height):
            return current
        # Two renderers alive at once draw garbage on some drivers.
        self.close()
        self._model.vis.global_.offwidth, self._model.vis.global_.offheight = width, height
        try:
            self._renderer = self._mujoco.Renderer(self._model, height, width)
        except (ImportError, AttributeError, RuntimeError, self._mujoco.FatalError) as error:
            raise RobotError(
                "MuJoCo cannot draw without a display here "
                f"({type(error).__name__}: {error}); install EGL, on Debian with "
                "`apt-get install libegl1 libgl1`, or set MUJOCO_GL=osmesa with libosmesa6"
            ) from error
        return self._renderer

    def _aim(self, scene: Any, view: View, width: int, height: int) -> None:
        """Puts the scene's camera where the view is; MuJoCo's own cameras cannot hold any K."""
        T = self._T_world_base @ view.T_base_camera
        sx, sy = width / view.width, height / view.height
        fx, fy = view.K[0, 0] * sx, view.K[1, 1] * sy
        cx, cy = view.K[0, 2] * sx, view.K[1, 2] * sy
        for camera in scene.camera:
            camera.pos, camera.forward, camera.up = T[:3, 3], T[:3, 2], -T[:3, 1]
            camera.frustum_near, camera.frustum_far = NEAR_M, FAR_M
            camera.frustum_top = NEAR_M * cy / fy
            camera.frustum_bottom = -NEAR_M * (height - cy) / fy
            camera.frustum_width = NEAR_M * 0.5 * width / fx
            camera.frustum_center = NEAR_M * (0.5 * width - cx) / fx


def _averaged(large: UInt8[np.ndarray, "tall wide 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """Each square of `SUPERSAMPLING` pixels as one."""
    n = SUPERSAMPLING
    total = sum(large[i::n, j::n].astype(np.uint16) for i in range(n) for j in range(n))
    return np.asarray(total // n**2, dtype=np.uint8)


def _scene(mujoco: Any, robot: Robot) -> Any:
    """The robot's model on a floor, with light and a plain background."""
    spec = robot_spec(robot.path)
    # Shadows and multisampling cost more than everything else on a CPU.
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 0, 0
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = [0.4] * 3, [0.3] * 3
    spec.visual.headlight.specular = [0.1] * 3
    hand = _hand_links(spec, robot)
    for geom in spec.geoms:
        if np.allclose(geom.rgba, _DEFAULT_RGBA) and not geom.material:
            geom.rgba = HAND_RGBA if geom.parent.name in hand else ARM_RGBA
    texture, builtin = mujoco.mjtTexture, mujoco.mjtBuiltin
    spec.add_texture(
        name="rotoscope_sky",
        type=texture.mjTEXTURE_SKYBOX,
        builtin=builtin.mjBUILTIN_GRADIENT,
        rgb1=[0.88, 0.91, 0.94],
        rgb2=[0.97, 0.97, 0.97],
        width=256,
        height=256,
    )
    spec.add_texture(
        name="rotoscope_floor",
        type=texture.mjTEXTURE_2D,
        builtin=builtin.mjBUILTIN_CHECKER,
        rgb1=[0.9, 0.9, 0.9],
        rgb2=[0.84, 0.85, 0.86],
        width=256,
        height=256,
    )
    floor = spec.add_material(
        name="rotoscope_floor", texrepeat=[5, 5], texuniform=True, specular=0.0
    )
    floor.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "rotoscope_floor"
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[1.5, 1.5, 0.1],
        pos=[0, 0, -0.001],
        material="rotoscope_floor",
    )
    spec.worldbody.add_light(
        pos=[1.5, 1.5, 3.0], dir=[-0.4, -0.4, -1.0], diffuse=[0.5] * 3, castshadow=False
    )
    return spec.compile()


def _hand_links(spec: Any, robot: Robot) -> set[str]:
    """Links that belong to the gripper: the end effector's and those that its joints move."""
    fingers = robot.config.gripper.joints
    moved = {joint.parent.name for joint in spec.joints if joint.name in fingers}
    return {robot.config.end_effector.link} | moved
