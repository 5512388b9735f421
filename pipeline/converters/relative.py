"""Absolute actions as differences, and back. Grippers stay absolute in every form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Quantity, Reference
from rotoscope.pipeline.converters import blocks
from rotoscope.pipeline.converters.rotation import from_matrix, rotation_of, to_matrix
from rotoscope.pipeline.errors import ContractError

PoseAxes = Literal["base", "effector"]
Row = Literal["first_row", "given_state", "previous_row"]
POSE_QUANTITIES: tuple[Quantity, ...] = ("position", *blocks.ROTATION_SIZES)

Values = Float[np.ndarray, "time action"]
State = Float[np.ndarray, "*rows action"]


def joint_relative(
    values: Values, contract: ActionContract, *, reference: State | None = None
) -> tuple[Values, ActionContract]:
    """Joints minus those of the first row, or of a given state (one row, or one for each row).

    Plain differences: a turning joint is not wrapped, so that nothing is lost.

    Raises:
        ContractError: The action is not absolute or holds end-effector poses, or the reference
            holds NaN.
    """
    return _converted(values, contract, "relative", "joint", reference)


def joint_delta(
    values: Values, contract: ActionContract, *, reference: State | None = None
) -> tuple[Values, ActionContract]:
    """Joints minus those of the row before; the first row minus `reference`, or zero without one.

    Raises:
        ContractError: As `joint_relative`, or a row holds NaN: deltas cannot reach across it.
    """
    return _converted(values, contract, "delta", "joint", reference)


def effector_relative(
    values: Values, contract: ActionContract, *, axes: PoseAxes, reference: State | None = None
) -> tuple[Values, ActionContract]:
    """Poses from that of the first row, or from a given state (one row, or one for each row).

    `axes="base"`: positions subtract and rotations turn about the base's axes,
    `p - p_ref` and `R R_ref^T`. `axes="effector"`: the pose as seen from the reference's end
    effector, `T_ref^-1 T`. Rotations keep the contract's representation; rotation vectors come
    back with angles up to pi, quaternions with w >= 0.

    Raises:
        ContractError: The action is not absolute, holds joints, or lacks position or rotation of
            an end effector; or the reference holds NaN.
    """
    return _converted(values, contract, "relative", axes, reference)


def effector_delta(
    values: Values, contract: ActionContract, *, axes: PoseAxes, reference: State | None = None
) -> tuple[Values, ActionContract]:
    """Poses from that of the row before, with axes as in `effector_relative`.

    Raises:
        ContractError: As `effector_relative`, or a row holds NaN: deltas cannot reach across it.
    """
    return _converted(values, contract, "delta", axes, reference)


def absolute(
    values: Values, contract: ActionContract, *, reference: State
) -> tuple[Values, ActionContract]:
    """Absolute values again, with the contract that they had before.

    Args:
        values: Relative or delta values.
        contract: Their contract, as the other converters gave it.
        reference: What they were counted from: the first absolute row, or the given state.

    Raises:
        ContractError: The contract does not say what its values are counted from.
    """
    blocks.check_shape(values, contract)
    if contract.mode == "absolute" or contract.reference is None or contract.derived_from is None:
        raise ContractError(
            f"a contract of mode {contract.mode!r} that names no reference cannot be made "
            "absolute; use the one that the relative or delta converter gave"
        )
    source, axes = contract.derived_from, contract.reference.axes
    known = blocks.full_reference(reference, contract)
    if contract.mode == "relative":
        return _compose(known, np.asarray(values, dtype=float), source, axes), source
    _refuse_gaps(values)
    if len(known) != 1:
        raise ContractError(f"deltas start from one reference row, got {len(known)}")
    rows, out = known, []
    for step in np.asarray(values, dtype=float):
        rows = _compose(rows, step[None], source, axes)
        out.append(rows[0])
    return (np.stack(out) if out else np.array(values, dtype=float)), source


def _converted(
    values: Values,
    contract: ActionContract,
    mode: Literal["relative", "delta"],
    axes: Literal["joint", "base", "effector"],
    reference: State | None,
) -> tuple[Values, ActionContract]:
    values = _checked(values, contract, axes)
    row: Row = "first_row" if reference is None else "given_state"
    if mode == "delta":
        _refuse_gaps(values)
    known = blocks.full_reference(values[0] if reference is None else reference, contract)
    if mode == "delta":
        if len(known) != 1:
            raise ContractError(f"deltas start from one reference row, got {len(known)}")
        known, row = np.concatenate([known, values[:-1]]), "previous_row"
    elif len(known) not in (1, len(values)):
        raise ContractError(
            f"give one reference row or one for each of the {len(values)} rows, got {len(known)}"
        )
    new = _derived(contract, mode, Reference(row=row, axes=axes))
    return _difference(known, values, contract, axes), new


def _difference(
    reference: np.ndarray, values: np.ndarray, contract: ActionContract, axes: str
) -> np.ndarray:
    """What leads from `reference` to `values`; `reference` has one row or as many."""
    out = values.copy()
    if axes == "joint":
        joints = blocks.columns(contract, "joint")
        out[:, joints] -= reference[:, joints]
        return out
    for pose, (p, R), (p_ref, R_ref) in _poses(values, reference, contract):
        back = np.swapaxes(R_ref, 1, 2)
        if axes == "base":
            write_pose(out, pose, contract, p - p_ref, R @ back)
        else:
            write_pose(out, pose, contract, (back @ (p - p_ref)[..., None])[..., 0], back @ R)
    return out


def _compose(
    reference: np.ndarray, values: np.ndarray, contract: ActionContract, axes: str
) -> np.ndarray:
    """The inverse of `_difference`: where `values` lead from `reference`."""
    out = values.copy()
    if axes == "joint":
        joints = blocks.columns(contract, "joint")
        out[:, joints] += reference[:, joints]
        return out
    for pose, (p, R), (p_ref, R_ref) in _poses(values, reference, contract):
        if axes == "base":
            write_pose(out, pose, contract, p + p_ref, R @ R_ref)
        else:
            write_pose(out, pose, contract, p_ref + (R_ref @ p[..., None])[..., 0], R_ref @ R)
    return out


def _poses(
    values: np.ndarray, reference: np.ndarray, contract: ActionContract
) -> Iterator[tuple[blocks.Pose, tuple[np.ndarray, ...], tuple[np.ndarray, ...]]]:
    """Every pose of an action with its positions and rotations, and those of the reference."""
    reference = np.broadcast_to(reference, values.shape)
    for pose in blocks.poses(contract):
        yield pose, read_pose(values, pose, contract), read_pose(reference, pose, contract)


def read_pose(
    values: np.ndarray, pose: blocks.Pose, contract: ActionContract
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and rotation matrices of one end effector."""
    rotation = to_matrix(values[:, list(pose.rotation)], rotation_of(contract))
    return values[:, list(pose.position)], rotation


