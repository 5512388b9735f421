"""A dataset labeled again, with an episode of which nothing is known."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks._small_dataset import publish_small
from rotoscope.models.labelers import relabel
from rotoscope.models.labelers.relabel import relabel_dataset
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.pipeline.add_tracks.isolated import Running
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError

SEEN = "track.point"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _own_store(monkeypatch, tmp_path):
    monkeypatch.setenv("ROTOSCOPE_STORE", str(tmp_path / "default_store"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("relabel")
    publish_small(root / "data", episodes=4, rows=40)
    info = json.loads((root / "data" / "meta" / "info.json").read_text())
    info["features"][SEEN] = info["features"]["observation.state"]
    (root / "data" / "meta" / "info.json").write_text(json.dumps(info))
    with_seen(root / "data", lambda seen, _: seen)
    settings = [f"inputs=[{SEEN}]", "kind=ridge", "window.at_ends=drop"]
    train_labeler("inverse-dynamics", root / "data", root / "labeler", settings)
    return root


def with_seen(root, change):
    """Writes what was seen as a column of its own: the state, changed."""
    for file in (root / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        state = np.array(table["observation.state"].to_pylist(), np.float32)
        seen = change(state, table["episode_index"].to_numpy())
        kind = table.schema.field("observation.state").type
        if SEEN in table.column_names:
            table = table.drop_columns([SEEN])
        pq.write_table(table.append_column(SEEN, pa.array(list(seen), kind)), file)


def blinded(root, out, episodes):
    """The dataset with some episodes in which nothing was seen."""
    shutil.copytree(root / "data", out)
    with_seen(out, lambda seen, index: np.where(np.isin(index, episodes)[:, None], np.nan, seen))
    return out


def test_episode_of_which_nothing_is_known_stops_no_other(folders, tmp_path):
    told = []
    data = blinded(folders, tmp_path / "blinded", [2])
    relabel_dataset(data, folders / "labeler", tmp_path / "out", keeps_known=False, say=told.append)
    made, whole = open_dataset(tmp_path / "out"), open_dataset(folders / "data")
    valid = [np.ravel(made.episode(k).columns["label.valid"]).astype(bool) for k in range(4)]
    assert [v.any() for v in valid] == [True, True, False, True]
    assert not np.asarray(made.episode(2).columns["action"], float).any()
    off = np.abs(
        np.asarray(made.episode(1).columns["action"], float)
        - np.asarray(whole.episode(1).columns["action"], float)
    )[valid[1]]
    assert off.max() < 0.1
    assert told == ["episode 2: no window of its 41 rows is known: not labeled"]


def test_dataset_of_which_nothing_is_known_is_refused(folders, tmp_path):
    data = blinded(folders, tmp_path / "blinded", range(4))
    with pytest.raises(DatasetError, match="there is nothing to label"):
        relabel_dataset(data, folders / "labeler", tmp_path / "out", keeps_known=False)
    assert not (tmp_path / "out").exists()


def digests(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def with_second_camera(data, out):
    """A dataset with a second camera, whose videos are the first's, and a column of the user's."""
    shutil.copytree(data, out)
    (first,) = [p for p in (out / "videos").iterdir()]
    shutil.copytree(first, out / "videos" / "observation.images.wrist")
    info = json.loads((out / "meta/info.json").read_text())
    info["features"]["observation.images.wrist"] = info["features"][first.name]
    info["features"]["mine"] = {"dtype": "int64", "shape": [1], "names": None}
    (out / "meta/info.json").write_text(json.dumps(info))
    for file in (out / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        column = pa.array(range(100, 100 + table.num_rows), pa.int64())
        pq.write_table(table.append_column("mine", column), file)
    for file in (out / "meta/episodes").rglob("*.parquet"):
        table = pq.read_table(file)
        for name in table.column_names:
            if name.startswith(f"videos/{first.name}/"):
                renamed = name.replace(first.name, "observation.images.wrist")
                table = table.append_column(renamed, table[name])
        pq.write_table(table, file)
    return out


def test_every_column_and_every_camera_is_kept_to_the_byte(folders, tmp_path):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    data, out = with_second_camera(folders / "data", tmp_path / "two"), tmp_path / "out"
    relabel_dataset(data, folders / "labeler", out, keeps_known=False)
    before, after = digests(data), digests(out)
    videos = [name for name in before if name.endswith(".mp4")]
    assert len(videos) == 2
    assert {name: after.get(name) for name in videos} == {name: before[name] for name in videos}
    old, new = open_dataset(data), open_dataset(out)
    assert list(new.info["features"])[: len(old.info["features"])] == list(old.info["features"])
    changed = {"action", "label.valid", "label.confidence", "label.reason", "label.interval"}
    changed |= {"label.source", "label.episode"}  # they name what made the episode
    for index in range(4):
        one, other = old[index].columns, new[index].columns
        for name in one.keys() - changed:
            np.testing.assert_array_equal(one[name], other[name], name)
    (new.root / "README.md").read_text().index("inferred by the labeler `labeler`")
    theirs = LeRobotDataset("a/b", root=out, video_backend="pyav")
    item = theirs[17]
    assert item["observation.images.wrist"].shape == item["observation.images.front"].shape
    assert int(item["mine"]) == 117
    np.testing.assert_allclose(item["action"], np.asarray(new[0].columns["action"])[17])


def test_intervals_stand_beside_what_was_inferred_and_nowhere_else(folders, tmp_path):
    data = blinded(folders, tmp_path / "blinded", [2])
    relabel_dataset(data, folders / "labeler", tmp_path / "out")
    made = open_dataset(tmp_path / "out")
    rows = made[1].columns
    known = np.ravel(open_dataset(data)[1].columns["label.valid"]).astype(bool)
    width = np.asarray(rows["label.interval"], float)
    inferred = np.ravel(rows["label.valid"]).astype(bool) & ~known
    assert inferred.any()
    assert (width[inferred] > 0).all()
    assert np.isnan(width[known]).all()
    np.testing.assert_array_equal(np.ravel(rows["label.confidence"])[known], 1.0)
    blind = made[2].columns
    assert np.isnan(np.asarray(blind["label.interval"], float)).all()
    (line,) = [line for line in made.episodes_meta.values() if line["episode_index"] == 1]
    assert line["quality"]["valid_rows"] == int(np.ravel(rows["label.valid"]).sum())


def test_labeled_and_unlabeled_rows_are_inferred_alike(folders, tmp_path):
    relabel_dataset(folders / "data", folders / "labeler", tmp_path / "a", keeps_known=False)
    bare = shutil.copytree(folders / "data", tmp_path / "bare")
    for file in (bare / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        at = table.column_names.index("label.valid")
        never = pa.array([False] * table.num_rows)
        pq.write_table(table.set_column(at, "label.valid", never), file)
    relabel_dataset(bare, folders / "labeler", tmp_path / "b")
    for index in range(4):
        one, other = (open_dataset(tmp_path / n)[index].columns for n in "ab")
        for name in ("action", "label.valid", "label.confidence", "label.interval"):
            np.testing.assert_array_equal(one[name], other[name], name)


def dies_at_two(jobs, report):
    """What labels, but for episode 2, which ends the process."""
    if any(job.row == 2 for job in jobs):
        os.abort()
    return relabel.label_episodes(jobs, report)


def test_crash_of_one_episode_costs_one_row_and_the_same_call_makes_it_good(
    folders, tmp_path, monkeypatch
):
    running = Running(store=tmp_path / "store")
    real = relabel.run_episodes
    with monkeypatch.context() as patch:
        patch.setattr(
            relabel, "run_episodes", lambda _, *more: real(f"{__name__}:dies_at_two", *more)
        )
        done = relabel_dataset(
            folders / "data", folders / "labeler", tmp_path / "out", running=running
        )
    assert done.exit_code == 1
    assert len(done.failed) == 1
    assert done.failed[0].startswith("episode 2: WorkerCrashedError: the child process died (SIGAB")
    made = open_dataset(tmp_path / "out")
    assert [r["name"] for r in made.ledger() if r["status"] == "failed"] == ["episode 2"]
    known = np.ravel(made[2].columns["label.valid"]).astype(bool)
    whole = open_dataset(folders / "data")[2].columns
    # What was known before is kept; nothing else of it is valid.
    np.testing.assert_array_equal(known, np.ravel(whole["label.valid"]).astype(bool))
    again = relabel_dataset(
        folders / "data", folders / "labeler", tmp_path / "out", running=running
    )
    assert again.exit_code == 0
    relabel_dataset(
        folders / "data",
        folders / "labeler",
        tmp_path / "fresh" / "out",
        running=Running(store=tmp_path / "other", workers=2),
    )
    assert digests(tmp_path / "out") == digests(tmp_path / "fresh" / "out")


def test_finished_episodes_are_not_labeled_again(folders, tmp_path, monkeypatch):
    running = Running(store=tmp_path / "store")
    relabel_dataset(folders / "data", folders / "labeler", tmp_path / "a", running=running)
    real = relabel.run_episodes
    monkeypatch.setattr(relabel, "run_episodes", lambda _, *more: real("nowhere:nothing", *more))
    relabel_dataset(folders / "data", folders / "labeler", tmp_path / "b", running=running)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


@pytest.mark.slow
def test_killed_run_goes_on_and_ends_with_the_same_bytes(folders, tmp_path):
    command = [sys.executable, "-m", "rotoscope.cli.main", "relabel", str(folders / "data")]
    command += ["--labeler", str(folders / "labeler"), "--store", str(tmp_path / "store")]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")], env=env, stdout=subprocess.DEVNULL
    )
    store = tmp_path / "store"
    end = time.monotonic() + 60
    while run.poll() is None and time.monotonic() < end and not any(store.rglob("*.tracks")):
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "4 episodes, " in done.stdout
    running = Running(store=tmp_path / "other")
    relabel_dataset(folders / "data", folders / "labeler", tmp_path / "x" / "out", running=running)
    assert digests(tmp_path / "out") == digests(tmp_path / "x" / "out")


def test_place_that_holds_something_else_is_refused(folders, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="was not written by rotoscope relabel"):
        relabel_dataset(folders / "data", folders / "labeler", tmp_path / "notes")
    with pytest.raises(UsageError, match="the dataset is left as it is"):
        relabel_dataset(folders / "data", folders / "labeler", folders / "data")
