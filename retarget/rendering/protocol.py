"""What pictures of an episode are, whatever kind of robot is in them."""

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
