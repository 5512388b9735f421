"""A second camera, and wider columns, for a dataset that has one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def as_second_camera(out: Path, first: str, second: str) -> None:
    """Gives a dataset a second camera that shows what the first does."""
    shutil.copytree(out / "videos" / first, out / "videos" / second)
    info = out / "meta" / "info.json"
    facts = json.loads(info.read_text())
    facts["features"][second] = facts["features"][first]
    info.write_text(json.dumps(facts))
    for file in (out / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(file)
        for name in [n for n in table.column_names if n.startswith(f"videos/{first}/")]:
            table = table.append_column(name.replace(first, second), table[name])
        pq.write_table(table, file)


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
