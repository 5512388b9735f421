"""Memory of a worker on a ten-minute 1080p video, against one of a single minute."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av

from benchmarks._processes import measure, rotoscope
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.run.ledger import Ledger

RATE = 30


def run() -> list[Figure]:
    """Labels both videos from end to end; takes some ten minutes on one core."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        loop = _encode_loop(root / "loop.mp4", seconds=10)
        peaks = {minutes: _peak_gib(root, loop, minutes) for minutes in (1, 10)}
    return [
        Figure("memory.peak_10min_1080p", peaks[10], "GiB", Bar("<=", 0.6)),
        Figure("memory.growth_10min_over_1min", peaks[10] / peaks[1], "x", Bar("<=", 1.15)),
    ]


def _peak_gib(root: Path, loop: Path, minutes: int) -> float:
    videos = root / f"videos{minutes}"
    videos.mkdir()
    _repeat(loop, videos / "long.mp4", times=minutes * 6)
    out = root / f"out{minutes}"
    cost = measure(rotoscope("label", videos, "--out", out, "--store", root / f"store{minutes}"))
    if cost.exit_code != 0:
        raise SystemExit(cost.output)
    return Ledger(root / f"out{minutes}.rotoscope" / "ledger.jsonl").rows()[0].peak_memory_gib


def _encode_loop(path: Path, *, seconds: int) -> Path:
    """A 1080p clip of real hands that begins with a key frame and refers to nothing after it."""
    with av.open(str(asset_path("box.mp4"))) as source, av.open(str(path), "w") as target:
        out = target.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "bf": "0"})
        out.width, out.height, out.pix_fmt = 1920, 1080, "yuv420p"
        for number, frame in enumerate(source.decode(video=0)):
            if number == seconds * RATE:
                break
            scaled = frame.reformat(1920, 1080, "yuv420p")
            scaled.pts, scaled.time_base = number, Fraction(1, RATE)
            target.mux(out.encode(scaled))
        target.mux(out.encode(None))
    return path


def _repeat(loop: Path, path: Path, *, times: int) -> None:
    """Remuxes the loop many times in a row; no encoding."""
    with av.open(str(path), "w") as target:
        out, shift = None, 0
        for _ in range(times):
            with av.open(str(loop)) as source:
                stream = source.streams.video[0]
                out = out or target.add_stream_from_template(stream)
                length = stream.duration or 0
                for packet in source.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = out
                    target.mux(packet)
                shift += length
