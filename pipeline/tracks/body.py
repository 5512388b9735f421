"""Tracks about a whole person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks.base import SIDES, Track, require_shape

BODY_JOINTS: tuple[str, ...] = (
    "pelvis",
    "neck",
    "head",
    *(
        f"{side}_{joint}"
        for side in SIDES
        for joint in (
            *("shoulder", "elbow", "wrist", "hand"),
            *("hip", "knee", "ankle", "heel", "toe"),
        )
    ),
)
"""Joints of a `BodyTrack`, in order. `pelvis` is the middle of the hips, `neck` that of the
shoulders, `head` the middle of the head; `hand` is the middle of the knuckles, `toe` the ball of
the foot or the big toe's base."""


@dataclass(frozen=True, eq=False)
class BodyTrack(Track):
    """One person over a clip: image landmarks, then metric joints, then ground and foot contacts.

    Joints stand in the source frame: the camera's for video, the file's own for motion capture.
    The world frame has z up and the ground at z = 0; `T_world_source` leads to it.
    """

    subject: str
    """Name of the person, such as `person0`; stable over the clip."""
    score: Float[np.ndarray, " time"]
    """Confidence of the detector that a person is there, 0..1; NaN where nothing was found."""
    valid: Bool[np.ndarray, " time"]
    """The person was seen in this frame and passed the stage's checks."""
    landmarks_px: Float[np.ndarray, "time 33 2"] | None = None
    """MediaPipe's 33 image landmarks [px]; `None` where there was no video."""
    landmarks_m: Float[np.ndarray, "time 33 3"] | None = None
    """The same from the landmark model relative to the middle of the hips, camera axes [m]."""
    visibility: Float[np.ndarray, "time body_joint"] | None = None
    """Probability that each of `BODY_JOINTS` is inside the picture and not hidden, 0..1."""
    joints_m: Float[np.ndarray, "time body_joint 3"] | None = None
    """`BODY_JOINTS` in the source frame [m]; NaN for a joint that the source does not have."""
    sigma_m: Float[np.ndarray, "time 3"] | None = None
    """1-sigma of the body's position along the source frame's axes [m]."""
    sigma_joint_m: Float[np.ndarray, "time body_joint"] | None = None
    """1-sigma of each joint relative to the pelvis, a standard deviation per axis [m]."""
    filled: Bool[np.ndarray, " time"] | None = None
    """Values were put here by the smoother inside a short gap."""
    implausible: Bool[np.ndarray, " time"] | None = None
    """The body does there what none can, such as a jump of the track; set by `ground`."""
    T_world_source: Float[np.ndarray, "4 4"] | None = None
    """Source frame in the world frame [m]: z up, ground at z = 0; after `ground`."""
    contact: Bool[np.ndarray, "time 2"] | None = None
    """The left, the right foot stands on the ground; after `ground`."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """The source stands still in the world."""
        return frozenset({"T_world_source"})

    def __post_init__(self) -> None:
        super().__post_init__()
        num_joints = len(BODY_JOINTS)
        require_shape("BodyTrack", "landmarks_px", self.landmarks_px, (33, 2))
        require_shape("BodyTrack", "landmarks_m", self.landmarks_m, (33, 3))
        require_shape("BodyTrack", "visibility", self.visibility, (num_joints,))
        require_shape("BodyTrack", "joints_m", self.joints_m, (num_joints, 3))
        require_shape("BodyTrack", "sigma_m", self.sigma_m, (3,))
        require_shape("BodyTrack", "sigma_joint_m", self.sigma_joint_m, (num_joints,))
        require_shape("BodyTrack", "contact", self.contact, (2,))

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames that have values at all: observed or filled."""
        return self.valid if self.filled is None else self.valid | self.filled

    @property
    def joints_world_m(self) -> Float[np.ndarray, "time body_joint 3"]:
        """`BODY_JOINTS` in the world frame [m].

        Raises:
            TrackError: The body was not lifted, or its ground not found.
        """
        if self.joints_m is None or self.T_world_source is None:
            raise TrackError(
                "BodyTrack has no joints in the world frame; put the stages `lift_body` (for "
                "video) and `ground` before this one"
            )
        T = self.T_world_source
        return np.asarray(self.joints_m @ T[:3, :3].T + T[:3, 3])


@dataclass(frozen=True, eq=False)
class SmplxTrack(Track):
    """One person as parameters of the body model SMPL-X (Pavlakos et al. 2019).

    They stand in the frame of the joints that they were fitted to: the source frame of `BodyTrack`.
    Rotation vectors [rad] as the package `smplx` takes them: the pelvis lies at its place in the
    rest pose plus `transl_m`; hands and face stay at rest.
    """

    subject: str
    """Name of the person, such as `person0`."""
    model: str
    """Name of the licensed model file that the parameters belong to."""
    betas: Float[np.ndarray, " shape"]
    """Shape, one for the whole clip, in standard deviations of the model's population."""
    global_orient: Float[np.ndarray, "time 3"]
    """Rotation of the pelvis; NaN where nothing is known."""
    transl_m: Float[np.ndarray, "time 3"]
    """Translation [m]."""
    body_pose: Float[np.ndarray, "time 63"]
    """Rotations of the 21 body joints after the pelvis, each relative to its parent."""
    valid: Bool[np.ndarray, " time"]
    """The body was observed and the model's joints lie near its joints."""
    joint_error_m: Float[np.ndarray, " time"]
    """Root mean square distance of the model's joints to those of the body [m]."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """A person keeps one shape."""
        return frozenset({"betas"})

    def __post_init__(self) -> None:
        super().__post_init__()
        require_shape("SmplxTrack", "global_orient", self.global_orient, (3,))
        require_shape("SmplxTrack", "transl_m", self.transl_m, (3,))
        require_shape("SmplxTrack", "body_pose", self.body_pose, (63,))
