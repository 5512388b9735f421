"""The whole job on small videos with a one-joint robot: rows, retries, limits, bytes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from video_files import write_video

from rotoscope.pipeline.errors import RecipeError, UsageError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.describe import describe
from rotoscope.pipeline.run.events import Event
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.ledger import Ledger
from rotoscope.pipeline.run.request import LabelRequest, load_request
from rotoscope.pipeline.testing import a_video_file
from rotoscope.pipeline.tracks import REASONS

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parent / "tiny_stages.py"


@pytest.fixture
def recipe_file(tmp_path):
    path = tmp_path / "lamp.yaml"
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    export = {"width": 64, "height": 48}
    path.write_text(yaml.safe_dump({"name": "lamp", "stages": stages, "export": export}))
    return path


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number, name in enumerate(("a.mp4", "b.mp4", "c.mp4")):
        write_video(folder / name, frames=45 + 3 * number, fps=30, size=(64, 48))
    return folder


@pytest.fixture
def run(tmp_path, recipe_file, videos):
    def run(*overrides, out="out", listener=None, retry_only=None, **extra):
        request = LabelRequest(
            inputs=(videos,),
            recipe=load_recipe(str(recipe_file), overrides),
            out=tmp_path / out,
            store=tmp_path / "store",
            **extra,
        )
        return label(request, listener=listener or (lambda event: None), retry_only=retry_only)

    return run


def statuses(result):
    return {row.name: row.status for row in result.rows}


def digest(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_videos_become_a_dataset_and_the_second_run_does_nothing(run, tmp_path):
    first = run()
    assert statuses(first) == {"a.mp4": "done", "b.mp4": "done", "c.mp4": "done"}
    assert first.exit_code == 0
    info = json.loads((tmp_path / "out" / "meta" / "info.json").read_text())
    assert info["total_episodes"] == 3
    assert info["total_frames"] == 44 + 47 + 50
    before = digest(tmp_path / "out")
    second = run()
    assert not second.is_new
    assert all(row.cpu_s == 0 for row in second.rows)
    assert digest(tmp_path / "out") == before


def test_two_workers_and_another_place_give_the_same_bytes(run, tmp_path):
    run()
    run(out="elsewhere", workers=2)
    assert digest(tmp_path / "out") == digest(tmp_path / "elsewhere")


def test_changing_a_late_setting_decodes_nothing_again(run, tmp_path):
    run()
    stages = []
    run("lamp.gain=0.02", out="brighter", listener=lambda e: stages.append(e.stage))
    assert "bright" not in stages
    assert digest(tmp_path / "out") != digest(tmp_path / "brighter")


def test_bad_video_is_a_row_and_the_others_go_on(run, videos, tmp_path):
    (videos / "broken.mp4").write_text("this is no video")
    (videos / "empty.mp4").touch()
    result = run()
    assert statuses(result)["a.mp4"] == "done"
    assert statuses(result)["broken.mp4"] == "failed"
    assert result.exit_code == 1
    row = next(r for r in result.rows if r.name == "broken.mp4")
    assert row.error == "NotAVideoError"
    assert "rotoscope retry" in row.retry
    assert "--only broken.mp4" in row.retry
    assert (tmp_path / "out" / "meta" / "info.json").is_file()


@pytest.mark.parametrize(
    ("how", "error", "extra"),
    [
        ("abort", "WorkerCrashedError", []),
        ("hang", "TimeLimitError", ["limits.stall_s=1"]),
        ("leak", "MemoryLimitError", ["limits.memory_gib=0.6"]),
        ("raise", "ZeroDivisionError", []),
    ],
)
def test_stage_that_misbehaves_costs_one_row(run, videos, how, error, extra):
    for name in ("b.mp4", "c.mp4"):
        (videos / name).unlink()
    result = run(f"bright.misbehave={how}", *extra)
    assert statuses(result) == {"a.mp4": "failed"}
    assert result.rows[0].error == error
    assert result.dataset is None
    assert result.exit_code == 1


def test_defect_keeps_its_traceback_in_the_ledger(run, tmp_path):
    run("bright.misbehave=raise", limit=1)
    row = Ledger(tmp_path / "out.rotoscope" / "ledger.jsonl").rows()[0]
    assert row.stage == "bright"
    assert "stage 'bright' raised ZeroDivisionError: a defect in a stage (tiny_st" in row.message
    assert "misbehave" in row.detail["traceback"]


def test_retry_runs_only_what_failed(run, videos, tmp_path):
    whole = (videos / "b.mp4").read_bytes()
    (videos / "b.mp4").write_bytes(whole[: len(whole) // 2])
    assert statuses(run())["b.mp4"] == "failed"
    (videos / "b.mp4").write_bytes(whole)
    request = load_request(tmp_path / "out", allow_code=True)
    finished = []

    def listen(event: Event):
        if event.kind == "finished" and event.row.cpu_s:
            finished.append(event.name)

    result = label(request, listener=listen)
    assert finished == ["b.mp4"]
    assert result.exit_code == 0
    assert result.is_new


def test_identical_videos_are_labeled_once(run, videos):
    (videos / "z.mp4").write_bytes((videos / "a.mp4").read_bytes())
    result = run()
    assert statuses(result)["z.mp4"] == "duplicate"
    assert "same bytes as a.mp4" in next(r for r in result.rows if r.name == "z.mp4").message
    assert result.exit_code == 0


def test_videos_that_give_nothing_say_why(run):
    result = run("lamp.nothing=true")
    assert set(statuses(result).values()) == {"empty"}
    assert result.rows[0].message == (
        "none of 45 frames was kept: 45 lamp found nothing to follow; no setting gives them back"
    )
    assert result.dataset is None
    assert result.exit_code == 0


def test_counts_of_what_took_frames_add_up_and_name_the_setting(run):
    (row, *_) = run("curate.min_episode_s=3").rows
    assert row.status == "empty"
    assert row.detail["dropped"] == {"curate too short": 45}
    assert row.message == (
        "none of 45 frames was kept: 45 curate too short; "
        "a lower curate.min_episode_s (now 3) would give most back, up to 45 frames"
    )
    (again, *_) = run("curate.min_episode_s=3").rows
    assert again.cpu_s == 0.0
    assert again.detail["dropped"] == row.detail["dropped"]


def test_until_stops_early_and_writes_no_dataset(run, tmp_path):
    result = run(until="bright")
    assert result.dataset is None
    assert not (tmp_path / "out").exists()
    assert set(statuses(result).values()) == {"done"}


def test_until_unknown_stage_is_refused(run):
    with pytest.raises(UsageError, match=r"no stage 'brite' to stop after; .*'bright'"):
        run(until="brite")


def test_limit_and_only_choose_videos(run):
    assert list(statuses(run(limit=2, out="two"))) == ["a.mp4", "b.mp4"]
    assert list(statuses(run(only="c*", out="only"))) == ["c.mp4"]


def test_folder_without_videos_is_wrong_use(run, videos):
    for path in videos.iterdir():
        path.unlink()
    with pytest.raises(UsageError, match=r"no videos in .*give a folder"):
        run()


def test_foreign_folder_is_never_replaced(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="was not written by rotoscope"):
        run()
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


def test_dataset_of_another_recipe_needs_replace(run, tmp_path):
    run()
    with pytest.raises(UsageError, match="say --replace"):
        run("lamp.gain=0.5")
    assert run("lamp.gain=0.5", replace=True).is_new


def test_added_video_republishes_the_whole(run, videos, tmp_path):
    run()
    write_video(videos / "aa.mp4", frames=60, fps=30, size=(64, 48))
    result = run()
    assert result.is_new
    info = json.loads((tmp_path / "out" / "meta" / "info.json").read_text())
    assert info["total_episodes"] == 4


def test_full_disk_fails_the_video_and_leaves_nothing_half(run, tmp_path):
    result = run("bright.misbehave=full", limit=1)
    assert result.rows[0].error in ("DiskFullError", "OSError")
    assert not (tmp_path / "out").exists()


def test_describe_knows_what_is_stored(run, tmp_path, recipe_file, videos):
    run(until="bright", limit=2)
    request = LabelRequest(
        inputs=(videos,),
        recipe=load_recipe(str(recipe_file)),
        out=tmp_path / "out",
        store=tmp_path / "store",
    )
    plan = describe(request)
    assert {s.name: s.num_stored for s in plan.stages} == {"bright": 2, "lamp": 0, "curate": 0}
    assert plan.num_videos == 3
    assert plan.num_frames == 45 + 48 + 51
    assert plan.num_finished == 0


def test_killed_runs_end_in_the_same_bytes(run, tmp_path, recipe_file, videos):
    run(out="calm")
    out = tmp_path / "stormy"
    command = [sys.executable, "-m", "rotoscope.cli.main", "label", str(videos),
               "--out", str(out), "--recipe", str(recipe_file),
               "--store", str(tmp_path / "store2")]  # fmt: skip
    for seconds in (0.8, 1.6, 2.4):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert digest(out) == digest(tmp_path / "calm")
    if any(p.name.startswith(".stormy") for p in tmp_path.iterdir()):
        # Who wrote it was still dying when the run before looked; the next one removes it.
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".stormy")]


def test_one_focal_length_for_pictures_of_two_sizes_is_refused_before_the_work(tmp_path):
    (tmp_path / "videos").mkdir()
    for name, size in (("small.mp4", (160, 120)), ("large.mp4", (320, 240))):
        a_video_file(
            tmp_path / "videos" / name, [np.zeros((120, 160, 3), np.uint8)] * 12, size=size
        )
    recipe = load_recipe("hand-gripper", ["camera.fx=200"])
    request = LabelRequest(
        inputs=(tmp_path / "videos",), recipe=recipe, out=tmp_path / "out", store=tmp_path / "store"
    )
    with pytest.raises(RecipeError, match=r"160 x 120 \(small\.mp4\), 320 x 240 \(large\.mp4\)"):
        label(request)
    assert not (tmp_path / "out").exists()


def test_rows_between_frames_a_second_apart_are_gaps(tmp_path, recipe_file):
    (tmp_path / "slow").mkdir()
    write_video(tmp_path / "slow" / "a.mp4", frames=12, fps=1, size=(64, 48))
    recipe = load_recipe(str(recipe_file), ["curate.min_valid_share=0.1"])
    request = LabelRequest(
        inputs=(tmp_path / "slow",), recipe=recipe, out=tmp_path / "o", store=tmp_path / "store"
    )
    (row,) = label(request).rows
    assert row.status == "done", row.message
    table = pq.read_table(next((tmp_path / "o" / "data").rglob("*.parquet")))
    valid = np.array(table["label.valid"].to_pylist()).ravel().astype(bool)
    reason = np.array(table["label.reason"].to_pylist()).ravel()
    assert 0.15 < valid.mean() < 0.3
    assert set(reason[~valid]) == {REASONS.index("gap_filled")}
