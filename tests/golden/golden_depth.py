"""Golden of the stage that puts hands where a sensor sees them."""

from pathlib import Path
from typing import Any

import numpy as np
from golden_case import Case, run_clip_stage
from golden_hands import CAMERA, seen_hand
from PIL import Image
from video_files import write_video

from rotoscope.models.depth.network_stage import DepthNetwork, DepthNetworkConfig
from rotoscope.pipeline.geometry import pinhole
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe


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


class _Half(DepthNetwork):
    """A network that sees half of every distance."""

    def setup(self) -> None:
        self._output = "depth"
        self._joints_m = iter(seen_hand().joints_m)
        self._estimator = self

    def values(self, picture: np.ndarray) -> np.ndarray:
        out, joints_m = np.full(picture.shape[:2], 1.5), next(self._joints_m)
        scale = picture.shape[1] / CAMERA.width
        for (x, y), z in zip(
            scale * pinhole.project(joints_m, CAMERA.K), joints_m[:, 2], strict=True
        ):
            if np.isfinite([x, y]).all():
                row, column = max(int(y), 0), max(int(x), 0)
                out[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = z / 2
        return out


def depth_network(folder: Path) -> dict[str, Any]:
    hand = seen_hand()
    hand = hand.replace(landmarks_px=pinhole.project(hand.joints_m, CAMERA.K))
    hand = hand.replace(joints_m=hand.joints_m * (1 + 0.05 * np.sin(np.arange(60)))[:, None, None])
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (120, 160, 3), np.uint8) for _ in range(60)]
    clip = Clip(probe(write_video(folder / "noise.mp4", frames=frames)), 0, np.arange(60) / 30)
    stage = _Half(DepthNetworkConfig(model=folder))
    stage.setup()
    return stage.run(clip, {"hands.right": hand, "camera": CAMERA})


CASES: dict[str, Case] = {
    "depth": Case(depth, rtol=1e-6, why="double precision"),
    "depth.network": Case(depth_network, rtol=1e-6, why="double precision"),
}
