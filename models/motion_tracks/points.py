"""Points that a hand and a gripper have in common, by name.

Motion tracks train one policy on people's and on robots' video (MT-pi, Ren et al. 2025, arXiv
2501.06994), so a point must mean the same on both: the wrist, two points of the thumb and two of
the index finger, which are the two fingers of a parallel gripper.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import HAND_JOINTS

HAND_POINTS: dict[str, int] = {name: number for number, name in enumerate(HAND_JOINTS)}
"""Name -> number of a hand's landmark, in MediaPipe's order."""
DEFAULT_POINTS = ("wrist", "thumb_ip", "thumb_tip", "index_dip", "index_tip")
"""MT-pi's five."""
PALM_TO_TIPS_M = 0.15
"""From the wrist to between the fingertips of a hand that grasps: the wrist point of a gripper lies
as far behind its own tips. A convention that both embodiments share, no measurement."""
LAST_PHALANX_M = 0.03
"""From a finger's last joint to its tip, on either."""


def check_points(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if each is a point of the hand and stands once.

    Raises:
        UsageError: One is not, stands twice, or there is none.
    """
    unknown = [name for name in names if name not in HAND_POINTS]
    if unknown or not names or len(set(names)) != len(names):
        raise UsageError(
            f"points must be different points of a hand, got {quoted(names)}; valid ones are "
            f"{quoted(HAND_POINTS)}"
        )
    return tuple(names)


def gripper_points(
    T_frame_ee: Float[np.ndarray, "*batch 4 4"],
    aperture_m: Float[np.ndarray, "*batch"],
) -> Float[np.ndarray, "*batch 5 3"]:
    """`DEFAULT_POINTS` of a parallel gripper, in the frame that its pose is given in [m].

    Args:
        T_frame_ee: End-effector frame of `rotoscope.pipeline.tracks.GripperTrack`: origin between
            the fingertips, x in the approach direction, y from the index to the thumb finger.
        aperture_m: Distance between the fingers [m].
    """
    points_m: np.ndarray = se3.apply(T_frame_ee, gripper_shape(aperture_m))
    return points_m


def gripper_shape(aperture_m: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 5 3"]:
    """`DEFAULT_POINTS` of a gripper in its own end-effector frame [m]."""
    half = np.asarray(aperture_m, dtype=float) / 2
    none = np.zeros_like(half)
    back, joint = none - PALM_TO_TIPS_M, none - LAST_PHALANX_M
    rows = [
        (back, none, none),
        (joint, half, none),
        (none, half, none),
        (joint, -half, none),
        (none, -half, none),
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
