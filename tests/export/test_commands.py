"""Datasets whose actions are commands: no state, or one made of what was seen."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks._small_dataset import contract, episode, job_for
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.publish import publish_in_child
from rotoscope.pipeline.export.schema import schema_of
from rotoscope.pipeline.export.stored_episode import open_episode, save_episode

COMMANDS = contract().model_copy(update={"shift_s": 0.0, "is_state": False})
SEEN = StateColumns(("x", "y"), "px", "What was seen at the row: track.point.")


def commands(number, rows=40, *, state=None, columns=None):
    made = episode(number, rows)
    facts = {"robot": "two_link"}
    return dataclasses.replace(
        made, state=state, state_columns=columns, contract=COMMANDS, scene=facts
    )


def publish(tmp_path, episodes):
    stored = [save_episode(tmp_path / str(n), made) for n, made in enumerate(episodes)]
    publish_in_child(job_for(stored, tmp_path / "dataset"))
    return tmp_path / "dataset"


@pytest.fixture(scope="module")
def without_state(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("none"), [commands(n, 40 + n) for n in range(3)])


@pytest.fixture(scope="module")
def with_seen_state(tmp_path_factory):
    points = np.random.default_rng(0).normal(size=(3, 40, 2))
    made = [commands(n, state=points[n], columns=SEEN) for n in range(3)]
    return publish(tmp_path_factory.mktemp("seen"), made)


def test_lerobot_reads_actions_and_no_state(without_state):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    loaded = LeRobotDataset("rotoscope/small", root=without_state)
    assert "observation.state" not in loaded.meta.features
    np.testing.assert_allclose(loaded[3]["action"], episode(0, 40).action[3], rtol=1e-6)


def test_stored_state_columns_come_back(tmp_path):
    points = np.ones((40, 2))
    save_episode(tmp_path / "e", commands(1, state=points, columns=SEEN))
    read = open_episode(tmp_path / "e").load()
    assert read.state_columns == SEEN
    np.testing.assert_array_equal(read.state, points)


@pytest.mark.parametrize("which", ["without_state", "with_seen_state"])
def test_doctor_passes(which, request):
    checks = {check.name: check for check in diagnose(request.getfixturevalue(which))}
    assert [c for c in checks.values() if c.verdict == "FAIL"] == []
    assert "commands or steps" in checks["contract"].message


def test_state_of_seen_features_is_described(with_seen_state):
    info = json.loads((with_seen_state / "meta" / "info.json").read_text())
    assert info["features"]["observation.state"]["names"] == ["x", "y"]
    stated = json.loads((with_seen_state / "meta" / "rotoscope" / "features.json").read_text())
    assert stated["observation.state"]["unit"] == "px"
    assert "track.point" in (with_seen_state / "README.md").read_text()


def test_card_of_commands_says_so(without_state):
    card = (without_state / "README.md").read_text()
    assert "There is no `observation.state`" in card
    assert "what is done at the row" in card
    assert "never run on a robot" not in card


def test_doctor_finds_a_state_that_is_the_action(tmp_path):
    made = [commands(n) for n in range(2)]
    names = StateColumns(tuple(contract().names), "1", "The action, again.")
    leaking = [dataclasses.replace(m, state=m.action, state_columns=names) for m in made]
    checks = {check.name: check for check in diagnose(publish(tmp_path, leaking))}
    assert checks["action against state"].verdict == "FAIL"
    assert "only learn to copy" in checks["action against state"].message


def test_episodes_with_different_states_do_not_mix(tmp_path):
    stored = [
        save_episode(tmp_path / "a", commands(0)),
        save_episode(tmp_path / "b", commands(1, state=np.ones((40, 2)), columns=SEEN)),
    ]
    with pytest.raises(DatasetError, match="must share their state"):
        schema_of(stored, camera="front")
