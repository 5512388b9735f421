"""Where the end effector of an arm is, and what is missing to where it should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3


@dataclass(frozen=True, eq=False)
class Pose:
    """End effector in the base frame, for a batch of joint values."""

    R: Float[np.ndarray, "batch 3 3"]
    """Rotation."""
    p_m: Float[np.ndarray, "batch 3"]
    """Position [m]."""
    J: Float[np.ndarray, "batch 6 joint"] | None = None
    """Geometric Jacobian, where asked for: linear then angular velocity in the base frame."""

    @property
    def matrix(self) -> Float[np.ndarray, "batch 4 4"]:
        """The pose as homogeneous matrices [m]."""
        return se3.make(self.R, self.p_m)


def pose_error(
    reached: Pose,
    R_target: Float[np.ndarray, "batch 3 3"],
    p_target_m: Float[np.ndarray, "batch 3"],
) -> Float[np.ndarray, "batch 6"]:
    """What is missing to the target, in the base frame: position [m], rotation vector [rad]."""
    rotation = se3.log_so3(R_target @ np.swapaxes(reached.R, 1, 2))
    return np.concatenate([p_target_m - reached.p_m, rotation], axis=1)
