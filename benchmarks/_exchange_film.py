"""Films of hands in Meta-World's scenes: the robot is not drawn, a hand is in its place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from benchmarks._exchange_people import HEIGHT, WIDTH, Acted, Person
from rotoscope.models.rendered_hands import postures, raycast
from rotoscope.models.rendered_hands.arm import Arm, load_arm
from rotoscope.models.rendered_hands.puppet import paint, sleeved, with_sleeve
from rotoscope.models.simulators.record import write_video
from rotoscope.models.simulators.simulator import open_simulator
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.gripper.hand_shape import aperture
from rotoscope.retarget.gripper.pose import gripper_pose

RATE_HZ = 30
_GRAIN = 2.5
"""Sensor noise [gray levels of 255]."""
_CAMERA = "corner"
"""Of the simulator's cameras the one that is put where the person's is."""


@lru_cache(maxsize=8)
def hand_of(person: Person) -> ActingHand:
    """A person's hand; to fit its pinch takes seconds."""
    return ActingHand(person)


class ActingHand:
    """A right hand that holds its fingertips where, and as far apart as, it is told."""

    def __init__(self, person: Person) -> None:
        self._arm: Arm = load_arm(person.body)
        self._open, self._closed = postures.open_hand(self._arm), postures.pinch(self._arm)
        shares = np.linspace(0, 1, 41)
        widths = np.array([aperture(self._joints(share)) for share in shares])
        # Fingers pass a widest place as they close: from there on the width falls steadily.
        widest = int(widths.argmax())
        self._shares, self._widths = shares[widest:], np.minimum.accumulate(widths[widest:])
        self._faces, edge = with_sleeve(self._arm)
        self._edge, self._colors = edge, paint(self._arm, edge, person.skin_rgb, person.seed)
        tilt = np.radians(person.tilt_deg)
        ahead = np.array([0.0, np.sin(tilt), -np.cos(tilt)])
        # From index to thumb: the thumb of a right hand that reaches ahead is on the left.
        to_thumb = np.array([-1.0, 0.0, 0.0])
        self.R_world_ee = np.stack([ahead, to_thumb, np.cross(ahead, to_thumb)], axis=1)

    @property
    def palm_length_m(self) -> float:
        """What the person would measure with a ruler."""
        return self._arm.palm_length_m

    def mesh(
        self, tip_m: Float[np.ndarray, " 3"], aperture_m: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices in the world [m], triangles and colors."""
        T, motions = self._placed(tip_m, aperture_m)
        return se3.apply(T, sleeved(self._arm, motions, self._edge)), self._faces, self._colors

    def placed(
        self, tip_m: Float[np.ndarray, " 3"], aperture_m: float
    ) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "21 3"]]:
        """Where the arm's rest frame is in the world, and its landmarks in that frame [m]."""
        T, motions = self._placed(tip_m, aperture_m)
        return T, self._arm.joints(motions)

    def _placed(self, tip_m: np.ndarray, aperture_m: float) -> tuple[np.ndarray, np.ndarray]:
        motions = self._motions(float(np.interp(-aperture_m, -self._widths, self._shares)))
        T_rest_ee = gripper_pose(self._arm.joints(motions)[None], "right")[0]
        return se3.make(self.R_world_ee, tip_m) @ se3.inverse(T_rest_ee), motions

    def _motions(self, share: float) -> np.ndarray:
        return self._arm.motions(self._open + share * (self._closed - self._open))

    def _joints(self, share: float) -> np.ndarray:
        return self._arm.joints(self._motions(share))


def film(task: str, seed: int, acted: Acted, person: Person, path: Path) -> None:
    """Writes the video of an episode, and the notes on its camera beside it."""
    write_video(path, _pictures(task, seed, acted, person), fps=RATE_HZ)
    notes = f"width: {WIDTH}\nheight: {HEIGHT}\nfx: {person.focal_px}\n"
    path.with_suffix(".camera.yaml").write_text(notes)


def _pictures(
    task: str, seed: int, acted: Acted, person: Person
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    hand, stage = hand_of(person), _Stage(task, seed, person)
    rng = np.random.default_rng([person.seed, seed])
    T_camera_world = se3.inverse(person.T_world_camera)
    for row in range(len(acted.state)):
        background, depth_m = stage.draw(acted.qpos[row])
        vertices, faces, colors = hand.mesh(acted.tip_m[row], float(acted.aperture_m[row]))
        image = raycast.draw(
            background,
            K=person.K,
            vertices=se3.apply(T_camera_world, vertices),
            faces=faces,
            colors=colors,
            lamp=person.lamp,
            behind_m=depth_m,
            samples_per_side=1,
        )
        noisy = person.brightness * image + rng.normal(0, _GRAIN, image.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)
    stage.close()


class _Stage:
    """Meta-World's scene without its robot, seen by a person's camera."""

    def __init__(self, task: str, seed: int, person: Person) -> None:
        self._simulator = open_simulator(f"metaworld:{task}")
        self._simulator.reset(seed)
        environment: Any = self._simulator._environment  # type: ignore[attr-defined]
        import mujoco

        self._mujoco, self._model, self._data = mujoco, environment.model, environment.data
        model = self._model
        base = model.body("base").id
        is_robot = model.body_rootid[model.geom_bodyid] == base
        model.geom_rgba[is_robot, 3] = 0.0
        model.geom_matid[is_robot] = -1
        camera = model.cam(_CAMERA)
        T = person.T_world_camera
        # MuJoCo's camera looks along its -z, y up.
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, (T[:3, :3] @ np.diag([1.0, -1.0, -1.0])).ravel())
        camera.pos, camera.quat = T[:3, 3], quat
        camera.fovy = np.degrees(2 * np.arctan(HEIGHT / 2 / person.focal_px))
        model.vis.quality.shadowsize, model.vis.quality.offsamples = 0, 0
        self._renderer = mujoco.Renderer(model, HEIGHT, WIDTH)

    def draw(self, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A picture, and how far away each of its pixels is along the camera's axis [m]."""
        self._data.qpos[:] = qpos
        self._mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, camera=_CAMERA)
        image = self._renderer.render()
        self._renderer.enable_depth_rendering()
        depth_m = self._renderer.render()
        self._renderer.disable_depth_rendering()
        return image, depth_m

    def close(self) -> None:
        self._renderer.close()
        self._simulator.close()
