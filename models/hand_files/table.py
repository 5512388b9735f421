"""What every reader gives: one row per hand that was found in a frame, whoever found it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.hands.plausibility import curl_towards_palm
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry.hand_frame import MIDDLE_MCP, WRIST
from rotoscope.pipeline.tracks import SIDES

PALM_RANGE_M = (0.04, 0.14)
"""Wrist to the root of the middle finger, of children to very large hands: elsewhere the unit is
not meters."""
_CURLED = 0.1
"""Curl, in palm lengths, from which fingers show which hand it is."""


@dataclass(frozen=True, eq=False)
class FileCamera:
    """What a file says about the camera."""

    K: Float[np.ndarray, "3 3"]
    """Intrinsic matrix [px] of a picture of `size`."""
    size: tuple[int, int]
    """Width and height [px] that K belongs to."""
    sigma_focal_rel: float = 0.01
    """1-sigma of the focal length as a share of it."""

    def __post_init__(self) -> None:
        if min(self.size) < 1 or not (self.K[0, 0] > 0 and self.K[1, 1] > 0):
            raise MotionError(
                f"a camera of {self.size[0]} x {self.size[1]} pixels with focal lengths of "
                f"{self.K[0, 0]:g} and {self.K[1, 1]:g} px cannot be meant; all must be positive"
            )


@dataclass(frozen=True, eq=False)
class HandTable:
    """Hands of one person over a video, as a file holds them."""

    source: str
    """What the file is, in words, for the record."""
    is_right: Bool[np.ndarray, " row"]
    """Which hand each row is."""
    joints_m: Float[np.ndarray, "row 21 3"]
    """Joints [m] in MediaPipe's order; NaN where unknown."""
    frame: Int[np.ndarray, " row"] | None = None
    """Frame of the video, from 0; else `time_s` says when."""
    time_s: Float[np.ndarray, " row"] | None = None
    """Time of each row on the video's clock [s]."""
    confidence: Float[np.ndarray, " row"] | None = None
    """The tracker's own, 0..1."""
    sigma_position_m: Float[np.ndarray, "row 3"] | None = None
    """1-sigma of the wrist's position along camera axes [m], where the file states it."""
    sigma_rotation_rad: Float[np.ndarray, " row"] | None = None
    """1-sigma of the wrist's rotation [rad], where the file states it."""
    is_measured: bool = False
    """Whether distances were measured, by stereo or depth; one camera alone guesses them from the
    size of the hand."""
    camera: FileCamera | None = None
    """Intrinsics; those of the recipe where `None`."""
    nominal_focal_px: Float[np.ndarray, " row"] | None = None
    """Focal length [px] that a network calculated with and that is no estimate of the camera's;
    its principal point is the middle of the picture."""
    T_world_camera: Float[np.ndarray, "frame 4 4"] | None = None
    """Camera pose of each frame of the video; joints are then in the world's frame."""
    assumed: tuple[str, ...] = field(default=())
    """What the file does not say, one sentence each."""

    def __post_init__(self) -> None:
        if (self.frame is None) == (self.time_s is None):
            raise MotionError(f"{self.source} must give either 'frame' or 'time_s' for every row")


def palm_length(table: HandTable) -> float:
    """From the wrist to the root of the middle finger [m]: the median over all hands of the file.

    A file is about one person, so one size holds for both hands and all clips of the video.
    """
    return float(np.nanmedian(_palms(table.joints_m)))


def _palms(joints_m: Float[np.ndarray, "row 21 3"]) -> Float[np.ndarray, " row"]:
    return np.asarray(np.linalg.norm(joints_m[:, MIDDLE_MCP] - joints_m[:, WRIST], axis=1))


def counted_from(table: HandTable, first_frame: int) -> HandTable:
    """The same hands, their frames counted from 0.

    Raises:
        MotionError: A frame lies before the first.
    """
    if table.frame is None or first_frame == 0:
        return table
    if (table.frame < first_frame).any():
        raise MotionError(
            f"{table.source} has a hand in frame {table.frame.min()}, before the video's first, "
            f"which first_frame says is {first_frame}"
        )
    return replace(table, frame=table.frame - first_frame)


def check_hands(table: HandTable) -> None:
    """Refuses hands of another unit, and hands that are mirror images of what they are called.

    Raises:
        MotionError: They are; or no row holds a hand.
    """
    if not np.isfinite(_palms(table.joints_m)).any():
        raise MotionError(f"{table.source} holds no hand: every row lacks joints")
    median_m, (low, high) = palm_length(table), PALM_RANGE_M
    if not low <= median_m <= high:
        raise MotionError(
            f"{table.source}: the root of the middle finger is {median_m:.4g} from the wrist; "
            f"hands have {low:g} to {high:g} m; give joints in meters and in MediaPipe's order"
        )
    for side in SIDES:
        if is_mirrored(table.joints_m, table.is_right, side == "right"):
            raise MotionError(
                f"{table.source}: fingers of the {side} hand bend backwards, so its joints are a "
                "mirror image: another side is meant, or a network's right hand in a mirrored "
                "picture was not mirrored back (x of the joints about the hand's own origin)"
            )


def is_mirrored(
    joints_m: Float[np.ndarray, "row 21 3"], is_right: Bool[np.ndarray, " row"], right: bool
) -> bool:
    """Whether most hands of a side that show it bend their fingers backwards."""
    rows = joints_m[(is_right == right) & np.isfinite(joints_m).all(axis=(1, 2))]
    curl = curl_towards_palm(rows, "right" if right else "left")
    telling = curl[np.abs(curl) > _CURLED]
    return len(telling) > 0 and float((telling < 0).mean()) > 0.5
