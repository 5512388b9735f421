"""Drawing a MuJoCo model without a display: cameras with any K, floor, light, background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.mujoco import import_mujoco

SUPERSAMPLING = 2
"""Pictures are drawn this much larger and averaged; MuJoCo's own multisampling is off."""
MAX_SIZE_PX = 2048
"""Longest side of a picture [px]."""
NEAR_M, FAR_M = 0.02, 30.0
"""Depth range that is drawn [m]."""


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
    """Camera (x right, y down, z forward) in the robot's base frame [m]; for a robot that moves in
    the world, in the world."""


class Offscreen:
    """Pictures of one MuJoCo scene. Close it before making another.

    Args:
        model: The compiled scene.
        data: Its state; what is drawn is what it holds when `draw` is called.
    """

    def __init__(self, model: Any, data: Any) -> None:
        self.model, self.data = model, data
        self._mujoco = import_mujoco()
        self._renderer: Any = None

    def draw(
        self, view: View, T_world_base: Float[np.ndarray, "4 4"], *, width: int, height: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The scene as an RGB picture.

        Args:
            view: The camera.
            T_world_base: Frame that the view's camera stands in, in MuJoCo's world.
            width: Pixels across.
            height: Pixels down.

        Raises:
            RobotError: The picture is too large, or this machine cannot draw without a display.
        """
        renderer = self._renderer_of(width * SUPERSAMPLING, height * SUPERSAMPLING)
        self._mujoco.mj_kinematics(self.model, self.data)
        self._mujoco.mj_comPos(self.model, self.data)
        self._mujoco.mj_camlight(self.model, self.data)
        renderer.update_scene(self.data)
        _aim(renderer.scene, view, T_world_base @ view.T_base_camera, width, height)
        return _averaged(renderer.render())

    def close(self) -> None:
        """Releases the drawing context."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

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
        self.model.vis.global_.offwidth, self.model.vis.global_.offheight = width, height
        try:
            self._renderer = self._mujoco.Renderer(self.model, height, width)
        except (ImportError, AttributeError, RuntimeError, self._mujoco.FatalError) as error:
            raise RobotError(
                "MuJoCo cannot draw without a display here "
                f"({type(error).__name__}: {error}); install EGL, on Debian with "
                "`apt-get install libegl1 libgl1`, or set MUJOCO_GL=osmesa with libosmesa6"
            ) from error
        return self._renderer


def add_lights(spec: Any) -> None:
    """Gives a scene even light and a plain background, and turns off what is slow."""
    mujoco = import_mujoco()
    # Shadows and multisampling cost more than everything else on a CPU.
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 0, 0
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = [0.4] * 3, [0.3] * 3
    spec.visual.headlight.specular = [0.1] * 3
    spec.add_texture(
        name="rotoscope_sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.88, 0.91, 0.94],
        rgb2=[0.97, 0.97, 0.97],
        width=256,
        height=256,
    )
    spec.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[1.5, 1.5, 3.0],
        dir=[-0.4, -0.4, -1.0],
        diffuse=[0.5] * 3,
        castshadow=False,
    )


def add_floor(spec: Any, *, half_size_m: float, height_m: float, tile_m: float) -> None:
    """Adds a floor of tiles, which is only to be seen."""
    mujoco = import_mujoco()
    spec.add_texture(
        name="rotoscope_floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.9, 0.9, 0.9],
        rgb2=[0.84, 0.85, 0.86],
        width=256,
        height=256,
    )
    # A texture holds two tiles a side; texuniform counts its repetitions by meter.
    material = spec.add_material(
        name="rotoscope_floor", texrepeat=[0.5 / tile_m] * 2, texuniform=True, specular=0.0
    )
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "rotoscope_floor"
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[half_size_m, half_size_m, 0.1],
        pos=[0, 0, height_m],
        material="rotoscope_floor",
        contype=0,
        conaffinity=0,
    )


def _aim(
    scene: Any, view: View, T_world_camera: Float[np.ndarray, "4 4"], width: int, height: int
) -> None:
    """Puts the scene's camera where the view is; MuJoCo's own cameras cannot hold any K."""
    T = T_world_camera
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
