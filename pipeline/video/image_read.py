"""Facts and frames of a folder of numbered pictures, one picture in memory at a time.

Pictures are decoded by the decoders that read videos, so that colors, turns and scaling are the
same. Transparency is dropped, 16 bits become 8.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import av.error
from PIL import Image, UnidentifiedImageError

from rotoscope.pipeline.errors import DamagedVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video.container import check_size
from rotoscope.pipeline.video.image_folder import frame_files, rate_of
from rotoscope.pipeline.video.metadata import focal_px_of
from rotoscope.pipeline.video.picture import PictureMaker

_CODECS = {"PNG": "png", "JPEG": "mjpeg", "MPO": "mjpeg"}
"""FFmpeg's decoders by Pillow's names; an MPO is what phones and stereo cameras call a JPEG that
is followed by another."""
_TURNS = {1: 0, 3: 180, 6: 90, 8: 270}
"""Clockwise turn that makes a picture upright [deg], by EXIF orientation."""
_MIRRORED = (2, 4, 5, 7)
"""Orientations that mirror."""
_ORIENTATION, _EXIF, _FOCAL_35MM = 0x0112, 0x8769, 0xA405
"""Tags of EXIF."""
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", b"\xff\xda"


@dataclass(frozen=True)
class _Header:
    """What a picture says about itself, not decoded."""

    codec: str
    size: tuple[int, int]
    rotation_deg: int
    focal_mm: str


def probe_folder(folder: Path, sha256: str, rate_hz: float | None) -> Video:
    """The facts about a folder of pictures; every picture's header is read, the first is decoded.

    Args:
        folder: The folder.
        sha256: Hex digest of all its pictures and notes.
        rate_hz: Pictures per second where no notes in the folder say so.

    Raises:
        NotAVideoError: The pictures are not numbered without a gap.
        DamagedVideoError: A file is no picture, or the first cannot be decoded.
        UnreasonableVideoError: Nobody said the rate, or pictures differ in size, turn or kind.
    """
    files = frame_files(folder)
    step_hz = rate_of(folder, rate_hz)
    first = _read_header(files[0], folder)
    for file in files[1:]:
        _check_same(files[0], first, file, _read_header(file, folder), folder)
    picture = _decode(files[0], folder, first.codec)
    width, height = first.size
    upright = (height, width) if first.rotation_deg in (90, 270) else (width, height)
    metadata = {"focallengthin35mmfilm": first.focal_mm}
    return Video(
        path=folder,
        sha256=sha256,
        size_bytes=sum(file.stat().st_size for file in files),
        width=upright[0],
        height=upright[1],
        rotation_deg=first.rotation_deg,
        codec=first.codec,
        pixel_format=picture.format.name,
        num_frames=len(files),
        duration_s=len(files) / step_hz,
        rate_hz=step_hz,
        is_variable_rate=False,
        focal_px=focal_px_of(metadata, width=width, height=height),
    )


def read_folder(video: Video, start: int, end: int) -> Iterator[Frame]:
    """Frames `[start, end)` of a folder of pictures, upright.

    Raises:
        DamagedVideoError: A picture cannot be decoded; says which.
        UnreasonableVideoError: A picture has another size than the first.
        NotAVideoError: Pictures are gone.
    """
    files = frame_files(video.path)
    maker = PictureMaker(video.rotation_deg, is_mirrored=video.is_mirrored)
    is_on_its_side = video.rotation_deg in (90, 270)
    size = (video.height, video.width) if is_on_its_side else (video.width, video.height)
    for index in range(start, end):
        picture = _decode(files[index], video.path, video.codec)
        if (picture.width, picture.height) != size:
            raise UnreasonableVideoError(
                f"{_shown(files[index], video.path)} has {picture.width} x {picture.height} "
                f"pixels, the first picture {size[0]} x {size[1]}"
            )
        yield Frame(
            index=index,
            time_s=index / video.rate_hz,
            to_rgb=partial(maker.rgb, picture),
            to_gray=partial(maker.luma, picture),
            to_scaled=partial(maker.scaled, picture),
            size=(video.width, video.height),
        )


def _read_header(file: Path, folder: Path) -> _Header:
    shown = _shown(file, folder)
    try:
        # Pillow warns of damage that does not keep a picture from being read.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(file, formats=("PNG", "JPEG")) as image,
        ):
            size, codec = image.size, _CODECS[image.format or ""]
            orientation, focal_mm = _exif_of(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, KeyError) as error:
        raise DamagedVideoError(
            f"{shown} is no PNG or JPEG picture that can be read, whatever its name says; copy it "
            "again from where it came"
        ) from error
    except Image.DecompressionBombError as error:
        raise UnreasonableVideoError(f"{shown}: {error}") from error
    check_size(*size, shown)
    if orientation in _MIRRORED:
        raise UnreasonableVideoError(
            f"{shown} asks to be shown mirrored, which would swap left and right hands; decide "
            "which is meant and write the pictures anew"
        )
    return _Header(codec, size, _TURNS.get(orientation, 0), focal_mm)


def _exif_of(image: Image.Image) -> tuple[int, str]:
    """Orientation and 35 mm equivalent focal length [mm]; 1 and nothing where EXIF is damaged."""
    # `image.getexif()` would decode a PNG that has none.
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        orientation, focal_mm = exif.get(_ORIENTATION, 1), exif.get_ifd(_EXIF).get(_FOCAL_35MM, "")
    except (SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return 1, ""
    return orientation, str(focal_mm)


def _check_same(first: Path, wanted: _Header, file: Path, found: _Header, folder: Path) -> None:
    pairs = {
        "has {} x {} pixels": (found.size, wanted.size),
        "is to be turned by {} degrees": ((found.rotation_deg,), (wanted.rotation_deg,)),
        "is decoded as {}": ((found.codec,), (wanted.codec,)),
    }
    for text, (seen, want) in pairs.items():
        if seen != want:
            raise UnreasonableVideoError(
                f"{_shown(file, folder)} {text.format(*seen)}, {display_name(first.name)} "
                f"{text.format(*want)}; all pictures of a video are alike: put others into a "
                "folder of their own"
            )


def _decode(file: Path, folder: Path, codec: str) -> av.VideoFrame:
    """The picture in a file, as stored: not turned."""
    shown = _shown(file, folder)
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    try:
        data = file.read_bytes()
        if codec == "mjpeg" and _JPEG_END not in data[max(0, data.rfind(_JPEG_SCAN)) :]:
            raise DamagedVideoError(f"{shown} ends before its picture does; copy it again")
        pictures = context.decode(av.Packet(data)) or context.decode(None)
    except (av.error.FFmpegError, OSError) as error:
        raise DamagedVideoError(
            f"{shown} cannot be decoded ({error.strerror}); copy it again from where it came, or "
            "take it and what follows out of the folder"
        ) from error
    if not pictures or pictures[0].is_corrupt:
        raise DamagedVideoError(f"{shown} gives no picture; copy it again from where it came")
    return pictures[0]


def _shown(file: Path, folder: Path) -> str:
    """How messages call a picture: by its folder and its name."""
    return f"{display_name(folder)}/{display_name(file.name)}"
