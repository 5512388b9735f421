"""What MediaPipe's 21 hand landmarks mean on the body model: fixed offsets from its joints.

MediaPipe marks other points than the body model's rig: its wrist lies in the heel of the hand,
not in the forearm, its knuckles nearer to the palm's skin, its tips inside the pad. The table was
measured once: resting hands of five bodies, 18 known views each (palm and back, yaw and pitch
-35, 0, 35 degrees), every landmark triangulated from all views, the mean over the bodies taken.
Their standard deviation over the bodies is at most 0.5 % of the palm's length, so they are a
convention, not an error of a view. `python -m benchmarks landmark_convention` measures them again
on other bodies.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import hand_frame

OFFSETS: Float[np.ndarray, "21 3"] = np.array(
    [
        (0.008, -0.031, 0.149),
        (0.135, 0.081, -0.014),
        (0.051, 0.051, 0.088),
        (0.017, -0.034, 0.015),
        (-0.018, -0.026, -0.031),
        (0.063, -0.023, -0.049),
        (0.085, 0.009, 0.024),
        (0.061, 0.016, 0.018),
        (-0.017, -0.011, -0.041),
        (0.077, 0.018, -0.037),
        (0.059, 0.016, 0.025),
        (0.035, 0.009, -0.005),
        (-0.036, 0.001, -0.054),
        (0.077, 0.019, -0.040),
        (0.067, 0.003, 0.023),
        (0.041, 0.003, 0.004),
        (-0.037, 0.021, -0.054),
        (0.049, 0.029, -0.044),
        (0.044, 0.002, 0.000),
        (0.030, -0.012, 0.009),
        (-0.014, 0.004, -0.027),
    ]
)
"""Landmark minus rig joint at rest, in the rig's wrist frame, as a share of the rig's distance
from the wrist to the root of the middle finger."""

OWN_BONE = (2, 3, 4, 5, 5, 2, 7, 8, 8, 2, 10, 11, 11, 2, 13, 14, 14, 2, 16, 17, 17)
"""Bone (index into `arm.BONES`) that starts at each landmark; its offset turns with it..."""
OTHER_BONE = (2, 2, 3, 4, 5, 2, 6, 7, 8, 2, 9, 10, 11, 2, 12, 13, 14, 2, 15, 16, 17)
"""...and with the bone that ends there, half and half: skin over a joint moves with both."""


def offsets(rig_joints_at_rest: Float[np.ndarray, "21 3"]) -> Float[np.ndarray, "21 3"]:
    """The table for one right hand at rest [m], in the frame its joints are given in."""
    span = rig_joints_at_rest[hand_frame.MIDDLE_MCP] - rig_joints_at_rest[hand_frame.WRIST]
    R = hand_frame.wrist_rotation(rig_joints_at_rest, "right")
    scaled: np.ndarray = np.linalg.norm(span) * OFFSETS @ R.T
    return scaled
