"""Forward kinematics and Jacobians of a robot that branches, for many frames at once.

Written against the array API, so that the same code runs on NumPy arrays and on torch tensors,
those on a GPU too.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from jaxtyping import Float, Int

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.arrays import Array
from rotoscope.pipeline.geometry.vectors import cross
from rotoscope.retarget.description.links import Description, Joint
from rotoscope.retarget.kinematics.chain import Reached, rotation_of_z_onto

NUM_BASE = 6
"""Columns of a floating base: position [m], then rotation vector [rad]."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A frame fixed to a link, whose motion is of interest."""

    link: str
    """Link of the robot's file."""
    T_link_mark: Float[np.ndarray, "4 4"]
    """The frame in that link [m]."""

    @classmethod
    def at(cls, link: str, offset_m: Sequence[float] = (0.0, 0.0, 0.0)) -> Mark:
        """A point of a link, with that link's axes."""
        return cls(link, se3.make(np.eye(3), np.array(offset_m, float)))


class KinematicTree:
    """A tree of joints from a root link to marks.

    A configuration `x` is `(time, column)`. Columns are the independent joints [rad or m], after
    those of the base where it floats: its position [m] and a rotation vector [rad] by which it is
    turned, in world axes, from a reference rotation that is given with every call.

    Args:
        description: The robot's links and joints.
        columns: Names of the independent joints, in the order of the columns.
        held: Values of joints that do not move [rad or m].
        marks: What positions and rotations are computed of.
        root: Link that the tree hangs on; the file's own root when absent.
        is_floating: Whether the root moves in the world.

    Raises:
        RobotError: A mark does not hang on the root, or a joint that matters is neither a column
            nor held nor follows one that is.
    """

    def __init__(
        self,
        description: Description,
        *,
        columns: Sequence[str],
        held: Mapping[str, float],
        marks: Sequence[Mark],
        root: str | None = None,
        is_floating: bool = False,
    ) -> None:
        self.columns, self.is_floating = tuple(columns), is_floating
        self.root = root or description.root_link
        builder = _Builder(description, self.root, self.columns, held)
        placed = [builder.place(mark) for mark in marks]
        order = builder.by_depth()
        rank = {name: i for i, name in enumerate(order)}
        nodes = [builder.nodes[name] for name in order]
        self.levels = _levels([node.depth for node in nodes])
        self._parent = np.array([rank[n.parent] if n.parent else -1 for n in nodes], int)
        self._carrier = np.array([rank[name] if name else -1 for name, _ in placed], int)
        is_revolute = np.array([n.joint.kind == "revolute" for n in nodes], bool)
        self._constants = {
            "fixed": np.array([n.T[:3].T for n in nodes]).reshape(-1, 4, 3),
            "mark": np.array([T[:3].T for _, T in placed]).reshape(-1, 4, 3),
            "gain": np.array([n.gain for n in nodes]).reshape(len(nodes), len(columns)),
            "offset": np.array([n.offset for n in nodes])[:, None],
            "turns": is_revolute.astype(float)[:, None],
        }
        self._slides = not is_revolute.all()
        self._pairs = _pairs_of(self._ancestry(), self._constants["gain"])
        self._constants["pair_gain"] = self._pairs.gain[:, None, None]
        self._constants["pair_turns"] = is_revolute.astype(float)[self._pairs.joint, None, None]
        self._on: dict[Any, dict[str, Array]] = {}

    @property
    def num_columns(self) -> int:
        """Columns of a configuration, those of the base included."""
        return len(self.columns) + (NUM_BASE if self.is_floating else 0)

    @property
    def size(self) -> int:
        """Columns times marks: how large its Jacobian is."""
        return self.num_columns * len(self._carrier)

    def reach(
        self,
        x: Array,
        R_reference: Array = None,
        *,
        jacobian: bool = False,
        rotations: bool = True,
    ) -> Reached:
        """Where the marks are, and on demand how they move.

        Args:
            x: Configurations, (time, column).
            R_reference: Rotation of a floating base at rotation vector zero, (time, 3, 3).
            jacobian: Whether `J_p` is wanted.
            rotations: Whether with it `J_w` is.
        """
        xp = array_namespace(x)
        c = self._constants_on(x)
        base, left = self._base(x, R_reference)
        q = x[:, NUM_BASE:] if self.is_floating else x
        joints = self._walk(c["gain"] @ q.T + c["offset"], c, base)
        marks = _attach(_frames(joints, base, self._carrier), c["mark"])
        p, R = xp.moveaxis(marks[:, 3], 0, 1), xp.permute_dims(marks[:, :3], (2, 0, 3, 1))
        if not jacobian:
            return Reached(p, R)
        joint, mark = self._pairs.joint.tolist(), self._pairs.mark.tolist()
        # Lynch and Park 2017, section 5.1.1: a joint turns a mark about its axis z, which moves
        # it by z x (mark - origin); a joint that slides moves it by z.
        axis = joints[joint, 2]
        moved = cross(axis, marks[mark, 3] - joints[joint, 3])
        turned = axis
        if self._slides:
            turns = c["pair_turns"]
            moved, turned = turns * moved + (1.0 - turns) * axis, turns * axis
        J_p = self._by_column(moved, c)
        J_w = self._by_column(turned, c) if rotations else None
        if self.is_floating:
            _add_base(J_p, J_w, marks[:, 3] - base[3], left)
        J_w = None if J_w is None else xp.moveaxis(J_w, 2, 0)
        return Reached(p, R, xp.moveaxis(J_p, 2, 0), J_w)

    def _by_column(self, J: Array, c: dict[str, Array]) -> Array:
        """Jacobian (column, mark, time, 3) out of what each joint does to each mark it moves.

        Of all pairs of a column and a mark, most do not meet: a leg moves no arm.
        """
        xp = array_namespace(J)
        columns, marks = self.num_columns, len(self._carrier)
        out = xp.zeros((columns * marks, *J.shape[1:]), dtype=J.dtype, device=device(J))
        J = J * c["pair_gain"]
        first = NUM_BASE if self.is_floating else 0
        entry = ((self._pairs.column + first) * marks + self._pairs.mark).tolist()
        for part in self._pairs.rounds[:1]:
            out[entry[part]] = J[part]
        for part in self._pairs.rounds[1:]:
            out[entry[part]] += J[part]
        return out.reshape(columns, marks, *J.shape[1:])

    def _base(self, x: Array, R_reference: Array) -> tuple[Array, Array]:
        """Frame of the root, (4, time, 3), and the left Jacobian of its rotation vector."""
        xp = array_namespace(x)
        if not self.is_floating:
            eye = xp.eye(4, 3, dtype=x.dtype, device=device(x))
            return xp.broadcast_to(eye[:, None], (4, len(x), 3)), None
        turn = x[:, 3:NUM_BASE]
        axes = xp.moveaxis(se3.exp_so3(turn) @ R_reference, -1, 0)
        return xp.concat([axes, x[None, :, :3]], axis=0), se3.left_jacobian(turn)

    def _walk(self, q: Array, c: dict[str, Array], base: Array) -> Array:
        """Frames of all joints after they moved, (joint, 4, time, 3).

        A frame is its axes x, y and z and its origin. They are apart in memory, and time is within
        them, so that a joint of thousands of frames takes a few operations on long rows.
        """
        xp = array_namespace(q)
        out = xp.empty((len(q), 4, q.shape[1], 3), dtype=q.dtype, device=device(q))
        cos, sin = xp.cos(q), xp.sin(q)
        if self._slides:
            cos, sin = c["turns"] * cos + (1.0 - c["turns"]), c["turns"] * sin
        cos, sin = cos[..., None], sin[..., None]
        for start, end in self.levels:
            level = slice(start, end)
            here = _attach(_frames(out, base, self._parent[level]), c["fixed"][level])
            # The joint's axis is z, so turning it mixes x and y alone.
            out[level, 0] = here[:, 0] * cos[level] + here[:, 1] * sin[level]
            out[level, 1] = here[:, 1] * cos[level] - here[:, 0] * sin[level]
            out[level, 2:] = here[:, 2:]
            if self._slides:
                slide = (1.0 - c["turns"][level]) * q[level]
                out[level, 3] += here[:, 2] * slide[..., None]
        return out

    def _ancestry(self) -> Float[np.ndarray, "joint mark"]:
        """1 where a joint moves a mark."""
        moves = np.zeros((len(self._parent), len(self._carrier)))
        for mark, joint in enumerate(self._carrier):
            while joint >= 0:
                moves[joint, mark] = 1.0
                joint = self._parent[joint]
        return moves

    def _constants_on(self, x: Array) -> dict[str, Array]:
        key = (array_namespace(x).__name__, str(device(x)), str(x.dtype))
        if key not in self._on:
            xp = array_namespace(x)
            self._on[key] = {
                name: xp.asarray(value, dtype=x.dtype, device=device(x))
                for name, value in self._constants.items()
            }
        return self._on[key]


