"""Makes small, odd and bad video files at test time; nothing binary lies in the repository."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

os.environ.setdefault("SVT_LOG", "1")  # errors only: the AV1 encoder is chatty
QUICK = {
    "libx264": {"preset": "ultrafast", "g": "10"},
    **{
        old: {"b": "2000000"}
        for old in ("mpeg4", "mpeg1video", "mpeg2video", "msmpeg4", "wmv2", "flv", "rv20")
    },
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:frame-threads=1"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
"""Encoder options that keep the tests fast."""


def picture(index: int, width: int = 160, height: int = 120) -> np.ndarray:
    """An RGB image whose corners tell which way is up and whose middle tells its index.

    Top left is red, top right green, bottom left blue, bottom right white; the gray block in the
    middle has level `level_of(index)`.
    """
    image = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left], image[:top, left:] = (220, 30, 30), (30, 200, 30)
    image[top:, :left], image[top:, left:] = (30, 30, 220), (230, 230, 230)
    image[height // 4 : -(height // 4), width // 4 : -(width // 4)] = level_of(index)
    return image


def level_of(index: int) -> int:
    """Gray level of the middle block of frame `index`; neighbors are 6 levels apart."""
    return 40 + 6 * (index % 30)


def index_of(image: np.ndarray) -> int:
    """Index, modulo 30, of a decoded `picture`."""
    height, width = image.shape[:2]
    middle = image[height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4]
    return round((float(middle.mean()) - 40) / 6)


def write_video(
    path: Path,
    *,
    frames: int | Sequence[np.ndarray] = 30,
    fps: float | Fraction = 30,
    codec: str = "libx264",
    size: tuple[int, int] = (160, 120),
    rotation: int = 0,
    pixel_format: str = "yuv420p",
    times_s: Sequence[float] | None = None,
    ticks_per_s: int = 90_000,
    seed: int = 0,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    container: str | None = None,
    paint: Callable[[int, int, int], np.ndarray] = picture,
) -> Path:
    """A video file of `picture`s.

    Args:
        path: Where to write; the suffix names the container.
        frames: Number of painted frames, or the RGB images themselves.
        fps: Frames per second, where `times_s` does not say when each is shown.
        codec: Encoder.
        size: Width and height of painted frames [px].
        rotation: Clockwise turn (0, 90, 180, 270) that an MP4 asks players for.
        pixel_format: What is stored.
        times_s: Presentation time of each frame [s].
        ticks_per_s: How finely those are stored.
        seed: Painted frames of another seed differ in a few pixels, so that bytes differ.
        options: Encoder options.
        container_options: Muxer options.
        container: Muxer, where the suffix does not name it.
        paint: Makes frame `index` of a width and height.
    """
    if isinstance(frames, int):
        images = [_speckled(paint(i, *size), seed) for i in range(frames)]
    else:
        images = list(frames)
    rate = Fraction(fps).limit_denominator(1001)
    time_base = Fraction(1, ticks_per_s) if times_s is not None else 1 / rate
    with av.open(os.fspath(path), "w", format=container, options=container_options or {}) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.codec_context.options = QUICK.get(codec, {}) | (options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame = frame.reformat(format=pixel_format)
            frame.pts = index if times_s is None else round(times_s[index] / float(time_base))
            frame.time_base = time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    if rotation:
        turn(path, rotation)
    return path


def _speckled(image: np.ndarray, seed: int) -> np.ndarray:
    if seed:
        rng = np.random.default_rng(seed)
        rows, columns = (rng.integers(0, side, 20) for side in image.shape[:2])
        image[rows, columns] = rng.integers(0, 256, (20, 3))
    return image


def write_audio(path: Path, *, seconds: float = 1.0) -> Path:
    """A file that holds sound alone."""
    with av.open(os.fspath(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        for start in range(0, int(seconds * 44_100), 1024):
            samples = np.sin(np.arange(start, start + 1024) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44_100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path, rotation: int) -> Path:
    """Writes a clockwise turn into the display matrix of an MP4's video track."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotation]
    matrix = struct.pack(">9i", cos << 16, sin << 16, 0, -sin << 16, cos << 16, 0, 0, 0, 1 << 30)
    return patch(path, b"tkhd", 40, matrix)


def patch(path: Path, box: bytes, offset: int, value: bytes) -> Path:
    """Overwrites bytes at `offset` into the payload of the first MP4 box of that name."""
    data = bytearray(path.read_bytes())
    at = data.index(box) + 4 + offset
    data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def write_hours_header(path: Path) -> Path:
    """A 1 s MP4 whose headers promise ten hours; all of its 30 frames are there."""
    write_video(path)
    ten_hours = struct.pack(">I", 36_000_000)
    patch(path, b"mvhd", 16, ten_hours)
    patch(path, b"tkhd", 20, ten_hours)
    patch(path, b"mdhd", 16, struct.pack(">I", 2**32 - 1))
    return patch(path, b"elst", 8, ten_hours)


def write_timescale(path: Path, ticks_per_second: int) -> Path:
    """A 1 s MP4 whose header counts another number of ticks in a second than it was made with."""
    return patch(write_video(path), b"mdhd", 12, struct.pack(">I", ticks_per_second))


