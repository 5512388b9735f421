"""Actions as networks see them, and back: each kind of number is averaged and scored as it is.

Plain numbers are standardized. Angles that may turn without end become sine and cosine. Rotation
vectors and quaternions (wxyz) become the first two columns of their matrix (Zhou et al. 2019,
1812.07035), averaged as matrices and projected back to SO(3). Discrete numbers become one
probability per choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import ContractError
from rotoscope.pipeline.geometry import se3

CONSTANT_SPREAD = 1e-6
"""Dimensions that spread less than this do not move: they have no R2."""

Kind = Literal["plain", "circular", "rotation_vector", "quaternion", "discrete"]
_WIDTH: dict[str, int] = {"plain": 1, "circular": 2, "rotation_vector": 6, "quaternion": 6}
_LENGTH: dict[str, int] = {"rotation_vector": 3, "quaternion": 4}


@dataclass(frozen=True)
class Block:
    """Columns of the action vector that belong together."""

    kind: Kind
    """What they are."""
    columns: slice
    """Where they stand in the action vector."""
    encoded: slice
    """Where they stand in what the network gives."""
    lower: float = 0.0
    """The first choice of a discrete number."""

    @property
    def num_choices(self) -> int:
        """How many choices a discrete number has."""
        return self.encoded.stop - self.encoded.start


@dataclass(frozen=True, eq=False)
class ActionSpace:
    """The blocks of a contract."""

    contract: ActionContract
    """What each number means."""
    blocks: tuple[Block, ...]
    """In the order of the contract."""

    @classmethod
    def of(cls, contract: ActionContract) -> ActionSpace:
        """Finds the blocks.

        Raises:
            ContractError: A rotation without all of its columns, a representation that cannot be
                learned directly, or a discrete number without bounds.
        """
        blocks: list[Block] = []
        start = encoded = 0
        while start < len(contract.dimensions):
            kind = _kind_of(contract, start)
            length = _LENGTH.get(kind, 1)
            dimension = contract.dimensions[start]
            width = _num_choices(dimension) if kind == "discrete" else _WIDTH[kind]
            first = float(dimension.lower or 0) if kind == "discrete" else 0.0
            blocks.append(
                Block(kind, slice(start, start + length), slice(encoded, encoded + width), first)
            )
            start, encoded = start + length, encoded + width
        return cls(contract, tuple(blocks))

    @property
    def num_encoded(self) -> int:
        """Numbers that the network gives."""
        return self.blocks[-1].encoded.stop

    @property
    def is_discrete(self) -> Bool[np.ndarray, " action"]:
        """Which dimensions are choices."""
        return np.array([d.quantity == "discrete" for d in self.contract.dimensions])

    def encode(self, values: Float[np.ndarray, "time action"]) -> Float[np.ndarray, "time encoded"]:
        """What the network should give for some actions."""
        return np.concatenate([_encode(b, values[:, b.columns]) for b in self.blocks], axis=1)

    def decode(
        self, members: Float[np.ndarray, "member time encoded"]
    ) -> Float[np.ndarray, "time action"]:
        """The action that an ensemble means, inside the contract's limits."""
        values = np.concatenate([_decode(b, members[..., b.encoded]) for b in self.blocks], axis=1)
        low, high = self.contract.bounds()
        return np.clip(values, low, high)

    def error(
        self, values: Float[np.ndarray, "time action"], truth: Float[np.ndarray, "time action"]
    ) -> Float[np.ndarray, "time action"]:
        """`values - truth`: angles the short way round, rotations as rotation vectors between.

        The four columns of a quaternion hold the angle between. Discrete: 1 where wrong.
        """
        out = values - truth
        for block in self.blocks:
            part = out[:, block.columns]
            if block.kind == "circular":
                part[:] = np.angle(np.exp(1j * part))
            elif block.kind == "discrete":
                part[:] = np.abs(part) > 0.5
            elif block.kind in _LENGTH:
                a, b = (_matrices(block.kind, v[:, block.columns]) for v in (values, truth))
                turn = se3.log_so3(np.swapaxes(b, -1, -2) @ a)
                is_vector = block.kind == "rotation_vector"
                part[:] = turn if is_vector else np.linalg.norm(turn, axis=1, keepdims=True)
        return out

    def spread(self, values: Float[np.ndarray, "time action"]) -> Float[np.ndarray, " action"]:
        """Root mean square distance of actions from what all of them mean together."""
        middle = self.decode(self.encode(values)[:, None])
        return np.sqrt((self.error(values, np.repeat(middle, len(values), 0)) ** 2).mean(0))

    def error_weights(self) -> Float[np.ndarray, "encoded action"]:
        """How squared errors of encoded numbers add up to squared errors of dimensions.

        Exact for plain numbers; for small angles elsewhere, a rotation's error shared evenly by
        its axes.
        """
        weights = np.zeros((self.num_encoded, len(self.contract.dimensions)))
        for block in self.blocks:
            # Two columns of a matrix move by 4/3 of the squared angle, on average over the axes.
            share = {"rotation_vector": 0.25, "quaternion": 0.75, "discrete": 0.5}
            weights[block.encoded, block.columns] = share.get(block.kind, 1.0)
        return weights