def _attach(frames: Array, fixed: Array) -> Array:
    """Frames (item, 4, time, 3) fixed to others, by where they are in these, (item, 4, 3).

    One matrix product over all times instead of one small product a time.
    """
    items, _, times, _ = frames.shape
    found = (fixed @ frames[:, :3].reshape(items, 3, -1)).reshape(items, 4, times, 3)
    found[:, 3] += frames[:, 3]
    return found


def _frames(of_joints: Array, of_base: Array, which: np.ndarray) -> Array:
    """Frames of some joints, the base's where the index is -1."""
    if len(which) == 1:
        return (of_base if which[0] < 0 else of_joints[int(which[0])])[None]
    xp = array_namespace(of_joints)
    base = xp.broadcast_to(of_base, (len(which), *of_base.shape))
    if (which < 0).all():
        return base
    picked = of_joints[np.maximum(which, 0).tolist()]
    if (which >= 0).all():
        return picked
    here = xp.asarray(which < 0, device=device(of_joints))
    return xp.where(here[:, None, None, None], base, picked)


def _add_base(J_p: Array, J_w: Array | None, lever: Array, left: Array) -> None:
    """Writes the columns of the base into Jacobians that are zero there."""
    xp = array_namespace(J_p)
    # Rotating the base by a column of the left Jacobian moves every mark about the base.
    axes = xp.moveaxis(left, -1, 0)[:, None]
    for k in range(3):
        J_p[k, ..., k] = 1.0
    J_p[3:NUM_BASE] = cross(axes, lever)
    if J_w is not None:
        J_w[3:NUM_BASE] = axes


