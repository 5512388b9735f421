"""End-effector poses in the frame of a thing, and back in the robot's base frame."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.converters import blocks
from rotoscope.pipeline.converters.relative import read_pose, write_pose
from rotoscope.pipeline.errors import ContractError
from rotoscope.pipeline.geometry import se3

BASE_FRAME = str(ActionContract.model_fields["frame"].default)
OBJECT_FRAME = (
    "object: origin at its middle where it rests before it is first taken, axes as its pose in "
    "the robot's base says"
)

Values = Float[np.ndarray, "time action"]
Pose = Float[np.ndarray, "*rows 4 4"]


def to_object_frame(
    values: Values, contract: ActionContract, *, T_base_object: Pose
) -> tuple[Values, ActionContract]:
    """Absolute end-effector poses as seen from a thing: `T_base_object^-1 T_base_ee`.

    Args:
        values: Actions in the robot's base frame; NaN stays NaN.
        contract: Their contract.
        T_base_object: Pose of the thing in the base frame [m], one or one for each row.

    Raises:
        ContractError: The action is not absolute, holds no end-effector pose, or is in the frame of
            a thing already; or a pose of the thing is no pose.
    """
    return _moved(values, contract, _inverse(T_base_object), BASE_FRAME, OBJECT_FRAME)


def to_base_frame(
    values: Values, contract: ActionContract, *, T_base_object: Pose
) -> tuple[Values, ActionContract]:
    """The inverse of `to_object_frame`, for the same or another place of the thing."""
    return _moved(values, contract, _checked(T_base_object), OBJECT_FRAME, BASE_FRAME)


def _moved(
    values: Values, contract: ActionContract, T: Pose, frame: str, new_frame: str
) -> tuple[Values, ActionContract]:
    blocks.check_shape(values, contract)
    if contract.mode != "absolute" or contract.frame != frame:
        raise ContractError(
            f"poses must be absolute and in the frame {frame!r}, got mode {contract.mode!r} and "
            f"frame {contract.frame!r}; use `absolute` or the other converter first"
        )
    if len(T) not in (1, len(values)):
        raise ContractError(
            f"give one pose of the object or one for each of the {len(values)} rows, got {len(T)}"
        )
    out = np.array(values, dtype=float)
    T = np.broadcast_to(T, (len(values), 4, 4))
    poses = [p for p in blocks.poses(contract) if p.position and p.rotation]
    if not poses:
        raise ContractError(f"the action has no end-effector pose; it has {contract.names}")
    for pose in poses:
        p, R = read_pose(out, pose, contract)
        moved_R = T[:, :3, :3] @ R
        moved_p = (T[:, :3, :3] @ p[..., None])[..., 0] + T[:, :3, 3]
        write_pose(out, pose, contract, moved_p, moved_R)
    return out, contract.model_copy(update={"frame": new_frame})


def _inverse(T: Pose) -> Pose:
    return np.asarray(se3.inverse(_checked(T)))


def _checked(T: Pose) -> Pose:
    T = np.asarray(T, dtype=float).reshape(-1, 4, 4)
    R = T[:, :3, :3]
    is_turn = np.isnan(T).any(axis=(1, 2)) | (
        np.abs(R @ np.swapaxes(R, 1, 2) - np.eye(3)).max(axis=(1, 2), initial=0) < 1e-6
    )
    if not is_turn.all():
        raise ContractError(
            f"T_base_object must be rigid motions; row {int(np.argmin(is_turn))} is none"
        )
    return T
