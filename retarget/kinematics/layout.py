"""Which joints move the frames of interest, how they follow from columns, and in which order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Description, Joint
from rotoscope.retarget.kinematics.frames import Frame


@dataclass(frozen=True, eq=False)
class Node:
    """A joint that moves, and the rigid body between it and the one before.

    Its frame is turned once, here, so that its axis is z: moving it then mixes two axes only.
    """

    joint: Joint
    """The joint."""
    parent: str | None
    """The joint that carries it; `None` for the root."""
    depth: int
    """Joints between it and the root."""
    T: Float[np.ndarray, "4 4"]
    """Its frame in that of `parent`, at zero [m]."""
    gain: Float[np.ndarray, " column"]
    """How much it moves with each column."""
    offset: float
    """Its value where all columns are zero [rad or m]."""


class Layout:
    """Collects the joints that move any frame."""

    def __init__(
        self,
        description: Description,
        root: str,
        columns: tuple[str, ...],
        locked: Mapping[str, float],
    ) -> None:
        self.description, self.root, self.columns, self.locked = description, root, columns, locked
        self.nodes: dict[str, Node] = {}
        self._links: dict[str, tuple[str | None, Float[np.ndarray, "4 4"]]] = {}

    def place(self, frame: Frame) -> tuple[str | None, Float[np.ndarray, "4 4"]]:
        """The joint that carries a frame, and the frame in that joint's frame."""
        parent, T = self._place_link(frame.link)
        return parent, T @ frame.T_link_frame

    def _place_link(self, link: str) -> tuple[str | None, Float[np.ndarray, "4 4"]]:
        """The same of a link, remembered: many frames lie on few links."""
        if link not in self._links:
            path = self.description.path_between(self.root, link)
            found: tuple[str | None, Float[np.ndarray, "4 4"]] = (None, np.eye(4))
            for joint in path:
                if joint.child not in self._links:
                    self._links[joint.child] = self._beyond(joint, *found)
                found = self._links[joint.child]
            self._links[link] = found
        return self._links[link]

    def _beyond(
        self, joint: Joint, parent: str | None, T: Float[np.ndarray, "4 4"]
    ) -> tuple[str | None, Float[np.ndarray, "4 4"]]:
        """The link that a joint moves, by where its parent link is."""
        T = T @ joint.T_parent_child
        if joint.kind == "fixed":
            return parent, T
        if joint.name in self.locked:
            return parent, T @ joint.motion(self.locked[joint.name])
        to_z = rotation_of_z_onto(joint.axis)
        anchor = se3.make(np.eye(3), joint.anchor_m)
        if joint.name not in self.nodes:
            depth = self.nodes[parent].depth + 1 if parent else 0
            gain, offset = self._gain(joint)
            self.nodes[joint.name] = Node(joint, parent, depth, T @ anchor @ to_z, gain, offset)
        return joint.name, to_z.T @ se3.inverse(anchor)

    def by_depth(self) -> list[str]:
        """Joints from the root outwards."""
        return sorted(self.nodes, key=lambda name: self.nodes[name].depth)

    def _gain(self, joint: Joint) -> tuple[Float[np.ndarray, " column"], float]:
        """How a joint's value follows from the columns."""
        gain = np.zeros(len(self.columns))
        if joint.name in self.columns:
            gain[self.columns.index(joint.name)] = 1.0
            return gain, 0.0
        mimic = self.description.resolve_mimic(joint.name)
        if mimic.joint in self.locked:
            return gain, mimic.value_at(self.locked[mimic.joint])
        if mimic.joint not in self.columns:
            raise RobotError(
                f"{self.description.path}: joint {joint.name!r} moves a point that is followed, "
                "but is no free joint, locked at no value and mimics none that is"
            )
        gain[self.columns.index(mimic.joint)] = mimic.multiplier
        return gain, mimic.offset


@dataclass(frozen=True, eq=False)
class Pairs:
    """Joints and the frames that they move."""

    joint: Int[np.ndarray, " pair"]
    frame: Int[np.ndarray, " pair"]
    column: Int[np.ndarray, " pair"]
    """Column that the joint follows."""
    gain: Float[np.ndarray, " pair"]
    """How much it moves with it."""
    rounds: list[slice]
    """Parts in which no column meets a frame twice, as it does by several joints that follow it."""


def pairs_of(
    moves: Float[np.ndarray, "joint frame"], gain: Float[np.ndarray, "joint column"]
) -> Pairs:
    """Pairs that meet, those that a column meets again in later rounds."""
    joint, frame = np.nonzero(moves * (gain != 0.0).any(axis=1)[:, None])
    column = np.argmax(gain != 0.0, axis=1)[joint]
    seen: dict[tuple[int, int], int] = {}
    time = np.zeros(len(joint), int)
    for i, pair in enumerate(zip(column.tolist(), frame.tolist(), strict=True)):
        time[i] = seen[pair] = seen.get(pair, -1) + 1
    order = np.argsort(time, kind="stable")
    joint, frame, column = joint[order], frame[order], column[order]
    edges = np.cumsum([0, *np.bincount(time)]).tolist()
    rounds = [slice(a, b) for a, b in itertools.pairwise(edges)]
    return Pairs(joint, frame, column, gain[joint, column], rounds)


def levels_of(depths: list[int]) -> list[tuple[int, int]]:
    """Ranges of equal depth."""
    edges = [0, *(i for i in range(1, len(depths)) if depths[i] != depths[i - 1]), len(depths)]
    return list(itertools.pairwise(edges)) if depths else []


def rotation_of_z_onto(axis: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """A rotation, as a homogeneous matrix, that maps z onto a unit axis."""
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    x = np.cross(helper, axis)
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, :3] = np.stack([x, np.cross(axis, x), axis], axis=1)
    return T
