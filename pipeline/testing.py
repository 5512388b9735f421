"""Videos, clips and tracks for tests of stages, one's own too: say what matters, the rest is there.

`a_clip(60)` is two seconds of video of which a stage sees the facts alone; `a_hand_track(60)` is a
hand that was seen in each of its frames. Whatever a keyword names is set to that.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion.rest_skeleton import forward, mean_person, our_joints
from rotoscope.pipeline.tracks import BODY_JOINTS, NUM_HAND_JOINTS, BodyTrack, HandTrack, Side
from rotoscope.pipeline.types import Clip, Frame, Video

HAND_AT_M = np.array([0.0, 0.0, 0.5])
"""Where the wrist of `a_hand_track` is: half a meter before the camera [m]."""
BODY_AT_M = np.array([0.0, 0.0, 3.0])
"""Where the pelvis of `a_body_track` is [m]."""


def a_video(num_frames: int = 30, *, rate_hz: float = 30.0, **facts: Any) -> Video:
    """Facts of a video file of 640 x 480 px, which need not be there.

    Args:
        num_frames: Frames in it.
        rate_hz: Frames per second [Hz].
        facts: Other fields of `Video`.
    """
    made: dict[str, Any] = {
        "path": Path("video.mp4"),
        "sha256": "0" * 64,
        "size_bytes": 1,
        "width": 640,
        "height": 480,
        "rotation_deg": 0,
        "codec": "h264",
        "pixel_format": "yuv420p",
        "num_frames": num_frames,
        "duration_s": num_frames / rate_hz,
        "rate_hz": rate_hz,
        "is_variable_rate": False,
    }
    return Video(**made | facts)


def a_motion_file(num_frames: int = 30, *, rate_hz: float = 30.0, **facts: Any) -> Video:
    """Facts of a motion file, which has no pictures; see `a_video`."""
    none = {"path": Path("motion.bvh"), "codec": "motion", "pixel_format": "", "width": 0}
    return a_video(num_frames, rate_hz=rate_hz, **none | {"height": 0} | facts)


def a_clip(
    time_s: int | Float[np.ndarray, " time"] = 30,
    *,
    start: int = 0,
    rate_hz: float = 30.0,
    video: Video | None = None,
    **facts: Any,
) -> Clip:
    """A clip of a video.

    Args:
        time_s: When each of its frames is shown [s]; or how many there are, evenly spaced.
        start: Its first frame, counted in the video.
        rate_hz: Frames per second [Hz].
        video: What it is part of; one that ends with it where `None`.
        facts: Fields of that video, see `a_video`.
    """
    if isinstance(time_s, int):
        time_s = np.arange(start, start + time_s) / rate_hz
    video = video or a_video(start + len(time_s), rate_hz=rate_hz, **facts)
    return Clip(video, start, time_s)


def a_frame(
    rgb: UInt8[np.ndarray, "height width 3"], index: int = 0, rate_hz: float = 30.0
) -> Frame:
    """A decoded frame, for the `observe` of a `FrameStage`."""
    return Frame(index, index / rate_hz, lambda: rgb)


def a_hand_track(
    joints_m: int | Float[np.ndarray, "time 21 3"] = 30, /, *, side: Side = "right", **fields: Any
) -> HandTrack:
    """A lifted hand, seen wherever its joints are finite.

    Args:
        joints_m: Joints in the camera frame [m]; or how many frames a flat, resting hand has.
        side: `left` or `right`.
        fields: Other fields of `HandTrack`; the wrist's axes are those of the camera.
    """
    if isinstance(joints_m, int):
        finger, knuckle = np.divmod(np.arange(NUM_HAND_JOINTS) - 1, 4)
        rest = np.stack([0.02 * finger - 0.04, -0.03 * (knuckle + 1.0), 0.0 * finger], axis=1)
        rest[0] = 0.0
        joints_m = np.tile(HAND_AT_M + rest, (joints_m, 1, 1))
    num = len(joints_m)
    made: dict[str, Any] = {
        "side": side,
        "landmarks_px": 600.0 * joints_m[:, :, :2] / joints_m[:, :, 2:] + np.array([320.0, 240.0]),
        "hand_m": joints_m - joints_m.mean(axis=1, keepdims=True),
        "score": np.ones(num),
        "handedness": np.full(num, float(side == "right")),
        "valid": np.isfinite(joints_m).all(axis=(1, 2)),
        "T_camera_wrist": se3.make(np.tile(np.eye(3), (num, 1, 1)), joints_m[:, 0]),
        "joints_m": joints_m,
        "sigma_position_m": np.full((num, 3), 0.01),
        "sigma_rotation_rad": np.full(num, 0.1),
    }
    return HandTrack(**made | fields)


def a_body_track(
    joints_m: int | Float[np.ndarray, "time body_joint 3"] = 30,
    /,
    *,
    subject: str = "person0",
    **fields: Any,
) -> BodyTrack:
    """A lifted person, seen wherever a joint is finite.

    Args:
        joints_m: `BODY_JOINTS` in the source frame [m]; or how many frames somebody stands still
            before a camera (y down).
        subject: Whom it follows.
        fields: Other fields of `BodyTrack`.
    """
    if isinstance(joints_m, int):
        joints_m = np.tile(BODY_AT_M + _standing_m(), (joints_m, 1, 1))
    valid = np.isfinite(joints_m).any(axis=(1, 2))
    made = {"subject": subject, "score": valid.astype(float), "valid": valid, "joints_m": joints_m}
    return BodyTrack(**made | fields)


def a_video_file(
    path: Path,
    images: Iterable[UInt8[np.ndarray, "height width 3"]],
    *,
    size: tuple[int, int] = (160, 120),
    rate_hz: int = 30,
) -> Path:
    """Writes RGB images as an H.264 video; the same images give the same bytes.

    Args:
        path: Where to, such as `clip.mp4`.
        images: One a frame; another shape than `size` gets black bars.
        size: Width and height of the video [px].
        rate_hz: Frames per second.
    """
    from rotoscope.pipeline.video.encode import EpisodeEncoder

    with EpisodeEncoder(path, width=size[0], height=size[1], fps=rate_hz) as encoder:
        for image in images:
            encoder.add(image)
    return path


def _standing_m() -> Float[np.ndarray, "body_joint 3"]:
    """`BODY_JOINTS` of a mean person, arms sideways, from the pelvis [m]: y down, left is +x."""
    rest = mean_person()
    names, points = forward(rest, np.tile(np.eye(3), (1, 22, 1, 1)), -rest.joints_m[:1])
    ours = our_joints(names)
    # SMPL's rest pose has y up and looks along z; here y points down and the camera is looked at.
    joints = np.stack([points[0, list(ours[name])].mean(axis=0) for name in BODY_JOINTS])
    return joints * np.array([1.0, -1.0, -1.0])
