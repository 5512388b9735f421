"""How many bytes a file lacks, by the lengths its own container states."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# fmt: off
MP4_BOXES = frozenset({
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"uuid", b"meta",
    b"mfra", b"sidx", b"pdin", b"prft", b"emsg",
})
# fmt: on
"""Top-level boxes of MP4 and QuickTime; the walk ends at anything else, such as appended data."""
FLV_MAGIC, FLV_TAGS = b"FLV", (8, 9, 18)
"""Sound, picture and data."""
GIF_TRAILER = b";"
EBML_MAGIC, EBML_SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def missing_bytes(path: Path) -> int:
    """Bytes between the end of a file and the end that its header promises; 0 where complete.

    Knows MP4 and QuickTime (top-level boxes), Matroska and WebM (the segment), AVI (RIFF chunks)
    and GIF, which ends in a mark and lacks at least one byte where it is absent. A length left
    open, as live recordings have it, promises nothing. Other containers state no length and always
    count as complete.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:4] == EBML_MAGIC:
            promised = _matroska_end(file)
        elif head[:4] == b"RIFF":
            promised = _riff_end(file, size)
        elif head[:3] == b"GIF":
            return int(not _tail(file, size).rstrip(b"\0").endswith(GIF_TRAILER))
        elif head[4:8] in MP4_BOXES:
            promised = _mp4_end(file, size)
        else:
            return 0
    return max(0, promised - size)


def bytes_behind(path: Path) -> int:
    """Bytes of an MP4, QuickTime or FLV file from the second movie in it on; 0 where there is one.

    Readers take the first index that they find and leave what a second file brought along.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        if file.read(3) == FLV_MAGIC:
            end = _flv_end(file, size)
            file.seek(end)
            return size - end if file.read(3) == FLV_MAGIC else 0
        starts = [at for kind, at, _ in _mp4_boxes(file, size) if kind == b"ftyp"]
    return size - starts[1] if len(starts) > 1 else 0


def is_joined_avi(path: Path) -> bool:
    """Whether a second AVI begins where the first one ends; its own continuations do not count."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        at, found = 0, 0
        while at < size:
            file.seek(at)
            head = file.read(12)
            if len(head) < 12 or head[:4] != b"RIFF":
                break
            found += head[8:] == b"AVI "
            (length,) = struct.unpack("<I", head[4:8])
            at += 8 + length + length % 2
    return found > 1


def _flv_end(file: BinaryIO, size: int) -> int:
    """Where the tags of an FLV file end, each with its own length before it and behind it."""
    file.seek(0)
    head = file.read(9)
    at = int.from_bytes(head[5:9], "big") + 4
    while at < size:
        file.seek(at)
        tag = file.read(11)
        if len(tag) < 11 or tag[0] & 0x1F not in FLV_TAGS:
            break
        at += 11 + int.from_bytes(tag[1:4], "big") + 4
    return min(at, size)


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - 64))
    return file.read()


def _mp4_end(file: BinaryIO, size: int) -> int:
    ends = [at + length for _, at, length in _mp4_boxes(file, size)]
    return ends[-1] if ends else 0


def _mp4_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of the boxes at the top of an MP4 file [bytes]."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or head[4:8] not in MP4_BOXES:
            break
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0 means: up to the end of the file
            break
        yield head[4:8], at, length
        at += length


def _riff_end(file: BinaryIO, size: int) -> int:
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[:4] != b"RIFF":
            break
        (length,) = struct.unpack("<I", head[4:])
        if length in (0, 0xFFFFFFFF):
            break
        at += 8 + length + length % 2
    return at


def _matroska_end(file: BinaryIO) -> int:
    file.seek(4)
    header_length = _ebml_number(file)
    if header_length is None:
        return 0
    file.seek(header_length, os.SEEK_CUR)
    if file.read(4) != EBML_SEGMENT:
        return 0
    length = _ebml_number(file)
    return 0 if length is None else file.tell() + length


def _ebml_number(file: BinaryIO) -> int | None:
    """The next variable-length number, `None` where it is absent or says 'unknown'."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    num_bytes = 9 - first[0].bit_length()
    rest = file.read(num_bytes - 1)
    if len(rest) < num_bytes - 1:
        return None
    bits = 7 * num_bytes
    value = int.from_bytes(first + rest, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
