"""A folder that gets new videos, a dataset with versions, and a video that is to be forgotten."""

import json
import os
import shutil

import pyarrow.parquet as pq
import pytest
from lamp_runs import digest, run_lamp, write_clip

from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.export.versions import forget_versions, versions_in
from rotoscope.pipeline.run.forget import forget, plan_forgetting

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """Two videos, then a third whose name comes first; what stood there is kept beside."""
    folder = tmp_path_factory.mktemp("grown")
    for name, frames in (("b.mp4", 45), ("c.mp4", 48)):
        write_clip(folder / "videos" / name, frames)
    run_lamp(folder)
    before = digest(folder / "out")
    write_clip(folder / "videos" / "a.mp4", 51)
    run_lamp(folder)
    return folder, before


@pytest.fixture
def copy(grown, tmp_path):
    """The same, to be changed; its run's record names the copied places."""
    folder = tmp_path / "copy"
    shutil.copytree(grown[0], folder)
    record = folder / "out.rotoscope" / "run.json"
    record.write_text(record.read_text().replace(str(grown[0]), str(folder)))
    return folder


def names(root):
    dataset = open_dataset(root)
    return [dataset.episodes_meta[i]["name"] for i in range(len(dataset))]


def test_new_videos_come_after_those_that_were_there(grown):
    folder, before = grown
    assert names(folder / "out") == ["b.mp4", "c.mp4", "a.mp4"]
    assert [row["name"] for row in open_dataset(folder / "out").ledger()] == [
        "a.mp4",
        "b.mp4",
        "c.mp4",
    ]
    (version,) = versions_in(folder / "out.rotoscope" / "versions")
    assert digest(version.path) == before
    assert names(version.path) == ["b.mp4", "c.mp4"]
    # Somebody may append to the newest with a tool that writes into its files.
    inodes = {p.stat().st_ino for p in version.path.rglob("*") if p.is_file()}
    assert not inodes & {p.stat().st_ino for p in (folder / "out").rglob("*") if p.is_file()}


@pytest.mark.slow
def test_run_without_news_changes_nothing_and_makes_no_version(copy):
    before = digest(copy / "out")
    assert not run_lamp(copy).is_new
    assert digest(copy / "out") == before
    assert len(versions_in(copy / "out.rotoscope" / "versions")) == 1


@pytest.mark.slow
def test_whole_at_once_gives_the_same_data_in_another_order(grown, tmp_path):
    folder, _ = grown
    run_lamp(folder, out=tmp_path / "whole")
    assert names(tmp_path / "whole") == ["a.mp4", "b.mp4", "c.mp4"]
    one, other = (episodes(root) for root in (folder / "out", tmp_path / "whole"))
    assert one.keys() == other.keys()
    for name, table in one.items():
        assert table.equals(other[name]), name


def episodes(root):
    """Rows by video, without the numbers that say where in the dataset they stand."""
    dataset, whole = open_dataset(root), pq.read_table(next(root.glob("data/*/*.parquet")))
    numbers = ["episode_index", "index"]
    return {
        dataset.episodes_meta[i]["name"]: pq.read_table(
            dataset.data_file(i), filters=[("episode_index", "=", i)]
        ).drop_columns(numbers)
        for i in range(len(dataset))
        if whole.num_rows
    }


@pytest.mark.slow
def test_old_versions_share_what_is_alike_and_can_be_removed(copy):
    write_clip(copy / "videos" / "d.mp4", 54)
    run_lamp(copy)
    first, second = versions_in(copy / "out.rotoscope" / "versions")
    same = "meta/rotoscope/contract.json"
    assert os.path.samefile(first.path / same, second.path / same)
    assert names(copy / "out") == ["b.mp4", "c.mp4", "a.mp4", "d.mp4"]
    assert [v.number for v in forget_versions(first.path.parent, keep=1)] == [1]
    assert names(second.path) == ["b.mp4", "c.mp4", "a.mp4"]


def traces(folder, words):
    """Files below a folder that hold one of these words, in bytes or in their name."""
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if any(w in data or w in os.fsencode(path.name) for w in words):
            found.append(str(path.relative_to(folder)))
    return [name for name in found if not name.startswith("videos/")]


@pytest.mark.slow
def test_forgotten_video_is_found_nowhere_and_the_others_are_whole(copy):
    sha256 = {m["name"]: m["source"]["video_sha256"] for m in
              open_dataset(copy / "out").episodes_meta.values()}  # fmt: skip
    (copy / "out.report.html").write_text("<p>b.mp4</p>")
    (copy / "out.compare.html").write_text("<p>a.mp4</p>")
    words = [b"b.mp4", sha256["b.mp4"].encode(), sha256["b.mp4"][:12].encode()]
    assert traces(copy, words)
    plan = plan_forgetting("b.mp4", copy / "out")
    before = digest(copy)
    assert digest(copy) == before  # a plan changes nothing
    assert [(g.episodes, g.kept) for g in plan.datasets] == [((0,), (1, 2)), ((0,), (1,))]
    forget(plan)
    assert traces(copy, words) == []
    assert not (copy / "out.report.html").exists()
    assert (copy / "out.compare.html").exists()
    assert names(copy / "out") == ["c.mp4", "a.mp4"]
    (version,) = versions_in(copy / "out.rotoscope" / "versions")
    assert names(version.path) == ["c.mp4"]
    for root in (copy / "out", version.path):
        assert "FAIL" not in {c.verdict for c in diagnose(root)}
    with pytest.raises(UsageError, match=r"speak of no video 'b\.mp4'; they speak of 'a\.mp4'"):
        plan_forgetting("b.mp4", copy / "out")
    # The other videos' results are kept: a run computes nothing anew.
    (copy / "videos" / "b.mp4").unlink()
    assert all(row.cpu_s == 0 for row in run_lamp(copy).rows)


@pytest.mark.slow
def test_forgetting_the_only_video_of_a_version_removes_it(tmp_path):
    write_clip(tmp_path / "videos" / "a.mp4", 45)
    run_lamp(tmp_path)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    forget(plan_forgetting("videos/a.mp4", tmp_path / "out"))
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["notes.txt"]
    assert not [p for p in (tmp_path / "store").rglob("*") if p.is_file() and p.suffix == ".tracks"]


@pytest.mark.slow
def test_failure_that_is_mended_is_no_new_video(tmp_path):
    whole = write_clip(tmp_path / "videos" / "a.mp4", 45).read_bytes()
    write_clip(tmp_path / "videos" / "b.mp4", 48)
    (tmp_path / "videos" / "a.mp4").write_bytes(whole[: len(whole) // 2])
    run_lamp(tmp_path)
    (tmp_path / "videos" / "a.mp4").write_bytes(whole)
    run_lamp(tmp_path)
    assert names(tmp_path / "out") == ["a.mp4", "b.mp4"]
    ledger = (tmp_path / "out" / "meta/rotoscope/ledger.jsonl").read_text().splitlines()
    assert not any("added" in json.loads(line) for line in ledger)
