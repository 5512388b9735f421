"""What is made solves the task from starts that nobody showed, and is marked as made."""

import json

import numpy as np
import pushed_things
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.models.multiplication.multiply import (
    MADE,
    MADE_FROM,
    MultiplyRequest,
    multiply,
)
from rotoscope.models.simulators import simulator as simulators
from rotoscope.pipeline.datasets.choose import choose, condition
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError

ENV = "pushed:thing"


@pytest.fixture(autouse=True)
def _simulator(monkeypatch):
    monkeypatch.setitem(simulators.FAMILIES, "pushed", "pushed_things:open_pushed")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "data"
    return pushed_things.publish(root, pushed_things.episodes(3))


def test_episodes_that_are_played_solve_the_task_and_say_what_they_are_of(data, tmp_path):
    out = tmp_path / "out"
    done = multiply(MultiplyRequest(data, out, 6, env=ENV))
    assert (done.num_sources, done.made) == (3, 6)
    assert 6 <= done.tried <= 12
    made = open_dataset(out)
    assert len(made) == 9
    for row in range(9):
        columns = made.episode(row).columns
        assert columns[MADE].all() == columns[MADE].any() == (row >= 3)
        assert set(np.ravel(columns[MADE_FROM])) <= ({-1} if row < 3 else {0, 1, 2})
        state = columns["observation.state"]
        end = np.linalg.norm(state[-1, 3:5] - state[-1, 5:7])
        assert end < pushed_things.NEAR_M
    states = [made.episode(row).columns["observation.state"] for row in range(9)]
    starts = {tuple(state[0, 3:].round(4)) for state in states}
    assert len(starts) == 9
    assert choose(made, [condition("made=0")]) == [0, 1, 2]
    assert choose(made, [condition("success>0")]) == [3, 4, 5, 6, 7, 8]
    said = json.loads((out / "meta/rotoscope/provenance.json").read_text())["multiplied"]
    assert (said["of"], said["played_in"], said["made"]) == ("data", ENV, 6)
    assert "were made by `rotoscope multiply`" in (out / "README.md").read_text()


def test_states_alone_are_moved_without_a_simulator(data, tmp_path):
    out = tmp_path / "out"
    done = multiply(MultiplyRequest(data, out, 4, only_made=True))
    assert done.kept_as_they_were == ("grip",)
    made = open_dataset(out)
    assert len(made) == 4
    for row in range(4):
        columns = made.episode(row).columns
        state, action = columns["observation.state"], columns["action"]
        np.testing.assert_allclose(state[0, :2], 0, atol=1e-6)
        assert np.linalg.norm(state[-1, 3:5] - state[-1, 5:7]) < 2 * pushed_things.NEAR_M
        went = np.cumsum(action[:, :2], axis=0) * pushed_things.GAIN
        assert np.abs(went[:-1] - state[1:, :2]).max() < 2 * pushed_things.GAIN
        assert columns[MADE].all()


def test_the_same_seed_makes_the_same_episodes_and_another_others(data, tmp_path):
    def states(name, seed):
        multiply(MultiplyRequest(data, tmp_path / name, 2, seed=seed, only_made=True))
        return open_dataset(tmp_path / name).episode(0).columns["observation.state"]

    first = states("a", 1)
    np.testing.assert_array_equal(states("b", 1), first)
    assert not np.array_equal(states("c", 2)[0], first[0])


def test_what_cannot_be_multiplied_says_why(data, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="not empty"):
        multiply(MultiplyRequest(data, data, 2))
    with pytest.raises(UsageError, match="are not 1 and 0 up"):
        multiply(MultiplyRequest(data, tmp_path / "out", 0))
    invalid = pushed_things.publish(
        tmp_path / "invalid", [*pushed_things.episodes(1), *pushed_things.episodes(1)], valid=True
    )
    short = pushed_things.publish(
        tmp_path / "short", [(s[:5], a[:5]) for s, a in pushed_things.episodes(2)]
    )
    with pytest.raises(DatasetError, match="none of the 2 episodes"):
        multiply(MultiplyRequest(short, tmp_path / "out", 2))
    with pytest.raises(DatasetError, match="same places in all 2"):
        multiply(MultiplyRequest(invalid, tmp_path / "out", 2))
    monkeypatch.setitem(simulators.FAMILIES, "slippery", "pushed_things:open_slippery")
    with pytest.raises(DatasetError, match="was solved by what was made of"):
        multiply(MultiplyRequest(data, tmp_path / "out", 2, env="slippery:thing"))
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_made(data, tmp_path):
    words = ["multiply", data, "--out", tmp_path / "out", "--count", 2, "--env", ENV]
    said = CliRunner().invoke(app, [str(word) for word in words])
    assert said.exit_code == 0, said.output
    *starts, summary, place = said.output.splitlines()
    solved = [line.endswith(": solved") for line in starts]
    assert sum(solved) == 2
    assert all(
        one or line.endswith("not solved, left out")
        for one, line in zip(solved, starts, strict=True)
    )
    assert summary == f"2 episodes made of 3, 2 of {len(starts)} starts solved"
    assert place == f"dataset: {tmp_path / 'out'}"
