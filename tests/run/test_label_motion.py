"""The whole job on motion-capture files: no pictures, everything else as for videos."""

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
import pytest
import yaml
from bvh_files import write_bvh
from video_files import write_video

from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose, exit_code
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.describe import describe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest, load_request

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
KNEES = f"{HERE / 'tiny_body_stages.py'}:KneeLabeler as knees"
LAMP = [f"{HERE / 'tiny_stages.py'}:{name}" for name in ("Brightness", "BrightnessLabeler")]


@pytest.fixture
def recipe_file(tmp_path):
    path = tmp_path / "knees.yaml"
    path.write_text(yaml.safe_dump({"name": "knees", "stages": ["motion", KNEES, "curate"]}))
    return path


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "motion"
    (folder / "more").mkdir(parents=True)
    write_bvh(folder / "a.bvh", frames=120)
    write_bvh(folder / "more" / "b.BVH", frames=150, step_hz=1.5)
    return folder


@pytest.fixture
def request_for(tmp_path, recipe_file, files):
    def request_for(*overrides, inputs=None, out="out", recipe=recipe_file, **extra):
        return LabelRequest(
            inputs=(files,) if inputs is None else inputs,
            recipe=load_recipe(str(recipe), overrides),
            out=tmp_path / out,
            store=tmp_path / "store",
            **extra,
        )

    return request_for


def digest(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def statuses(result):
    return {row.name: row.status for row in result.rows}


def row_of(result, name):
    return next(row for row in result.rows if row.name == name)


def test_motion_files_become_a_dataset_without_pictures(request_for, tmp_path):
    first = label(request_for())
    assert statuses(first) == {"a.bvh": "done", "more/b.BVH": "done"}
    assert first.exit_code == 0
    info = json.loads((tmp_path / "out" / "meta" / "info.json").read_text())
    assert info["total_episodes"] == 2
    assert not [name for name in info["features"] if name.startswith("observation.images")]
    # 120 frames at 60 Hz last 1.983 s: 60 rows at 30 Hz, of which the last has no action.
    assert info["total_frames"] == 59 + 74
    assert info["features"]["track.body.joints"]["shape"] == [63]
    assert not list((tmp_path / "out").rglob("*.mp4"))
    episode = open_dataset(tmp_path / "out").episode(0)
    # Each knee bends by 80 degrees and is straight in between.
    knees = np.stack(episode.columns["action"])
    assert np.ptp(knees, axis=0) == pytest.approx([np.radians(80)] * 2, abs=0.05)
    assert np.isfinite(np.stack(episode.columns["track.body.joints"])[:, :3]).all()
    before = digest(tmp_path / "out")
    second = label(request_for())
    assert not second.is_new
    assert all(row.cpu_s == 0 for row in second.rows)
    assert digest(tmp_path / "out") == before
    checks = {check.name: check for check in diagnose(tmp_path / "out")}
    assert exit_code(list(checks.values())) == 0
    assert "no videos" in checks["video clock"].message
    assert "no video" in checks["lag"].message


def test_two_workers_and_another_place_give_the_same_bytes(request_for, tmp_path, files):
    label(request_for())
    moved = tmp_path / "elsewhere" / "motion"
    shutil.copytree(files, moved)
    elsewhere = request_for(inputs=(moved,), out="moved", workers=2)
    label(LabelRequest(**vars(elsewhere) | {"store": tmp_path / "store2"}))
    assert digest(tmp_path / "out") == digest(tmp_path / "moved")


def test_damaged_file_is_a_row_and_retry_runs_only_that(request_for, files, tmp_path):
    whole = (files / "a.bvh").read_text()
    (files / "a.bvh").write_text(whole[: len(whole) // 2])
    result = label(request_for(until="knees"))
    assert statuses(result) == {"a.bvh": "failed", "more/b.BVH": "done"}
    assert result.exit_code == 1
    row = row_of(result, "a.bvh")
    assert row.error == "MotionError"
    assert "--only a.bvh" in row.retry
    (files / "a.bvh").write_text(whole)
    worked = []
    again = label(
        load_request(tmp_path / "out", allow_code=True),
        listener=lambda e: worked.append(e.name) if e.row and e.row.cpu_s else None,
    )
    assert worked == ["a.bvh"]
    assert again.exit_code == 0


def test_same_bytes_are_labeled_once(request_for, files):
    shutil.copyfile(files / "a.bvh", files / "copy.bvh")
    assert statuses(label(request_for(until="knees")))["copy.bvh"] == "duplicate"


def test_video_among_motion_files_is_left_out_unless_it_is_named(request_for, files):
    video = write_video(files / "v.mp4", frames=20, size=(64, 48))
    assert "v.mp4" not in statuses(label(request_for(until="knees")))
    result = label(request_for(inputs=(files, video), until="knees"))
    assert result.exit_code == 1
    row = row_of(result, "v.mp4")
    assert (row.status, row.error) == ("failed", "MotionError")
    assert "v.mp4 is one of the videos, this recipe takes motion files" in row.message


def test_motion_file_given_to_a_video_recipe_is_a_clear_row(request_for, files, tmp_path):
    recipe = tmp_path / "lamp.yaml"
    recipe.write_text(yaml.safe_dump({"name": "lamp", "stages": [*LAMP, "curate"]}))
    result = label(request_for(inputs=(files / "a.bvh",), recipe=recipe))
    row = row_of(result, "a.bvh")
    assert row.error == "NotAVideoError"
    assert "a.bvh is one of the motion files, this recipe takes videos" in row.message


def test_folder_of_the_wrong_kind_says_what_was_found(request_for, files, tmp_path):
    recipe = tmp_path / "lamp.yaml"
    recipe.write_text(yaml.safe_dump({"name": "lamp", "stages": [*LAMP, "curate"]}))
    with pytest.raises(UsageError, match=r"no videos in .*found were 2 .bvh; for motion files"):
        label(request_for(recipe=recipe))
    films = tmp_path / "films"
    films.mkdir()
    write_video(films / "v.mp4", frames=20, size=(64, 48))
    with pytest.raises(UsageError, match=r"no motion files in .*'knees' takes .*found were 1 .mp4"):
        label(request_for(inputs=(films,)))


def test_dry_run_counts_frames(request_for):
    plan = describe(request_for())
    assert (plan.num_videos, plan.num_frames) == (2, 120 + 150)
    assert [stage.name for stage in plan.stages] == ["motion", "knees", "curate"]


def test_killed_runs_end_in_the_same_bytes(request_for, recipe_file, files, tmp_path):
    label(request_for(out="calm"))
    out = tmp_path / "stormy"
    command = [sys.executable, "-m", "rotoscope.cli.main", "label", str(files),
               "--out", str(out), "--recipe", str(recipe_file),
               "--store", str(tmp_path / "store2")]  # fmt: skip
    for seconds in (1.0, 2.0):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert digest(out) == digest(tmp_path / "calm")


@pytest.mark.realdata
def test_recorded_motion_capture_becomes_episodes(request_for, shared_data, tmp_path):
    inputs = (
        shared_data / "aitviewer" / "sample.bvh",
        shared_data / "mocap_fairmotion" / "11_01.amc",
        shared_data / "pyroki" / "humanoid" / "smpl_keypoints.npy",
    )
    result = label(request_for(inputs=inputs))
    assert set(statuses(result).values()) == {"done"}, [r.message for r in result.rows]
    info = json.loads((tmp_path / "out" / "meta" / "info.json").read_text())
    assert "track.body.contact" in info["features"]
    assert exit_code(diagnose(tmp_path / "out")) == 0
