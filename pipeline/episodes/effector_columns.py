"""Columns about the end effector that an arm's joints reach."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import Dimension
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.window import ActionWindow
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES, ActionSpace

EE_NAMES = ("ee.x", "ee.y", "ee.z", "ee.wx", "ee.wy", "ee.wz", "ee.gripper_pos")
POSITION_AND_GRIPPER = [0, 1, 2, 6]
"""Columns of these that need no rotation."""


def ee_names(num: int) -> tuple[str, ...]:
    """Names of the columns: of one end effector, or of the left and the right one."""
    if num == len(EE_NAMES):
        return EE_NAMES
    return tuple(f"{side}_{name}" for side in SIDES for name in EE_NAMES)


def ee_values(window: ActionWindow) -> Float[np.ndarray, "row ee"] | None:
    """End-effector pose and gripper by row, in the robot's base frame [m, rad, percent].

    `None` where the labeler says nothing of an end effector; two side by side where it has two.
    """
    values = window.actions.ee_values
    if values is None:
        return None
    one = len(EE_NAMES)
    parts = [values[:, i : i + one] for i in range(0, values.shape[1], one)]
    return np.concatenate([_on_rows(window, part) for part in parts], axis=1)


def _on_rows(window: ActionWindow, values: Float[np.ndarray, "time 7"]) -> np.ndarray:
    R = window.resampler.rotation(se3.exp_so3(values[:, 3:6]))
    linear = window.resampler.linear(values)
    vectors = se3.continuous_rotation_vectors(R)
    return np.concatenate([linear[:, :3], vectors, linear[:, 6:]], axis=1)


def in_space(
    ee: Float[np.ndarray, "row ee"] | None, space: ActionSpace
) -> Float[np.ndarray, "row action"]:
    """The numbers of an end-effector action space.

    Raises:
        TrackError: The labeler gave no end effector.
    """
    if ee is None:
        raise TrackError(
            f"export.action={space}, but the labeler gave no end effector (`ee_values`): leave "
            "export.action out, or mend its `action_spaces`"
        )
    if space == "ee":
        return ee
    one = len(EE_NAMES)
    return ee[:, [i + k for i in range(0, ee.shape[1], one) for k in POSITION_AND_GRIPPER]]


def ee_dimensions(space: ActionSpace, *, num: int = len(EE_NAMES)) -> tuple[Dimension, ...]:
    """Dimensions of an end-effector action in the robot's base frame.

    Args:
        space: Whole poses, or positions alone.
        num: Numbers of all end effectors together.
    """
    names, one = ee_names(num), len(EE_NAMES)
    return tuple(
        _dimension(name, i % one)
        for i, name in enumerate(names)
        if space == "ee" or i % one in POSITION_AND_GRIPPER
    )


def _dimension(name: str, place: int) -> Dimension:
    if place == len(EE_NAMES) - 1:
        return Dimension(name=name, quantity="gripper", unit="percent", lower=0.0, upper=100.0)
    if place < 3:
        return Dimension(name=name, quantity="position", unit="m")
    return Dimension(name=name, quantity="rotation_vector", unit="rad")


def error_features(window: ActionWindow) -> dict[str, Feature]:
    """`label.target_error`, where the labeler measured it."""
    position, rotation = window.actions.target_error_m, window.actions.target_error_rad
    if position is None or rotation is None:
        return {}
    values = window.resampler.linear(np.stack([position, rotation], axis=1))
    names = ("position_m", "rotation_rad")
    text = "Distance between the wanted and the reached end-effector pose."
    return {"label.target_error": Feature(values, names, "m, rad", text)}
