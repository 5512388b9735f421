"""Frames on a robot, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.arrays import Array


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame fixed to a link, whose motion is of interest."""

    link: str
    """Link of the robot's file."""
    T_link_frame: Float[np.ndarray, "4 4"]
    """The frame in that link [m]."""

    @classmethod
    def at(cls, link: str, offset_m: Sequence[float] = (0.0, 0.0, 0.0)) -> Frame:
        """A point of a link, with that link's axes."""
        return cls(link, se3.make(np.eye(3), np.array(offset_m, float)))


@dataclass(frozen=True, eq=False)
class FramePoses:
    """Where the frames are in the world (the root link's frame for a robot that stands still)."""

    p_m: Array
    """Positions, (time, frame, 3) [m]."""
    R: Array
    """Rotations, (time, frame, 3, 3)."""
    J_p: Array = None
    """How positions change with each column, (time, column, frame, 3)."""
    J_w: Array = None
    """How rotations change with each column: world rotation vector, (time, column, frame, 3)."""


@runtime_checkable
class Kinematics(Protocol):
    """Anything that can say where its frames are: what an optimizer needs to know of a robot."""

    @property
    def size(self) -> int:
        """Columns times frames: how large its Jacobian is."""

    def forward_kinematics(
        self,
        x: Array,
        R_reference: Array = None,
        *,
        jacobian: bool = False,
        rotations: bool = True,
        workspace: dict[str, Array] | None = None,
    ) -> FramePoses:
        """Where the frames are, and on demand how they move, for configurations (time, column)."""
