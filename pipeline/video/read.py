"""Frames of a video, one after another, in constant memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Literal

import av
import av.container
import av.error
import av.video.stream
import numpy as np

from rotoscope.pipeline.errors import DamagedVideoError, UnreasonableVideoError, UsageError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video.container import PacketTable, decode, open_video, read_packets
from rotoscope.pipeline.video.picture import PictureMaker
from rotoscope.pipeline.video.plain_picture import HLG, PQ

Backend = Literal["auto", "pyav", "decord"]
DECORD_COST: dict[str, float] = {"h264": 1.6, "hevc": 1.7, "vp9": 1.7, "mpeg4": 2.2}
"""CPU time of decord for an RGB frame over PyAV's, by codec, as `python -m benchmarks decode`
measures it. Codecs that decord cannot read (AV1, GIF) or that were not measured are absent. `auto`
takes decord only where this is below 1, which is nowhere: decord converts every frame to RGB
through a filter graph, PyAV only those that are asked for, straight from the decoder."""
HIDING_CODECS = frozenset({"vp8", "mpeg4", "msmpeg4v3"})
"""Codecs with packets that are shown to nobody on purpose (VP8's alternate references, frames that
MPEG-4 marks as not coded): they may give fewer frames than packets."""
MAX_HIDDEN_SHARE = 0.5
NONE_KEPT: Mapping[int, Frame] = MappingProxyType({})


def read_frames(
    video: Video,
    *,
    backend: Backend = "auto",
    start: int = 0,
    end: int | None = None,
    kept: Mapping[int, Frame] = NONE_KEPT,
) -> Iterator[Frame]:
    """Frames `[start, end)` of a video, upright, on one thread.

    Frame `k` is the k-th that the decoder gives and is shown at the k-th presentation time of the
    file, the first frame at 0. Color is converted only when a frame is asked for its picture,
    which may be done as long as the frame is kept; keeping frames keeps their memory.

    A file counts as damaged when a packet cannot be decoded, when the decoder marks a frame as
    corrupt, or when fewer frames come than packets are to be shown. The last does not hold for
    codecs with packets that show nothing by design (`HIDING_CODECS`), and never counts what an
    edit list hides or what comes before the first key frame. H.264, MPEG-4 and AV1 notice most
    damage; HEVC, VP9 and GIF decode some of it to wrong pixels without a word.

    Args:
        video: What `probe` found.
        backend: The decoder; `auto` takes the better one for the codec. Does not count for a
            folder of pictures.
        start: First frame; reading begins at a key frame before it where that is safe.
        end: One past the last frame; `None` for all.
        kept: Frames of this video that were decoded before, by their place in it; where the whole
            span is among them nothing is decoded.

    Raises:
        DamagedVideoError: Decoding broke off; says how many of how many frames came before.
        UnreasonableVideoError: The picture changes its size on the way.
        NotAVideoError: The file is gone or no longer a video.
        UsageError: The span is empty or reaches outside of the video.
    """
    stop = video.num_frames if end is None else end
    if not 0 <= start < stop <= video.num_frames:
        raise UsageError(
            f"frames [{start}, {stop}) are not inside {display_name(video.path)}, which has "
            f"{video.num_frames}"
        )
    if kept and all(index in kept for index in range(start, stop)):
        return (replace(kept[index], _cache={}) for index in range(start, stop))
    if video.path.is_dir():
        from rotoscope.pipeline.video.image_read import read_folder

        return read_folder(video, start, stop)
    if choose_backend(video, backend) == "decord":
        if video.pixel_aspect != 1.0 or video.transfer in (HLG, PQ):
            raise UsageError(
                f"{display_name(video.path)} has pixels that are not square or high dynamic range, "
                "which decord shows as stored; use the backend 'pyav' or 'auto'"
            )
        from rotoscope.pipeline.video.decord_reader import read_with_decord

        return read_with_decord(video, start, stop)
    return _read_with_pyav(video, start, stop)


def choose_backend(video: Video, backend: Backend = "auto") -> Literal["pyav", "decord"]:
    """The decoder that `backend` means for a video."""
    if backend != "auto":
        return backend
    is_plain = video.pixel_aspect == 1.0 and video.transfer not in (HLG, PQ)
    return "decord" if is_plain and DECORD_COST.get(video.codec, np.inf) < 1 else "pyav"


def _read_with_pyav(video: Video, start: int, end: int) -> Iterator[Frame]:
    shown = display_name(video.path)
    with open_video(video.path) as (container, stream):
        table = read_packets(container, stream, shown)
    maker = PictureMaker(
        video.rotation_deg,
        is_mirrored=video.is_mirrored,
        pixel_aspect=video.pixel_aspect,
        transfer=video.transfer,
    )
    for first in dict.fromkeys((_key_before(table, video, start), 0)):
        with open_video(video.path) as (container, stream):
            pictures = _decode(container, stream, table, first)
            numbered = _Numbering(video, table, shown, first, end).of(pictures)
            head = next(numbered, None)
            if head is None or (first and not _is_safe_start(head[2], table, first)):
                continue
            for index, time_s, picture in itertools.chain([head], numbered):
                if index >= start:
                    yield Frame(
                        index=index,
                        time_s=time_s,
                        to_rgb=partial(maker.rgb, picture),
                        to_gray=partial(maker.luma, picture),
                        to_scaled=partial(maker.scaled, picture),
                        size=(video.width, video.height),
                        num_bytes=sum(plane.buffer_size for plane in picture.planes),
                    )
            return


def _key_before(table: PacketTable, video: Video, start: int) -> int:
    """The last frame up to `start` from which frames can be decoded and still be numbered."""
    if not table.is_seekable or video.codec in HIDING_CODECS:
        return 0
    keys = np.flatnonzero(table.is_key[: start + 1])
    return int(keys[-1]) if len(keys) else 0


def _is_safe_start(picture: av.VideoFrame, table: PacketTable, first: int) -> bool:
    """Whether a seek arrived where it should; fields of a frame may come in two packets."""
    return picture.pts == table.ticks[first] and not picture.interlaced_frame


def _decode(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    table: PacketTable,
    first: int,
) -> Iterator[av.VideoFrame]:
    """Pictures in the order they are shown, from frame `first` on."""
    origin = int(table.ticks[first])
    if first:
        container.seek(origin, stream=stream)
    for picture in decode(container, stream):
        # Pictures shown before the key frame that decoding began at may lack what they refer to.
        if picture.pts is None or picture.pts >= origin:
            yield picture


class _Numbering:
    """Gives decoded pictures their numbers and times, and notices what is missing."""

    def __init__(self, video: Video, table: PacketTable, shown: str, first: int, end: int) -> None:
        self.video, self.table, self.shown = video, table, shown
        self.index, self.end = first, end
        self.row = first - 1
        self.may_hide = video.codec in HIDING_CODECS
        self.size: tuple[int, int] | None = None

    def of(self, pictures: Iterator[av.VideoFrame]) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """Number, time and picture, up to the frame before `end`."""
        while self.index < self.end:
            picture = self._next(pictures)
            if picture is None:
                self._check_count()
                return
            yield self.index, self._time_s(picture), picture
            self.index += 1

    def _next(self, pictures: Iterator[av.VideoFrame]) -> av.VideoFrame | None:
        try:
            picture = next(pictures, None)
        except (av.error.FFmpegError, OSError) as error:
            raise self._damaged(f"the next packet cannot be decoded ({error.strerror})") from error
        if picture is None:
            return None
        if picture.is_corrupt:
            raise self._damaged("the decoder marks the next one as corrupt")
        self.size = self.size or (picture.width, picture.height)
        if (picture.width, picture.height) != self.size:
            raise UnreasonableVideoError(
                f"{self.shown} changes from {self.size[0]} x {self.size[1]} to {picture.width} x "
                f"{picture.height} pixels at frame {self.index}; write it anew at one size with "
                "'ffmpeg -i IN -vf scale=W:H OUT.mp4'"
            )
        self.may_hide = self.may_hide or picture.interlaced_frame
        return picture

    def _time_s(self, picture: av.VideoFrame) -> float:
        ticks, time_s = self.table.ticks, self.table.clock.time_s
        self.row += 1
        # Where packets may be hidden, the frame's own stamp tells which were; elsewhere counting
        # is safer, since some files carry their stamps in the wrong order.
        if self.may_hide and picture.pts is not None:
            row = int(np.searchsorted(ticks, picture.pts))
            if self.row < row < len(ticks) and ticks[row] == picture.pts:
                self.row = row
        # A stamp that skips too far leaves more frames than times: they follow at the usual rate.
        beyond = max(0, self.row - (len(ticks) - 1))
        stamp_s = float(time_s[self.row - beyond]) + beyond / self.table.clock.rate_hz
        return stamp_s * self.video.time_scale

    def _check_count(self) -> None:
        is_too_few = self.index < (1 - MAX_HIDDEN_SHARE) * self.end
        if not self.may_hide or is_too_few:
            raise self._damaged("the stream ends")

    def _damaged(self, what: str) -> DamagedVideoError:
        return DamagedVideoError(
            f"{self.shown}: {what} after {self.index} of {self.video.num_frames} frames; copy it "
            "again, or keep what can be read with "
            "'ffmpeg -err_detect ignore_err -i IN OUT.mp4'"
        )
