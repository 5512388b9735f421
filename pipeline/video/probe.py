"""Facts about a video before it is worked on: size, turn, clock, codec, focal length."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import av
import av.error
import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import DamagedVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.identity import identify, sha256_file
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.camera_notes import NAME, read_camera_notes
from rotoscope.pipeline.video.container import (
    PacketTable,
    check_size,
    open_video,
    read_packets,
    video_tracks,
)
from rotoscope.pipeline.video.image_folder import files_of_folder
from rotoscope.pipeline.video.metadata import (
    capture_rate_of,
    focal_px_of,
    is_mirrored,
    pixel_aspect_of,
    rotation_of,
    unlike_a_pinhole,
)
from rotoscope.pipeline.video.plain_picture import square_size
from rotoscope.pipeline.video.truncation import bytes_behind, is_joined_avi, missing_bytes

log = logging.getLogger(__name__)

SAME_RATE = 0.1
"""Rates of filming and of playing that differ by less are one: stated ones are rounded."""


def probe(
    path: Path | str,
    sha256: str | None = None,
    *,
    image_rate_hz: float | None = None,
    mirrored: bool = False,
) -> Video:
    """The facts about a video file, from all of its packets and its first frame.

    A folder of numbered pictures is a video too; see `rotoscope.pipeline.video.image_folder`.

    Packets are counted and their time stamps read; what the header says about length and rate is
    not believed. Size, pixel format and turn come from the first decoded frame. Notes about the
    camera beside the file (`rotoscope.pipeline.video.camera_notes`) come before what it says.

    Args:
        path: The file.
        sha256: Hex digest of its bytes where known; otherwise it is computed.
        image_rate_hz: Pictures per second of a folder that does not say so itself.
        mirrored: Whether it is a mirror image, whatever the notes beside it say.

    Raises:
        NotAVideoError: Empty, text, sound alone, no index, a folder without numbered pictures, or
            not readable.
        DamagedVideoError: The file ends early, or not even its first frame can be decoded.
        UnreasonableVideoError: No frames, an impossible size, time stamps that make no clock, a
            picture that is not flat, or notes that cannot be read.
    """
    path = Path(path)
    notes = read_camera_notes(path)
    if path.is_dir():
        from rotoscope.pipeline.video.image_read import probe_folder

        sha256 = sha256 or identify(files_of_folder(path)).sha256
        found = probe_folder(path, sha256, image_rate_hz)
        return replace(found, is_mirrored=mirrored or notes.mirrored)
    sha256 = sha256 or sha256_file(path)
    shown = display_name(path)
    with open_video(path) as (container, stream):
        first = _FirstFrame(stream.codec_context)
        _check_whole(path, shown)
        table = read_packets(container, stream, shown, look=first.look)
        metadata = {**container.metadata, **stream.metadata}
        tracks = [track.index for track in video_tracks(container)]
        track = tracks.index(stream.index)
        codec = stream.codec_context.codec.canonical_name
        transfer = int(stream.codec_context.color_trc or 0)
        aspect = pixel_aspect_of(stream.sample_aspect_ratio)
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
    if not notes.flat and (said := unlike_a_pinhole(frame)):
        raise UnreasonableVideoError(
            f"{shown} says that it holds {said}, which is no picture of a pinhole camera: write a "
            "flat view of it with 'ffmpeg -i IN -vf v360=e:flat OUT.mp4', one eye of two with "
            f"'-vf stereo3d=sbsl:ml'; where the file is wrong, write 'flat: true' into {NAME} "
            "beside it"
        )
    rotation_deg = rotation_of(frame)
    is_on_its_side = rotation_deg in (90, 270)
    width, height = square_size(frame.width, frame.height, aspect)
    left = bytes_behind(path)
    if left:
        log.warning(
            "%s: %s bytes behind the first movie in it are not read; files joined end to end are "
            "joined with 'ffmpeg -f concat -i LIST -c copy OUT.mp4'",
            shown, f"{left:,}",
        )  # fmt: skip
    if len(tracks) > 1:
        log.warning(
            "%s holds %d video tracks; number %d is read, the others are not: to read another, "
            "copy it out with 'ffmpeg -i IN -map 0:v:NUMBER -c copy OUT.mp4'",
            shown, len(tracks), track,
        )  # fmt: skip
    if frame.interlaced_frame:
        log.warning(
            "%s is interlaced: every second line was filmed at another moment, so that what moves "
            "has combed edges; write it anew with 'ffmpeg -i IN -vf bwdif OUT.mp4'",
            shown,
        )
    clock = table.clock
    captured_hz = notes.capture_rate_hz or capture_rate_of(metadata)
    time_scale = 1.0 if captured_hz is None else _time_scale(clock.rate_hz, captured_hz, shown)
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
        duration_s=clock.duration_s * time_scale,
        rate_hz=clock.rate_hz / time_scale,
        is_variable_rate=clock.is_variable_rate,
        focal_px=focal_px_of(metadata, width=width, height=height),
        joints=table.joints,
        pixel_aspect=aspect,
        transfer=transfer,
        is_mirrored=mirrored or notes.mirrored,
        time_scale=time_scale,
        num_tracks=len(tracks),
        track=track,
        is_interlaced=frame.interlaced_frame,
        bytes_left=left,
    )


def _time_scale(shown_hz: float, captured_hz: float, shown: str) -> float:
    """Seconds of filming for each second of the file's clock; 1 where the two rates agree."""
    scale = shown_hz / captured_hz
    if abs(scale - 1.0) < SAME_RATE:
        return 1.0
    log.info(
        "%s was filmed at %g frames a second and plays at %g: its times are multiplied by %.4g",
        shown, captured_hz, shown_hz, scale,
    )  # fmt: skip
    return scale


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
    if is_joined_avi(path):
        raise UnreasonableVideoError(
            f"{shown} holds several AVI files joined end to end, which no one can tell apart: join "
            "them with 'ffmpeg -f concat -i LIST -c copy OUT.mp4'"
        )
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
