"""Rotations of an action in another representation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Dimension, Quantity
from rotoscope.pipeline.converters import blocks
from rotoscope.pipeline.errors import ContractError, quoted
from rotoscope.pipeline.geometry import se3

Rotation = Literal[
    "rotation_vector", "quaternion_wxyz", "quaternion_xyzw", "rot6d_rows", "rot6d_columns", "matrix"
]


@dataclass(frozen=True)
class RotationForm:
    """How one representation is written into a contract."""

    quantity: Quantity
    """Quantity of its dimensions."""
    text: str
    """Text of `ActionContract.rotation` for this representation."""
    names: tuple[str, ...]
    """Names of its numbers, after the end effector's own."""
    unit: str = "1"
    """Unit of its numbers."""


ROTATIONS: dict[Rotation, RotationForm] = {
    "rotation_vector": RotationForm(
        "rotation_vector",
        "rotation vector (axis times angle, rad)",
        ("wx", "wy", "wz"),
        unit="rad",
    ),
    "quaternion_wxyz": RotationForm(
        "quaternion", "unit quaternion, order w x y z, w >= 0", ("qw", "qx", "qy", "qz")
    ),
    "quaternion_xyzw": RotationForm(
        "quaternion", "unit quaternion, order x y z w, w >= 0", ("qx", "qy", "qz", "qw")
    ),
    "rot6d_rows": RotationForm(
        "rot6d",
        "first two rows of the rotation matrix, row after row",
        ("r11", "r12", "r13", "r21", "r22", "r23"),
    ),
    "rot6d_columns": RotationForm(
        "rot6d",
        "first two columns of the rotation matrix, column after column",
        ("r11", "r21", "r31", "r12", "r22", "r32"),
    ),
    "matrix": RotationForm(
        "rotation_matrix",
        "rotation matrix, row after row",
        ("r11", "r12", "r13", "r21", "r22", "r23", "r31", "r32", "r33"),
    ),
}
"""Representations by name. Numbers `rij` are entries of the matrix, i the row, j the column."""


def convert_rotation(
    values: Float[np.ndarray, "time action"], contract: ActionContract, *, to: Rotation
) -> tuple[Float[np.ndarray, "time new_action"], ActionContract]:
    """The same action with its rotations written as `to`; rows with NaN stay NaN.

    Lossless as rotations. The numbers come back the same where they were canonical: quaternions
    have w >= 0 (q and -q are one rotation), rotation vectors have angles up to pi (a full turn
    more is the same rotation), rot6d and matrices are orthonormal (others are made so). Limits on
    rotation numbers mean nothing in another representation and are dropped.

    Raises:
        ContractError: No rotation in the action, or its representation is not known.
    """
    blocks.check_shape(values, contract)
    if to not in ROTATIONS:
        raise ContractError(f"unknown rotation {to!r}; there are {quoted(get_args(Rotation))}")
    held = rotation_of(contract)
    parts: list[np.ndarray] = []
    dimensions: list[Dimension] = []
    at = 0
    for pose in (p for p in blocks.poses(contract) if p.rotation):
        first, last = pose.rotation[0], pose.rotation[-1]
        parts += [
            values[:, at:first],
            from_matrix(to_matrix(values[:, first : last + 1], held), to),
        ]
        dimensions += [*contract.dimensions[at:first], *_dimensions(pose.prefix, to)]
        at = last + 1
    parts.append(values[:, at:])
    dimensions += contract.dimensions[at:]
    new = contract.model_copy(
        update={"dimensions": tuple(dimensions), "rotation": ROTATIONS[to].text}
    )
    if contract.derived_from is not None:
        empty = np.empty((0, len(contract.derived_from.dimensions)))
        _, source = convert_rotation(empty, contract.derived_from, to=to)
        new = new.model_copy(update={"derived_from": source})
    return np.concatenate(parts, axis=1), new


def rotation_of(contract: ActionContract) -> Rotation:
    """Name of the representation that the contract's rotations have.

    Raises:
        ContractError: There is no rotation, or the contract does not say which order it has.
    """
    quantities = {contract.dimensions[i].quantity for i in blocks.columns(contract, *_QUANTITIES)}
    if not quantities:
        raise ContractError(f"the action has no rotation; it has {', '.join(contract.names)}")
    fitting = [name for name, form in ROTATIONS.items() if {form.quantity} == quantities]
    if len(fitting) == 1:
        return fitting[0]
    for name in fitting:
        if ROTATIONS[name].text == contract.rotation:
            return name
    raise ContractError(
        f"the contract's rotation reads {contract.rotation!r}, which does not tell how its "
        f"{sorted(quantities)} are laid out; write one of "
        f"{quoted(form.text for form in ROTATIONS.values())}"
    )


def to_matrix(
    numbers: Float[np.ndarray, "time number"], form: Rotation
) -> Float[np.ndarray, "time 3 3"]:
    """Rotation matrices; quaternions are normalized, rot6d and matrices made orthonormal.

    rot6d: Gram-Schmidt of the two given vectors (Zhou et al. 2019).
    """
    if form == "rotation_vector":
        return se3.exp_so3(numbers)
    if form == "quaternion_wxyz":
        return se3.matrix_from_quat(numbers)
    if form == "quaternion_xyzw":
        return se3.matrix_from_quat(numbers[:, [3, 0, 1, 2]])
    if form == "matrix":
        return _orthonormal(numbers[:, :3], numbers[:, 3:6])
    rows = _orthonormal(numbers[:, :3], numbers[:, 3:])
    return rows if form == "rot6d_rows" else np.swapaxes(rows, 1, 2)


def from_matrix(
    R: Float[np.ndarray, "time 3 3"], form: Rotation
) -> Float[np.ndarray, "time number"]:
    """Numbers of rotation matrices in a representation."""
    if form == "rotation_vector":
        return se3.log_so3(R)
    if form == "quaternion_wxyz":
        return se3.quat_from_matrix(R)
    if form == "quaternion_xyzw":
        return se3.quat_from_matrix(R)[:, [1, 2, 3, 0]]
    if form == "rot6d_rows":
        return R[:, :2].reshape(-1, 6)
    if form == "rot6d_columns":
        return np.swapaxes(R[:, :, :2], 1, 2).reshape(-1, 6)
    return R.reshape(-1, 9)


_QUANTITIES = tuple(blocks.ROTATION_SIZES)


def _orthonormal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrices whose first two rows are a and b, made orthonormal in this order."""
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b - np.sum(a * b, axis=1, keepdims=True) * a
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    return np.stack([a, b, np.cross(a, b)], axis=1)


def _dimensions(prefix: str, to: Rotation) -> list[Dimension]:
    form = ROTATIONS[to]
    names = [f"{prefix}.{name}" if prefix else name for name in form.names]
    return [Dimension(name=name, quantity=form.quantity, unit=form.unit) for name in names]
