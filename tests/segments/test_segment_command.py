"""`rotoscope segment`, from a dataset to a dataset with skills."""

import json

import numpy as np
import pytest
from grasped_points import episode, publish
from PIL import Image
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose, table
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.segments.run import segment

COUNT = 6


def call(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("hands") / "hands", COUNT, side_px=64)


@pytest.fixture(scope="module")
def cut(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("cut") / "cut"
    said = call("segment", data, "--out", out, "--language")
    return open_dataset(out), said


def test_the_column_says_the_skill_of_every_row(cut):
    found, said = cut
    assert (
        "told by hand: observation.state:hand; gripper: observation.state:gripper.opening" in said
    )
    record = json.loads((found.root / "meta/rotoscope/segments.json").read_text())
    assert list(record["skills"]) == ["reach", "grasp", "move", "release"]
    for index in range(COUNT):
        number = np.ravel(found.episode(index).columns["label.skill"])
        for one in record["skills"].values():
            for episode_index, start, end in one["rows_of_episode"]:
                if episode_index == index:
                    assert (number[start:end] == one["number"]).all()
        changes = np.flatnonzero(np.diff(number)) + 1
        np.testing.assert_allclose(changes, episode(index)[1], atol=2)


def test_every_skill_has_a_contact_sheet(cut):
    found, _ = cut
    record = json.loads((found.root / "meta/rotoscope/segments.json").read_text())
    for one in record["skills"].values():
        with Image.open(found.root / "meta/rotoscope" / one["sheet"]) as sheet:
            assert sheet.width > 6 * 64
            assert sheet.height > 6 * 64


def test_lerobot_reads_the_skills_as_subtasks(cut):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    found, _ = cut
    loaded = LeRobotDataset("rotoscope/hands", root=found.root, video_backend="pyav")
    rows = loaded[0]["language_persistent"]
    assert [row["content"] for row in rows] == [
        "reach for a thing", "take hold of it", "move it", "let it go and leave",
    ]  # fmt: skip
    assert [row["style"] for row in rows] == ["subtask"] * 4
    assert rows[1]["timestamp"] == pytest.approx(episode(0)[1][0] / loaded.meta.fps, abs=0.11)


def test_all_else_is_as_it_was_and_the_doctor_finds_no_fault(data, cut):
    before, after = open_dataset(data), cut[0]
    for index in range(COUNT):
        columns = after.episode(index).columns
        for name in ("action", "observation.state"):
            np.testing.assert_array_equal(before.episode(index).columns[name], columns[name])
    checks = diagnose(after.root)
    assert not [c for c in checks if c.verdict == "FAIL"], table(checks)


def test_one_skill_becomes_a_dataset_of_its_segments(data, tmp_path):
    said = call("segment", data, "--out", tmp_path / "grasps", "--skill", "grasp")
    found = open_dataset(tmp_path / "grasps")
    assert f"{COUNT} segments of grasp" in said
    assert len(found) == COUNT
    rows = json.loads((found.root / "meta/rotoscope/segments.json").read_text())["rows_of_episode"]
    whole = open_dataset(data)
    for number, (index, start, end) in enumerate(rows):
        np.testing.assert_array_equal(
            found.episode(number).columns["action"],
            whole.episode(index).columns["action"][start:end],
        )


def test_without_out_it_only_shows(data):
    before = sorted(p.name for p in data.parent.iterdir())
    said = call("segment", data)
    assert "release" in said
    assert sorted(p.name for p in data.parent.iterdir()) == before


def test_named_numbers_take_the_place_of_those_told_by_name(data):
    dataset = open_dataset(data)
    named = segment(dataset, things=["observation.state:object.*"])
    assert named.segments == segment(dataset).segments
    goal = segment(dataset, things=["observation.state:goal.*"])
    assert [n.name for n in goal.roles.things] == ["goal"]


def test_what_cannot_be_says_so(data, tmp_path):
    dataset = open_dataset(data)
    with pytest.raises(DatasetError, match=r"has no column 'track\.x' of numbers; it has"):
        segment(dataset, things=["track.x"])
    with pytest.raises(DatasetError, match=r"observation\.state has no number 'puck'"):
        segment(dataset, things=["observation.state:puck"])
    with pytest.raises(UsageError, match="name --out, too"):
        call("segment", data, "--language")
    with pytest.raises(UsageError, match="no skill 'swim' was found; there are 'grasp', 'move'"):
        call("segment", data, "--out", tmp_path / "none", "--skill", "swim")
    with pytest.raises(UsageError, match="without --language"):
        call("segment", data, "--out", tmp_path / "none", "--skill", "move", "--language")
    with pytest.raises(UsageError, match=r"is .* itself, or one lies in the other"):
        call("segment", data, "--out", data / "inside")