def _kind_of(contract: ActionContract, start: int) -> Kind:
    dimension = contract.dimensions[start]
    quantity = dimension.quantity
    if quantity in ("rot6d", "rotation_matrix"):
        raise ContractError(
            f"dimension {dimension.name!r} is part of a {quantity}; a labeler learns rotation "
            "vectors or quaternions: convert with "
            "rotoscope.pipeline.converters.convert_rotation first"
        )
    if quantity == "rotation_vector" or quantity == "quaternion":
        found = contract.dimensions[start : start + _LENGTH[quantity]]
        if [d.quantity for d in found] != [quantity] * _LENGTH[quantity]:
            raise ContractError(
                f"a {quantity} needs {_LENGTH[quantity]} dimensions one after the other, from "
                f"{dimension.name!r} on there are {[d.name for d in found]}"
            )
        if quantity == "quaternion" and "xyzw" in contract.rotation:
            raise ContractError(
                "quaternions are stored xyzw; a labeler learns wxyz: convert with "
                "rotoscope.pipeline.converters.convert_rotation first"
            )
        return quantity
    if quantity == "discrete":
        return "discrete"
    has_no_end = dimension.lower is None and dimension.upper is None
    is_angle = quantity == "joint" and dimension.unit == "rad" and contract.mode == "absolute"
    return "circular" if is_angle and has_no_end else "plain"


def _num_choices(dimension: Dimension) -> int:
    if dimension.lower is None or dimension.upper is None or dimension.upper <= dimension.lower:
        raise ContractError(
            f"discrete dimension {dimension.name!r} needs lower and upper, its first and last "
            f"choice, got {dimension.lower} and {dimension.upper}"
        )
    return round(dimension.upper - dimension.lower) + 1


def _matrices(kind: Kind, values: np.ndarray) -> np.ndarray:
    if kind == "quaternion":
        length = np.linalg.norm(values, axis=-1, keepdims=True)
        return se3.matrix_from_quat(values / np.maximum(length, 1e-12))
    return se3.exp_so3(values)


def _encode(block: Block, values: np.ndarray) -> np.ndarray:
    if block.kind == "circular":
        return np.concatenate([np.sin(values), np.cos(values)], axis=1)
    if block.kind == "discrete":
        choice = np.round(values - block.lower).astype(int)
        if ((choice < 0) | (choice >= block.num_choices)).any():
            raise ContractError(
                f"discrete actions reach from {values.min():g} to {values.max():g}, the contract "
                f"allows {block.lower:g} to {block.lower + block.num_choices - 1:g}"
            )
        return np.eye(block.num_choices)[choice[:, 0]]
    if block.kind in _LENGTH:
        R = _matrices(block.kind, values)
        return np.concatenate([R[..., 0], R[..., 1]], axis=1)
    return values.astype(float)


def _decode(block: Block, members: np.ndarray) -> np.ndarray:
    mean = members.mean(0)
    if block.kind == "circular":
        return np.arctan2(mean[:, :1], mean[:, 1:])
    if block.kind == "discrete":
        return block.lower + mean.argmax(1)[:, None]
    if block.kind in _LENGTH:
        U, _, Vt = np.linalg.svd(_gram_schmidt(members).mean(0))
        U[..., -1] *= np.sign(np.linalg.det(U @ Vt))[:, None]
        R = U @ Vt
        return se3.quat_from_matrix(R) if block.kind == "quaternion" else se3.log_so3(R)
    return mean


def _gram_schmidt(columns: np.ndarray) -> np.ndarray:
    """Rotation matrices out of two columns that need not be orthogonal."""
    x = columns[..., :3] / np.maximum(np.linalg.norm(columns[..., :3], axis=-1)[..., None], 1e-9)
    y = columns[..., 3:] - (x * columns[..., 3:]).sum(-1, keepdims=True) * x
    y = y / np.maximum(np.linalg.norm(y, axis=-1, keepdims=True), 1e-9)
    return np.stack([x, y, np.cross(x, y)], axis=-1)
