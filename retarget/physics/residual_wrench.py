"""The wrench that a motion needs and that no contact with the floor can give, frame by frame.

A floating robot is carried by its contacts alone. Inverse dynamics say which wrench the root would
have to feel for the motion to happen; non-negative least squares says how much of it forces inside
the friction cones of what touches the floor can supply. The rest is missing: a robot that floats
misses its whole weight, one that leans out of its feet a torque, one that jerks a force. Unlike
tracking by PD control this depends on no gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.mujoco import import_mujoco
from rotoscope.retarget.physics.model import PhysicsModel, build_physics_model, floor_geoms
from rotoscope.retarget.physics.settings import PhysicsSettings, Step

_CONE_EDGES = 4
"""Edges of the pyramid that stands for a friction cone."""
_SLIVER = 1e-6
"""Cost of contact forces: picks the smallest of all that would do."""


def residual_wrench(
    path: Path,
    root_xyz_m: Float[np.ndarray, "time 3"],
    root_R: Float[np.ndarray, "time 3 3"],
    joint_values: Float[np.ndarray, "time joint"],
    joint_names: Sequence[str],
    time_s: Float[np.ndarray, " time"],
    settings: PhysicsSettings | None = None,
    *,
    steps: Sequence[Step] = (),
) -> Float[np.ndarray, "time 2"]:
    """Force and torque on the root that the floor cannot give.

    Accelerations are second derivatives of cubic splines through the frames.

    Args:
        path: URDF or MJCF file of a floating robot.
        root_xyz_m: Position of the root link in the world, z up, floor at 0 [m].
        root_R: Its rotation.
        joint_values: Values of the named joints [rad or m].
        joint_names: Joints of the robot's file; others follow or stay at rest.
        time_s: Time of each frame [s], at least two.
        settings: Friction, and from what height on a point is in the air.
        steps: What stands on the floor.

    Returns:
        The missing force in body weights and the missing torque in body weights times the root's
        height in the first frame.
    """
    settings = settings or PhysicsSettings()
    mujoco = import_mujoco()
    robot = build_physics_model(path, "free", settings, steps=steps)
    model = robot.model
    model.geom_margin[floor_geoms(model)] = settings.touch_m
    data = mujoco.MjData(model)
    height_m = max(float(root_xyz_m[0, 2]), 0.1)
    weight_n = robot.mass_kg * float(np.linalg.norm(model.opt.gravity))
    scale = np.repeat([weight_n, weight_n * height_m], 3)
    wanted = robot.reference(joint_values, joint_names)
    motion = _motion(robot, wanted, root_xyz_m, root_R, time_s)
    out = np.empty((len(time_s), 2))
    for t, (qpos, qvel, qacc) in enumerate(zip(*motion, strict=True)):
        data.qpos[:], data.qvel[:], data.qacc[:] = qpos, qvel, qacc
        needed = _needed_wrench(mujoco, model, data)
        missing = _missing(needed / scale, _cone(model, data, settings.friction) / scale[:, None])
        out[t] = np.linalg.norm(missing[:3]), np.linalg.norm(missing[3:])
    return out


def _motion(
    robot: PhysicsModel,
    joints: Float[np.ndarray, "time joint"],
    root_m: Float[np.ndarray, "time 3"],
    root_R: Float[np.ndarray, "time 3 3"],
    time_s: Float[np.ndarray, " time"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MuJoCo's positions, velocities and accelerations in every frame."""
    from scipy.interpolate import CubicSpline

    num_frames, model = len(time_s), robot.model
    qpos = np.tile(model.qpos0, (num_frames, 1))
    qvel, qacc = np.zeros((num_frames, model.nv)), np.zeros((num_frames, model.nv))
    joint_path, root_path = CubicSpline(time_s, joints), CubicSpline(time_s, root_m)
    qpos[:, :3], qpos[:, 3:7] = root_m, se3.quat_from_matrix(root_R)
    qpos[:, robot.qpos_index] = joints
    qvel[:, :3], qacc[:, :3] = root_path(time_s, 1), root_path(time_s, 2)
    qvel[:, robot.dof_index], qacc[:, robot.dof_index] = (
        joint_path(time_s, 1),
        joint_path(time_s, 2),
    )
    # MuJoCo takes angular velocities along the body's own axes.
    turn = se3.log_so3(np.swapaxes(root_R[:-1], 1, 2) @ root_R[1:])
    rate = turn / np.diff(time_s)[:, None]
    middle_s = 0.5 * (time_s[1:] + time_s[:-1])
    for axis in range(3):
        qvel[:, 3 + axis] = np.interp(time_s, middle_s, rate[:, axis])
    if num_frames > 2:
        qacc[:, 3:6] = np.gradient(qvel[:, 3:6], time_s, axis=0)
    return qpos, qvel, qacc


def _needed_wrench(mujoco: Any, model: Any, data: Any) -> Float[np.ndarray, " 6"]:
    """Force and torque about the root's origin, along world axes, that the motion needs."""
    mujoco.mj_fwdPosition(model, data)
    mujoco.mj_fwdVelocity(model, data)
    # Recursive Newton-Euler: forces of the motion and of gravity (Featherstone 2008, chapter 5).
    # The first six are the wrench on the root, which no motor supplies.
    inertial = np.zeros(model.nv)
    mujoco.mj_rne(model, data, 1, inertial)
    # MuJoCo has the force along world axes, the torque along the root's own.
    R = data.qpos[3:7]
    return np.concatenate([inertial[:3], se3.matrix_from_quat(R) @ inertial[3:6]])


def _cone(model: Any, data: Any, friction: float) -> Float[np.ndarray, "6 edge"]:
    """Wrench of a unit force along each edge of the friction pyramids of all touching points."""
    points = np.array([c.pos for c in data.contact[: data.ncon]]).reshape(-1, 3)
    # Any force inside a pyramid is a sum of its edges with weights that are not negative.
    angle = 2.0 * np.pi * np.arange(_CONE_EDGES) / _CONE_EDGES
    edges = np.column_stack(
        [friction * np.cos(angle), friction * np.sin(angle), np.ones(_CONE_EDGES)]
    )
    force = np.tile(edges, (len(points), 1))
    arm = np.repeat(points - data.qpos[:3], _CONE_EDGES, axis=0)
    return np.concatenate([force.T, np.cross(arm, force).T])


def _missing(
    needed: Float[np.ndarray, " 6"], cone: Float[np.ndarray, "6 edge"]
) -> Float[np.ndarray, " 6"]:
    """What remains of the needed wrench when the contacts give all that they can."""
    from scipy.optimize import nnls

    if cone.shape[1] == 0:
        return needed
    # Least |needed - cone f|^2 + sliver^2 |f|^2 for f >= 0 (Lawson and Hanson 1974, chapter 23);
    # columns of length 1, so that the sliver means the same for all of them.
    weight = np.linalg.norm(cone, axis=0)
    stacked = np.vstack([cone / weight, _SLIVER * np.eye(cone.shape[1])])
    force, _ = nnls(stacked, np.concatenate([needed, np.zeros(cone.shape[1])]))
    return np.asarray(needed - (cone / weight) @ force)
