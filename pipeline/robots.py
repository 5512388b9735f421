"""What the pipeline wants to know of robots: `retarget` knows it, which nothing here may import."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.pipeline.contract import ActionContract

Drive = Literal["trajectory", "stream"]
"""How commands reach the joints: along splines with their velocities, as trajectory controllers
do; or each held until the next one, without velocities, as programs do that send row after row."""
PlayedRoot = Literal["fixed", "assisted", "free"]
"""How the root of a humanoid is held: moved along the wanted path; by a spring; not at all."""


@runtime_checkable
class EpisodePictures(Protocol):
    """Pictures of the robot in the rows of one episode."""

    def draw(self, row: int, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
        """The robot in one row, as an RGB picture."""


@runtime_checkable
class EpisodeRenderer(Protocol):
    """Draws one robot. Close it before making another."""

    def pictures(
        self,
        values: Float[np.ndarray, "row action"],
        *,
        root_pose: Float[np.ndarray, "row 6"] | None = None,
        R_camera_wrist: Float[np.ndarray, "row 3 3"] | None = None,
        azimuth_rad: float | None = None,
    ) -> EpisodePictures:
        """The pictures of an episode.

        Args:
            values: Joints in the order of the robot's action contract [rad, m; percent].
            root_pose: Position [m] and rotation vector [rad] of a humanoid's root in the world;
                where it stands still when absent.
            R_camera_wrist: Rotation of the human wrist, so that a robot hand is seen as the human
                one is; NaN where unknown.
            azimuth_rad: Angle about z at which the camera stands; before the robot when absent.

        Raises:
            RobotError: The values are not those of this robot.
        """

    def close(self) -> None:
        """Releases the drawing context."""


Act = Callable[[int, Float[np.ndarray, " action"]], Float[np.ndarray, " action"]]
"""Gives the next command of its number and of where the robot is, in the form of its contract."""


@dataclass(frozen=True)
class PlayOptions:
    """How commands are played on a robot under gravity."""

    drive: Drive = "trajectory"
    """How commands reach the joints."""
    root: PlayedRoot = "fixed"
    """How the root of a humanoid is held."""
    carries_weight: bool | None = None
    """Whether servos carry the robot's weight; their controller compensates it otherwise. As the
    robot's YAML file says when absent; a file's own actuators always carry it."""
    max_effort: float | None = None
    """No joint gives more than this [N m or N], whatever the files of the robot state."""
    has_table: bool = True
    """Whether an arm stands on a table, at z = 0 of its base."""


@runtime_checkable
class CommandedJoints(Protocol):
    """How a robot's commands become joints of its file, and back."""

    @property
    def kind(self) -> str:
        """`arm`, `hand` or `humanoid`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Joints that commands move; those of a gripper's fingers are the last."""

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each: rad or m."""

    @property
    def lower(self) -> Float[np.ndarray, " joint"]:
        """Lower limits [rad or m]; -inf where there is none."""

    @property
    def upper(self) -> Float[np.ndarray, " joint"]:
        """Upper limits [rad or m]; inf where there is none."""

    @property
    def fingers(self) -> dict[str, tuple[float, float]]:
        """Joints of a gripper with their values at both ends, closed and open [rad or m]."""

    @property
    def home(self) -> Float[np.ndarray, " action"]:
        """Commands of the posture in which it rests [rad, m; percent]; a gripper is open."""

    def contract(self, rate_hz: float) -> ActionContract:
        """Meaning of its commands, absolute, at so many a second [Hz]."""

    def joints(
        self, values: Float[np.ndarray, "command action"]
    ) -> Float[np.ndarray, "command joint"]:
        """Values of `names` [rad or m] that commands ask for."""

    def values(
        self, joints: Float[np.ndarray, "command joint"]
    ) -> Float[np.ndarray, "command action"]:
        """Commands that ask for joint values, as near as they can."""


@dataclass(frozen=True, eq=False)
class Played:
    """What became of commands on a robot with contacts, gravity and limited torques."""

    joints: CommandedJoints
    """Joints of the robot's file that were commanded, fingers of a gripper among them."""
    wanted: Float[np.ndarray, "command joint"]
    """What each command asked of them [rad or m]."""
    reached: Float[np.ndarray, "command joint"]
    """Where they were when it was due [rad or m]; NaN after a fall."""
    values: Float[np.ndarray, "command action"]
    """The same in the form of the commands [rad, m; percent]."""
    tip_names: tuple[str, ...]
    """End effector of an arm, fingertips of a hand, wrists and ankles of a humanoid."""
    tip_error_m: Float[np.ndarray, "command tip"]
    """How far they were from where the command asked for, in the frame of the robot's base [m]."""
    saturated: Float[np.ndarray, " command"]
    """Share of timesteps since the command before in which an actuator was at its limit."""
    touches_itself: Bool[np.ndarray, " command"]
    """Parts of the robot pushed each other since the command before; fingers of a gripper and
    what overlaps at rest aside."""
    touches_floor: Bool[np.ndarray, " command"]
    """A moving part of an arm or hand pushed the table."""
    depth_m: float
    """Deepest overlap of what pushed each other [m]."""
    pairs: dict[str, float]
    """Share of commands in which two links pushed each other, by their names."""
    fall_s: float | None
    """When a humanoid fell [s]; `None` where it did not."""
    driven_by: str
    """What moves the joints, in words."""


