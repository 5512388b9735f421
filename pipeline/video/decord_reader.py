"""Frames of a video through decord, for whoever asks `rotoscope.pipeline.video.read` for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from rotoscope.pipeline.errors import DamagedVideoError, NotAVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video.container import first_bytes, open_video
from rotoscope.pipeline.video.probe import frame_times
from rotoscope.pipeline.video.truncation import EBML_MAGIC, MP4_BOXES

MAX_COUNT_DIFFERENCE = 1
"""decord's frame count may differ from the packets by this; the difference is not damage."""
_HEADS = (
    EBML_MAGIC,
    b"RIFF",
    b"FLV\x01",
    b"OggS",
    b"\0\0\1\xba",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
)
"""How Matroska, AVI, FLV, Ogg, MPEG program streams and ASF begin."""


def read_with_decord(video: Video, start: int, end: int) -> Iterator[Frame]:
    """Frames `[start, end)`, upright; times are those of the file's packets, as with PyAV.

    Raises:
        NotAVideoError: decord cannot open the file: AV1, or a name that is not UTF-8; or it is not
            given to decord, because that might open other files with it.
        DamagedVideoError: Decoding broke off; says how many of how many frames came before.
    """
    import decord

    shown = display_name(video.path)
    _check_opens_alone(video.path, shown)
    # Its default of several threads fails on VP9.
    try:
        # A path that begins with `/` is never taken for an address.
        reader = decord.VideoReader(os.path.abspath(video.path), num_threads=1)
    except (decord.DECORDError, RuntimeError, UnicodeError) as error:
        raise NotAVideoError(
            f"decord cannot open {shown} ({video.codec}); use the backend 'pyav' or 'auto'"
        ) from error
    time_s = frame_times(video.path) * video.time_scale
    count = min(end, len(reader))
    if end - count > MAX_COUNT_DIFFERENCE:
        raise _damaged(video, shown, count, "the index ends")
    if start:
        reader.seek_accurate(start)
    for index in range(start, count):
        try:
            image = reader.next().asnumpy()
        except (decord.DECORDError, StopIteration) as error:
            raise _damaged(video, shown, index, "the next packet cannot be decoded") from error
        if image.shape[:2] != (video.height, video.width):
            raise DamagedVideoError(
                f"{shown}: decord gives {image.shape[1]} x {image.shape[0]} pixels where "
                f"{video.width} x {video.height} are meant; use the backend 'pyav'"
            )
        if video.is_mirrored:
            image = image[:, ::-1]
        yield Frame(
            index=index,
            time_s=float(time_s[index]),
            to_rgb=partial(np.ascontiguousarray, image),
            size=(video.width, video.height),
        )


def _check_opens_alone(path: Path, shown: str) -> None:
    """Raises unless decord can but open this one file.

    decord takes no list of containers, and its older FFmpeg takes for a playlist what ours takes
    for a video: a transport stream behind `#EXTM3U`, whatever the file is called. So ours must
    open it, and it must begin as no text does.
    """
    with open_video(path):
        head = first_bytes(path)
    if not (head.startswith(_HEADS) or head[4:8] in MP4_BOXES):
        raise NotAVideoError(
            f"{shown} is not given to decord, which is trusted with MP4, MOV, Matroska, WebM, AVI, "
            "FLV, Ogg, ASF and MPEG program streams alone; use the backend 'pyav' or 'auto'"
        )


def _damaged(video: Video, shown: str, index: int, what: str) -> DamagedVideoError:
    return DamagedVideoError(
        f"{shown}: {what} after {index} of {video.num_frames} frames; copy it again, or try the "
        "backend 'pyav'"
    )
