"""The ten clips that the cost of a whole run is measured on."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.paths import require_shared_data
from rotoscope.pipeline.assets import asset_path

TEN = (
    "dex_retargeting/human_hand_video.mp4",
    "sam2_gallery/02_cups.mp4",
    "sam2_gallery/03_blocks.mp4",
    "sam2_gallery/bedroom.mp4",
    "decord_testdata/flipping_a_pancake.mkv",
    "tfjs_pose_regression/pose_squats.mp4",
    "vitra_main/03cc49c3-a7d1-445b-9a2a-545c4fae6843.mp4",
    "g1_lerobot/videos_h264/chunk-000/observation.images.cam_high/episode_000010.mp4",
)
"""Real clips of the shared folder; cup.mp4 and box.mp4 from the assets make ten."""


def ten_clips(folder: Path) -> list[Path]:
    """Copies the ten clips into `folder` under plain names."""
    folder.mkdir(parents=True, exist_ok=True)
    data = require_shared_data()
    sources = [data / name for name in TEN] + [asset_path("cup.mp4"), asset_path("box.mp4")]
    out = []
    for source in sources:
        target = folder / source.name
        if not target.exists():
            shutil.copy(source, target)
        out.append(target)
    return out
