"""Opens video files with FFmpeg, through PyAV, so that only a local video can come of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error
import av.stream
import av.video.stream
import numpy as np
from jaxtyping import Bool, Int

from rotoscope.pipeline.errors import DamagedVideoError, NotAVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.video.clock import Clock, fill_missing, make_clock, unrolled
from rotoscope.pipeline.video.truncation import MP4_BOXES

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpeg,mpegts,flv,live_flv,asf,ogg,mxf,nut,ivf,"
    "wtv,rm,dv"
)
"""Containers that are read. Playlists, pictures and text, which FFmpeg opens too, are not: they
are no videos, and a playlist can make the reader open other files or addresses."""
_OPEN_ONLY = {
    "format_whitelist": FORMATS,
    "protocol_whitelist": "file",
    # What a reference movie of QuickTime refers to stays closed.
    "enable_drefs": "0",
}
"""Options of the demuxer; those that a format does not have are no error."""
MAX_SIDE_PX = 16_384
"""Longest side that is believed [px]; H.264 and HEVC end there too."""

MIN_SHOWN_SHARE = 0.05
"""An edit list that shows no more than this share of the frames cannot be meant."""


@dataclass(frozen=True, eq=False)
class PacketTable:
    """The frames that a file holds, by their packets, in the order they are shown."""

    ticks: Int[np.ndarray, " time"]
    """Presentation stamp of each frame, in ticks of the stream, sorted."""
    is_key: Bool[np.ndarray, " time"]
    """Whether decoding can start at the frame."""
    clock: Clock
    """When each is shown, in seconds."""
    is_seekable: bool
    """Whether every stamp came from the file as it is and no two are equal."""
    joints: tuple[int, ...] = ()
    """Frames at which another take begins, in files that were joined end to end."""


@contextlib.contextmanager
def open_video(
    path: Path,
) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Yields the open container and its main video stream, set to decode on one thread.

    Every video file is opened for reading here, whoever it is for: no other file and no address
    is opened with it.

    Raises:
        NotAVideoError: Not there, not readable, not a video, or without a picture stream.
        UnreasonableVideoError: The header's picture size cannot be meant.
    """
    shown = display_name(path)
    try:
        # `file:` keeps a name such as `concat:a|b.mp4` from being taken for an address.
        # Not `options`: PyAV 15 gives those to a list of streams that is too short where a format
        # finds its streams while it is probed (FLV, MPEG), and reads beyond it.
        container = av.open(
            f"file:{os.fspath(path)}", container_options=_OPEN_ONLY, metadata_errors="replace"
        )
    except (av.error.FFmpegError, OSError, ValueError, UnicodeError) as error:
        raise NotAVideoError(_why_not_opened(path, error)) from error
    with container:
        yield container, _main_stream(container, shown)


