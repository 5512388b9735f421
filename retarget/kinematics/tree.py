"""Forward kinematics and Jacobians of a robot that branches, for many frames at once.

Written against the array API, so that the same code runs on NumPy arrays and on torch tensors,
those on a GPU too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from array_api_compat import device, is_numpy_namespace
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.arrays import Array, array_namespace
from rotoscope.pipeline.geometry.vectors import cross
from rotoscope.retarget.description.links import Description
from rotoscope.retarget.kinematics.frames import Frame, FramePoses
from rotoscope.retarget.kinematics.layout import Layout, levels_of, pairs_of

NUM_BASE = 6
"""Columns of a floating base: position [m], then rotation vector [rad]."""


class KinematicTree:
    """A tree of joints from a root link to frames.

    A configuration `x` is `(time, column)`. Columns are the independent joints [rad or m], after
    those of the base where it floats: its position [m] and a rotation vector [rad] by which it is
    turned, in world axes, from a reference rotation that is given with every call.

    Args:
        description: The robot's links and joints.
        columns: Names of the independent joints, in the order of the columns.
        locked: Values of joints that do not move [rad or m].
        frames: What positions and rotations are computed of.
        root: Link that the tree hangs on; the file's own root when absent.
        is_floating: Whether the root moves in the world.

    Raises:
        RobotError: A frame does not hang on the root, or a joint that matters is neither a column
            nor locked nor follows one that is.
    """

    def __init__(
        self,
        description: Description,
        *,
        columns: Sequence[str],
        locked: Mapping[str, float],
        frames: Sequence[Frame],
        root: str | None = None,
        is_floating: bool = False,
    ) -> None:
        self.columns, self.is_floating = tuple(columns), is_floating
        self.root = root or description.root_link
        layout = Layout(description, self.root, self.columns, locked)
        placed = [layout.place(frame) for frame in frames]
        order = layout.by_depth()
        rank = {name: i for i, name in enumerate(order)}
        nodes = [layout.nodes[name] for name in order]
        self.levels = levels_of([node.depth for node in nodes])
        self._parent = np.array([rank[n.parent] if n.parent else -1 for n in nodes], int)
        self._carrier = np.array([rank[name] if name else -1 for name, _ in placed], int)
        is_revolute = np.array([n.joint.kind == "revolute" for n in nodes], bool)
        self._constants = {
            "fixed": np.array([n.T[:3].T for n in nodes]).reshape(-1, 4, 3),
            "frame": np.array([T[:3].T for _, T in placed]).reshape(-1, 4, 3),
            "gain": np.array([n.gain for n in nodes]).reshape(len(nodes), len(columns)),
            "offset": np.array([n.offset for n in nodes])[:, None],
            "turns": is_revolute.astype(float)[:, None],
        }
        self._slides = not is_revolute.all()
        self._pairs = pairs_of(self._ancestry(), self._constants["gain"])
        self._constants["pair_gain"] = self._pairs.gain[:, None, None]
        self._has_gains = bool((self._pairs.gain != 1.0).any())
        first = NUM_BASE if is_floating else 0
        self._entry = (self._pairs.column + first) * len(frames) + self._pairs.frame
        self._constants["pair_turns"] = is_revolute.astype(float)[self._pairs.joint, None, None]
        self._on: dict[Any, dict[str, Array]] = {}

    @property
    def num_columns(self) -> int:
        """Columns of a configuration, those of the base included."""
        return len(self.columns) + (NUM_BASE if self.is_floating else 0)

    @property
    def size(self) -> int:
        """Columns times frames: how large its Jacobian is."""
        return self.num_columns * len(self._carrier)

    def forward_kinematics(
        self,
        x: Array,
        R_reference: Array = None,
        *,
        jacobian: bool = False,
        rotations: bool = True,
        workspace: dict[str, Array] | None = None,
    ) -> FramePoses:
        """Where the frames are, and on demand how they move.

        Args:
            x: Configurations, (time, column).
            R_reference: Rotation of a floating base at rotation vector zero, (time, 3, 3).
            jacobian: Whether `J_p` is wanted.
            rotations: Whether with it `J_w` is.
            workspace: Of one caller of this tree: the Jacobians of its call before, which it needs
                no more, are filled anew. What is zero in one is in all.
        """
        xp = array_namespace(x)
        c = self._constants_on(x)
        base, left = self._base(x, R_reference)
        q = x[:, NUM_BASE:] if self.is_floating else x
        joints = self._walk(c["gain"] @ q.T + c["offset"], c, base)
        frames = _attach(_frames(joints, base, self._carrier), c["frame"])
        p, R = xp.moveaxis(frames[:, 3], 0, 1), xp.permute_dims(frames[:, :3], (2, 0, 3, 1))
        if not jacobian:
            return FramePoses(p, R)
        joint, frame = self._index(x, self._pairs.joint), self._index(x, self._pairs.frame)
        # Lynch and Park 2017, section 5.1.1: a joint turns a frame about its axis z, which moves
        # it by z x (frame - origin); a joint that slides moves it by z.
        axis = joints[joint, 2]
        moved = cross(axis, frames[frame, 3] - joints[joint, 3])
        turned = axis
        if self._slides:
            turns = c["pair_turns"]
            moved, turned = turns * moved + (1.0 - turns) * axis, turns * axis
        J_p = self._by_column(moved, c, workspace, "J_p")
        J_w = self._by_column(turned, c, workspace, "J_w") if rotations else None
        if self.is_floating:
            _add_base(J_p, J_w, frames[:, 3] - base[3], left)
        J_w = None if J_w is None else xp.moveaxis(J_w, 2, 0)
        return FramePoses(p, R, xp.moveaxis(J_p, 2, 0), J_w)

    def _index(self, like: Array, which: np.ndarray) -> Any:
        """Numbers of items as the library of an array takes them."""
        return which if is_numpy_namespace(array_namespace(like)) else which.tolist()

    def _by_column(
        self, J: Array, c: dict[str, Array], workspace: dict[str, Array] | None, name: str
    ) -> Array:
        """Jacobian (column, frame, time, 3) out of what each joint does to each frame it moves.

        Of all pairs of a column and a frame, most do not meet: a leg moves no arm.
        """
        xp = array_namespace(J)
        columns, frames = self.num_columns, len(self._carrier)
        shape = (columns * frames, *J.shape[1:])
        out = None if workspace is None else workspace.get(name)
        if out is None or tuple(out.shape) != shape or out.dtype != J.dtype:
            out = xp.zeros(shape, dtype=J.dtype, device=device(J))
            if workspace is not None:
                workspace[name] = out
        J = J * c["pair_gain"] if self._has_gains else J
        entry = self._index(J, self._entry)
        for part in self._pairs.rounds[:1]:
            out[entry[part]] = J[part]
        for part in self._pairs.rounds[1:]:
            out[entry[part]] += J[part]
        return out.reshape(columns, frames, *J.shape[1:])

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

    def _ancestry(self) -> Float[np.ndarray, "joint frame"]:
        """1 where a joint moves a frame."""
        moves = np.zeros((len(self._parent), len(self._carrier)))
        for frame, joint in enumerate(self._carrier):
            while joint >= 0:
                moves[joint, frame] = 1.0
                joint = self._parent[joint]
        return moves

    def _constants_on(self, x: Array) -> dict[str, Array]:
        key = (type(x), device(x), x.dtype)
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
    if (which < 0).all():
        return array_namespace(of_joints).broadcast_to(of_base, (len(which), *of_base.shape))
    if which[0] >= 0 and (np.diff(which) == 1).all():
        # Neighbors need no copy: fingers of equal length hang on each other one by one.
        return of_joints[int(which[0]) : int(which[-1]) + 1]
    picked = of_joints[np.maximum(which, 0).tolist()]
    for k in np.flatnonzero(which < 0).tolist():
        picked[k] = of_base
    return picked


def _add_base(J_p: Array, J_w: Array | None, lever: Array, left: Array) -> None:
    """Writes the columns of the base into Jacobians that are zero there."""
    xp = array_namespace(J_p)
    # Rotating the base by a column of the left Jacobian moves every frame about the base.
    axes = xp.moveaxis(left, -1, 0)[:, None]
    for k in range(3):
        J_p[k, ..., k] = 1.0
    J_p[3:NUM_BASE] = cross(axes, lever)
    if J_w is not None:
        J_w[3:NUM_BASE] = axes
