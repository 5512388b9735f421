"""Windows of the future: where each point will be at a few moments from now on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.contract import ActionContract, Dimension

ROBOT = "motion track"
"""What stands in the contract in the place of a robot: whose hand it is makes no difference."""
FRAME = "picture of the row: x right over its width, y down over its height, 0 to 1 inside"


def motion_track_contract(
    points: Sequence[str], *, horizon_s: float, steps: int, with_grasp: bool, rate_hz: float
) -> ActionContract:
    """What the numbers of a motion track are: the same for people's and for robots' video.

    Step i of `steps` is the moment `i * horizon_s / steps` after the row. Of each step all points
    come first, x and y, then whether something is held.
    """
    dimensions: list[Dimension] = []
    for step in range(1, steps + 1):
        for point in points:
            for axis in "xy":
                name = f"t{step}.{point}.{axis}"
                dimensions.append(Dimension(name=name, quantity="position", unit="1"))
        if with_grasp:
            grasp = Dimension(
                name=f"t{step}.grasp", quantity="discrete", unit="1", lower=0, upper=1
            )
            dimensions.append(grasp)
    return ActionContract(
        robot=ROBOT,
        dimensions=tuple(dimensions),
        frame=f"{FRAME}; step t is {horizon_s / steps:g} s times t after the row",
        rotation="none",
        rate_hz=rate_hz,
        shift_s=0,
        is_state=False,
    )


def moments(
    time_s: Float[np.ndarray, " time"], horizon_s: float, steps: int
) -> Float[np.ndarray, "time step"]:
    """The moments that the steps of each row are about [s]."""
    return time_s[:, None] + horizon_s / steps * np.arange(1, steps + 1)


def between(
    time_s: Float[np.ndarray, " time"], wanted_s: Float[np.ndarray, "*rows"]
) -> tuple[
    Int[np.ndarray, "*rows"],
    Int[np.ndarray, "*rows"],
    Float[np.ndarray, "*rows"],
    Float[np.ndarray, "*rows"],
]:
    """Frames before and after each moment, the weight of the latter, and the time between both [s].

    That is 0 where a frame stands at the moment (a microsecond of rounding is forgiven), infinite
    before the first frame and after the last.
    """
    right = np.clip(np.searchsorted(time_s, wanted_s - 1e-6), 0, len(time_s) - 1)
    is_met = np.abs(time_s[right] - wanted_s) <= 1e-6
    left = np.where(is_met, right, np.maximum(right - 1, 0))
    apart_s = time_s[right] - time_s[left]
    weight = (wanted_s - time_s[left]) / np.where(right > left, apart_s, 1.0)
    is_inside = (wanted_s >= time_s[0] - 1e-6) & (wanted_s <= time_s[-1] + 1e-6)
    return left, right, np.clip(weight, 0.0, 1.0), np.where(is_inside, apart_s, np.inf)
