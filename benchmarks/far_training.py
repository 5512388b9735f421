"""What training reads of a dataset in object storage: two cameras, one of them named, wide columns.

Real pictures: the demo's `cup.mp4` before one camera, `box.mp4` before the other, as episodes of a
dataset with the columns that `hand-gripper` leaves beside the action (landmarks and joints of two
hands, 400 numbers a row, noise, which no Parquet file makes small). A bucket of a real server on
loopback (moto), and a proxy that counts bytes. Columns alone are counted from what the Parquet
files say of themselves.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq

from benchmarks import _object_store as server
from benchmarks._small_dataset import FPS, publish_small
from benchmarks._two_filmed import as_second_camera, with_column
from benchmarks.figure import Bar, Figure
from rotoscope import train
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.remote.datasets import send_dataset
from rotoscope.pipeline.remote.opened import forget_opened
from rotoscope.pipeline.remote.urls import place_of

EPISODES, ROWS, WIDTH = 4, 100, 400
FRONT, SIDE = "observation.images.front", "observation.images.side"
_ALWAYS = ("action", "observation.state", "label.valid", "timestamp", "frame_index", "index")
"""Columns that training reads beside the inputs that it is told."""


def run() -> list[Figure]:
    """Measures all figures; takes about a minute on two cores."""
    with tempfile.TemporaryDirectory() as name, server.moto_server() as address:
        root = Path(name)
        data = filmed(root / "data")
        os.environ |= {"XDG_CACHE_HOME": str(root / "frames"), "ROTOSCOPE_CACHE": str(root / "far")}
        server.make_bucket(address, "bucket")
        with server.proxy_to(address) as proxy:
            server.use_server(os.environ.__setitem__, proxy.address)
            forget_opened()
            url = "s3://bucket/ds"
            send_dataset(data, place_of(url))
            read = []
            for number in range(2):
                proxy.answered.clear()
                settings = [f"camera={FRONT}", "image_size=64", "kind=ridge"]
                train.inverse_dynamics(url, out=root / f"labeler{number}", overrides=settings)
                read.append(proxy.num_bytes("/ds/"))
        whole = _bytes(data)
        tables, columns = (
            _bytes(data / "data"),
            sum(map(_needed, (data / "data").rglob("*.parquet"))),
        )
        left = _bytes(root / "far")
    return [
        Figure("far_training.dataset", whole / 1e6, "MB"),
        Figure("far_training.read", read[0] / whole, "1", Bar("<=", 0.6)),
        Figure("far_training.read_again", read[1] / whole, "1", Bar("==", 0)),
        Figure("far_training.tables", tables / whole, "1"),
        Figure("far_training.columns_alone", (read[0] - tables + columns) / whole, "1"),
        Figure("far_training.left_on_disk", left / whole, "1"),
    ]


def filmed(out: Path) -> Path:
    """The dataset."""
    publish_small(out, episodes=EPISODES, rows=ROWS)
    as_second_camera(out, FRONT, SIDE)
    for camera, name in ((FRONT, "cup.mp4"), (SIDE, "box.mp4")):
        for file in (out / "videos" / camera).rglob("*.mp4"):
            _film(file, asset_path(name))
    random = np.random.default_rng(0)
    lengths = _lengths(out)
    wide = {k: random.normal(size=(num, WIDTH)) for k, num in lengths.items()}
    with_column(out, "track.hands", wide)
    return out


def _lengths(out: Path) -> dict[int, int]:
    found = {}
    for file in (out / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(file, columns=["episode_index", "length"]).to_pylist()
        found |= {row["episode_index"]: row["length"] for row in table}
    return found


def _film(file: Path, source: Path) -> None:
    """As many pictures of another video, over and over, where those of a dataset were."""
    with av.open(str(file)) as container:
        num = sum(1 for _ in container.decode(video=0))
    changed = file.with_suffix(".changed.mp4")
    with av.open(str(changed), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "23", "preset": "veryfast"}
        for _, frame in zip(range(num), _over_and_over(source), strict=False):
            stream.width, stream.height = frame.width, frame.height
            picture = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    changed.replace(file)


def _over_and_over(source: Path) -> Iterator[av.VideoFrame]:
    while True:
        with av.open(str(source)) as container:
            yield from container.decode(video=0)


def _needed(file: Path) -> int:
    """Bytes of the columns that are needed, and of what says where they are."""
    facts = pq.ParquetFile(file).metadata
    groups = [facts.row_group(k) for k in range(facts.num_row_groups)]
    chunks = [group.column(k) for group in groups for k in range(group.num_columns)]
    kept = [c for c in chunks if c.path_in_schema.startswith(_ALWAYS)]
    return int(sum(c.total_compressed_size for c in kept) + facts.serialized_size)


def _bytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