def packets(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Iterator[av.Packet]:
    """All packets of a stream from where the container stands, and the empty one that flushes.

    Raises:
        av.error.FFmpegError: The file cannot be read to its end.
    """
    # Where another stream turns up on the way (MPEG, FLV), PyAV 15 asks its list of streams for
    # it, but only after it has flushed the ones that it knows.
    with contextlib.suppress(IndexError):
        yield from container.demux(stream)


def decode(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Iterator[av.VideoFrame]:
    """All frames of a stream from where the container stands; raises as `packets`."""
    for packet in packets(container, stream):
        yield from stream.decode(packet)


def read_packets(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    shown: str,
    *,
    look: Callable[[av.Packet], None] | None = None,
) -> PacketTable:
    """The frames that a container holds, without decoding any.

    Left out are packets that an edit list hides, and those before the first key frame, in the file
    or in time, which nothing could decode.

    Raises:
        UnreasonableVideoError: There are no packets, or their time stamps cannot be used.
        DamagedVideoError: The file cannot be read to its end.
    """
    presentation: list[int | None] = []
    decoding: list[int | None] = []
    facts: list[tuple[bool, bool, int]] = []
    try:
        for packet in packets(container, stream):
            if packet.size > 0:
                presentation.append(packet.pts)
                decoding.append(packet.dts)
                facts.append((packet.is_keyframe, packet.is_discard, packet.duration or 0))
            if look is not None:
                look(packet)
    except (av.error.FFmpegError, OSError) as error:
        raise DamagedVideoError(
            f"{shown} cannot be read beyond packet {len(facts)} ({error.strerror}); copy it again "
            "from where it came"
        ) from error
    if not facts:
        raise UnreasonableVideoError(
            f"{shown} holds no frames, whatever its header says; record or copy it again"
        )
    is_key, is_hidden, duration = (np.array(column) for column in zip(*facts, strict=True))
    presentation, decoding, takes = unrolled(presentation, decoding)
    try:
        ticks = fill_missing(presentation, decoding)
        keep = ~is_hidden & _decodable(ticks, is_key)
        order = np.flatnonzero(keep)[np.argsort(ticks[keep], kind="stable")]
        if len(order) <= MIN_SHOWN_SHARE * stream.frames:
            raise UnreasonableVideoError(
                f"its edit list or its clock leaves {len(order)} of {stream.frames} frames to be "
                "shown; write it anew with 'ffmpeg -ignore_editlist 1 -r RATE -i IN OUT.mp4'"
            )
        seconds_per_tick = float(stream.time_base or 1)
        clock = make_clock(
            ticks[order],
            seconds_per_tick=seconds_per_tick,
            last_frame_s=float(duration[order[-1]]) * seconds_per_tick,
        )
    except UnreasonableVideoError as error:
        raise UnreasonableVideoError(f"{shown}: {error}") from error
    shown_ticks = ticks[order]
    is_clean = None not in presentation and len(np.unique(shown_ticks)) == len(order)
    joints = tuple(int(np.searchsorted(shown_ticks, ticks[take:].min())) for take in takes)
    return PacketTable(shown_ticks, is_key[order], clock, is_clean and not takes, joints)


def _decodable(
    ticks: Int[np.ndarray, " packet"], is_key: Bool[np.ndarray, " packet"]
) -> Bool[np.ndarray, " packet"]:
    """Packets at or after the first key frame, both in the file and in time."""
    if not is_key.any():
        return np.ones(len(ticks), bool)
    first = int(np.argmax(is_key))
    return np.asarray((np.arange(len(ticks)) >= first) & (ticks >= ticks[first]))


def _main_stream(container: av.container.InputContainer, shown: str) -> av.video.stream.VideoStream:
    streams = video_tracks(container)
    if not streams:
        raise NotAVideoError(f"{shown} holds no video stream, only {_kinds(container)}")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    context = stream.codec_context
    if context is None:
        raise NotAVideoError(f"{shown}: no decoder for its video; convert it to H.264")
    check_size(context.width, context.height, shown)
    context.thread_count = 1
    stream.thread_type = "NONE"
    return stream


def video_tracks(
    container: av.container.InputContainer,
) -> list[av.video.stream.VideoStream]:
    """The video tracks of a file; sound files carry their cover as one of a single picture."""
    cover = av.stream.Disposition.attached_pic
    return [s for s in container.streams.video if not s.disposition & cover]


def check_size(width: int, height: int, shown: str) -> None:
    """Raises `UnreasonableVideoError` unless both sides can be meant."""
    if not (0 <= width <= MAX_SIDE_PX and 0 <= height <= MAX_SIDE_PX):
        raise UnreasonableVideoError(
            f"{shown} says it is {width} x {height} pixels; at most {MAX_SIDE_PX} a side are "
            "accepted; scale it down or correct its header"
        )


def _kinds(container: av.container.InputContainer) -> str:
    # By list, not by asking each stream: PyAV crashes when asked the type of one it does not know.
    streams = container.streams
    kinds = {"audio": streams.audio, "subtitles": streams.subtitles, "data": streams.data}
    return ", ".join(name for name, found in kinds.items() if found) or "nothing"


def _why_not_opened(path: Path, error: Exception) -> str:
    shown = display_name(path)
    if isinstance(error, av.error.InvalidDataError | ValueError):
        head = first_bytes(path)
        if head[4:8] in MP4_BOXES:
            return (
                f"{shown} is an MP4 without a usable index (moov): the recording was not finished "
                "or the copy was cut short; copy it again, or repair it with a tool such as "
                "untrunc"
            )
        return (
            f"{shown} is not a video: it starts with {head[:12]!r}, which no known container "
            "does; accepted are MP4, MOV, MKV, WebM, AVI, GIF, MPEG and the like"
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{shown} cannot be opened ({reason}); check that it exists and may be read"


def first_bytes(path: Path) -> bytes:
    """The first 16 bytes of a file, none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(16)
    except OSError:
        return b""
