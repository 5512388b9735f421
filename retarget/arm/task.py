"""What of a wanted pose an arm is asked for, by what its joints can bring about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.kinematics.end_effector import Pose, pose_error
from rotoscope.retarget.robots.rank import Follows

DEFAULT_TOLERANCE_M = 5e-3
"""Position error that still counts as reached [m]."""
DEFAULT_TOLERANCE_RAD = float(np.deg2rad(3.0))
"""Rotation error that still counts as reached [rad]."""


@dataclass(frozen=True)
class ArmTask:
    """How errors of a pose are weighed against each other."""

    follows: Follows
    """What is judged: the whole rotation, the direction of approach, or none of it."""
    lever_m: float
    """A radian of rotation error counts as much as this distance [m]."""
    rotation_factor: float
    """What the 1-sigma of a wanted rotation is multiplied by."""

    @property
    def scale(self) -> Float[np.ndarray, " 6"]:
        """What positions and rotations are multiplied by to be distances [m]."""
        return np.repeat([1.0, self.lever_m], 3)

    def missed(
        self,
        reached: Pose,
        R_target: Float[np.ndarray, "batch 3 3"],
        p_target_m: Float[np.ndarray, "batch 3"],
    ) -> Float[np.ndarray, "batch 6"]:
        """What is missing to a target, as distances [m]."""
        return pose_error(reached, R_target, p_target_m) * self.scale

    def angle(
        self, R: Float[np.ndarray, "batch 3 3"], R_target: Float[np.ndarray, "batch 3 3"]
    ) -> Float[np.ndarray, " batch"]:
        """The angle that is judged [rad]: of the rotation, or between directions of approach."""
        if self.follows == "position":
            return np.zeros(len(R))
        if self.follows == "pose":
            return np.asarray(se3.angle_between(R, R_target))
        x, wanted = R[..., 0], R_target[..., 0]
        # atan2 of sine and cosine keeps small angles exact.
        sine = np.linalg.norm(np.cross(x, wanted), axis=-1)
        return np.asarray(np.arctan2(sine, np.sum(x * wanted, axis=-1)))


TASKS: dict[Follows, ArmTask] = {
    "pose": ArmTask("pose", 0.25, 1.0),
    "approach": ArmTask("approach", 0.08, 10.0),
    "position": ArmTask("position", 0.0, 1e3),
}
"""A gripper and a wrist are 0.25 m long. Where rotations cannot be met in full they must not take
from positions: a sigma of 0.1 rad, and of levers from 0.02 to 0.25 m the one with which SO-101
follows most frames of dex_retargeting's clip and of the hands of `benchmarks._arm_clips`."""
