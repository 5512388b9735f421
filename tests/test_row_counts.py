"""Rows are counted once: the page, the checks, the files and the ledger say the same number."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_files import write_video

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.tracks import NO_ROWS, REASONS, count_rows

TINY = Path(__file__).parent / "run" / "tiny_stages.py"


@given(st.lists(st.integers(0, len(REASONS) - 1), min_size=1, max_size=40))
def test_reasons_add_up_to_the_rows(codes):
    reason = np.array(codes)
    count = count_rows(reason == 0, reason)
    assert sum(count.by_reason.values()) == count.rows
    assert sum(count.why_not.values()) == count.invalid
    half = len(reason) // 2
    parts = [count_rows(part == 0, part) for part in (reason[:half], reason[half:])]
    assert sum(parts, NO_ROWS) == count


def test_where_nothing_says_why_there_are_no_reasons():
    count = count_rows(np.array([[True], [False]]))
    assert (count.rows, count.valid, count.valid_share, count.why_not) == (2, 1, 0.5, {})
    assert NO_ROWS.valid_share == 0.0


def counted_by_hand(dataset):
    """Invalid rows of each episode, from the parquet files themselves."""
    table = pq.read_table(dataset / "data", columns=["episode_index", "label.valid"])
    valid = np.array(table["label.valid"].to_pylist()).ravel().astype(bool)
    episode = np.array(table["episode_index"].to_pylist())
    return [int((~valid[episode == e]).sum()) for e in np.unique(episode)]


def agree(dataset, rows):
    """All that counts rows, against the files' own."""
    wanted = counted_by_hand(dataset)
    lines = (dataset / "meta/rotoscope/episodes.jsonl").read_text().splitlines()
    said = [json.loads(line)["quality"] for line in lines]
    assert [q["rows"] - q["valid_rows"] for q in said] == wanted
    assert [
        sum(q["rows_by_reason"].values()) - q["rows_by_reason"].get("valid", 0) for q in said
    ] == wanted
    assert [e.row_count.invalid for e in open_dataset(dataset)] == wanted
    whole = json.loads((dataset / "meta/rotoscope/quality.json").read_text())
    assert whole["rows"] - whole["valid_rows"] == sum(wanted)
    assert sum(r.detail["rows"] - r.detail["valid_rows"] for r in rows) == sum(wanted)
    labels = next(c for c in diagnose(dataset) if c.name == "labels")
    assert labels.detail["valid_rows"] == whole["valid_rows"]
    page = dataset.with_name("page.html")
    write_report(dataset, page, max_episodes=1)
    shown = re.findall(r'data-invalid="(\d+)"', page.read_text())
    assert sorted(map(int, shown)) == sorted(wanted)
    return wanted


@pytest.mark.slow
def test_everything_counts_the_demos_rows_alike(tmp_path):
    try:
        videos = tuple(asset_path(name) for name in ("cup.mp4", "box.mp4"))
    except AssetError as error:
        pytest.skip(str(error))
    recipe = load_recipe("hand-gripper", [])
    request = LabelRequest(videos, recipe, tmp_path / "out", tmp_path / "store")
    result = label(request)
    invalid = agree(result.dataset, result.rows)
    assert min(invalid) > 0
    lengths = [e.num_rows for e in open_dataset(result.dataset)]
    shares = 1 - np.array(invalid) / lengths
    # What the setting says of rows holds of rows.
    strict = load_recipe("hand-gripper", [f"curate.min_valid_share={np.median(shares):.6f}"])
    again = label(LabelRequest(videos, strict, tmp_path / "strict", tmp_path / "store"))
    kept = [e.row_count.valid_share for e in open_dataset(again.dataset)]
    assert len(kept) == (shares >= float(f"{np.median(shares):.6f}")).sum() < len(shares)


def labeled(tmp_path, share, *, name="out"):
    """A video of 1 frame a second, of which a fifth of the rows are near a frame."""
    (tmp_path / "videos").mkdir(exist_ok=True)
    write_video(tmp_path / "videos" / "a.mp4", frames=8, fps=1, size=(64, 48))
    recipe = tmp_path / "lamp.json.yaml"
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    recipe.write_text(
        json.dumps({"name": "lamp", "stages": stages, "export": {"width": 64, "height": 48}})
    )
    found = load_recipe(str(recipe), [f"curate.min_valid_share={share}"])
    return label(LabelRequest((tmp_path / "videos",), found, tmp_path / name, tmp_path / "store"))


def test_everything_counts_rows_of_a_slow_video_alike(tmp_path):
    result = labeled(tmp_path, 0.1)
    (invalid,) = agree(result.dataset, result.rows)
    share = 1 - invalid / open_dataset(result.dataset)[0].num_rows
    assert 0.15 < share < 0.3


def test_min_valid_share_is_a_share_of_rows_and_says_what_it_took(tmp_path):
    (row,) = labeled(tmp_path, 0.3).rows
    assert row.status == "empty"
    assert "8 curate too few valid rows" in row.message
    assert "a lower curate.min_valid_share (now 0.3)" in row.message