def write_pose(
    out: np.ndarray, pose: blocks.Pose, contract: ActionContract, p: np.ndarray, R: np.ndarray
) -> None:
    """Puts positions and rotation matrices of one end effector into rows."""
    out[:, list(pose.position)] = p
    out[:, list(pose.rotation)] = from_matrix(R, rotation_of(contract))


def _checked(values: np.ndarray, contract: ActionContract, axes: str) -> np.ndarray:
    """The values as floats, if the contract can be written in this form at all."""
    blocks.check_shape(values, contract)
    if contract.mode != "absolute":
        raise ContractError(f"the action is {contract.mode} already; make it absolute first")
    if len(values) == 0:
        raise ContractError("an action without rows has no first row to count from")
    joints: tuple[Quantity, ...] = ("joint",)
    right, wrong = (joints, POSE_QUANTITIES) if axes == "joint" else (POSE_QUANTITIES, joints)
    strangers = [contract.names[i] for i in blocks.columns(contract, *wrong)]
    if strangers or not blocks.columns(contract, *right):
        raise ContractError(
            f"a difference along {axes!r} axes needs an action of {right} and no {wrong}; "
            f"this one has {', '.join(contract.names)}"
        )
    if axes != "joint":
        broken = [p.prefix for p in blocks.poses(contract) if not (p.position and p.rotation)]
        if broken:
            raise ContractError(f"end effectors {broken} lack a position or a rotation")
    return np.array(values, dtype=float)


def _refuse_gaps(values: np.ndarray) -> None:
    gaps = ~np.isfinite(values).all(axis=1)
    if gaps.any():
        raise ContractError(
            f"row {int(np.argmax(gaps))} holds NaN; deltas cannot reach across a gap: "
            "cut the action there"
        )


def _derived(
    contract: ActionContract, mode: Literal["relative", "delta"], reference: Reference
) -> ActionContract:
    """The contract of differences: limits of absolute values do not hold for them."""
    dimensions = tuple(
        d
        if d.quantity in ("gripper", "latent")
        else d.model_copy(update={"lower": None, "upper": None, "max_rate": None})
        for d in contract.dimensions
    )
    return contract.model_copy(
        update={
            "mode": mode,
            "dimensions": dimensions,
            "reference": reference,
            "derived_from": contract,
        }
    )
