"""A dataset of LeRobot v3 as one of v2.1 with `meta/modality.json`, which Isaac GR00T reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.datasets.tables import read_episodes, read_table
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.old_versions.cut_video import cut_video
from rotoscope.pipeline.old_versions.modality import TASK, modality_of
from rotoscope.pipeline.old_versions.whole import info_v21, place_of, write_lines

ANNOTATION = f"annotation.{TASK}"


def write_v21(dataset: Dataset, out: Path) -> None:
    """Writes every episode as files of its own, whole or not at all; videos are cut, not encoded.

    A column `annotation.human.action.task_description` says each row's task, as GR00T's own
    datasets do. `label.*` and `track.*` columns stay: whoever trains can mask by `label.valid`.

    Raises:
        DatasetError: `out` is there already, or an episode's files are damaged.
        DiskFullError: No space is left.
    """
    if out.exists():
        raise DatasetError(f"{out} exists; name another place or move it away")
    found = dataset.rotoscope("contract.json")
    contract = ActionContract.model_validate(found) if found else None
    table = read_episodes(dataset.root, dataset.info, with_statistics=True)
    with atomic_path(out) as root:
        (root / "meta").mkdir(parents=True)
        lines: list[dict[str, Any]] = []
        stats: list[dict[str, Any]] = []
        for number, row in enumerate(table):
            length = _write_episode(dataset, number, root)
            lines.append({"episode_index": number, "tasks": list(row["tasks"]), "length": length})
            stats.append({"episode_index": number, "stats": _stats_of(row)})
        tasks = dataset.tasks()
        write_lines(root / "meta" / "episodes.jsonl", lines)
        write_lines(root / "meta" / "episodes_stats.jsonl", stats)
        write_lines(
            root / "meta" / "tasks.jsonl",
            [{"task_index": n, "task": text} for n, text in sorted(tasks.items())],
        )
        info = _info_of(dataset, num_rows=sum(line["length"] for line in lines))
        names = {k: dataset.names(k) for k in ("observation.state", "action")}
        modality = modality_of(info, contract, names=names).model_dump(exclude_none=True)
        for name, content in {"info": info, "modality": modality}.items():
            text = json.dumps(content, indent=4)
            (root / "meta" / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _write_episode(dataset: Dataset, number: int, root: Path) -> int:
    """Rows and videos of one episode; returns its number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    episode = int(dataset.table[number]["episode_index"])
    rows = read_table(dataset.data_file(number), episode=episode)
    rows = rows.set_column(
        rows.column_names.index("episode_index"),
        "episode_index",
        pa.array(np.full(rows.num_rows, number, np.int64)),
    )
    rows = rows.append_column(ANNOTATION, rows["task_index"])
    path = place_of(root, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows.replace_schema_metadata(None), path)
    for camera in dataset.cameras:
        cut_video(
            dataset.existing_video(camera, number),
            place_of(root, number, camera),
            start_s=dataset.video_start_s(camera, number),
            num_frames=rows.num_rows,
            fps=dataset.fps,
        )
    return int(rows.num_rows)


def _stats_of(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """An episode's statistics by feature, as v2.1 nests them; those that are not finite aside."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in row.items():
        if not key.startswith("stats/"):
            continue
        name, _, kind = key.removeprefix("stats/").rpartition("/")
        found.setdefault(name, {})[kind] = value
    if "task_index" in found:
        found[ANNOTATION] = found["task_index"]
    return {name: kinds for name, kinds in found.items() if _are_finite(kinds.values())}


def _are_finite(values: Iterable[Any]) -> bool:
    return all(bool(np.isfinite(np.asarray(value, float)).all()) for value in values)


def _info_of(dataset: Dataset, *, num_rows: int) -> dict[str, Any]:
    features = dict(dataset.info["features"])
    features[ANNOTATION] = {"dtype": "int64", "shape": [1], "names": None}
    return info_v21(
        dataset.info,
        features,
        num_episodes=len(dataset),
        num_rows=num_rows,
        num_tasks=len(dataset.tasks()),
    )
