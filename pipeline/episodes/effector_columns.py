"""Columns about the end effector that an arm's joints reach."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import Dimension
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.window import ActionWindow
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import ActionSpace

EE_NAMES = ("ee.x", "ee.y", "ee.z", "ee.wx", "ee.wy", "ee.wz", "ee.gripper_pos")
POSITION_AND_GRIPPER = [0, 1, 2, 6]
"""Columns of these that need no rotation."""


def ee_values(window: ActionWindow) -> Float[np.ndarray, "row 7"] | None:
    """End-effector pose and gripper by row, in the robot's base frame [m, rad, percent].

    `None` where the labeler says nothing of an end effector.
    """
    values = window.actions.ee_values
    if values is None:
        return None
    R = window.resampler.rotation(se3.exp_so3(values[:, 3:6]))
    linear = window.resampler.linear(values)
    vectors = se3.continuous_rotation_vectors(R)
    return np.concatenate([linear[:, :3], vectors, linear[:, 6:]], axis=1)


def in_space(
    ee: Float[np.ndarray, "row 7"] | None, space: ActionSpace
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
    return ee if space == "ee" else ee[:, POSITION_AND_GRIPPER]


def ee_dimensions(space: ActionSpace) -> tuple[Dimension, ...]:
    """Dimensions of an end-effector action in the robot's base frame."""
    position = [Dimension(name=n, quantity="position", unit="m") for n in EE_NAMES[:3]]
    rotation = [Dimension(name=n, quantity="rotation_vector", unit="rad") for n in EE_NAMES[3:6]]
    gripper = Dimension(
        name=EE_NAMES[6], quantity="gripper", unit="percent", lower=0.0, upper=100.0
    )
    if space == "ee_position":
        return (*position, gripper)
    return (*position, *rotation, gripper)


def error_features(window: ActionWindow) -> dict[str, Feature]:
    """`label.target_error`, where the labeler measured it."""
    position, rotation = window.actions.target_error_m, window.actions.target_error_rad
    if position is None or rotation is None:
        return {}
    values = window.resampler.linear(np.stack([position, rotation], axis=1))
    names = ("position_m", "rotation_rad")
    text = "Distance between the wanted and the reached end-effector pose."
    return {"label.target_error": Feature(values, names, "m, rad", text)}
