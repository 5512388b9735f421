"""Datasets of other versions of LeRobot are refused with the command that converts them."""

import json
import re
import shlex

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from video_files import write_video

from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.old_versions.bring import import_dataset

FPS, ROWS, CAMERA = 10, (12, 9), "observation.images.front"
SIZE = (96, 64)


def actions_of(episode):
    return np.linspace(episode, episode + 1, 2 * ROWS[episode], dtype=np.float32).reshape(-1, 2)


@pytest.fixture
def old(tmp_path):
    """A v2.1 dataset as LeRobot wrote them: a parquet file and a video for every episode."""
    root = tmp_path / "old data"
    (root / "data" / "chunk-000").mkdir(parents=True)
    (root / "videos" / "chunk-000" / CAMERA).mkdir(parents=True)
    (root / "meta").mkdir()
    for episode in range(len(ROWS)):
        write_table(root / "data" / "chunk-000" / f"episode_{episode:06d}.parquet", episode)
        video = root / "videos" / "chunk-000" / CAMERA / f"episode_{episode:06d}.mp4"
        write_video(video, frames=ROWS[episode], fps=FPS, size=SIZE, seed=episode)
    episodes = [
        {"episode_index": i, "tasks": ["turn"], "length": rows} for i, rows in enumerate(ROWS)
    ]
    stats = [{"episode_index": i, "stats": stats_of(i)} for i in range(len(ROWS))]
    lines(root / "meta" / "episodes.jsonl", episodes)
    lines(root / "meta" / "episodes_stats.jsonl", stats)
    lines(root / "meta" / "tasks.jsonl", [{"task_index": 0, "task": "turn"}])
    (root / "meta" / "info.json").write_text(json.dumps(info()))
    return root


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_table(path, episode):
    rows, before = ROWS[episode], sum(ROWS[:episode])
    vectors = pa.array(list(actions_of(episode)), pa.list_(pa.float32(), 2))
    whole = {
        "frame_index": np.arange(rows),
        "episode_index": np.full(rows, episode),
        "index": before + np.arange(rows),
        "task_index": np.zeros(rows, int),
    }
    time_s = (np.arange(rows) / FPS).astype(np.float32)
    vector_columns = {"observation.state": vectors, "action": vectors}
    pq.write_table(pa.table(vector_columns | {"timestamp": time_s} | whole), path)


def stats_of(episode):
    values = actions_of(episode)
    numbers = {name: getattr(values, name)(0).tolist() for name in ("min", "max", "mean", "std")}
    picture = {name: [[[0.5]]] * 3 for name in numbers}
    count = {"count": [ROWS[episode]]}
    return {
        "observation.state": numbers | count,
        "action": numbers | count,
        CAMERA: picture | count,
    }


def info():
    vector = {"dtype": "float32", "shape": [2], "names": ["a", "b"]}
    counts = {"timestamp": "float32"} | dict.fromkeys(
        ("frame_index", "episode_index", "index", "task_index"), "int64"
    )
    width, height = SIZE
    features = {
        "observation.state": vector,
        "action": vector,
        CAMERA: {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channel"],
            "info": {"video.fps": float(FPS), "video.codec": "h264"},
        },
        **{name: {"dtype": kind, "shape": [1], "names": None} for name, kind in counts.items()},
    }
    numbered = "chunk-{episode_chunk:03d}"
    return {
        "codebase_version": "v2.1",
        "robot_type": "arm",
        "total_episodes": len(ROWS),
        "total_frames": sum(ROWS),
        "total_tasks": 1,
        "total_videos": len(ROWS),
        "total_chunks": 1,
        "chunks_size": 1000,
        "fps": FPS,
        "splits": {"train": f"0:{len(ROWS)}"},
        "data_path": f"data/{numbered}/episode_{{episode_index:06d}}.parquet",
        "video_path": f"videos/{numbered}/{{video_key}}/episode_{{episode_index:06d}}.mp4",
        "features": features,
    }


def refusal(root):
    with pytest.raises(DatasetError) as caught:
        open_dataset(root)
    return str(caught.value)


@pytest.mark.parametrize("version", ["v2.0", "v2.1"])
def test_older_version_is_refused_with_the_command_that_imports_it(old, version):
    (old / "meta" / "info.json").write_text(json.dumps(info() | {"codebase_version": version}))
    first, command = refusal(old).splitlines()
    assert f"old data is LeRobot {version}, not v3" in first
    assert shlex.split(command) == ["rotoscope", "import", str(old), "--out", f"{old}_v3"]


def test_version_that_no_command_imports_is_refused_with_what_to_do(old):
    (old / "meta" / "info.json").write_text(json.dumps(info() | {"codebase_version": "v1.6"}))
    assert re.search(r"is LeRobot v1.6, not v3; v2.0 and v2.1 can be imported", refusal(old))


@pytest.mark.slow
def test_dataset_that_was_imported_is_learned_from(old, tmp_path):
    import_dataset(old, tmp_path / "new")
    new = tmp_path / "new"
    found = read_labeled(new, inputs=["observation.state"], camera=CAMERA, image_size=32)
    assert [e.images.shape for e in found.episodes] == [(rows, 32, 32, 3) for rows in ROWS]
    for number, episode in enumerate(found.episodes):
        np.testing.assert_array_equal(episode.actions, actions_of(number))
