"""Which columns of an action vector belong together: poses, joints, grippers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract, Quantity
from rotoscope.pipeline.errors import ContractError

ROTATION_SIZES: dict[Quantity, int] = {
    "rotation_vector": 3,
    "quaternion": 4,
    "rot6d": 6,
    "rotation_matrix": 9,
}
"""Numbers that each representation of a rotation takes."""


@dataclass(frozen=True)
class Pose:
    """Columns of one end effector, found by the shared part of their names (`ee` in `ee.x`)."""

    prefix: str
    """Common start of the dimensions' names; empty where they have no dot."""
    position: tuple[int, ...]
    """Columns of x, y, z; empty where only the rotation is there."""
    rotation: tuple[int, ...]
    """Neighboring columns of the rotation; empty where only the position is there."""


def check_shape(values: np.ndarray, contract: ActionContract) -> None:
    """Raises `ContractError` unless values are rows of the contract's dimensions."""
    if values.ndim != 2 or values.shape[1] != len(contract.dimensions):
        raise ContractError(
            f"expected rows of {len(contract.dimensions)} dimensions "
            f"({', '.join(contract.names)}), got an array of shape {values.shape}"
        )


def columns(contract: ActionContract, *quantities: Quantity) -> list[int]:
    """Columns that hold one of the quantities."""
    return [i for i, d in enumerate(contract.dimensions) if d.quantity in quantities]


def poses(contract: ActionContract) -> list[Pose]:
    """End effectors of an action, in order of their first column.

    Raises:
        ContractError: A position without three numbers, or a rotation whose numbers are too few,
            too many, or not side by side.
    """
    found: dict[str, tuple[list[int], list[int]]] = {}
    for i, dimension in enumerate(contract.dimensions):
        if dimension.quantity == "position":
            found.setdefault(_prefix(dimension.name), ([], []))[0].append(i)
        elif dimension.quantity in ROTATION_SIZES:
            found.setdefault(_prefix(dimension.name), ([], []))[1].append(i)
    for prefix, (position, rotation) in found.items():
        _check_pose(contract, prefix, position, rotation)
    return [Pose(prefix, tuple(p), tuple(r)) for prefix, (p, r) in found.items()]


def _check_pose(
    contract: ActionContract, prefix: str, position: list[int], rotation: list[int]
) -> None:
    kinds = {contract.dimensions[i].quantity for i in rotation}
    sizes = {ROTATION_SIZES[kind] for kind in kinds}
    is_run = rotation == list(range(rotation[0], rotation[-1] + 1)) if rotation else True
    if rotation and (len(kinds) > 1 or sizes != {len(rotation)} or not is_run):
        raise ContractError(
            f"end effector {prefix!r} has {len(rotation)} rotation numbers of kind "
            f"{sorted(kinds)}; allowed are neighbors, one kind, {ROTATION_SIZES}"
        )
    if len(position) not in (0, 3):
        raise ContractError(
            f"end effector {prefix!r} has {len(position)} position numbers, not x, y and z"
        )


def _prefix(name: str) -> str:
    return name.rpartition(".")[0]


def full_reference(
    reference: Float[np.ndarray, "*rows action"], contract: ActionContract
) -> Float[np.ndarray, "rows action"]:
    """A reference state as one row, or one row for every row.

    Raises:
        ContractError: It has another width or holds NaN.
    """
    rows = np.atleast_2d(np.asarray(reference, dtype=float))
    check_shape(rows, contract)
    if not np.isfinite(rows).all():
        raise ContractError("the reference state holds NaN; choose a row that is fully known")
    return rows
