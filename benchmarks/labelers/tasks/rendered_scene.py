"""A Meta-World scene as two cameras see it, with or without things in it that move by themselves.

Meta-World's own cameras show the whole robot; these two stand where a person would put them to film
the table, 70 degrees apart. The fingers and the object carry colors of their own, as if taped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.retarget.description.mujoco import import_mujoco

CAMERAS: dict[str, float] = {"left": -125.0, "right": -55.0}
"""Direction that each camera looks along, about the vertical [deg]."""
SIZE = 192
"""Side of the rendered square [px]."""
COLORS = {
    "leftpad_geom": (0.0, 1.0, 1.0),
    "rightpad_geom": (1.0, 0.0, 1.0),
    "objGeom": (1.0, 1.0, 0.0),
}
"""Of the two fingers and the object."""
_LOOK_AT_M, _DISTANCE_M, _ELEVATION_DEG = (0.05, 0.68, 0.15), 1.0, -30.0
_NUM_BEHIND, _NUM_ON_TABLE = 7, 4
_BEHIND_M = np.array([[-0.8, 0.05, 0.05], [0.8, 0.42, 0.55]])
_ON_TABLE_M = np.array([[-0.45, 0.45, 0.03], [0.55, 0.95, 0.03]])
_TINTED = ("floor", "tablelink")


class Studio:
    """Draws what two cameras see of a simulator's present state.

    Close it before opening another: two renderers at a time may return each other's pictures.
    """

    def __init__(self, model: Any) -> None:
        """Paints the scene and opens a renderer.

        Args:
            model: The `MjModel` of a Meta-World task; colors and lights of it are changed,
                physics is not.
        """
        self._mujoco = import_mujoco()
        self._model = model
        paint(model)
        self._lights = model.light_diffuse.copy()
        self._materials = _tinted_materials(model)
        self._rgba = model.mat_rgba.copy()
        self._renderer = self._mujoco.Renderer(model, SIZE, SIZE)
        flag = self._mujoco.mjtRndFlag
        for name in ("mjRND_SHADOW", "mjRND_REFLECTION", "mjRND_SKYBOX", "mjRND_HAZE"):
            self._renderer.scene.flags[getattr(flag, name)] = 0
        self._views = {name: view(self._mujoco, azimuth) for name, azimuth in CAMERAS.items()}

    def shoot(
        self, data: Any, distractors: Distractors | None = None, *, step: int = 0
    ) -> dict[str, UInt8[np.ndarray, "height width 3"]]:
        """One picture a camera, of `data` (an `MjData`) and of the distractors at `step`."""
        model = self._model
        light, tint = (1.0, np.ones(3)) if distractors is None else distractors.look(step)
        model.light_diffuse[:] = self._lights * light
        model.mat_rgba[self._materials, :3] = self._rgba[self._materials, :3] * tint
        pictures = {}
        for name, view in self._views.items():
            self._renderer.update_scene(data, camera=view)
            if distractors is not None:
                self._add(distractors, step)
            pictures[name] = self._renderer.render().copy()
        return pictures

    def close(self) -> None:
        """Frees the renderer."""
        self._renderer.close()

    def _add(self, distractors: Distractors, step: int) -> None:
        scene = self._renderer.scene
        kinds = self._mujoco.mjtGeom
        shapes = (kinds.mjGEOM_SPHERE, kinds.mjGEOM_BOX, kinds.mjGEOM_CAPSULE)
        for index, place in enumerate(distractors.places_m(step)):
            self._mujoco.mjv_initGeom(
                scene.geoms[scene.ngeom],
                shapes[index % 3],
                np.full(3, distractors.radius_m[index]),
                place,
                np.eye(3).ravel(),
                np.append(distractors.color[index], 1.0).astype(np.float32),
            )
            scene.ngeom += 1


@dataclass(frozen=True, eq=False)
class Distractors:
    """Colored shapes that wander behind the arm and on the table, lights and ground that change.

    Nothing of it depends on what the robot does, and nothing stands still long enough to be told
    from the robot by moving (the distracting setups of LAOM, Nikulin et al. 2025).
    """

    center_m: Float[np.ndarray, "shape 3"]
    """Middle of each shape's path."""
    reach_m: Float[np.ndarray, "shape 3"]
    """How far each strays from it along x, y, z."""
    rate: Float[np.ndarray, "shape 3"]
    """Of its swings along each axis [rad/step]."""
    phase: Float[np.ndarray, "shape 3"]
    """At the first step [rad]."""
    radius_m: Float[np.ndarray, " shape"]
    """Size of each shape."""
    color: Float[np.ndarray, "shape 3"]
    """RGB of each, 0..1."""
    light_rate: Float[np.ndarray, " 4"]
    """Of the swings of brightness and of the ground's red, green and blue [rad/step]."""
    light_phase: Float[np.ndarray, " 4"]
    """Theirs at the first step [rad]."""

    @classmethod
    def of(cls, seed: int) -> Distractors:
        """The distractors of one episode; the same seed gives the same ones."""
        generator = np.random.default_rng([seed, 7])
        count = _NUM_BEHIND + _NUM_ON_TABLE
        boxes = [_BEHIND_M] * _NUM_BEHIND + [_ON_TABLE_M] * _NUM_ON_TABLE
        low, high = np.array([b[0] for b in boxes]), np.array([b[1] for b in boxes])
        return cls(
            center_m=generator.uniform(0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high),
            reach_m=generator.uniform(0.2, 0.5, (count, 3)) * (high - low),
            rate=generator.uniform(0.02, 0.1, (count, 3)),
            phase=generator.uniform(0, 2 * np.pi, (count, 3)),
            radius_m=generator.uniform(0.02, 0.06, count),
            color=generator.uniform(0, 1, (count, 3)),
            light_rate=generator.uniform(0.01, 0.08, 4),
            light_phase=generator.uniform(0, 2 * np.pi, 4),
        )

    def places_m(self, step: int) -> Float[np.ndarray, "shape 3"]:
        """Where each shape is at a step."""
        return self.center_m + self.reach_m * np.sin(self.rate * step + self.phase)

    def look(self, step: int) -> tuple[float, Float[np.ndarray, " 3"]]:
        """Brightness of the lights and tint of floor and table at a step, both as factors."""
        swing = np.sin(self.light_rate * step + self.light_phase)
        return float(0.8 + 0.2 * swing[0]), 0.7 + 0.3 * swing[1:]


