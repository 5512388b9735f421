"""A robot's trajectory under gravity: tracked by PD control in MuJoCo, for its whole length.

Nothing here balances the robot. A free humanoid that walks will fall at some time, and when is
part of the answer; the wrench that an assisting spring needs says how far the motion is from one
that contact with the ground alone could carry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.mujoco import import_mujoco
from rotoscope.retarget.physics.gains import joint_inertias
from rotoscope.retarget.physics.model import (
    PhysicsModel,
    build_physics_model,
    floor_geoms,
    world_pose,
)
from rotoscope.retarget.physics.result import PhysicsResult
from rotoscope.retarget.physics.settings import PhysicsSettings, Root, Step
from rotoscope.retarget.physics.wanted_path import Interpolate, interpolate

_SATURATED = 0.99
"""A torque of this share of its limit is at it."""
_TOUCHING_N = 1.0
"""Contacts that carry less slip for nothing [N]."""
_SEARCH_M = 0.05
"""How far below the robot the floor is looked for at the start [m]."""
_RUNAWAY = 1e4
"""Joint velocities beyond this are a simulation that blew up [rad/s or m/s]."""


def track_with_pd(
    path: Path,
    root_xyz_m: Float[np.ndarray, "time 3"] | None,
    root_R: Float[np.ndarray, "time 3 3"] | None,
    joint_values: Float[np.ndarray, "time joint"],
    joint_names: Sequence[str],
    time_s: Float[np.ndarray, " time"],
    settings: PhysicsSettings | None = None,
    *,
    root: Root = "free",
    steps: Sequence[Step] = (),
    efforts: Mapping[str, float] | None = None,
) -> PhysicsResult:
    """Lets PD control track a trajectory under gravity, on a floor at z = 0.

    The robot starts in the first posture with its velocity, raised or lowered by at most 5 cm so
    that it touches the floor. Wanted values run on cubic splines between the frames, wanted
    velocities with them. The same input gives the same result, bit by bit.

    Args:
        path: URDF or MJCF file.
        root_xyz_m: Wanted position of the root link in the world, z up [m]; `None` if bolted.
        root_R: Its wanted rotation.
        joint_values: Wanted values of the named joints [rad or m].
        joint_names: Joints of the robot's file; others follow or stay at rest.
        time_s: Time of each frame [s], at least two.
        settings: Gains, friction, what counts as a fall.
        root: How the root is held.
        steps: What stands on the floor.
        efforts: Torque limits by joint that hold in place of the file's [N m or N].

    Raises:
        RobotError: The file cannot be simulated or lacks a joint.
        TrackError: Fewer than two frames, values that are not finite, a root pose that is missing.
    """
    settings = settings or PhysicsSettings()
    _check(root_xyz_m, root_R, joint_values, joint_names, time_s, root)
    robot = build_physics_model(path, root, settings, steps=steps, efforts=efforts)
    wanted = robot.reference(joint_values, joint_names)
    columns = np.array([robot.joint_names.index(name) for name in joint_names])
    simulation = Simulation(robot, settings, root, time_s, wanted, root_xyz_m, root_R)
    return simulation.run(columns)


Watch = Callable[[int, Any], None]
"""Told of the frame that a timestep leads to, and of the `mujoco.MjData` after it."""


def at_limit(robot: PhysicsModel, data: Any) -> Bool[np.ndarray, " joint"]:
    """Which actuators give all that they can."""
    found: np.ndarray = np.abs(data.actuator_force) >= _SATURATED * robot.max_effort
    return found


class Simulation:
    """One robot on its way; holds what the steps share.

    Args:
        robot: The model; its scene may hold more than the robot.
        settings: Timestep, what counts as a fall, help.
        root: How the root is held.
        time_s: Time of each frame [s].
        wanted: Wanted values of all joints [rad or m].
        root_m: Wanted position of the root in the world [m]; `None` if bolted.
        root_R: Its wanted rotation.
        path: How the wanted values go on between frames; on cubic splines when absent.
        watch: Told of every timestep.
    """

    def __init__(
        self,
        robot: PhysicsModel,
        settings: PhysicsSettings,
        root: Root,
        time_s: Float[np.ndarray, " time"],
        wanted: Float[np.ndarray, "time joint"],
        root_m: Float[np.ndarray, "time 3"] | None,
        root_R: Float[np.ndarray, "time 3 3"] | None,
        *,
        path: Interpolate = interpolate,
        watch: Watch = lambda frame, data: None,
    ) -> None:
        self.mujoco, self.watch = import_mujoco(), watch
        self.robot, self.settings, self.root = robot, settings, root
        self.model, self.data = robot.model, self.mujoco.MjData(robot.model)
        self.time_s = time_s - time_s[0]
        self.has_root = root != "bolted"
        dt = settings.timestep_s
        self.frame_step = np.rint(self.time_s / dt).astype(int)
        step_s = np.arange(self.frame_step[-1] + 1) * dt
        if root_m is None or root_R is None:
            root_m, root_R = np.zeros((len(time_s), 3)), np.tile(np.eye(3), (len(time_s), 1, 1))
        self.path = path(self.time_s, wanted, root_m, root_R, step_s)
        # Actuators add -kp q - kd v, which makes the torque kp (q* - q) + kd (v* - v).
        self.control = robot.kp * self.path.joints + robot.kd * self.path.joint_velocity
        self.weight_n = robot.mass_kg * float(np.linalg.norm(self.model.opt.gravity))
        self.start_shift_m = self._place()
        height = float(self.path.root_m[0, 2]) if self.has_root else 1.0
        self.start_height_m = max(height, 0.1)
        if root == "assisted":
            self.inertia = float(joint_inertias(self.model)[3:6].mean())

    def run(self, columns: np.ndarray) -> PhysicsResult:
        """All frames, until the robot falls."""
        num_frames = len(self.time_s)
        out = {
            name: np.full(num_frames, np.nan)
            for name in ("root_m", "root_rad", "saturated", "slip", "force", "torque")
        }
        joint_error = np.full((num_frames, len(columns)), np.nan)
        upright = np.zeros(num_frames, bool)
        fall_s, done = None, 0
        for frame, step in enumerate(self.frame_step.tolist()):
            saturated, force, torque = self._advance(done, step, frame)
            done = step
            error_m, error_rad = self._root_error(step)
            if self._has_fallen(step):
                fall_s = float(self.time_s[frame])
                break
            upright[frame] = True
            reached = self.data.qpos[self.robot.qpos_index]
            joint_error[frame] = (reached - self.path.joints[step])[columns]
            if self.has_root:
                out["root_m"][frame], out["root_rad"][frame] = error_m, error_rad
            out["saturated"][frame], out["slip"][frame] = saturated, self._slip()
            out["force"][frame], out["torque"][frame] = force, torque
        return PhysicsResult(
            root=self.root,
            fall_s=fall_s,
            duration_s=float(self.time_s[-1]),
            joint_error_rad=joint_error,
            root_error_m=out["root_m"],
            root_error_rad=out["root_rad"],
            saturated=out["saturated"],
            slip_m_s=out["slip"],
            assist_force=out["force"],
            assist_torque=out["torque"],
            upright=upright,
            start_shift_m=self.start_shift_m,
        )

    def _place(self) -> float:
        """Puts the robot into its first posture, onto the floor; by how much it was raised [m]."""
        data, path = self.data, self.path
        data.qpos[self.robot.qpos_index] = path.joints[0]
        data.qvel[self.robot.dof_index] = path.joint_velocity[0]
        if not self.has_root:
            self.mujoco.mj_forward(self.model, data)
            return 0.0
        self._put_root(0)
        if self.root == "fixed":
            self.mujoco.mj_forward(self.model, data)
            return 0.0
        data.qvel[:3] = path.root_m_s[0]
        data.qvel[3:6] = path.turn[0].T @ path.root_rad_s[0]  # MuJoCo: in the body's own axes
        gap = self._gap_to_floor()
        data.qpos[2] -= gap
        self.mujoco.mj_forward(self.model, data)
        return -gap

    def _put_root(self, step: int) -> None:
        data, path = self.data, self.path
        quat = se3.quat_from_matrix(path.turn[step])
        if self.root == "fixed":
            data.mocap_pos[0], data.mocap_quat[0] = path.root_m[step], quat
        else:
            data.qpos[:3], data.qpos[3:7] = path.root_m[step], quat

    def _gap_to_floor(self) -> float:
        """Height of the robot's lowest point over the floor [m], negative below; 0 if far off."""
        floors = floor_geoms(self.model)
        margin = self.model.geom_margin[floors].copy()
        self.model.geom_margin[floors] = _SEARCH_M
        self.mujoco.mj_kinematics(self.model, self.data)
        self.mujoco.mj_collision(self.model, self.data)
        distances = [float(self.data.contact[c].dist) for c in range(self.data.ncon)]
        self.model.geom_margin[floors] = margin
        return float(np.clip(min(distances, default=0.0), -_SEARCH_M, _SEARCH_M))

    def _advance(self, begin: int, end: int, frame: int) -> tuple[float, float, float]:
        """Steps up to a frame: share of torques at their limit, mean assisting wrench."""
        data, limited, force, torque = self.data, 0.0, 0.0, 0.0
        for step in range(begin, end):
            data.ctrl[:] = self.control[step]
            if self.root == "fixed":
                self._put_root(step)
            elif self.root == "assisted":
                f, w = self._assist(step)
                force, torque = force + f, torque + w
            self.mujoco.mj_step(self.model, data)
            limited += float(at_limit(self.robot, data).mean())
            self.watch(frame, data)
            if not np.abs(data.qvel).max() < _RUNAWAY:
                break
        count = max(end - begin, 1)
        if self.root != "assisted" or end == begin:
            force = torque = float("nan")
        return limited / count, force / count, torque / count

    def _assist(self, step: int) -> tuple[float, float]:
        """Applies the spring's wrench to the root: its force and torque in body weights."""
        data, path, mass = self.data, self.path, self.robot.mass_kg
        omega = 2.0 * np.pi * self.settings.assist_hz
        R = world_pose(data, self.robot.root_body)[:3, :3]
        off_m, off_m_s = path.root_m[step] - data.qpos[:3], path.root_m_s[step] - data.qvel[:3]
        # A critically damped spring: m x'' = -m w^2 x - 2 m w x'.
        force = mass * (omega**2 * off_m + 2.0 * omega * off_m_s)
        off_rad = R @ se3.log_so3(R.T @ path.turn[step])
        off_rad_s = path.root_rad_s[step] - R @ data.qvel[3:6]
        torque = self.inertia * (omega**2 * off_rad + 2.0 * omega * off_rad_s)
        largest_n = self.settings.assist_limit * self.weight_n
        force = _limited(force, largest_n)
        torque = _limited(torque, largest_n * self.start_height_m)
        data.xfrc_applied[self.robot.root_body] = np.concatenate([force, torque])
        share = np.linalg.norm(force) / self.weight_n
        return float(share), float(np.linalg.norm(torque) / self.weight_n / self.start_height_m)

    def _root_error(self, step: int) -> tuple[float, float]:
        if not self.has_root:
            return 0.0, 0.0
        T = world_pose(self.data, self.robot.root_body)
        error_m = float(np.linalg.norm(T[:3, 3] - self.path.root_m[step]))
        return error_m, float(se3.angle_between(T[None, :3, :3], self.path.turn[step, None])[0])

    def _has_fallen(self, step: int) -> bool:
        """Tilted, or too low, or the simulation blew up."""
        data = self.data
        if not (np.isfinite(data.qpos).all() and np.abs(data.qvel).max(initial=0.0) < _RUNAWAY):
            return True
        if self.root not in ("free", "assisted"):
            return False
        T = world_pose(data, self.robot.root_body)
        tilt = float(np.arccos(np.clip(T[:3, 2] @ self.path.turn[step][:, 2], -1.0, 1.0)))
        lowest = (1.0 - self.settings.fall_drop) * self.path.root_m[step, 2]
        return bool(tilt > self.settings.fall_tilt_rad or T[2, 3] < lowest)

    def _slip(self) -> float:
        """Horizontal speed of contact points on the floor, weighted by normal force [m/s]."""
        model, data, mujoco = self.model, self.data, self.mujoco
        force, velocity, total, carried = np.zeros(6), np.zeros(6), 0.0, 0.0
        for c in range(data.ncon):
            contact = data.contact[c]
            mujoco.mj_contactForce(model, data, c, force)
            bodies = [int(model.geom_bodyid[g]) for g in contact.geom]
            if force[0] < _TOUCHING_N or 0 not in bodies:
                continue
            body = max(bodies)
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
            # Velocity of the body's point that touches: v + w x r.
            at = velocity[3:] + np.cross(velocity[:3], contact.pos - data.xpos[body])
            total += force[0] * float(np.hypot(at[0], at[1]))
            carried += float(force[0])
        return total / carried if carried else float("nan")


