"""Two takes with a week between them in one file: two clips or one clear row, and soon."""

from pathlib import Path

import pytest
import yaml
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
    def run(*stages, frames):
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
            recipe=load_recipe(str(recipe), ["limits.stall_s=20"]),
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


def test_without_shots_the_pause_is_the_reason_of_a_row(run):
    row = run(frames=45)
    assert (row.status, row.error) == ("failed", "UnreasonableVideoError")
    assert "s pass between frames 44 and 45" in row.message
    assert "put the stage 'shots' into the recipe" in row.message
