"""Which clips the video benchmarks run on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av

from benchmarks.paths import require_shared_data
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError

SHARED = {
    "dex720": "dex_retargeting/human_hand_video.mp4",
    "cups720": "sam2_gallery/02_cups.mp4",
    "blocks720": "sam2_gallery/03_blocks.mp4",
    "bedroom540": "sam2_gallery/bedroom.mp4",
    "pancake240": "decord_testdata/flipping_a_pancake.mkv",
    "g1_480": "g1_lerobot/videos_h264/chunk-000/observation.images.cam_high/episode_000010.mp4",
    "g1_480_av1": "g1_lerobot/videos/chunk-000/observation.images.cam_high/episode_000028.mp4",
}
"""Names and places of real clips below the shared folder."""
ENCODERS = {
    "hevc": ("libx265", {"preset": "superfast", "x265-params": "log-level=none"}, "mp4"),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "6", "b": "2M"}, "webm"),
    "mpeg4": ("mpeg4", {"b": "4M"}, "avi"),
}
"""How a clip is written in the other codecs: encoder, options, container."""


def real_clips() -> dict[str, Path]:
    """Real clips by name: the shared ones, and the two sample assets where they were fetched."""
    folder = require_shared_data()
    clips = {name: folder / place for name, place in SHARED.items()}
    for name in ("cup", "box"):
        try:
            clips[f"{name}480"] = asset_path(f"{name}.mp4")
        except AssetError:
            continue
    return clips


@contextmanager
def in_other_codecs(source: Path, num_frames: int) -> Iterator[dict[str, Path]]:
    """The first frames of a clip in HEVC, VP9 and MPEG-4, as long as the `with` block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        yield {
            codec: _rewrite(
                source, Path(folder) / f"{codec}.{suffix}", encoder, options, num_frames
            )
            for codec, (encoder, options, suffix) in ENCODERS.items()
        }


def _rewrite(
    source: Path, target: Path, encoder: str, options: dict[str, str], num_frames: int
) -> Path:
    with av.open(os.fspath(source)) as reader, av.open(os.fspath(target), "w") as writer:
        stream = writer.add_stream(encoder, rate=30, options=options)
        for index, frame in enumerate(reader.decode(video=0)):
            if index == num_frames:
                break
            if index == 0:
                stream.width, stream.height = frame.width, frame.height
                stream.pix_fmt = "yuv420p"
            frame.pts, frame.time_base, frame.pict_type = index, Fraction(1, 30), 0
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return target