@runtime_checkable
class Player(Protocol):
    """Plays commands on one robot."""

    def play(
        self,
        values: Float[np.ndarray, "command action"],
        *,
        root_pose: Float[np.ndarray, "command 6"] | None,
        rate_hz: float,
    ) -> Played:
        """Plays commands on the robot, which begins at rest in the posture of the first.

        Args:
            values: Commands in the order of its contract [rad, m; percent], at least two, all
                finite.
            root_pose: Position [m] and rotation vector [rad] of a humanoid's root for each.
            rate_hz: Commands per second [Hz].

        Raises:
            RobotError: Other columns, values that are not finite, a humanoid without a root pose.
        """

    def roll(
        self, start: Float[np.ndarray, " action"], act: Act, *, num_commands: int, rate_hz: float
    ) -> tuple[Float[np.ndarray, "command action"], Played]:
        """Plays commands that follow from where the robot is, each held until the next.

        Args:
            start: Where the robot begins, at rest [rad, m; percent].
            act: Gives the commands.
            num_commands: How many.
            rate_hz: Commands per second [Hz].

        Returns:
            The commands, and what became of them.

        Raises:
            RobotError: A humanoid, or commands that are not finite or of another length.
        """


@dataclass(frozen=True)
class Robots:
    """Answers about a robot, by its name or the path of its YAML file.

    All raise `RobotError` where there is no such robot, all but the first two `AssetError` where
    its files were not fetched.
    """

    assets: Callable[[str], tuple[str, ...]]
    """Names of the assets that hold its files."""
    kind: Callable[[str], str]
    """`arm`, `hand` or `humanoid`."""
    open_renderer: Callable[[str], EpisodeRenderer]
    """Whoever draws it."""
    humanoid_joints: Callable[
        [str, Float[np.ndarray, "row action"], Float[np.ndarray, "row 6"] | None],
        Float[np.ndarray, "row body_joint 3"],
    ]
    """Where a humanoid's joints are [m], from its joints [rad, m] and the poses of its root."""
    hand_lines: Callable[
        [str, Float[np.ndarray, "row action"], Float[np.ndarray, "row 3 3"] | None],
        Float[np.ndarray, "row line 2 3"],
    ]
    """The fingers of a robot hand as lines [m], turned as the human wrist is."""
    joints: Callable[[str], CommandedJoints]
    """How its commands become joints."""
    open_player: Callable[[str, PlayOptions], Player]
    """Whoever plays commands on it."""
    show: Callable[[str, Played, Float[np.ndarray, "command 6"] | None, float], None]
    """Shows what was played in a window, at so many commands a second [Hz]; `RobotError` where
    there is no display."""


def robots() -> Robots:
    """Whoever answers."""
    answers: Robots = importlib.import_module("rotoscope.retarget.answers").ROBOTS
    return answers
