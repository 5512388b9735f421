"""`rotoscope curate`, from a dataset to a dataset, own or made elsewhere."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pushed_points import demonstration, episodes, moves, publish
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.curation.config import load_curation
from rotoscope.pipeline.curation.run import curate, measure
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose, table
from rotoscope.pipeline.errors import UsageError

FLIPPED, ASTRAY, UNSOLVED = 4, 9, 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twenty episodes: one with flipped labels, one with a detour, one that was not solved."""
    told = episodes(20)
    told[FLIPPED] = replace(told[FLIPPED], action=-told[FLIPPED].action)
    told[ASTRAY] = moves(ASTRAY, *demonstration(ASTRAY, detour=(10, 30)))
    success = {one.episode: one.episode != UNSOLVED for one in told}
    return publish(tmp_path_factory.mktemp("points") / "points", told, success=success)


def call(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def curated(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "curated"
    said = call("curate", data, "--out", out, "--recipe", "labels", "-o", "detour.mode=filter",
                "-o", "success.mode=filter", "-o", "divergence.mode=off")  # fmt: skip
    return open_dataset(out), said


def test_without_out_it_measures_and_says_what_each_limit_would_leave_out(data):
    before = sorted(p.name for p in data.parent.iterdir())
    said = call("curate", data)
    assert "20 episodes" in said
    assert "would: " in said.split("success", 1)[1].split("\n")[0]
    assert "familiarity is not known: no column label.familiarity" in said
    assert sorted(p.name for p in data.parent.iterdir()) == before


def test_what_is_worse_than_a_limit_is_left_out_and_all_else_is_there(data, curated):
    found, said = curated
    record = json.loads((found.root / "meta/rotoscope/curation.json").read_text())
    whys = {(one["episode"], one["why"]) for one in record["dropped"]}
    assert {(FLIPPED, "motion_error"), (UNSOLVED, "success"), (ASTRAY, "detour")} <= whys
    assert f"left out: episode {FLIPPED}: motion_error" in said
    source = open_dataset(data)
    assert len(record["kept"]) == len(found)
    for number, (episode, start, end) in enumerate(record["kept"]):
        rows, whole = found.episode(number).columns, source.episode(episode).columns
        np.testing.assert_array_equal(rows["action"], whole["action"][start:end])
    checks = diagnose(found.root)
    assert not [c for c in checks if c.verdict == "FAIL"], table(checks)


def test_scores_are_columns_that_say_their_unit_and_source(curated):
    found, _ = curated
    columns = found.episode(0).columns
    assert np.isfinite(columns["label.quality.motion_error"][:-1]).all()
    said = found.rotoscope("features.json")["label.quality.motion_error"]
    assert said["unit"] == "times the usual"
    assert "observation.state" in said["description"]
    assert "label.quality.divergence" not in columns
    assert "label.quality.familiarity" not in columns  # nobody knows it


def test_what_was_left_out_comes_back_where_it_is_asked_for(data, tmp_path):
    out = tmp_path / "kept"
    config = load_curation("labels")
    source = open_dataset(data)
    measured = measure(source, config)
    with_it = curate(source, config, measured, out, keep=[FLIPPED])
    assert FLIPPED in {piece.episode for piece in with_it.kept}
    assert len(open_dataset(out)) == len(with_it.kept)
    # The same place again, for what was curated here may be curated anew.
    without = curate(source, config, measured, out)
    assert {p.episode for p in with_it.kept} - {p.episode for p in without.kept} == {FLIPPED}
    assert len(open_dataset(out)) == len(without.kept)


def test_a_state_that_is_the_action_later_is_no_witness(tmp_path):
    from small_datasets import publish_videos

    dataset = open_dataset(publish_videos(tmp_path / "own", [0, 1]))
    scores = {s.name: s for s in measure(dataset, load_curation("")).scores}
    assert "some rows later and explains itself" in scores["motion_error"].untested
    named = load_curation("", ["motion=[observation.state]"])
    assert not {s.name: s for s in measure(dataset, named).scores}["motion_error"].untested


def test_places_and_columns_that_cannot_be_say_so(data, tmp_path):
    source, config = open_dataset(data), load_curation("")
    measured = measure(source, config)
    with pytest.raises(UsageError, match=r"is .* itself, or one lies in the other"):
        curate(source, config, measured, data / "inside")
    taken = tmp_path / "taken"
    shutil.copytree(data, taken)
    with pytest.raises(UsageError, match="exists and was not written by rotoscope curate"):
        curate(source, config, measured, taken)
    with pytest.raises(UsageError, match="has no episode 99 to keep; it has 20"):
        curate(source, config, measured, tmp_path / "new", keep=[99])
    with pytest.raises(UsageError, match=r"motion names 'track.x', no column of numbers"):
        measure(source, load_curation("", ["motion=[track.x]"]))
    with pytest.raises(UsageError, match="--keep says what is written; name --out, too"):
        call("curate", data, "--keep", "1")
