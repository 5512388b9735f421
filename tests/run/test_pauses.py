"""Two takes with a week between them in one file are two clips, whoever labels them."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from lamp_runs import run_lamp, write_clip
from pyarrow.parquet import read_table
from video_files import picture, write_video

from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest

TINY = Path(__file__).parent / "tiny_stages.py"
WEEK_S = 7 * 24 * 3600
MP4 = {"ticks_per_s": 600, "container_options": {"video_track_timescale": "600"}}
HOW = {".mkv": {}, ".ts": {}, ".mov": MP4, ".mp4": MP4}
"""A transport stream counts to 26 hours and begins again, so that less than a day is left there."""


@pytest.fixture(params=sorted(HOW))
def run(request, tmp_path):
    def run(*stages, frames, max_gap_s=1.0):
        take = [k / 30 for k in range(frames)]
        times_s = [*take, *(WEEK_S + t for t in take)]
        path = tmp_path / f"two_takes{request.param}"
        write_video(
            path,
            frames=2 * frames,
            times_s=times_s,
            size=(64, 48),
            # Slowly enough that no frame looks like a cut.
            paint=lambda index, width, height: picture(index // 4, width, height),
            **HOW[request.param],
        )
        recipe = tmp_path / "lamp.yaml"
        names = [*stages, f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp"]
        raw = {"name": "lamp", "stages": [*names, "curate"]}
        recipe.write_text(yaml.safe_dump(raw | {"export": {"width": 64, "height": 48}}))
        made = LabelRequest(
            inputs=(path,),
            recipe=load_recipe(str(recipe), ["limits.stall_s=20", f"video.max_gap_s={max_gap_s}"]),
            out=tmp_path / "out",
            store=tmp_path / "store",
        )
        (row,) = label(made).rows
        return row

    return run


def test_shots_cut_where_a_week_passes(run):
    row = run("shots", frames=45)
    assert row.status == "done"
    assert row.detail["clips"] == 2
    assert len(row.episodes) == 2


def test_two_takes_of_a_second_end_as_every_short_video_does(run):
    row = run("shots", frames=30)
    assert row.status == "empty"
    assert "too short" in row.message


def test_own_labeler_without_shots_never_sees_both_sides_of_a_pause(run):
    row = run(frames=45)
    assert (row.status, row.detail["clips"], len(row.episodes)) == ("done", 2, 2)


def test_own_labeler_makes_no_row_between_two_frames_ten_minutes_apart(tmp_path):
    times_s = [*(k / 30 for k in range(45)), *(600 + k / 30 for k in range(45))]
    write_clip(tmp_path / "videos" / "a.mp4", frames=90, times_s=times_s)
    (row,) = run_lamp(tmp_path).rows
    assert row.detail["clips"] == 2
    rows = read_table(next((tmp_path / "out" / "data").rglob("*.parquet")))
    assert len(rows) == 2 * 44
    assert np.asarray(rows.column("label.valid").to_pylist()).all()


def test_joined_takes_are_cut_without_shots(tmp_path):
    folder = tmp_path / "videos"
    parts = [write_video(tmp_path / f"{k}.ts", frames=40, size=(64, 48)) for k in (0, 1)]
    folder.mkdir()
    (folder / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    (row,) = run_lamp(tmp_path).rows
    assert (row.status, row.detail["clips"]) == ("done", 2)


def test_pause_that_was_allowed_and_cannot_be_meant_is_the_reason_of_a_row(run):
    row = run(frames=45, max_gap_s=1e9)
    assert (row.status, row.error) == ("failed", "UnreasonableVideoError")
    assert "s pass between frames 44 and 45" in row.message
    assert "lower video.max_gap_s" in row.message


def test_lone_frames_between_pauses_are_no_clips(tmp_path):
    times_s = [*(k / 30 for k in range(45)), 20.0, 40.0, *(60 + k / 30 for k in range(45))]
    write_clip(tmp_path / "videos" / "a.mp4", frames=92, times_s=times_s)
    (row,) = run_lamp(tmp_path).rows
    assert row.detail["clips"] == 2
    assert row.frames == 90


def test_another_limit_cuts_anew_although_all_was_stored(tmp_path):
    times_s = [*(k / 30 for k in range(45)), *(3 + k / 30 for k in range(45))]
    write_clip(tmp_path / "videos" / "a.mp4", frames=90, times_s=times_s)
    outs = {"1": tmp_path / "a", "5": tmp_path / "b"}
    for limit, out in outs.items():
        (row,) = run_lamp(tmp_path, f"video.max_gap_s={limit}", out=out).rows
        assert row.detail["clips"] == (2 if limit == "1" else 1)
