"""Stage `points.network`: points followed by a network that the user has, as a TorchScript file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.points.corners import new_corners
from rotoscope.models.points.result import point_tracks
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.types import Frame, Video

NETWORK_SIGMA_PX = 1.0
"""1-sigma of a seen point in the network's picture [px]: networks of this kind put 70 % of points
within 2 px of 256 (TAP-Vid-DAVIS; Karaev et al. 2024, Doersch et al. 2023)."""
HIDDEN_SIGMA_PX = 4.0
"""The same where the network says that it is hidden [px]."""


class PointsNetworkConfig(StageConfig):
    """Which network, and what it wants."""

    model: Path
    """TorchScript file."""
    convention: Literal["cotracker", "tapir"] = "cotracker"
    """`cotracker`: video (1, time, 3, height, width) of 0..255 and queries (1, point, [t, x, y])
    give tracks (1, time, point, 2) and visibility (1, time, point). `tapir`: video
    (1, time, height, width, 3) of -1..1 and queries (1, point, [t, y, x]) give tracks
    (1, point, time, 2), then logits of being hidden and of being off, (1, point, time) each."""
    num_points: int = Field(default=150, ge=8, le=1024)
    """Points that are followed at a time."""
    width_px: int = Field(default=512, ge=64, le=1920)
    """Width of the network's pictures [px]."""
    height_px: int = Field(default=384, ge=64, le=1920)
    """Height of the network's pictures [px]."""
    window_frames: int = Field(default=48, ge=2, le=512)
    """Frames that it sees at a time. The points of a window's last frame are asked for in the
    next."""
    device: Device = "auto"
    """Where the network runs."""