def view(mujoco: Any, azimuth_deg: float) -> Any:
    """A camera that looks at the table along a direction about the vertical [deg]."""
    made = mujoco.MjvCamera()
    made.type = mujoco.mjtCamera.mjCAMERA_FREE
    made.lookat[:] = _LOOK_AT_M
    made.distance, made.azimuth, made.elevation = _DISTANCE_M, azimuth_deg, _ELEVATION_DEG
    return made


def paint(model: Any) -> None:
    """Gives fingers and object their colors, and takes shadows and reflections away."""
    # Set before the first render: shadows and multisampling are what a CPU spends its time on.
    model.vis.quality.offsamples = 0
    model.vis.quality.shadowsize = 0
    model.light_castshadow[:] = 0
    model.mat_reflectance[:] = 0
    for name, color in COLORS.items():
        geom = model.geom(name).id
        model.geom_matid[geom] = -1
        model.geom_rgba[geom] = (*color, 1.0)


def _tinted_materials(model: Any) -> np.ndarray:
    """Materials of floor and table."""
    found = {
        int(model.geom_matid[geom])
        for geom in range(model.ngeom)
        if model.geom(geom).name in _TINTED or model.body(model.geom_bodyid[geom]).name in _TINTED
    }
    return np.array(sorted(found - {-1}))
