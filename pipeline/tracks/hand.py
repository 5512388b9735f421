"""Tracks about one hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks.base import SIDES, Side, Track, require_shape

HAND_JOINTS: tuple[str, ...] = (
    "wrist",
    *(f"thumb_{joint}" for joint in ("cmc", "mcp", "ip", "tip")),
    *(
        f"{finger}_{joint}"
        for finger in ("index", "middle", "ring", "pinky")
        for joint in ("mcp", "pip", "dip", "tip")
    ),
)
"""Joints of a hand in the order of MediaPipe's landmarks."""
NUM_HAND_JOINTS = len(HAND_JOINTS)
HAND_GATES: tuple[str, ...] = (
    "",
    "not_skin",
    "drawn",
    "never_moves",
    "too_short",
    "one_too_many",
    "jumps",
    "too_small",
    "out_of_the_picture",
    "collapsed",
    "low_score",
    "palm_for_back",
    "poor_fit",
    "too_near",
    "too_far",
)
"""Checks of stages that take hands which were found; `HandTrack.gate` indexes into this."""


@dataclass(frozen=True, eq=False)
class HandTrack(Track):
    """One hand over a clip: image landmarks, then (after lift) its metric pose.

    The wrist frame has its origin at the wrist joint; its axes are those of
    `rotoscope.pipeline.geometry.hand_frame.wrist_frame`.
    """

    side: Side
    """Which hand of the person this is, stable over the clip."""
    landmarks_px: Float[np.ndarray, "time 21 2"]
    """Image landmarks [px], MediaPipe's order."""
    hand_m: Float[np.ndarray, "time 21 3"]
    """Joints relative to the hand's center along camera axes [m], from the landmark model."""
    score: Float[np.ndarray, " time"]
    """Confidence of the detector that a hand is there, 0..1; NaN where nothing was found."""
    handedness: Float[np.ndarray, " time"]
    """The model's own probability that this is a right hand, before identity was repaired."""
    valid: Bool[np.ndarray, " time"]
    """The hand was seen in this frame and passed the stage's checks."""
    filled: Bool[np.ndarray, " time"] | None = None
    """Values were put here by the smoother inside a short gap."""
    bridged: Bool[np.ndarray, " time"] | None = None
    """Landmarks were carried here by optical flow from frames on both sides; valid, after lift."""
    gate: UInt8[np.ndarray, " time"] | None = None
    """Which check took the frame last, as an index into `HAND_GATES`; 0 where none did."""
    T_camera_wrist: Float[np.ndarray, "time 4 4"] | None = None
    """Wrist pose in the camera frame [m], after lift."""
    joints_m: Float[np.ndarray, "time 21 3"] | None = None
    """Joints in the camera frame [m], after lift."""
    sigma_position_m: Float[np.ndarray, "time 3"] | None = None
    """1-sigma of the wrist position along camera x, y, z [m]."""
    sigma_rotation_rad: Float[np.ndarray, " time"] | None = None
    """1-sigma of the wrist's rotation [rad]."""
    reprojection_px: Float[np.ndarray, " time"] | None = None
    """Root mean square distance of the lifted joints to the image landmarks [px]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side not in SIDES:
            raise TrackError(f"HandTrack.side must be 'left' or 'right', got {self.side!r}")
        require_shape("HandTrack", "landmarks_px", self.landmarks_px, (NUM_HAND_JOINTS, 2))
        require_shape("HandTrack", "hand_m", self.hand_m, (NUM_HAND_JOINTS, 3))
        require_shape("HandTrack", "T_camera_wrist", self.T_camera_wrist, (4, 4))
        require_shape("HandTrack", "joints_m", self.joints_m, (NUM_HAND_JOINTS, 3))
        require_shape("HandTrack", "sigma_position_m", self.sigma_position_m, (3,))
        if self.gate is not None and self.gate.max(initial=0) >= len(HAND_GATES):
            raise TrackError(
                f"HandTrack.gate must index into HAND_GATES, below {len(HAND_GATES)}, "
                f"got {self.gate.max()}"
            )

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames that have values at all: observed or filled."""
        return self.valid if self.filled is None else self.valid | self.filled


@dataclass(frozen=True, eq=False)
class GripperTrack(Track):
    """A parallel gripper that does what a hand does, in the camera frame.

    End-effector frame: origin between thumb tip and index tip; x forward (the approach
    direction, from the hand towards what it grasps), y from index to thumb side (the closing
    direction), z completing the right-handed frame.
    """

    side: Side
    """Hand that the gripper follows."""
    T_camera_ee: Float[np.ndarray, "time 4 4"]
    """End-effector pose in the camera frame [m]."""
    aperture_m: Float[np.ndarray, " time"]
    """Distance between thumb tip and index tip [m]."""
    opening: Float[np.ndarray, " time"]
    """Gripper opening, 0 closed to 1 open, grasp events applied."""
    grasping: Bool[np.ndarray, " time"]
    """A grasp (pinch or power) is held in this frame."""
    valid: Bool[np.ndarray, " time"]
    """Made from an observed hand."""
    filled: Bool[np.ndarray, " time"]
    """Made from a hand pose that the smoother put into a gap."""
    sigma_position_m: Float[np.ndarray, "time 3"]
    """1-sigma of the end-effector position along camera axes [m]."""
    sigma_rotation_rad: Float[np.ndarray, " time"]
    """1-sigma of its rotation [rad]."""
    sigma_aperture_m: Float[np.ndarray, " time"] | None = None
    """1-sigma of the aperture [m]."""
    max_opening_m: float = 0.08
    """Distance between the fingers that an opening of 1 stands for [m]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side not in SIDES:
            raise TrackError(f"GripperTrack.side must be 'left' or 'right', got {self.side!r}")
        require_shape("GripperTrack", "T_camera_ee", self.T_camera_ee, (4, 4))

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames that have values at all: observed or filled."""
        return self.valid | self.filled
