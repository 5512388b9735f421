"""Every kind of damage to a dataset's files is a FAIL that names the file; none is a crash."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corruptions import change_episodes, change_json, change_rows, only

from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import DatasetError

CAMERA = "observation.images.front"
PLACE = f"videos/{CAMERA}/"
DATA, TABLE, VIDEO = "data/*/*.parquet", "meta/episodes/*/*.parquet", "videos/*/*/*.mp4"


def flip(pattern, *, at=0.5, num=200):
    def spoil(dataset):
        path = only(dataset, pattern)
        data = bytearray(path.read_bytes())
        start = int(len(data) * at)
        data[start : start + num] = bytes(b ^ 0xFF for b in data[start : start + num])
        path.write_bytes(bytes(data))

    return spoil


def cut(pattern, share=0.5):
    def spoil(dataset):
        path = only(dataset, pattern)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return spoil


def remove(pattern):
    return lambda dataset: only(dataset, pattern).unlink()


def folder_instead(pattern):
    def spoil(dataset):
        path = only(dataset, pattern)
        path.unlink()
        path.mkdir()

    return spoil


def info(**changes):
    return lambda dataset: change_json(dataset, "info.json", lambda found: found.update(changes))


def feature(name, **changes):
    return lambda dataset: change_json(
        dataset, "info.json", lambda found: found["features"][name].update(changes)
    )


def stats(change):
    return lambda dataset: change_json(dataset, "stats.json", change)


def table(name, change):
    return lambda dataset: change_episodes(dataset, name, change)


def rows(**changes):
    return lambda dataset: change_rows(dataset, **changes)


def column_as(name, change, kind=None):
    def spoil(dataset):
        path = only(dataset, DATA)
        found = pq.read_table(path)
        values = pa.array([change(v, k) for k, v in enumerate(found[name].to_pylist())], kind)
        at = found.column_names.index(name)
        pq.write_table(found.set_column(at, name, values), path)

    return spoil


def without(pattern, name):
    def spoil(dataset):
        path = only(dataset, pattern)
        pq.write_table(pq.read_table(path).drop_columns([name]), path)

    return spoil


def renamed(pattern, new):
    def spoil(dataset):
        path = only(dataset, pattern)
        path.rename(path.with_name(new))

    return spoil


FLOATS = pa.list_(pa.float32())
DAMAGE = {
    "data flipped": (flip(DATA, num=40), "statistics|parquet|recompute_stats"),
    "data cut": (cut(DATA), "file-000.parquet"),
    "data empty": (cut(DATA, 0), "file-000.parquet"),
    "data missing": (remove(DATA), "data/ holds no parquet file"),
    "data a folder": (folder_instead(DATA), "data/ holds no parquet file"),
    "data moved": (renamed(DATA, "file-003.parquet"), "data/chunk-000/file-000.parquet is not"),
    "table flipped": (flip(TABLE, at=0.9, num=20), "meta/episodes"),
    "table cut": (cut(TABLE), "meta/episodes"),
    "table missing": (remove(TABLE), "meta/episodes"),
    "table points outside": (table(PLACE + "chunk_index", lambda v: 7), "chunk-007"),
    "table names no file": (table(PLACE + "chunk_index", lambda v: None), "chunk_index' is None"),
    "table names another data file": (table("data/file_index", lambda v: 3), "file-003.parquet"),
    "table without data files": (without(TABLE, "data/chunk_index"), "'data/chunk_index' is None"),
    "table without a start": (without(TABLE, PLACE + "from_timestamp"), "from_timestamp' is None"),
    "start is no number": (table(PLACE + "from_timestamp", lambda v: float("nan")), "is nan"),
    "start after the end": (table(PLACE + "from_timestamp", lambda v: v + 100), "frames of"),
    "length lies": (table("length", lambda v: v + 5), "says length"),
    "episodes without index": (table("episode_index", lambda v: None), "'episode_index' is None"),
    "episodes of one index": (table("episode_index", lambda v: 0), "episode 0 twice"),
    "tasks cut": (cut("meta/tasks.parquet"), "tasks.parquet"),
    "tasks missing": (remove("meta/tasks.parquet"), "tasks.parquet"),
    "tasks without index": (without("meta/tasks.parquet", "task_index"), "tasks.parquet has no"),
    "task that is not there": (rows(task_index=lambda v: v + 5), "tasks.parquet"),
    "stats are no numbers": (stats(lambda s: s["action"].update(mean="x")), "mean is 'x'"),
    "stats not finite": (stats(lambda s: s["action"].update(std=[np.nan] * 3)), "std is nan"),
    "stats incomplete": (stats(lambda s: s["action"].pop("std")), "stats.json says no std"),
    "stats a number": (stats(lambda s: s.update(action=5)), "action is no mapping"),
    "fps lies": (info(fps=25), "frame_index / fps"),
    "total_frames lies": (info(total_frames=9999), "total_frames 9999"),
    "total_episodes is a text": (info(total_episodes="x"), "total_episodes x"),
    "chunks of no size": (info(chunks_size=0), "chunks_size 0"),
    "data elsewhere": (info(data_path="d/{chunk_index}/{file_index}.parquet"), "d/0/0.parquet"),
    "videos elsewhere": (info(video_path="v/{video_key}/{file_index}.mp4"), "0.mp4 is not there"),
    "feature of another type": (feature("action", dtype="int64"), "holds float32, info.json says"),
    "feature of no type": (feature("action", dtype="nonsense"), "info.json says 'nonsense'"),
    "feature of another size": (feature("action", shape=[4]), "'action' is missing or is not 4"),
    "feature not named": (
        lambda d: change_json(d, "info.json", lambda i: i["features"].pop("action")),
        "names no feature 'action'",
    ),
    "feature not there": (without(DATA, "action"), "no column 'action'"),
    "column of another type": (column_as("index", lambda v, k: float(v)), "holds float64"),
    "column of another size": (
        column_as("action", lambda v, k: [*v, 0.0], FLOATS),
        "'action' is missing or is not 3",
    ),
    "column ragged": (
        column_as("action", lambda v, k: v[: 2 + (k != 5)], FLOATS),
        "'action' is missing or is not 3",
    ),
    "column with holes": (
        column_as("action", lambda v, k: None if k == 5 else v, FLOATS),
        "'action' is missing or is not 3",
    ),
    "clock without numbers": (rows(timestamp=lambda v: v * np.nan), "timestamp is nan"),
    "rows counted from 7": (rows(index=lambda v: v + 7), "index is 7"),
    "video cut": (cut(VIDEO, 0.9), "frames of"),
    "video flipped": (flip(VIDEO), "file-000.mp4 cannot be decoded"),
    "video empty": (cut(VIDEO, 0), "file-000.mp4: cannot be read"),
    "video missing": (remove(VIDEO), "file-000.mp4 is not there"),
    "picture of another size": (feature(CAMERA, shape=[8, 8, 3]), "is 96x64"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_a_failure_that_says_what_is_wrong(foreign, kind):
    spoil, words = DAMAGE[kind]
    spoil(foreign)
    failures = [c.message for c in diagnose(foreign) if c.verdict == "FAIL"]
    assert failures
    assert any(word in text for text in failures for word in words.split("|")), failures


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*DAMAGE, "none"])
def test_doctor_passes_nothing_that_lerobot_refuses(foreign, kind, monkeypatch):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if kind != "none":
        DAMAGE[kind][0](foreign)
    try:
        loaded = LeRobotDataset("local/dataset", root=foreign)
        for row in (0, len(loaded) // 2, len(loaded) - 1):
            loaded[row]
        is_read = True
    except Exception:
        is_read = False
    is_passed = all(check.verdict != "FAIL" for check in diagnose(foreign))
    assert is_read or not is_passed
    assert (kind == "none") == is_passed


@pytest.mark.parametrize("name", ["info.json", "stats.json", "rotoscope/contract.json"])
@pytest.mark.parametrize("text", ["", "[]", "5", "null", "{", "[" * 5000, '{"a": NaN}', "\x00"])
def test_any_text_in_a_metadata_file_is_a_failure_or_one_sentence(dataset, name, text):
    (dataset / "meta" / name).write_text(text)
    assert any(Path(name).name in failure for failure in failures_of(dataset))


def failures_of(dataset):
    try:
        return [check.message for check in diagnose(dataset) if check.verdict == "FAIL"]
    except DatasetError as error:
        return [str(error)]


def test_dataset_without_rotoscopes_own_files_is_sound(foreign):
    assert not (foreign / "meta" / "rotoscope").exists()
    said = {c.name: c.verdict for c in diagnose(foreign) if c.verdict != "PASS"}
    assert said.pop("contract") == "WARN"
    assert said.keys() >= {"limits", "scale", "camera"}
    assert set(said.values()) == {"UNTESTED"}


def test_other_files_beside_the_dataset_do_no_harm(dataset):
    shutil.copy(__file__, dataset / "data" / "notes.txt")
    Path(dataset / "meta" / "more.json").write_text("not JSON")
    assert {c.verdict for c in diagnose(dataset)} == {"PASS", "UNTESTED"}
