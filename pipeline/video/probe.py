"""Facts about a video before it is worked on: size, turn, clock, codec, focal length."""

from __future__ import annotations

import os
from pathlib import Path

import av
import av.error
import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import DamagedVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.identity import identify, sha256_file
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.container import PacketTable, check_size, open_video, read_packets
from rotoscope.pipeline.video.image_folder import files_of_folder
from rotoscope.pipeline.video.metadata import focal_px_of, is_mirrored, rotation_of
from rotoscope.pipeline.video.truncation import missing_bytes


def probe(
    path: Path | str, sha256: str | None = None, *, image_rate_hz: float | None = None
) -> Video:
    """The facts about a video file, from all of its packets and its first frame.

    A folder of numbered pictures is a video too; see `rotoscope.pipeline.video.image_folder`.

    Packets are counted and their time stamps read; what the header says about length and rate is
    not believed. Size, pixel format and turn come from the first decoded frame.

    Args:
        path: The file.
        sha256: Hex digest of its bytes where known; otherwise it is computed.
        image_rate_hz: Pictures per second of a folder that does not say so itself.

    Raises:
        NotAVideoError: Empty, text, sound alone, no index, a folder without numbered pictures, or
            not readable.
        DamagedVideoError: The file ends early, or not even its first frame can be decoded.
        UnreasonableVideoError: No frames, an impossible size, or time stamps that make no clock.
    """
    path = Path(path)
    if path.is_dir():
        from rotoscope.pipeline.video.image_read import probe_folder

        sha256 = sha256 or identify(files_of_folder(path)).sha256
        return probe_folder(path, sha256, image_rate_hz)
    sha256 = sha256 or sha256_file(path)
    shown = display_name(path)
    with open_video(path) as (container, stream):
        first = _FirstFrame(stream.codec_context)
        _check_whole(path, shown)
        table = read_packets(container, stream, shown, look=first.look)
        metadata = {**container.metadata, **stream.metadata}
        codec = stream.codec_context.codec.canonical_name
    frame = first.frame
    if frame is None:
        raise DamagedVideoError(
            f"{shown}: none of {len(table.ticks)} frames can be decoded ({first.trouble}); copy it "
            "again or write it anew"
        )
    check_size(frame.width, frame.height, shown)
    if is_mirrored(frame):
        raise UnreasonableVideoError(
            f"{shown} asks to be shown mirrored, which would swap left and right hands; decide "
            "which is meant and write it anew with 'ffmpeg -i IN OUT.mp4'"
        )
    rotation_deg = rotation_of(frame)
    is_on_its_side = rotation_deg in (90, 270)
    width, height = frame.width, frame.height
    clock = table.clock
    return Video(
        path=path,
        sha256=sha256,
        size_bytes=os.path.getsize(path),
        width=height if is_on_its_side else width,
        height=width if is_on_its_side else height,
        rotation_deg=rotation_deg,
        codec=codec,
        pixel_format=frame.format.name,
        num_frames=len(table.ticks),
        duration_s=clock.duration_s,
        rate_hz=clock.rate_hz,
        is_variable_rate=clock.is_variable_rate,
        focal_px=focal_px_of(metadata, width=width, height=height),
    )


def packet_table(path: Path | str) -> PacketTable:
    """The frames that a file holds by its packets; see `read_packets` for what is left out."""
    path = Path(path)
    with open_video(path) as (container, stream):
        return read_packets(container, stream, display_name(path))


def frame_times(path: Path | str) -> Float[np.ndarray, " time"]:
    """Presentation time of each frame of a file [s], the first at 0, increasing strictly.

    Raises:
        VideoError: As `probe` does.
    """
    return packet_table(path).clock.time_s


def _check_whole(path: Path, shown: str) -> None:
    lacking = missing_bytes(path)
    if lacking:
        raise DamagedVideoError(
            f"{shown} ends at least {lacking:,} bytes before the end that its header states: the "
            "copy was cut short or the recording broke off; copy it again, or keep what is there "
            "with 'ffmpeg -i IN -c copy OUT.mp4'"
        )


class _FirstFrame:
    """Decodes packets until the first picture comes, and then no more."""

    def __init__(self, context: av.VideoCodecContext) -> None:
        self.context = context
        self.frame: av.VideoFrame | None = None
        self.trouble = "no packet gives a picture"

    def look(self, packet: av.Packet) -> None:
        if self.frame is not None:
            return
        try:
            self.frame = next(iter(self.context.decode(packet)), None)
        except (av.error.FFmpegError, OSError) as error:
            self.trouble = str(error.strerror)
