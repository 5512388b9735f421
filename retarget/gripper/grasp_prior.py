"""How people hold a thing: where the gripper points, seen from the palm, before fingers are seen.

The palm is found to 10 degrees where a frame of two fingertips jitters and, where the thumb is
hidden, is off by 30 to 60. So the gripper's rotation is that of the palm times what captured
grasps have in common, moved towards the fingertips as far as these are sure.

The prior comes from 45 motion-captured grasps (the half `DEVELOPMENT` of the GRAB recordings in
the MyoDM set, by things; frames in which the thing has moved by a centimeter, each grasp counted
once). About the gripper's own axes they spread by 21, 6 and 14 degrees. Other grasps are in it as
their spread says: a scanned person's and one of MANO's lie 20 to 38 degrees away.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.geometry.hand_frame import INDEX_TIP, MIDDLE_MCP, THUMB_TIP, WRIST
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.gripper.hidden_tips import hidden_tips
from rotoscope.retarget.gripper.pose import gripper_pose

MEAN_RAD = np.array([-1.131, -0.524, 0.020])
"""Rotation vector of the gripper in the wrist frame of a right hand at `MEAN_APERTURE` [rad]."""
MEAN_APERTURE = 0.6
"""Distance of thumb tip and index tip over the palm's length."""
TURN_PER_APERTURE_RAD = np.array([-0.342, -0.103, -0.147])
"""How much further the gripper turns about its own axes for each palm length of aperture [rad]."""
_APERTURES = (0.1, 1.3)
PRIOR_SIGMA_RAD = 0.40
"""1-sigma of the prior: 23 degrees about three axes together."""
SEEN_TURN_M, HIDDEN_TURN_M = 0.020, 0.060
"""1-sigma of a tip that is seen and of one that the hand hides, as far as they turn the frame
[m]: twice what they are off, since the joints behind them turn it too."""
_SPREAD_SHARE, _CONTRADICTION_SHARE = 0.7, 0.4
"""How much of the mean's own spread, and of the angle between palm and fingertips, is stated.
These and the sigmas above were chosen on the kinds `DEVELOPMENT` of `benchmarks._hand_kinds`."""

_MIRROR = np.array([-1.0, 1.0, 1.0])


def likely_pose(
    joints_m: Float[np.ndarray, "time 21 3"], side: Side
) -> tuple[Float[np.ndarray, "time 4 4"], Float[np.ndarray, " time"]]:
    """The likely end-effector pose, and what its rotation is unsure by beside the wrist's [rad].

    Where it is stands in `gripper_pose`. A rotation between palm and fingertips, with the weights
    of their variances, is a smooth function of the joints.

    Args:
        joints_m: Joints in the camera frame, whose origin is the camera [m].
        side: Which hand it is.
    """
    if side == "left":
        pose, spread_rad = likely_pose(joints_m * _MIRROR, "right")
        pose[:, :3] *= _MIRROR[:, None]
        pose[:, :3, 2] *= -1.0
        return pose, spread_rad
    pose = gripper_pose(joints_m, side)
    aperture_m = np.linalg.norm(joints_m[:, THUMB_TIP] - joints_m[:, INDEX_TIP], axis=1)
    palm_m = np.linalg.norm(joints_m[:, MIDDLE_MCP] - joints_m[:, WRIST], axis=1)
    expected = hand_frame.wrist_rotation(joints_m, side) @ _offset(aperture_m / palm_m)
    tips_m2 = SEEN_TURN_M**2 + (HIDDEN_TURN_M**2 - SEEN_TURN_M**2) * hidden_tips(joints_m)
    fingers_rad = np.arctan2(np.sqrt(tips_m2.sum(axis=1)), aperture_m)
    weight = PRIOR_SIGMA_RAD**2 / (PRIOR_SIGMA_RAD**2 + fingers_rad**2)
    apart = se3.log_so3(np.swapaxes(expected, 1, 2) @ pose[:, :3, :3])
    pose[:, :3, :3] = expected @ se3.exp_so3(weight[:, None] * apart)
    own_rad = _SPREAD_SHARE * np.sqrt(weight) * fingers_rad
    contradiction_rad = _CONTRADICTION_SHARE * np.linalg.norm(apart, axis=1)
    return pose, np.hypot(own_rad, contradiction_rad)


def _offset(aperture: Float[np.ndarray, " time"]) -> Float[np.ndarray, "time 3 3"]:
    """The gripper in the wrist frame of a right hand, for apertures in palm lengths."""
    beyond = np.clip(aperture, *_APERTURES) - MEAN_APERTURE
    turned = se3.exp_so3(beyond[:, None] * TURN_PER_APERTURE_RAD)
    offset: np.ndarray = se3.exp_so3(MEAN_RAD) @ turned
    return offset
