"""Golden of the stage that puts hands where a sensor sees them."""

from pathlib import Path
from typing import Any

import numpy as np
from golden_case import Case, run_clip_stage
from golden_hands import CAMERA, seen_hand
from PIL import Image

from rotoscope.pipeline.geometry import pinhole
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.types import Clip


def depth(folder: Path) -> dict[str, Any]:
    hand = seen_hand()
    place = folder / "golden.depth"
    place.mkdir()
    for frame, joints_m in enumerate(hand.joints_m):
        picture = np.full((240, 320), 2000, np.uint16)
        for (x, y), z in zip(pinhole.project(joints_m, CAMERA.K) / 2, joints_m[:, 2], strict=True):
            if np.isfinite([x, y]).all():
                row, column = max(int(y), 0), max(int(x), 0)
                picture[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = 1100 * z
        Image.fromarray(picture).save(place / f"{frame:03d}.png")
    hand = hand.replace(landmarks_px=pinhole.project(hand.joints_m, CAMERA.K))
    clip = Clip(a_video(60, path=folder / "golden.mp4"), 0, np.arange(60) / 30)
    return run_clip_stage("depth", clip, {"hands.right": hand, "camera": CAMERA})


CASES: dict[str, Case] = {"depth": Case(depth, rtol=1e-6, why="double precision")}
