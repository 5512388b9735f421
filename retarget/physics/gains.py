"""How stiff and strong joints are: gains, torque limits and inertias."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.retarget.description.mujoco import import_mujoco, robot_spec
from rotoscope.retarget.physics.settings import PhysicsSettings


@dataclass(frozen=True)
class OwnActuator:
    """A position actuator of the robot's own file."""

    kp: float
    """Proportional gain [N m/rad or N/m]."""
    kd: float
    """Derivative gain [N m s/rad or N s/m]; 0 where the file leaves it to the joint's damping."""
    max_effort: float
    """Largest torque or force [N m or N]; inf where the file states none."""


def own_actuators(path: Path) -> dict[str, OwnActuator]:
    """The file's own position actuators by joint; those that pull tendons are left out."""
    mujoco = import_mujoco()
    model = robot_spec(path).compile()
    found = {}
    for a in range(model.nu):
        is_joint = int(model.actuator_trntype[a]) == int(mujoco.mjtTrn.mjTRN_JOINT)
        gear = abs(float(model.actuator_gear[a, 0]))
        kp, kd = -float(model.actuator_biasprm[a, 1]), -float(model.actuator_biasprm[a, 2])
        if not is_joint or kp <= 0:
            continue
        limit = math.inf
        if model.actuator_forcelimited[a]:
            limit = gear * float(np.abs(model.actuator_forcerange[a]).max())
        joint = model.joint(int(model.actuator_trnid[a, 0])).name
        # Length and force of an actuator are the joint's times its gear.
        found[joint] = OwnActuator(kp * gear**2, kd * gear**2, limit)
    return found


def torque_limits(model: Any, joints: Int[np.ndarray, " joint"]) -> np.ndarray:
    """Torque limits: MJCF's actuatorfrcrange, which MuJoCo also fills from a URDF's effort."""
    limited = model.jnt_actfrclimited[joints].astype(bool)
    stated = np.abs(model.jnt_actfrcrange[joints]).max(axis=1)
    return np.where(limited & (stated > 0), stated, math.inf)


def pd_gains(
    model: Any,
    joints: Int[np.ndarray, " joint"],
    efforts: Float[np.ndarray, " joint"],
    own: Mapping[str, OwnActuator],
    settings: PhysicsSettings,
) -> tuple[Float[np.ndarray, " joint"], Float[np.ndarray, " joint"]]:
    """Kp and kd: the file's own, else from the torque limit, else from the joint's inertia."""
    inertia = joint_inertias(model)[model.jnt_dofadr[joints]]
    omega = 2.0 * np.pi * settings.frequency_hz
    kp = np.where(np.isfinite(efforts), efforts / settings.stiff_rad, inertia * omega**2)
    kd = np.where(np.isfinite(efforts), kp * settings.damping_s, 2.0 * inertia * omega)
    for k, joint in enumerate(joints):
        name = model.joint(int(joint)).name
        if name in own:
            kp[k] = own[name].kp
            kd[k] = own[name].kd or 2.0 * np.sqrt(kp[k] * inertia[k])  # critically damped
    return kp, kd


def joint_inertias(model: Any) -> Float[np.ndarray, " dof"]:
    """Diagonal of the joint-space inertia in the file's own posture [kg m^2 or kg]."""
    mujoco = import_mujoco()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    full = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, full, data.qM)
    return full.diagonal().copy()
