"""Rows beside demonstrations lead back to them, as far as the dynamics are known."""

import numpy as np
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.models.multiplication.correct import correct
from rotoscope.models.multiplication.dynamics import Dynamics, Transitions
from rotoscope.models.multiplication.multiply import MADE, MADE_FROM, MultiplyRequest, multiply
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

GAIN = 0.1


def contract():
    moves = tuple(
        Dimension(name=f"d{axis}", quantity="position", unit="m", lower=-1, upper=1)
        for axis in "xy"
    )
    return ActionContract(
        robot="point", dimensions=moves, mode="delta", frame="table", rotation="none", rate_hz=10,
        shift_s=0, is_state=False,
    )  # fmt: skip


def shown(num=4, rows=60, *, noise=0.0, trembling=0.3, reach=1.0):
    """Points that go to the middle, each from another place, by a hand that trembles."""
    draw = np.random.default_rng(0)
    out = []
    for _ in range(num):
        at, states, actions = draw.uniform(-reach, reach, 2), [], []
        for _ in range(rows):
            action = np.clip(-2 * at + trembling * draw.normal(size=2), -1, 1)
            states.append(at)
            actions.append(action)
            at = at + GAIN * action + noise * draw.normal(size=2)
        out.append((np.array(states), np.array(actions)))
    return out


def publish(out, episodes):
    """A dataset of them."""
    told = StateColumns(("x", "y"), "m", "Where the point is.")
    with DatasetRecorder(contract(), told, camera="") as recorder:
        for number, (state, action) in enumerate(episodes):
            known = np.ones(len(action), bool)
            recorder.add(Rows(f"way-{number}", "to the middle", action, known, known + 0.0, state))
        recorder.publish(out, made_by="a test")
    return out


def test_rows_that_are_valid_lead_to_the_next_row_that_was_shown():
    episodes = shown()
    made = correct(episodes, contract(), 8, seed=0)
    assert [one.source for one in made] == [0, 1, 2, 3] * 2
    assert np.mean([one.valid.mean() for one in made]) > 0.4
    away, missed = [], []
    for one in made:
        state, action = episodes[one.source]
        rows = np.flatnonzero(one.valid)
        assert rows.max() < len(state) - 1
        away.append(np.linalg.norm(one.state[rows] - state[rows], axis=1))
        led_to = one.state[rows] + GAIN * one.action[rows]
        missed.append(np.linalg.norm(led_to - state[rows + 1], axis=1))
        np.testing.assert_array_equal(one.state[~one.valid], state[~one.valid])
        np.testing.assert_array_equal(one.action[~one.valid], action[~one.valid])
        assert np.abs(one.action).max() <= 1
    away, missed = np.concatenate(away), np.concatenate(missed)
    assert np.mean(missed < 0.5 * away) > 0.95  # what SURE promises
    assert np.median(missed) < 0.01 * np.median(away)


def test_where_the_same_action_leads_anywhere_nothing_is_sure():
    made = correct(shown(noise=0.1), contract(), 4, seed=0)
    assert np.mean([one.valid.mean() for one in made]) < 0.05


def test_where_the_action_follows_from_the_state_less_is_sure():
    trembling, still = (
        np.mean([one.valid.mean() for one in correct(episodes, contract(), 4, seed=0)])
        for episodes in (shown(reach=0.4), shown(reach=0.4, trembling=0.0))
    )
    assert still < 0.5 * trembling


def test_an_error_bound_holds_nearby_and_grows_with_the_distance():
    transitions = Transitions.of(shown())
    dynamics = Dynamics(transitions)
    bounds = []
    for size in (0.0, 0.05, 0.2):
        state, action = transitions.state + size, transitions.action
        bounds.append(dynamics.error_bound(state, action))
        off = (dynamics.change(state, action) - GAIN * action) / dynamics.change_scale
        assert np.mean(np.linalg.norm(off, axis=1) <= bounds[-1]) > 0.9
    assert bounds[2].mean() > 2 * bounds[0].mean()


def test_the_dataset_says_what_was_made_and_what_is_not_sure(tmp_path):
    data = publish(tmp_path / "data", shown(3))
    words = ["multiply", data, "--out", tmp_path / "out", "--count", 6, "--method", "correct"]
    said = CliRunner().invoke(app, [str(word) for word in words])
    assert said.exit_code == 0, said.output
    assert said.output.startswith("6 episodes made of 3, ")
    assert "% of their rows valid" in said.output
    made = open_dataset(tmp_path / "out")
    assert len(made) == 9
    columns = [made.episode(row).columns for row in range(9)]
    assert [bool(np.all(one[MADE])) for one in columns] == [False] * 3 + [True] * 6
    assert [int(np.ravel(one[MADE_FROM])[0]) for one in columns] == [-1] * 3 + [0, 1, 2] * 2
    valid = [np.ravel(one["label.valid"]).astype(bool) for one in columns]
    assert all(one.all() for one in valid[:3])
    assert 0.8 < np.mean([one.mean() for one in valid[3:]]) < 1
    assert not any(one[-1] for one in valid[3:])  # nothing follows that it could lead to


def test_what_the_method_does_not_take_is_refused(tmp_path):
    data = publish(tmp_path / "data", shown(2))
    with pytest.raises(UsageError, match="unknown method 'mend'"):
        multiply(MultiplyRequest(data, tmp_path / "out", 2, method="mend"))
    with pytest.raises(UsageError, match="plays nothing"):
        multiply(MultiplyRequest(data, tmp_path / "out", 2, method="correct", env="a:b"))
    anywhere = publish(tmp_path / "anywhere", shown(2, noise=0.2))
    with pytest.raises(DatasetError, match="sure beside none"):
        multiply(MultiplyRequest(anywhere, tmp_path / "out", 2, method="correct"))
    assert not (tmp_path / "out").exists()
