"""Writes one episode's pictures as an H.264 file, the same bytes for the same input.

Which x264 preset, measured on four real clips at 640 px across, a key frame every second frame,
crf 23, one thread (`python -m benchmarks encode` measures it again): scaling and `ultrafast` take
1.3 to 1.9 ms of CPU a frame, `superfast` 2.7 to 3.7, `veryfast` 3.2 to 5.0. The error is the same
within 0.2 levels; `ultrafast` files are 0.95 to 1.4 times as large as `superfast` ones and 1.6
times as large as `veryfast` ones. `ultrafast` is the default: a run's CPU is dearer than its disk,
and the files, without CABAC and deblocking, are also the quickest to read in training.
"""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.container
import av.video.stream
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from jaxtyping import Float, UInt8

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import disk_errors
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.fit import Fit, fit_into
from rotoscope.pipeline.video.image_stats import ImageStats
from rotoscope.pipeline.video.mosaic import hide
from rotoscope.pipeline.video.picture import LIMITED, PictureMaker, Planes, packed, plane_of

BLACK_YUV = (16, 128, 128)
NOTHING = np.zeros((0, 4))
"""No box is hidden."""
TAG_BT601 = 6
"""SMPTE 170M, the number that H.264 has for BT.601's matrix. One matrix for all episodes: LeRobot
joins their files, and readers that ignore the tag assume this one."""
STATS_EVERY = 5
"""Frames between two that the statistics look at."""
STATS_STRIDE = 4
"""Pixels between two that they look at, across and down."""


class EpisodeEncoder:
    """Writes an MP4 of exactly one size and rate: frame `k` is shown at `k / fps`.

    Pictures of another shape are scaled and get black bars. The file is complete when the `with`
    block ends without an error; after an error it must be thrown away.

    Args:
        path: Where to write; an existing file is replaced. See
            `rotoscope.pipeline.files.atomic` for safe names.
        width: Pixels across, even.
        height: Pixels down, even.
        fps: Frames per second.
        g: A key frame every `g` frames. LeRobot uses 2: training reads frames in random order.
        crf: H.264's constant rate factor; lower is better and larger.
        preset: x264's speed; see this module's own measurements.

    Raises:
        DiskFullError: No space is left.
        UsageError: A side is odd or not positive, or there was no frame at all.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        width: int,
        height: int,
        fps: int,
        g: int = 2,
        crf: int = 23,
        preset: str = "ultrafast",
    ) -> None:
        self.path = Path(path)
        self.fps, self.num_frames = fps, 0
        self.width, self.height = width, height
        self._fits: dict[tuple[int, int], Fit] = {}
        self.fit(width, height)
        self._canvas = av.VideoFrame(width, height, "yuv420p")
        self._drawn_fit: Fit | None = None
        self._last: object = None
        self._maker = PictureMaker(0)
        self._stats, self._thin = ImageStats(), VideoReformatter()
        with disk_errors(self.path):
            self._container = av.open(
                f"file:{os.fspath(self.path)}",
                "w",
                format="mp4",
                options={"movflags": "+faststart", "fflags": "+bitexact"},
            )
        self._stream = self._add_stream({"g": str(g), "crf": str(crf), "preset": preset})

    def fit(self, width: int, height: int) -> Fit:
        """Where pixels of a picture of this size come to lie in the written one."""
        size = (width, height)
        if size not in self._fits:
            self._fits[size] = fit_into(width, height, self.width, self.height)
        return self._fits[size]

    def add(
        self,
        frame: Frame | av.VideoFrame | UInt8[np.ndarray, "height width 3"],
        *,
        hidden: Float[np.ndarray, "box 4"] = NOTHING,
    ) -> None:
        """Writes the next frame.

        Args:
            frame: A frame of `read_frames`, which is scaled straight from what was decoded; a
                PyAV frame, whose turn is not applied; or an RGB image. The same object given again
                is neither scaled nor converted again.
            hidden: What the written picture does not show: left, top, right, bottom [px of
                `frame`].

        Raises:
            DiskFullError: No space is left.
        """
        if frame is not self._last:
            self._draw(frame, hidden)
            self._last = frame
        if self.num_frames % STATS_EVERY == 0:
            self._stats.add(self._thinned())
        # The encoder copies the canvas, which it cannot hold on to.
        self._canvas.pts = self.num_frames
        self._canvas.time_base = Fraction(1, self.fps)
        with disk_errors(self.path):
            self._container.mux(self._stream.encode(self._canvas))
        self.num_frames += 1

    def stats(self) -> dict[str, np.ndarray]:
        """Statistics of the frames so far, as LeRobot stores them; see `ImageStats.stats`."""
        return self._stats.stats()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._last = None
        if kind is not None:
            # What made writing fail makes finishing the file fail too; the first error counts.
            with contextlib.suppress(OSError):
                self._container.close()
            return
        if self.num_frames == 0:
            self._container.close()
            raise UsageError(f"no frame was written to {self.path}; an episode has at least one")
        with disk_errors(self.path):
            try:
                self._container.mux(self._stream.encode(None))
            finally:
                self._container.close()

    def _add_stream(self, options: dict[str, str]) -> av.video.stream.VideoStream:
        stream = self._container.add_stream("libx264", rate=self.fps)
        context = stream.codec_context
        context.width, context.height = self._canvas.width, self._canvas.height
        context.pix_fmt = "yuv420p"
        context.thread_count = 1
        # Without B-frames decoding order is showing order, and LeRobot can join files as they are.
        context.max_b_frames = 0
        context.colorspace, context.color_range = TAG_BT601, LIMITED
        context.options = {"flags": "+bitexact", **options}
        return stream

    def _draw(
        self, frame: Frame | av.VideoFrame | np.ndarray, hidden: Float[np.ndarray, "box 4"]
    ) -> None:
        """Puts a picture onto the canvas, without what is hidden."""
        planes, fit = self._scaled(frame)
        if fit != self._drawn_fit:
            for index, level in enumerate(BLACK_YUV):
                plane_of(self._canvas, index)[:] = level
            self._drawn_fit = fit
        for index, plane in enumerate(planes):
            half = 1 if index == 0 else 2
            rows = slice(fit.y // half, (fit.y + fit.height) // half)
            columns = slice(fit.x // half, (fit.x + fit.width) // half)
            plane_of(self._canvas, index)[rows, columns] = plane
            if len(hidden):
                corner = np.tile([fit.x, fit.y], 2)
                boxes = hidden * np.tile([fit.scale_x, fit.scale_y], 2) + corner
                hide(plane_of(self._canvas, index), boxes / half)

    def _scaled(self, frame: Frame | av.VideoFrame | np.ndarray) -> tuple[Planes, Fit]:
        if isinstance(frame, Frame):
            if frame.to_scaled is not None and frame.size is not None:
                fit = self.fit(*frame.size)
                return frame.to_scaled(fit.width, fit.height), fit
            frame = frame.rgb
        if isinstance(frame, np.ndarray):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        fit = self.fit(frame.width, frame.height)
        return self._maker.scaled(frame, fit.width, fit.height), fit

    def _thinned(self) -> np.ndarray:
        """Every few pixels of the canvas, in RGB."""
        width = max(2, self._canvas.width // STATS_STRIDE)
        height = max(2, self._canvas.height // STATS_STRIDE)
        thin = self._thin.reformat(
            self._canvas,
            width=width,
            height=height,
            format="rgb24",
            interpolation=Interpolation.POINT,
        )
        return packed(thin, 0, 3)
