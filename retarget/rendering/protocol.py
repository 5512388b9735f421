"""What whoever draws a robot for a report can do."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import RobotError


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


def require_columns(
    robot: str,
    values: Float[np.ndarray, "row action"],
    wanted: int,
    *,
    is_rest_allowed: bool = False,
) -> None:
    """Checks that rows hold a robot's joints, those of an arm before them where that is allowed.

    Raises:
        RobotError: They hold fewer, or more where nothing else is allowed.
    """
    found = values.shape[1]
    if found < wanted or (found > wanted and not is_rest_allowed):
        raise RobotError(
            f"drawing {robot} needs {wanted} values a row, got {found}; the dataset was made with "
            "another robot of this name"
        )
