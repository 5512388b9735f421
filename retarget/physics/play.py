"""Commands played on a robot in MuJoCo: its own actuators or stated servos, gravity, contacts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.robots import Act, Drive, Played, PlayOptions
from rotoscope.retarget.description.mujoco import import_mujoco
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.physics.contacts import ContactWatch
from rotoscope.retarget.physics.pd_tracking import Simulation, at_limit
from rotoscope.retarget.physics.played_scene import PlayedScene, played_scene
from rotoscope.retarget.physics.settings import PhysicsSettings, Root
from rotoscope.retarget.physics.wanted_path import WantedPath, held, interpolate
from rotoscope.retarget.robots.commanded import RobotJoints
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.robot import HandRobot, HumanoidRobot, Robot
from rotoscope.retarget.robots.two_arms import TwoArmRobot

SETTINGS = PhysicsSettings(timestep_s=0.001, self_collision=True)
"""Half the timestep of `check.physics`: light fingers on stiff servos need it."""


class RobotPlayer:
    """Plays commands on one robot; as `rotoscope.pipeline.robots.Player` says."""

    def __init__(self, robot: Robot, options: PlayOptions) -> None:
        self.robot, self.options = robot, options
        self.joints = RobotJoints(robot)
        is_humanoid = isinstance(robot, HumanoidRobot)
        self.root: Root = options.root if is_humanoid else "bolted"
        self.scene = played_scene(robot, self.root, options, SETTINGS)

    def play(
        self,
        values: Float[np.ndarray, "command action"],
        *,
        root_pose: Float[np.ndarray, "command 6"] | None,
        rate_hz: float,
    ) -> Played:
        """What becomes of commands."""
        robot, scene, root = self.robot, self.scene, self.root
        _check(robot, values, root_pose)
        names = self.joints.names
        wanted = self.joints.joints(values)
        watch = _Watch(scene, len(values))
        root_m = root_R = None
        if root != "bolted" and root_pose is not None:
            root_m, root_R = root_pose[:, :3], se3.exp_so3(root_pose[:, 3:])
        simulation = Simulation(
            scene.model,
            SETTINGS,
            root,
            np.arange(len(values)) / rate_hz,
            self._reference(values),
            root_m,
            root_R,
            path=lambda *given: _path(scene, self.options.drive, *given),
            watch=watch,
        )
        order = np.array([scene.model.joint_names.index(name) for name in names])
        found = simulation.run(order)
        return self._played(wanted, wanted + found.joint_error_rad, watch, found.fall_s)

    def roll(
        self, start: Float[np.ndarray, " action"], act: Act, *, num_commands: int, rate_hz: float
    ) -> tuple[Float[np.ndarray, "command action"], Played]:
        """What becomes of commands that follow from where the robot is."""
        if isinstance(self.robot, HumanoidRobot):
            raise RobotError(
                f"{self.robot.name} is a humanoid: nothing here balances one, so that a policy "
                "cannot be tried on it; arms and hands can"
            )
        _check(self.robot, np.stack([start, start]), None)
        mujoco, model = import_mujoco(), self.scene.model
        data = mujoco.MjData(model.model)
        order = [model.joint_names.index(name) for name in self.joints.names]
        data.qpos[model.qpos_index] = self._reference(start[None])[0]
        mujoco.mj_forward(model.model, data)
        watch = _Watch(self.scene, num_commands)
        commands, reached = [], []
        steps = round(1.0 / rate_hz / SETTINGS.timestep_s)
        for k in range(num_commands):
            seen = self.joints.values(data.qpos[model.qpos_index][None, order])[0]
            commands.append(np.asarray(act(k, seen), float))
            _check(self.robot, np.stack([commands[-1]] * 2), None)
            data.ctrl[:] = model.kp * self._reference(commands[-1][None])[0]
            for _ in range(steps):
                mujoco.mj_step(model.model, data)
                watch(k, data)
            reached.append(data.qpos[model.qpos_index][order].copy())
        values = np.stack(commands)
        wanted = self.joints.joints(values)
        return values, self._played(wanted, np.stack(reached), watch, None)

    def _reference(
        self, values: Float[np.ndarray, "command action"]
    ) -> Float[np.ndarray, "command joint"]:
        """Wanted values of all joints of the model [rad or m]."""
        locked = np.tile(list(self.robot.locked.values()), (len(values), 1))
        names = (*self.joints.names, *self.robot.locked)
        return self.scene.model.reference(
            np.column_stack([self.joints.joints(values), locked]), names
        )

    def _played(
        self, wanted: np.ndarray, reached: np.ndarray, watch: _Watch, fall_s: float | None
    ) -> Played:
        robot, scene = self.robot, self.scene
        return Played(
            joints=self.joints,
            wanted=wanted,
            reached=reached,
            values=self.joints.values(reached),
            tip_names=tuple(_tips(robot)),
            tip_error_m=_tip_error_m(robot, wanted, reached),
            saturated=watch.saturated(),
            touches_itself=watch.contacts.itself,
            touches_floor=watch.contacts.floor,
            depth_m=watch.contacts.depth_m,
            pairs=watch.contacts.shares(),
            fall_s=fall_s,
            driven_by=scene.driven_by,
        )


def open_player(name: str, options: PlayOptions) -> RobotPlayer:
    """Whoever plays commands on a robot of `configs/robots`, or of a YAML file like those.

    Raises:
        RobotError: No such robot, or its file cannot be simulated.
        AssetError: Its asset was not fetched.
    """
    return RobotPlayer(load_robot(name), options)


class _Watch:
    """Looks at every timestep: contacts, actuators at their limit."""

    def __init__(self, scene: PlayedScene, num_frames: int) -> None:
        self.scene = scene
        self.contacts = ContactWatch(num_frames, scene.ignored)
        self._steps, self._limited = np.zeros(num_frames), np.zeros(num_frames)

    def __call__(self, frame: int, data: Any) -> None:
        self._steps[frame] += 1
        self._limited[frame] += bool(at_limit(self.scene.model, data).any())
        self.contacts.look(frame, self.scene.model.model, data)

    def saturated(self) -> Float[np.ndarray, " command"]:
        """Share of timesteps before each frame in which an actuator was at its limit."""
        return self._limited / np.maximum(self._steps, 1)


def _path(scene: PlayedScene, drive: Drive, *given: np.ndarray) -> WantedPath:
    path = (interpolate if drive == "trajectory" else held)(*given)
    # An actuator of a file takes a position; its damping brakes against the world.
    velocity = np.where(scene.model.is_own, 0.0, path.joint_velocity)
    return replace(path, joint_velocity=velocity)


def _tips(robot: Robot) -> dict[str, Frame]:
    """What a robot acts with."""
    ends: tuple[str, ...] = ("end_effector",)
    if isinstance(robot, TwoArmRobot):
        ends = tuple(robot.frames())
    elif isinstance(robot, HandRobot):
        ends = tuple(f"tips.{finger}" for finger in robot.config.tips)
    elif isinstance(robot, HumanoidRobot):
        limbs = [f"{s}_{j}" for s in ("left", "right") for j in ("wrist", "ankle")]
        ends = tuple(f"body.{limb}" for limb in limbs if limb in robot.config.body)
    return {end: robot.frames()[end] for end in ends}


def _tip_error_m(robot: Robot, wanted: np.ndarray, reached: np.ndarray) -> np.ndarray:
    num = len(robot.joint_names)
    tree = robot.tree(list(_tips(robot).values()))
    p = [tree.forward_kinematics(joints[:, :num]).p_m for joints in (wanted, reached)]
    return np.asarray(np.linalg.norm(p[1] - p[0], axis=2))


def _check(robot: Robot, values: np.ndarray, root_pose: np.ndarray | None) -> None:
    num = len(robot.contract(rate_hz=1.0).dimensions)
    if values.ndim != 2 or values.shape[1] != num or len(values) < 2:
        raise RobotError(
            f"playing on {robot.name} needs at least two commands of {num} numbers, got an array "
            f"of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise RobotError("commands must be finite; hold or skip those that are not")
    if isinstance(robot, HumanoidRobot) and root_pose is None:
        raise RobotError(
            f"{robot.name} moves in the world, and the dataset has no `label.root_pose`; label it "
            "with a recipe that retargets bodies"
        )