class PointsNetwork(FrameStage):
    """Follows points by a network of CoTracker's or TAPIR's kind; provides what `points` does."""

    kind: ClassVar[str] = "points.network"
    version: ClassVar[str] = "1"
    provides: ClassVar[tuple[str, ...]] = ("points", "quality.points")
    packages: ClassVar[tuple[str, ...]] = ("torch", "opencv-contrib-python")
    Config: ClassVar[type[StageConfig]] = PointsNetworkConfig
    config: PointsNetworkConfig

    def cache_token(self) -> str:
        """The network's bytes."""
        return hashlib.sha256(self._file().read_bytes()).hexdigest()

    def setup(self) -> None:
        """Loads the network; one thread, so that videos side by side do not fight.

        Raises:
            UsageError: There is no such file or device, or it is no TorchScript.
        """
        import torch

        torch.set_num_threads(1)
        path = self._file()
        try:
            load: Any = torch.jit.load
            self._place = torch_device(self.config.device)
            self._network = load(str(path), map_location=self._place).eval()
        except RuntimeError as error:
            first = str(error).strip().splitlines()[0]
            raise UsageError(
                f"points.network.model={path} is no TorchScript file ({first}); write it with "
                "torch.jit.trace or torch.jit.script and torch.jit.save"
            ) from error

    def begin(self, video: Video) -> None:
        """Starts a new video."""
        self._size = (self.config.width_px, self.config.height_px)
        self._to_frame = np.array([video.width, video.height]) / self._size
        self._window: list[np.ndarray] = []
        self._points: list[np.ndarray] = []
        self._seen: list[np.ndarray] = []
        self._ids: list[np.ndarray] = []
        self._next_id = 0

    def observe(self, frame: Frame) -> None:
        """Keeps the frame until its window is full."""
        import cv2

        small = cv2.resize(frame.rgb, self._size, interpolation=cv2.INTER_AREA)
        self._window.append(np.asarray(small))
        if len(self._window) == self.config.window_frames:
            self._follow()

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """The tracks `points` and `quality.points`.

        Raises:
            TrackError: `time_s` does not hold one time per observed frame.
        """
        if len(self._window) > 1 or not self._points:
            self._follow()
        seen, ids = np.concatenate(self._seen), np.concatenate(self._ids)
        sigma = np.where(seen, NETWORK_SIGMA_PX, HIDDEN_SIGMA_PX)
        return point_tracks(
            self.kind,
            time_s,
            points=np.concatenate(self._points),
            ids=ids,
            seen=seen,
            sigma=np.where(ids >= 0, sigma, np.nan),
            to_frame=self._to_frame,
        )

    def _follow(self) -> None:
        """Follows the points through the window; its last frame begins the next one."""
        num = self.config.num_points
        points, ids = np.full((num, 2), np.nan), np.full(num, -1)
        if self._points:
            last, kept = self._points[-1][-1], self._seen[-1][-1] & (self._ids[-1][-1] >= 0)
            points[kept], ids[kept] = last[kept], self._ids[-1][-1][kept]
        gray = np.ascontiguousarray(self._window[0][..., 1])
        free = np.flatnonzero(ids < 0)
        new = new_corners(gray, points[ids >= 0], len(free))
        points[free[: len(new)]] = new
        ids[free[: len(new)]] = self._next_id + np.arange(len(new))
        self._next_id += len(new)
        tracks = np.full((len(self._window), num, 2), np.nan)
        seen = np.zeros((len(self._window), num), bool)
        held = ids >= 0
        if held.any():
            tracks[:, held], seen[:, held] = self._ask(np.stack(self._window), points[held])
        start = 1 if self._points else 0  # the first frame was the last of the window before
        self._points.append(tracks[start:])
        self._seen.append(seen[start:])
        self._ids.append(np.tile(ids, (len(tracks) - start, 1)))
        self._window = self._window[-1:]

    def _ask(
        self, video: np.ndarray, points: Float[np.ndarray, "point 2"]
    ) -> tuple[Float[np.ndarray, "time point 2"], Bool[np.ndarray, "time point"]]:
        import torch

        is_tapir = self.config.convention == "tapir"
        at = points[:, ::-1] if is_tapir else points
        queries = torch.tensor(np.concatenate([np.zeros((len(at), 1)), at], axis=1)[None]).float()
        pictures = torch.from_numpy(video).float()[None]
        pictures = pictures / 127.5 - 1 if is_tapir else pictures.permute(0, 1, 4, 2, 3)
        try:
            with torch.inference_mode():
                out = self._network(pictures.to(self._place), queries.to(self._place))
        except RuntimeError as error:
            last = str(error).strip().splitlines()[-1]
            raise UsageError(
                f"points.network.model={self.config.model} does not take video "
                f"{tuple(pictures.shape)} and queries {tuple(queries.shape)} ({last}); is it of "
                f"another convention than points.network.convention={self.config.convention}?"
            ) from error
        return self._read(out, (len(video), len(points)), is_tapir=is_tapir)

    def _read(
        self, out: Any, shape: tuple[int, int], *, is_tapir: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        num_parts, axes = (3, (1, 0)) if is_tapir else (2, (0, 1))
        parts = tuple(out)[:num_parts] if isinstance(out, tuple | list) else (out,)
        wanted = (1, *(shape[a] for a in axes))
        shapes = [tuple(getattr(part, "shape", ())) for part in parts]
        if shapes != [(*wanted, 2), *[wanted] * (num_parts - 1)]:
            raise UsageError(
                f"points.network.model={self.config.model} gave arrays of shape {shapes}; for "
                f"{self.config.convention} {[(*wanted, 2), *[wanted] * (num_parts - 1)]} is "
                "wanted: it is another kind of model"
            )
        arrays = [np.asarray(part[0].cpu(), dtype=float) for part in parts]
        if not all(np.isfinite(array).all() for array in arrays):
            raise UsageError(
                f"points.network.model={self.config.model} gave numbers that are not finite; are "
                "its weights whole?"
            )
        if is_tapir:
            # A point counts as seen where it is neither hidden nor far off (Doersch et al. 2023).
            hidden, off = (1 / (1 + np.exp(-array)) for array in arrays[1:])
            return arrays[0].swapaxes(0, 1), ((1 - hidden) * (1 - off) > 0.5).T
        return arrays[0], arrays[1] > 0.5

    def _file(self) -> Path:
        path = self.config.model.expanduser()
        if not path.is_file():
            raise UsageError(
                f"points.network.model={self.config.model} is not there; give a TorchScript file "
                "of a point tracker, or take the stage `points`, which needs none"
            )
        return path
