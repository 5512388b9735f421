"""Who pushes whom in a simulated scene, and what does so already at rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rotoscope.retarget.description.mujoco import import_mujoco
from rotoscope.retarget.physics.model import FLOOR, PhysicsModel

_NEAR_M = 0.002
"""Shapes that are this near at rest touch when the robot trembles [m]."""
Pair = tuple[str, str]
"""Names of two bodies in alphabetical order; the floor is called as its shape is."""


def pairs_at(robot: PhysicsModel, joints: Mapping[str, float]) -> list[Pair]:
    """Pairs of links that may always touch: neighbors, and what is nearly in contact in a posture.

    The latter have shapes that are larger than the links: MuJoCo takes meshes as their convex
    hulls, and files give boxes for links.

    Args:
        robot: The robot.
        joints: The posture [rad or m].
    """
    mujoco, model = import_mujoco(), robot.model
    data = mujoco.MjData(model)
    for name, index in zip(robot.joint_names, robot.qpos_index, strict=True):
        data.qpos[index] = joints.get(name, data.qpos[index])
    margin = model.geom_margin.copy()
    model.geom_margin[:] = 0.5 * _NEAR_M
    mujoco.mj_kinematics(model, data)
    mujoco.mj_collision(model, data)
    near = {pair for pair, _ in _touching(model, data, below_m=_NEAR_M) if FLOOR not in pair}
    model.geom_margin[:] = margin
    # MuJoCo takes no notice of neighbors where one of them stands still.
    for joint in range(model.njnt):
        body = int(model.jnt_bodyid[joint])
        parent = int(model.body_parentid[body])
        if parent:
            one, two = sorted(str(model.body(b).name) for b in (body, parent))
            near.add((one, two))
    return sorted(near)


class ContactWatch:
    """Collects what touches in each frame of a simulation.

    Args:
        num_frames: Frames of the simulation.
        ignored: Pairs that may touch, such as the fingers of a gripper.
    """

    def __init__(self, num_frames: int, ignored: Iterable[Pair]) -> None:
        self.floor, self.itself = np.zeros(num_frames, bool), np.zeros(num_frames, bool)
        self.depth_m = 0.0
        self._ignored = set(ignored)
        self._frames: dict[Pair, set[int]] = {}

    def look(self, frame: int, model: Any, data: Any) -> None:
        """Takes in a timestep that leads to a frame."""
        if not data.ncon:
            return
        for pair, depth_m in _touching(model, data):
            if pair in self._ignored:
                continue
            self._frames.setdefault(pair, set()).add(frame)
            self.depth_m = max(self.depth_m, depth_m)
            (self.floor if FLOOR in pair else self.itself)[frame] = True

    def shares(self) -> dict[str, float]:
        """Share of frames in which each pair touched, most often first."""
        found = {
            " and ".join("the floor" if name == FLOOR else name for name in pair): len(frames)
            for pair, frames in self._frames.items()
        }
        count = max(len(self.floor), 1)
        ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return {name: number / count for name, number in ranked}


def _touching(model: Any, data: Any, *, below_m: float = 0.0) -> list[tuple[Pair, float]]:
    """Pairs that are less than a distance apart, and how deep they overlap [m]."""
    found = []
    for contact in data.contact[: data.ncon]:
        if contact.dist < below_m:
            one, two = sorted(_name(model, int(geom)) for geom in contact.geom)
            found.append(((one, two), -float(contact.dist)))
    return found


def _name(model: Any, geom: int) -> str:
    body = int(model.geom_bodyid[geom])
    return FLOOR if model.geom(geom).name.startswith(FLOOR) else str(model.body(body).name)