def _check(
    root_xyz_m: Float[np.ndarray, "time 3"] | None,
    root_R: Float[np.ndarray, "time 3 3"] | None,
    joint_values: Float[np.ndarray, "time joint"],
    joint_names: Sequence[str],
    time_s: Float[np.ndarray, " time"],
    root: Root,
) -> None:
    if len(time_s) < 2 or not (np.diff(time_s) > 0).all():
        raise TrackError(
            f"tracking needs at least two frames at increasing times, got {len(time_s)}"
        )
    if joint_values.shape != (len(time_s), len(joint_names)):
        raise TrackError(
            f"expected {len(time_s)} frames of {len(joint_names)} joints, got an array of shape "
            f"{joint_values.shape}"
        )
    if root != "bolted" and (root_xyz_m is None or root_R is None):
        raise TrackError(f"a robot whose root is {root!r} needs root_xyz_m and root_R")
    known = [a for a in (joint_values, root_xyz_m, root_R) if a is not None]
    if not all(np.isfinite(a).all() for a in known):
        raise TrackError("the trajectory must be finite in every frame; cut it where it is not")


def _limited(vector: Float[np.ndarray, " 3"], longest: float) -> Float[np.ndarray, " 3"]:
    length = float(np.linalg.norm(vector))
    return vector * (longest / length) if length > longest else vector
