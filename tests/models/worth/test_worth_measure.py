"""More demonstrations leave less unexplained, and fail less; too few are refused."""

import json

import numpy as np
import pushed_things
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.models.simulators import simulator as simulators
from rotoscope.models.worth.measure import WorthRequest, measure
from rotoscope.pipeline.errors import DatasetError, UsageError

SETTINGS = ("loop.num_steps=200", "loop.batch_size=64", "hidden=[64]", "loop.learning_rate=0.004")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "data"
    return pushed_things.publish(root, pushed_things.episodes(14))


def test_more_demonstrations_leave_less_unexplained_in_the_same_episodes(data):
    told = []
    request = WorthRequest(data, repeats=2, overrides=SETTINGS)
    found = measure(request, lambda *one: told.append(one))
    assert found.num_episodes == 14
    assert found.counts == (2, 3, 5, 7, 11)
    assert found.errors.shape == (5, 2, 3)
    means = found.errors.mean(axis=(1, 2))
    assert means[-1] < 0.7 * means[0]
    assert 0 < means[-1] < 1
    assert [one[:2] for one in told[:5]] == [(count, 0) for count in found.counts]
    again = measure(WorthRequest(data, repeats=1, overrides=SETTINGS))
    np.testing.assert_array_equal(again.errors[:, 0], found.errors[:, 0])


def test_too_few_demonstrations_and_wrong_counts_say_what_is_needed(data, tmp_path):
    few = pushed_things.publish(tmp_path / "few", pushed_things.episodes(9))
    with pytest.raises(DatasetError, match="needs 10 at least"):
        measure(WorthRequest(few))
    with pytest.raises(UsageError, match=r"from 2 to the 11 demonstrations"):
        measure(WorthRequest(data, counts=(2, 4, 6, 12)))
    with pytest.raises(UsageError, match="4 different numbers"):
        measure(WorthRequest(data, counts=(2, 4, 4, 6)))
    with pytest.raises(UsageError, match="1 or above"):
        measure(WorthRequest(data, repeats=0))


def test_the_command_tries_policies_in_a_simulator_and_writes_every_figure(
    data, tmp_path, monkeypatch
):
    monkeypatch.setitem(simulators.FAMILIES, "pushed", "pushed_things:open_pushed")
    out = tmp_path / "worth.json"
    words = ["worth", data, "--env", "pushed:thing", "--counts", "[2, 4, 8, 14]", "--repeats", "1"]
    words += ["--starts", "4", "--horizon", "60", "--next", "7", "--out", out]
    for setting in SETTINGS:
        words += ["-o", setting]
    said = CliRunner().invoke(app, [str(word) for word in words])
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == [
        f"order 1 of 1, {count} demonstrations" for count in (2, 4, 8, 14)
    ]
    assert lines[4].split() == ["demonstrations", "failed", "95", "%", "curve"]
    assert any(line.startswith("the next 7: failed falls by") for line in lines)
    figures = json.loads(out.read_text())
    assert np.shape(figures["errors"]) == (4, 1, 4)
    assert set(np.ravel(figures["errors"])) <= {0.0, 1.0}
    assert figures["error_is"] == "share of starts that fail"