def write_avi_rate(path: Path, scale: int, rate: int) -> Path:
    """An AVI of 30 frames whose stream header says `rate / scale` frames per second."""
    return patch(write_video(path, codec="mpeg4"), b"strh", 4 + 20, struct.pack("<II", scale, rate))


def damage(path: Path, *, at: float = 0.5, num_bytes: int = 2000, seed: int = 0) -> Path:
    """Overwrites bytes in the middle of a file with noise."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    end = min(start + num_bytes, len(data))
    data[start:end] = np.random.default_rng(seed).integers(0, 256, end - start, np.uint8).tobytes()
    path.write_bytes(data)
    return path


def cut_short(path: Path, *, keep: float) -> Path:
    """Drops the end of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def bad_videos(folder: Path) -> dict[str, Path]:
    """One file of every kind that must end in a clear error; keys say what is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    noisy = {"paint": noise_over_picture, "frames": 60}
    bad = {
        name: folder / f"{name}.mp4"
        for name in ("empty", "text", "playlist", "truncated", "no_index", "damaged_middle")
    }
    bad["empty"].write_bytes(b"")
    bad["text"].write_text("I am a text about videos.\n" * 40)
    bad["playlist"].write_text("ffconcat version 1.0\nfile other.mp4\n")
    write_video(bad["truncated"], container_options={"movflags": "+faststart"}, **noisy)
    cut_short(bad["truncated"], keep=0.6)
    cut_short(write_video(bad["no_index"], **noisy), keep=0.6)
    damage(write_video(bad["damaged_middle"], **noisy))
    bad["audio_only"] = write_audio(folder / "audio_only.mp4")
    bad["zero_rate"] = write_timescale(folder / "zero_rate.mp4", 0)
    bad["absurd_rate"] = write_timescale(folder / "absurd_rate.mp4", 2**31 - 1)
    bad["too_wide"] = write_video(
        folder / "too_wide.mkv", frames=2, codec="ffv1", size=(100_000, 2)
    )
    bad["dangling_link"] = folder / "dangling_link.mp4"
    bad["dangling_link"].symlink_to(folder / "nowhere.mp4")
    return bad


def odd_videos(folder: Path) -> dict[str, Path]:
    """One file of every kind that looks odd and must be read all the same."""
    folder.mkdir(parents=True, exist_ok=True)
    newline = os.fsdecode(b"line\nbreak \"and\" 'quote' \xff\xfe.mp4")
    odd = {
        "one_frame": write_video(folder / "one_frame.mp4", frames=1),
        "odd_name": write_video(folder / newline),
        "odd_size": write_video(folder / "odd_size.mp4", size=(161, 121), pixel_format="yuv444p"),
        "ten_bit": write_video(folder / "ten_bit.mkv", pixel_format="yuv420p10le"),
        "gif": write_video(folder / "moving.gif", codec="gif", pixel_format="rgb8"),
        "av1": write_video(folder / "av1.mp4", codec="libsvtav1"),
        "vp9": write_video(folder / "vp9.webm", codec="libvpx-vp9"),
        "hevc": write_video(folder / "hevc.mov", codec="libx265"),
        "avi": write_video(folder / "divx.avi", codec="mpeg4", options={"bf": "2"}),
        "zero_rate_avi": write_avi_rate(folder / "zero_rate.avi", 0, 0),
        "promises_hours": write_hours_header(folder / "promises_hours.mp4"),
        "variable_rate": write_video(
            folder / "variable_rate.mp4", frames=20, times_s=variable_times_s(20)
        ),
    }
    for rotation in (90, 180, 270):
        odd[f"turned_{rotation}"] = write_video(
            folder / f"turned_{rotation}.mp4", rotation=rotation
        )
    return odd


def write_hiding_video(path: Path) -> Path:
    """An MPEG-4 AVI of 30 frames and 3 packets that show nothing: coded VOPs marked 'not coded'.

    The hidden packets take the slots 5, 16 and 27 of the clock.
    """
    not_coded = bytes.fromhex("000001b650cf")
    with av.open(os.fspath(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.options = QUICK["mpeg4"]
        slot = 0
        for index in range(30):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            packets = stream.encode(frame)
            if index % 10 == 4:
                packets.append(av.Packet(not_coded))
            for packet in packets:
                packet.stream, packet.time_base = stream, Fraction(1, 30)
                packet.pts = packet.dts = slot
                container.mux(packet)
                slot += 1
    return path


def variable_times_s(num_frames: int) -> list[float]:
    """Frame times that alternate between 20 ms and 80 ms, in whole milliseconds."""
    return [round(0.05 * k + 0.03 * (k % 2), 3) for k in range(num_frames)]


def noise_over_picture(index: int, width: int, height: int) -> np.ndarray:
    """A `picture` under noise, so that every frame takes some bytes."""
    noise = np.random.default_rng(index).integers(-20, 21, (height, width, 3))
    return np.clip(picture(index, width, height) + noise, 0, 255).astype(np.uint8)
