# ruff: noqa: E501 - an attack a line
"""Files that are no videos, hold more than one, name others, or are damaged."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import av

from benchmarks.attacks.catalogue import Finding, attack
from benchmarks.attacks.ground import SIZE, Ground, write_clip

CONTAINERS = {
    ".mp4": "libx264",
    ".mkv": "libx264",
    ".webm": "libvpx-vp9",
    ".avi": "mpeg4",
    ".gif": "gif",
    ".ts": "mpeg2video",
}
"""Suffix and encoder of the containers that are damaged."""
SUFFIXES = (".mp4", ".mkv", ".ts", ".avi", ".gif", ".dv", ".flv", ".mpg", ".webm", ".mov")


@attack("media")
def texts_that_name_other_files(ground: Ground) -> Iterator[Finding]:
    """Playlists of all kinds under every suffix; what they name would fit and is a secret."""
    private = write_clip(ground.folder / "elsewhere" / "private.mp4")
    secret = ground.secret
    playlists = {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{private}\n#EXT-X-ENDLIST\n",
        "m3u8 key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{secret}"\n#EXTINF:9,\n{private}\n',
        "m3u8 bytes": f"#EXTM3U\n#EXTINF:9,\n#EXT-X-BYTERANGE:99@0\nfile://{secret}\n",
        "concat": f"ffconcat version 1.0\nfile '{private}'\n",
        "dash": f"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><Period>"
        f"<AdaptationSet><Representation><BaseURL>{private}</BaseURL></Representation>"
        f"</AdaptationSet></Period></MPD>",
        "entity": f"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM '{secret}'>]><MPD>&e;</MPD>",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "smil": f"<smil><body><video src='{private}'/></body></smil>",
        "rtsptext": f"RTSPtext\nrtsp://127.0.0.1/{private}\n",
        "imf": f"<CompositionPlaylist><Id>urn:uuid:0</Id><Path>{private}</Path></CompositionPlaylist>",
        "svg": f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{secret}'/></svg>",
        "subtitles": f"1\n00:00:00,000 --> 00:00:09,000\n{{\\\\fn{secret}}}x\n",
        "avisynth": f'FFVideoSource("{private}")\n',
        "tty": f"\x1b[2Jcat {secret}\n" * 40,
        "link text": str(private),
        "image2": f"{private}\n",
    }
    for name, text in playlists.items():
        for suffix in SUFFIXES:
            (ground.videos / f"{name}{suffix}").write_text(text)
    done = ground.label()
    rows = ground.rows()
    yield ground.judge("the run", done)
    for name in playlists:
        statuses = {rows[f"{name}{s}"].status for s in SUFFIXES}
        yield Finding(name, "held" if statuses == {"failed"} else "outside", str(statuses))


@attack("media")
def containers_that_hold_more(ground: Ground) -> Iterator[Finding]:
    """Fonts, subtitles, chapters, covers, other streams, references to files, bombs of pictures."""
    base = write_clip(ground.folder / "base.mp4", frames=40).read_bytes()
    made: dict[str, int | None] = {}

    def put(name: str, data: bytes, frames: int | None) -> None:
        (ground.videos / name).write_bytes(data)
        made[name] = frames

    dref = struct.pack(">I4sI", 28, b"url ", 0) + b"file:///etc/x\0\0\0"[:16]
    put("dref.mp4", base.replace(struct.pack(">I4sI", 12, b"url ", 1), dref[:12]), None)
    put("trailing.mp4", base + b"PK\x03\x04" + b"x" * 1000, 40)
    put("zip-head.mp4", b"PK\x03\x04" + base, None)
    put("html-head.mp4", b"<html><script>" + base, None)
    put("twice.mp4", base + base, 40)
    put("free.mp4", base + struct.pack(">I4s", 8 + 2**20, b"free") + bytes(2**20), 40)
    put("empty.mp4", b"", None)
    put("one-byte.mp4", b"\0", None)
    put("zeros.mp4", bytes(100_000), None)
    huge = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
    put(
        "bomb.gif",
        huge + (b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\0") * 999,
        None,
    )
    frames = b"".join(
        b"!\xf9\x04\0\x01\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0" for _ in range(60_000)
    )
    put("many.gif", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frames + b";", None)
    put("big-box.mp4", base[:32] + struct.pack(">I4s", 2**31, b"moov"), None)
    put(
        "deep.mp4",
        b"".join(struct.pack(">I4s", 8 * (3000 - n), b"moov") for n in range(3000)),
        None,
    )
    put("ebml.mkv", b"\x1aE\xdf\xa3" + b"\x01\xff\xff\xff\xff\xff\xff\xff" * 50, None)
    for streams in (2, 5):
        path = ground.videos / f"streams{streams}.mkv"
        with av.open(os.fspath(path), "w") as output:
            many = []
            for number in range(streams):
                stream = output.add_stream("mpeg4", rate=30)
                stream.width, stream.height = SIZE[0] * (number + 1), SIZE[1]
                many.append(stream)
            for number in range(40):
                for stream in many:
                    frame = av.VideoFrame(stream.width, stream.height, "yuv420p")
                    frame.pts = number
                    output.mux(stream.encode(frame))
            for stream in many:
                output.mux(stream.encode())
        made[path.name] = 40
    with av.open(os.fspath(ground.videos / "attached.mkv"), "w") as output:
        attach = getattr(output, "add_attachment", None)
        stream = output.add_stream("mpeg4", rate=30)
        stream.width, stream.height = SIZE
        if attach is not None:
            attach("../../evil.ttf", "application/x-truetype-font", b"x" * 1000)
        output.metadata["title"] = "[/red] \x1b[2J"
        for number in range(40):
            frame = av.VideoFrame(*SIZE, "yuv420p")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    made["attached.mkv"] = 40
    write_clip(ground.videos / "one.mp4", frames=1)
    write_clip(ground.videos / "two.mp4", frames=2)
    made |= {"one.mp4": 1, "two.mp4": 2}
    done = ground.label()
    rows = ground.rows()
    yield ground.judge("the run", done)
    for name, frames in made.items():
        row = rows.get(name)
        if row is None:
            yield Finding(name, "lost", "no row")
        elif "this is a defect" in row.message:
            yield Finding(name, "traceback", row.message[:300])
        elif frames is not None and row.status != "failed" and row.frames != frames:
            yield Finding(name, "wrong", f"{row.frames} frames, {frames} are there")
        elif frames is not None and row.status == "failed" and frames > 2:
            yield Finding(name, "lost", row.message[:200])
        else:
            yield Finding(name, "held", row.message[:200])


@attack("media")
def cut_and_flipped(ground: Ground) -> Iterator[Finding]:
    """Every container cut at each tenth and with flipped bits: a row whose frames are all there."""
    for suffix, codec in CONTAINERS.items():
        whole = write_clip(ground.folder / f"whole{suffix}", frames=36, codec=codec).read_bytes()
        for tenth in range(1, 10):
            path = ground.videos / f"cut{tenth}{suffix}"
            path.write_bytes(whole[: len(whole) * tenth // 10])
        for seed in range(8):
            random_bits = random.Random(seed)
            data = bytearray(whole)
            for _ in range(1 + seed % 5):
                data[random_bits.randrange(len(data))] ^= 1 << random_bits.randrange(8)
            (ground.videos / f"flip{seed}{suffix}").write_bytes(data)
    done = ground.label("--workers", "2", limit_s=300)
    yield ground.judge("the run", done)
    rows = ground.rows()
    for path in sorted(ground.videos.iterdir()):
        row = rows.get(path.name)
        if row is None:
            yield Finding(path.name, "lost", "no row")
            continue
        if "this is a defect" in row.message or row.error == "WorkerCrashedError":
            yield Finding(path.name, "traceback", f"{row.error}: {row.message[:300]}")
            continue
        frames = _frames(path) if row.status in ("done", "empty") else row.frames
        # Where PyAV stops at once, our reader may have more: a stream that turns up on the way.
        wrong = (
            "" if frames in (row.frames, -1) else f"{row.frames} frames told, PyAV decodes {frames}"
        )
        yield Finding(path.name, "wrong" if wrong else "held", wrong)


def _frames(path: Path) -> int:
    """How many frames PyAV gives by itself, none where it stops at an error."""
    try:
        with av.open(os.fspath(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.error.FFmpegError, OSError, IndexError):
        return -1
