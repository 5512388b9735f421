"""Recordings of still cameras, seen by a camera that turns: real pictures with an exact turn.

The middle of each picture is warped by the homography of a rotation. The clips chose no constant of
`rotoscope.models.camera`; those that did (box, dex_retargeting, 02_cups, 03_blocks) are left out.
What moves in them is on hand tracks in `cup` alone: a person and robot arms are on none.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from benchmarks._camera_scenes import RATE_HZ
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

Motion = Literal["still", "pan", "pan_roll", "shake"]
MOTIONS: tuple[Motion, ...] = ("still", "pan", "pan_roll", "shake")
CLIPS = {
    "cup": None,
    "squats": "tfjs_pose_regression/pose_squats.mp4",
    "bridge": "simpler_real_clips/bridge_real_1.mp4",
    "gr1": "gr00t_picknplace/videos/chunk-000/observation.images.ego_view/episode_000000.mp4",
}
"""Clips whose camera stands still; `cup` is the demo's."""
SHOWN = 0.75
"""Share of the width and height that is shown."""
FOCAL = 0.8
"""Focal length over the picture's long side: 64 degrees."""
MAX_FRAMES = 120
_SWING_RAD, _PERIOD_FRAMES = np.radians(5.0), 90


@dataclass(frozen=True)
class Warp:
    """One clip under one motion."""

    clip: str
    motion: Motion

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"warp_{self.clip}_{self.motion}"


def warp_file(warp: Warp, data: Path) -> Path:
    """The recording that is warped."""
    place = CLIPS[warp.clip]
    return asset_path(f"{warp.clip}.mp4") if place is None else data / place


def rotations(warp: Warp, num_frames: int) -> Float[np.ndarray, "time 3 3"]:
    """Turned camera to the recording's own, frame by frame."""
    swing = _SWING_RAD * np.sin(2 * np.pi * np.arange(num_frames) / _PERIOD_FRAMES)
    zero = np.zeros(num_frames)
    if warp.motion == "pan":
        turn = np.stack([zero, swing, zero], axis=1)
    elif warp.motion == "pan_roll":
        turn = np.stack([0.4 * np.roll(swing, 20), swing, 0.5 * swing], axis=1)
    elif warp.motion == "shake":
        rng = np.random.default_rng(7)
        kernel = np.hanning(13)
        white = rng.normal(size=(num_frames + 12, 3))
        smooth = np.stack([np.convolve(c, kernel, "valid") for c in white.T], axis=1)
        turn = np.radians(1.0) * smooth / np.sqrt((kernel**2).sum())
    else:
        turn = np.zeros((num_frames, 3))
    return se3.exp_so3(turn)


def render_warp(
    warp: Warp, data: Path
) -> tuple[bytes, Float[np.ndarray, "3 3"], Float[np.ndarray, "time 4 4"]]:
    """An MP4 file, the turned camera's K [px] and its poses in the recording's own camera."""
    import av
    import cv2

    video = probe(warp_file(warp, data))
    num = min(video.num_frames, MAX_FRAMES)
    width, height = (2 * round(SHOWN * size / 2) for size in (video.width, video.height))
    focal_px = FOCAL * max(video.width, video.height)
    own, turned = (
        np.array([[focal_px, 0, w / 2], [0, focal_px, h / 2], [0, 0, 1]])
        for w, h in ((video.width, video.height), (width, height))
    )
    # OpenCV's pixel centers lie at whole numbers, ours half a pixel further.
    to_centers = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    R = rotations(warp, num)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "20", "preset": "fast", "threads": "1"}
        for index, frame in enumerate(read_frames(video, end=num)):
            H = to_centers @ own @ R[index] @ np.linalg.inv(turned) @ np.linalg.inv(to_centers)
            image = cv2.warpPerspective(
                frame.rgb,
                H,
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT,
            )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue(), turned, se3.make(R, np.zeros((num, 3)))
