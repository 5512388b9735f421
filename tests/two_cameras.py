"""A small dataset that two cameras filmed, each of which shows what the other does not."""

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks._small_dataset import CELL, FPS, publish_small

FRONT, SIDE = "observation.images.front", "observation.images.side"
BOTH = f"camera=[{FRONT}, {SIDE}]"


def publish_two(out: Path, *, episodes: int, rows: int) -> Path:
    """Its front camera shows the first joint and the gripper, its side camera the second joint."""
    publish_small(out, episodes=episodes, rows=rows)
    shutil.copytree(out / "videos" / FRONT, out / "videos" / SIDE)
    for camera, bands in ((FRONT, (1,)), (SIDE, (0, 2))):
        for file in (out / "videos" / camera).rglob("*.mp4"):
            without_bands(file, bands)
    info = out / "meta" / "info.json"
    facts = json.loads(info.read_text())
    facts["features"][SIDE] = facts["features"][FRONT]
    info.write_text(json.dumps(facts))
    for file in (out / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(file)
        for name in [n for n in table.column_names if n.startswith(f"videos/{FRONT}/")]:
            table = table.append_column(name.replace(FRONT, SIDE), table[name])
        pq.write_table(table, file)
    return out


def without_bands(file: Path, bands: tuple[int, ...]) -> None:
    """Takes the codes and some joints' bands out of all pictures of a video."""
    with av.open(str(file)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    height, width = pictures[0].shape[:2]
    changed = file.with_suffix(".changed.mp4")
    with av.open(str(changed), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "12", "preset": "ultrafast", "g": "2"}
        for picture in pictures:
            shown = picture.copy()
            shown[: 2 * CELL] = 60
            for band in bands:
                shown[(2 + 2 * band) * CELL : (4 + 2 * band) * CELL] = 60
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())
    changed.replace(file)


def with_column(root: Path, name: str, values: dict[int, np.ndarray]) -> None:
    """Adds a feature, given for each episode."""
    info = root / "meta" / "info.json"
    facts = json.loads(info.read_text())
    size = next(iter(values.values())).shape[1]
    facts["features"][name] = {"dtype": "float32", "shape": [size], "names": None}
    info.write_text(json.dumps(facts))
    kind = pa.list_(pa.float32(), size)
    for file in (root / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        index = table["episode_index"].to_numpy()
        rows = np.concatenate([values[k] for k in dict.fromkeys(index.tolist())])
        pq.write_table(table.append_column(name, pa.array(rows.astype("f4").tolist(), kind)), file)
