"""A dataset of v2.0 or v2.1 made whole: numbered without gaps, with statistics, as v2.1."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.tables import read_table
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.rewrite_rows import with_column
from rotoscope.pipeline.old_versions.found import OldDataset, OldEpisode

DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
CHUNK = 1000
"""Episodes of one folder."""
_NUMBERED = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
"""Columns that every dataset has, and their types."""


def write_whole(old: OldDataset, root: Path) -> dict[str, Any]:
    """Writes the episodes that are there into an empty folder as LeRobot v2.1.

    Videos are hard links where the disk has them. Statistics are taken over where every episode
    has them, else computed by LeRobot's own code from all rows and some hundred pictures.

    Returns:
        What the numbers were: `{"episodes": [old number, ...], "tasks_without_text": [...]}`.

    Raises:
        DatasetError: A file of rows is damaged, or a video has fewer frames than rows.
    """
    (root / "meta").mkdir(parents=True)
    features = {name: _flat_names(facts) for name, facts in old.info["features"].items()}
    features |= {name: _number(kind) for name, kind in _NUMBERED.items()}
    num_rows, used, said = 0, set(), dict(old.tasks)
    has_stats = all(_has_all(episode.stats, features) for episode in old.episodes)
    lines, stats = [], []
    for number, episode in enumerate(old.episodes):
        table = _numbered(_rows_of(episode, features), number, num_rows, old.info["fps"])
        _check_videos(episode, table.num_rows)
        indices = set(table["task_index"].to_pylist())
        used |= indices
        if len(indices) == len(episode.tasks) == 1:
            said.setdefault(min(indices), episode.tasks[0])
        _write_rows(table, number, root)
        for camera, video in episode.videos.items():
            _link(video, place_of(root, number, camera))
        lines.append(
            {"episode_index": number, "tasks": list(episode.tasks), "length": table.num_rows}
        )
        found = episode.stats if has_stats else _stats_of(episode, table, features)
        stats.append({"episode_index": number, "stats": _only(found or {}, features)})
        num_rows += table.num_rows
    texts = {n: said.get(n) or f"task {n}" for n in range(max({*used, *said}) + 1)}
    write_lines(root / "meta" / "episodes.jsonl", lines)
    write_lines(root / "meta" / "episodes_stats.jsonl", stats)
    write_lines(
        root / "meta" / "tasks.jsonl", [{"task_index": n, "task": t} for n, t in texts.items()]
    )
    info = info_v21(
        old.info,
        features,
        num_episodes=len(old.episodes),
        num_rows=num_rows,
        num_tasks=len(texts),
    )
    (root / "meta" / "info.json").write_text(json.dumps(info, indent=1), encoding="utf-8")
    return {
        "episodes": [episode.number for episode in old.episodes],
        "tasks_without_text": sorted(used - said.keys()),
    }


def _rows_of(episode: OldEpisode, features: Mapping[str, Any]) -> Any:
    """The rows of an episode, with all that its dataset declares."""
    table = read_table(episode.data)
    wanted = [k for k, f in features.items() if f["dtype"] != "video" and k not in _NUMBERED]
    missing = [k for k in wanted if k not in table.column_names]
    if missing:
        raise DatasetError(f"{episode.data} has no column {missing[0]!r}, which info.json declares")
    if not table.num_rows:
        raise DatasetError(f"{episode.data} holds no rows")
    return table


def _check_videos(episode: OldEpisode, num_rows: int) -> None:
    from rotoscope.pipeline.video.probe import frame_times

    for camera, video in episode.videos.items():
        num_frames = len(frame_times(video))
        if num_frames < num_rows:
            raise DatasetError(
                f"episode {episode.number}: {video} has {num_frames} frames for {num_rows} rows; "
                f"take another copy of it, or take the episode out of meta/episodes.jsonl "
                f"(camera {camera!r})"
            )


def _numbered(table: Any, number: int, first: int, fps: float) -> Any:
    """The rows with the columns that every dataset has: numbered from 0, on the clock of v3.

    Row k belongs to frame k, and LeRobot v3 looks for it at k / fps: some writers of v2 begin at
    the second frame's time, or leave a column out.
    """
    import pyarrow as pa

    frame = np.arange(table.num_rows, dtype=np.int64)
    counted = {
        "frame_index": frame,
        "timestamp": (frame / fps).astype(np.float32),
        "episode_index": np.full(table.num_rows, number, np.int64),
        "index": first + frame,
    }
    if "task_index" not in table.column_names:
        counted["task_index"] = np.zeros(table.num_rows, np.int64)
    for name, values in counted.items():
        table = with_column(table, name, pa.array(values))
    return table


def _write_rows(table: Any, number: int, root: Path) -> None:
    import pyarrow.parquet as pq

    path = place_of(root, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(None), path)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(source, target)


def _stats_of(episode: OldEpisode, table: Any, features: Mapping[str, Any]) -> dict[str, Any]:
    """What LeRobot stores of an episode, by its own code."""
    from lerobot.datasets.compute_stats import get_feature_stats

    out: dict[str, Any] = {}
    for name, facts in features.items():
        if facts["dtype"] in ("string", "image", "language"):
            continue
        if name in episode.videos:
            pictures = np.concatenate(list(_pictures(episode.videos[name], table.num_rows)))
            found = get_feature_stats(pictures, axis=(0, 2, 3), keepdims=True)
            out[name] = {
                k: v if k == "count" else np.squeeze(v / 255.0, axis=0) for k, v in found.items()
            }
            continue
        values = np.array(table[name].to_pylist())
        out[name] = get_feature_stats(values, axis=0, keepdims=values.ndim == 1)
    return {
        n: {k: np.asarray(v).tolist() for k, v in found.items()} for n, found in out.items()
    }  # fmt: skip


def _pictures(video: Path, num_rows: int) -> Iterator[np.ndarray]:
    """Pictures spread over a video, as many as LeRobot looks at, each (1, channel, y, x)."""
    from lerobot.datasets.compute_stats import auto_downsample_height_width, sample_indices

    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    wanted = set(sample_indices(num_rows))
    for number, frame in enumerate(read_frames(probe(video))):
        if number in wanted:
            yield auto_downsample_height_width(frame.rgb.transpose(2, 0, 1))[None]


def _has_all(stats: Mapping[str, Any] | None, features: Mapping[str, Any]) -> bool:
    """Whether there are statistics of all that has some."""
    return {k for k, f in features.items() if f["dtype"] != "string"} <= (stats or {}).keys()


def _number(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [1], "names": None}


def _only(stats: Mapping[str, Any], features: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found for name, found in stats.items() if name in features}


def info_v21(
    info: Mapping[str, Any],
    features: Mapping[str, Any],
    *,
    num_episodes: int,
    num_rows: int,
    num_tasks: int,
) -> dict[str, Any]:
    """`meta/info.json` of v2.1 with files where `place_of` puts them."""
    num_cameras = sum(facts["dtype"] == "video" for facts in features.values())
    return {
        **info,
        "codebase_version": "v2.1",
        "features": dict(features),
        "total_episodes": num_episodes,
        "total_frames": num_rows,
        "total_tasks": num_tasks,
        "total_videos": num_episodes * num_cameras,
        "total_chunks": -(-num_episodes // CHUNK),
        "chunks_size": CHUNK,
        "splits": {"train": f"0:{num_episodes}"},
        "data_path": DATA,
        "video_path": VIDEO if num_cameras else None,
    }


def place_of(root: Path, number: int, camera: str = "") -> Path:
    """The file of an episode's rows, or of a camera's frames."""
    template = VIDEO if camera else DATA
    return root / template.format(
        episode_chunk=number // CHUNK, episode_index=number, video_key=camera
    )


def _flat_names(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Names in one list: some writers wrap them into a second one."""
    names = facts.get("names")
    is_wrapped = isinstance(names, list) and len(names) == 1 and isinstance(names[0], list)
    return {**facts, "names": names[0]} if is_wrapped and names else dict(facts)


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Writes one JSON object a line."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
