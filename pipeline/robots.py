"""What the pipeline wants to know of robots: `retarget` knows it, which nothing here may import."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8


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


@dataclass(frozen=True)
class Robots:
    """Answers about a robot, by its name or the path of its YAML file.

    All raise `RobotError` where there is no such robot, the last three `AssetError` where its files
    were not fetched.
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


def robots() -> Robots:
    """Whoever answers."""
    answers: Robots = importlib.import_module("rotoscope.retarget.answers").ROBOTS
    return answers