@dataclass(frozen=True, eq=False)
class _Node:
    """A joint that moves, and the rigid body between it and the one before."""

    joint: Joint
    parent: str | None
    depth: int
    T: Float[np.ndarray, "4 4"]
    to_z: Float[np.ndarray, "4 4"]
    gain: Float[np.ndarray, " column"]
    offset: float


class _Builder:
    """Collects the joints that move any mark."""

    def __init__(
        self,
        description: Description,
        root: str,
        columns: tuple[str, ...],
        held: Mapping[str, float],
    ) -> None:
        self.description, self.root, self.columns, self.held = description, root, columns, held
        self.nodes: dict[str, _Node] = {}

    def place(self, mark: Mark) -> tuple[str | None, Float[np.ndarray, "4 4"]]:
        """The joint that carries a mark, and the mark in that joint's frame."""
        parent: str | None = None
        T = np.eye(4)
        for joint in self.description.path_between(self.root, mark.link):
            T = T @ joint.T_parent_child
            if joint.kind == "fixed":
                continue
            if joint.name in self.held:
                T = T @ joint.motion(self.held[joint.name])
                continue
            to_z = rotation_of_z_onto(joint.axis)
            anchor = se3.make(np.eye(3), joint.anchor_m)
            if joint.name not in self.nodes:
                depth = self.nodes[parent].depth + 1 if parent else 0
                gain, offset = self._gain(joint)
                node = _Node(joint, parent, depth, T @ anchor @ to_z, to_z, gain, offset)
                self.nodes[joint.name] = node
            parent = joint.name
            T = to_z.T @ se3.inverse(anchor)
        return parent, T @ mark.T_link_mark

    def by_depth(self) -> list[str]:
        """Joints from the root outwards."""
        return sorted(self.nodes, key=lambda name: self.nodes[name].depth)

    def _gain(self, joint: Joint) -> tuple[Float[np.ndarray, " column"], float]:
        """How a joint's value follows from the columns."""
        factor, offset = 1.0, 0.0
        seen = [joint.name]
        while joint.name not in self.columns:
            if joint.name in self.held:
                return np.zeros(len(self.columns)), offset + factor * self.held[joint.name]
            if joint.mimic is None or joint.mimic.joint in seen:
                raise RobotError(
                    f"{self.description.path}: joint {seen[0]!r} moves a point that is followed, "
                    "but is no free joint, held at no value and mimics none that is"
                )
            offset += factor * joint.mimic.offset
            factor *= joint.mimic.multiplier
            joint = self.description.joints[joint.mimic.joint]
            seen.append(joint.name)
        return factor * np.eye(len(self.columns))[self.columns.index(joint.name)], offset


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Joints and the marks that they move."""

    joint: Int[np.ndarray, " pair"]
    mark: Int[np.ndarray, " pair"]
    column: Int[np.ndarray, " pair"]
    """Column that the joint follows."""
    gain: Float[np.ndarray, " pair"]
    """How much it moves with it."""
    rounds: list[slice]
    """Parts in which no column meets a mark twice, as it does by several joints that follow it."""


def _pairs_of(
    moves: Float[np.ndarray, "joint mark"], gain: Float[np.ndarray, "joint column"]
) -> _Pairs:
    joint, mark = np.nonzero(moves * (gain != 0.0).any(axis=1)[:, None])
    column = np.argmax(gain != 0.0, axis=1)[joint]
    seen: dict[tuple[int, int], int] = {}
    time = np.zeros(len(joint), int)
    for i, pair in enumerate(zip(column.tolist(), mark.tolist(), strict=True)):
        time[i] = seen[pair] = seen.get(pair, -1) + 1
    order = np.argsort(time, kind="stable")
    joint, mark, column = joint[order], mark[order], column[order]
    edges = np.cumsum([0, *np.bincount(time)]).tolist()
    rounds = [slice(a, b) for a, b in itertools.pairwise(edges)]
    return _Pairs(joint, mark, column, gain[joint, column], rounds)


def _levels(depths: list[int]) -> list[tuple[int, int]]:
    """Ranges of equal depth."""
    edges = [0, *(i for i in range(1, len(depths)) if depths[i] != depths[i - 1]), len(depths)]
    return list(itertools.pairwise(edges)) if depths else []
