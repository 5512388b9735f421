"""`rotoscope find` as a user types it."""

import carried_datasets
import carried_paths
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.datasets.read import open_dataset


@pytest.fixture
def data(tmp_path):
    episodes = [carried_paths.carried(40), carried_paths.carried(80, seed=1)]
    return carried_datasets.publish(tmp_path / "data", episodes)


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_it_says_where_stretches_are_and_writes_them(data, tmp_path):
    only = call("find", f"{data}#0:10-30", "--in", data, "--max-cost", "0.3")
    assert only.exit_code == 0, only.output
    header, line = only.output.splitlines()
    assert header.split() == ["dataset", "episode", "rows", "seconds", "cost", "quantile"]
    _, episode, rows, seconds, _, _ = line.split()
    assert episode == "1"
    first, last = map(int, rows.split("-"))
    assert abs(first - 20) <= 3
    assert abs(last - 60) <= 4
    assert seconds == f"{first / carried_datasets.FPS:.2f}-{last / carried_datasets.FPS:.2f}"
    out = tmp_path / "out"
    written = call("find", f"{data}#0:10-30", "--in", data, "--count", "1", "--out", out)
    assert written.output.splitlines()[-1] == f"dataset: {out}"
    assert int(open_dataset(out).table[0]["length"]) == last - first


def test_nothing_that_is_like_enough_says_how_far_the_likest_is(data):
    said = call("find", f"{data}#0:10-30", "--in", data, "--max-cost", "0")
    assert said.exit_code == 0
    assert "nothing like data#0:10-30 was found; the likest stretch costs 0." in said.output


def test_what_was_found_for_two_clips_joins_the_demonstrations(data, tmp_path):
    found = [tmp_path / name for name in ("first", "second")]
    for clip, out in zip((f"{data}#0:10-30", f"{data}#1:20-60"), found, strict=True):
        said = call("find", clip, "--in", data, "--count", "1", "--out", out)
        assert said.exit_code == 0, said.output
    merged = tmp_path / "merged"
    said = call("merge", data, *found, "--out", merged)
    assert said.exit_code == 0, said.output
    assert len(open_dataset(merged)) == 4
