"""The wanted motion between its frames, at every timestep of a simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3


@dataclass(frozen=True, eq=False)
class WantedPath:
    """The wanted motion at every timestep."""

    joints: Float[np.ndarray, "step joint"]
    joint_velocity: Float[np.ndarray, "step joint"]
    root_m: Float[np.ndarray, "step 3"]
    root_m_s: Float[np.ndarray, "step 3"]
    turn: Float[np.ndarray, "step 3 3"]
    """Rotation of the root."""
    root_rad_s: Float[np.ndarray, "step 3"]
    """Angular velocity along world axes [rad/s]."""


Interpolate = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], WantedPath]
"""Makes the path of times, joints, root positions and root rotations of the frames."""


def interpolate(
    time_s: Float[np.ndarray, " time"],
    joints: Float[np.ndarray, "time joint"],
    root_m: Float[np.ndarray, "time 3"],
    root_R: Float[np.ndarray, "time 3 3"],
    step_s: Float[np.ndarray, " step"],
) -> WantedPath:
    """The wanted motion between the frames: cubic splines; rotations turn on geodesics."""
    from scipy.interpolate import CubicSpline

    joint_path, root_path = CubicSpline(time_s, joints), CubicSpline(time_s, root_m)
    turn = se3.log_so3(np.swapaxes(root_R[:-1], 1, 2) @ root_R[1:])
    # R(t) = R_k exp(s log(R_k' R_k+1)), which turns at a constant rate between two frames.
    interval = np.clip(np.searchsorted(time_s, step_s, side="right") - 1, 0, len(time_s) - 2)
    length = np.diff(time_s)[interval]
    share = ((step_s - time_s[interval]) / length)[:, None]
    before = root_R[interval]
    return WantedPath(
        joints=joint_path(step_s),
        joint_velocity=joint_path(step_s, 1),
        root_m=root_path(step_s),
        root_m_s=root_path(step_s, 1),
        turn=before @ se3.exp_so3(share * turn[interval]),
        root_rad_s=(before @ (turn[interval] / length[:, None])[..., None])[..., 0],
    )


def held(
    time_s: Float[np.ndarray, " time"],
    joints: Float[np.ndarray, "time joint"],
    root_m: Float[np.ndarray, "time 3"],
    root_R: Float[np.ndarray, "time 3 3"],
    step_s: Float[np.ndarray, " step"],
) -> WantedPath:
    """The same where each frame's joints are commanded until the next frame, at rest.

    A frame is what shall be reached at its time: it is commanded from the frame before on, as a
    program does that sends one row after another and knows no velocities.
    """
    path = interpolate(time_s, joints, root_m, root_R, step_s)
    sent = np.clip(np.searchsorted(time_s, step_s, side="left"), 0, len(time_s) - 1)
    return replace(path, joints=joints[sent], joint_velocity=np.zeros_like(path.joint_velocity))
