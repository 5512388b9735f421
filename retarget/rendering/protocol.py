"""What a dataset must hold for its robot to be drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError


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
