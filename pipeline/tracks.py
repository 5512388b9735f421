"""Per-frame results of stages, on the clock of their clip.

A track is a frozen dataclass of arrays whose first axis is time. Missing values are NaN with
`valid` False, never zero. Values that a smoother put into a gap are finite with `filled` True and
`valid` False, so that nobody takes them for an observation.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Bool, Float

from pipeline.contract import ActionContract
from pipeline.errors import TrackError
from pipeline.types import CameraSource

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
NUM_HAND_JOINTS = 21


@dataclass(frozen=True, eq=False)
class Track:
    """Base of all tracks. Array fields share their first axis, time, unless named static."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """Array fields that hold one value for the whole clip."""
        return frozenset()

    def __post_init__(self) -> None:
        lengths = {name: len(array) for name, array in self._time_arrays().items()}
        if len(set(lengths.values())) > 1:
            raise TrackError(f"{type(self).__name__}: arrays differ in length: {lengths}")

    def _time_arrays(self) -> dict[str, np.ndarray]:
        return {
            f.name: value
            for f in dataclasses.fields(self)
            if isinstance(value := getattr(self, f.name), np.ndarray)
            and f.name not in self.static_fields()
        }

    @property
    def num_frames(self) -> int | None:
        """Frames on the time axis, or `None` for a track without one."""
        arrays = self._time_arrays()
        return len(next(iter(arrays.values()))) if arrays else None

    def slice(self, start: int, end: int) -> Self:
        """The same track on frames `[start, end)`."""
        return self.replace(**{k: v[start:end] for k, v in self._time_arrays().items()})

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def require_shape(owner: str, name: str, array: np.ndarray | None, tail: tuple[int, ...]) -> None:
    """Raises `TrackError` unless `array` is absent or shaped `(time, *tail)`."""
    if array is not None and (array.ndim != 1 + len(tail) or array.shape[1:] != tail):
        want = "(time" + "".join(f", {n}" for n in tail) + ")"
        raise TrackError(f"{owner}.{name} must have shape {want}, got {array.shape}")


@dataclass(frozen=True, eq=False)
class ShotTrack(Track):
    """Hard cuts of a video."""

    cut: Bool[np.ndarray, " time"]
    """True at the first frame of every shot but the first."""
    change: Float[np.ndarray, " time"]
    """Change against the frame before that the decision was made on [0..255]."""


@dataclass(frozen=True, eq=False)
class Camera(Track):
    """Pinhole intrinsics of a clip."""

    K: Float[np.ndarray, "3 3"]
    """Intrinsic matrix [px], for the frame after rotation."""
    width: int
    """Pixels across."""
    height: int
    """Pixels down."""
    source: CameraSource
    """Where K came from: the recipe, the file's metadata, or a field-of-view assumption."""
    sigma_focal_rel: float
    """1-sigma of the focal length as a fraction of it; scale and depth inherit it."""
    distortion: tuple[float, ...] = ()
    """OpenCV distortion coefficients (k1, k2, p1, p2[, k3]); empty for none."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """All of it: intrinsics hold for the whole clip."""
        return frozenset({"K"})

    def __post_init__(self) -> None:
        if self.K.shape != (3, 3) or not np.isfinite(self.K).all():
            raise TrackError(f"Camera.K must be a finite 3x3 matrix, got {self.K!r}")


@dataclass(frozen=True, eq=False)
class HandTrack(Track):
    """One hand over a clip: image landmarks, then (after lift) its metric pose.

    The wrist frame has its origin at the wrist joint; its axes are those of
    `pipeline.geometry.hand_frame.wrist_frame`.
    """

    side: Side
    """Which hand of the person this is, stable over the clip."""
    landmarks_px: Float[np.ndarray, "time 21 2"]
    """Image landmarks [px], MediaPipe's order."""
    hand_m: Float[np.ndarray, "time 21 3"]
    """Joints relative to the hand's centre along camera axes [m], from the landmark model."""
    score: Float[np.ndarray, " time"]
    """Confidence of the detector that a hand is there, 0..1; NaN where nothing was found."""
    handedness: Float[np.ndarray, " time"]
    """The model's own probability that this is a right hand, before identity was repaired."""
    valid: Bool[np.ndarray, " time"]
    """The hand was seen in this frame and passed the stage's checks."""
    filled: Bool[np.ndarray, " time"] | None = None
    """Values were put here by the smoother inside a short gap."""
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
    """Which hand it follows."""
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side not in SIDES:
            raise TrackError(f"GripperTrack.side must be 'left' or 'right', got {self.side!r}")
        require_shape("GripperTrack", "T_camera_ee", self.T_camera_ee, (4, 4))

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames that have values at all: observed or filled."""
        return self.valid | self.filled


@dataclass(frozen=True, eq=False)
class ActionTrack(Track):
    """Robot states that a labeler inferred, frame by frame, and how far to trust them.

    `values[t]` is the robot's absolute state at the frame's own time; the exporter turns states
    into actions by the contract's shift.
    """

    labeler: str
    """Kind of the stage that made it."""
    subject: str
    """Whom it follows: `left`, `right`, or `scene`."""
    contract: ActionContract
    """What each number means."""
    values: Float[np.ndarray, "time action"]
    """Absolute values in the contract's units; NaN where unknown."""
    valid: Bool[np.ndarray, " time"]
    """Observed, reachable, inside every limit."""
    confidence: Float[np.ndarray, " time"]
    """0..1; 0 where nothing is known."""
    reason: np.ndarray
    """Why a frame is not valid, as an index into `REASONS` (uint8); 0 where it is."""
    ee_values: Float[np.ndarray, "time 7"] | None = None
    """The end effector that these states reach: x y z wx wy wz gripper_pos, robot base frame."""
    target_error_m: Float[np.ndarray, " time"] | None = None
    """Distance between the wanted and the reached end-effector position [m]."""
    target_error_rad: Float[np.ndarray, " time"] | None = None
    """Angle between the wanted and the reached end-effector rotation [rad]."""
    T_camera_base: Float[np.ndarray, "4 4"] | None = None
    """Where the robot's base was placed in the camera frame [m]."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """The base stands still."""
        return frozenset({"T_camera_base"})

    def __post_init__(self) -> None:
        super().__post_init__()
        require_shape("ActionTrack", "values", self.values, (len(self.contract.dimensions),))
        require_shape("ActionTrack", "ee_values", self.ee_values, (7,))
        bad = self.valid & ~np.isfinite(self.values).all(axis=1)
        if bad.any():
            raise TrackError(
                f"ActionTrack: {int(bad.sum())} frames are marked valid but hold NaN "
                f"(first at frame {int(np.argmax(bad))}); mark them invalid"
            )


REASONS: tuple[str, ...] = (
    "valid",
    "not_seen",
    "gap_filled",
    "unreachable",
    "velocity_limit",
    "low_confidence",
)
"""Why a frame's action is not valid; `ActionTrack.reason` indexes into this."""


@dataclass(frozen=True, eq=False)
class SegmentTrack(Track):
    """Which stretches of a clip become episodes, by action track."""

    actions: str
    """Name of the action track that the spans belong to."""
    start: tuple[int, ...]
    """First frame of each kept span."""
    end: tuple[int, ...]
    """One past the last frame of each."""
    dropped: dict[str, int]
    """Frames that were not kept, by reason."""


@dataclass(frozen=True, eq=False)
class ClockTrack(Track):
    """When each frame of a video is shown, as decoding found it."""

    time_s: Float[np.ndarray, " time"]
    """Presentation time of each frame [s], the first at 0."""
