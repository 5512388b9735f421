"""What the YAML file of a robot with two arms says: which arms, and where each of them stands."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.description.locate import NamedSection, Section
from rotoscope.retarget.robots.config import ArmConfig, Vector3


class MountedArm(Section):
    """One of two arms, and where it is mounted."""

    arm: str | ArmConfig
    """An arm of `configs/robots`, the path of a YAML file like those, or what such a file says:
    for robots whose one file holds both arms."""
    base_m: Vector3 = (0.0, 0.0, 0.0)
    """Its base link in the frame of both [m]: x forward, y left, z up."""
    base_yaw_rad: float = 0.0
    """How far its base is turned to the left about z [rad]."""

    @property
    def base_pose(self) -> Float[np.ndarray, "4 4"]:
        """Its base link in the frame of both [m]."""
        return se3.make(se3.exp_so3(np.array([0.0, 0.0, self.base_yaw_rad])), np.array(self.base_m))


class TwoArmsConfig(NamedSection):
    """Two arms that stand together: one file of `configs/robots` with `kind: two_arms`."""

    kind: Literal["two_arms"]
    """Which kind of robot the file is about."""
    left: MountedArm
    """The arm that follows the left hand."""
    right: MountedArm
    """The arm that follows the right hand."""
    stands_on_table: bool = True
    """Whether the bases stand on the table that is worked on, which is then at z = 0; arms on a
    body or a pedestal do not."""
    margin_m: float = Field(default=0.02, ge=0)
    """Distance that the two arms keep from each other where they can [m]."""

    def mounts(self) -> dict[Side, MountedArm]:
        """The arms by side, left first."""
        return {"left": self.left, "right": self.right}
