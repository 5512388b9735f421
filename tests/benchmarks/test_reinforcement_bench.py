"""The benchmark of reinforcement learning in small: a point on a line, and runs that are kept."""

import pytest

pytest.importorskip("stable_baselines3", reason="the extra `rl` is not installed")

from benchmarks import reinforcement
from benchmarks.reinforcement import Row, measure
from rotoscope.models.simulators import simulator as simulators

SETTINGS = (
    "steps=400", "random_steps=100", "try_every=200", "hidden=[32]", "batch_size=64", "start=0",
    "learning_rate=0.001",
)  # fmt: skip
ROWS = (Row("true", "true", seeds=(0,)), Row("orca", "orca", ("schedule=ads",), seeds=(0,)))


def test_rows_are_held_against_the_first_and_runs_that_are_done_are_kept(monkeypatch, tmp_path):
    monkeypatch.setitem(simulators.FAMILIES, "point", "point_simulator:Point")
    figures = {one.name: one for one in measure("point:line", "line", ROWS, SETTINGS, tmp_path)}
    value = {name.removeprefix("reinforcement.line."): one.value for name, one in figures.items()}
    assert value["still.return"] < value["expert.return"] <= 0
    assert value["orca.return"] <= 0, "what is learned in so few steps is not asked here"
    assert value["orca.of_true"] == pytest.approx(value["orca.return"] / value["true.return"])
    assert figures["reinforcement.line.orca.of_true"].bar.limit == 0.5
    assert len(list(tmp_path.glob("*.curves.json"))) == 2

    def refused(*_, **__):
        raise AssertionError("a run that is kept is not done again")

    monkeypatch.setattr(reinforcement, "train_by_reinforcement", refused)
    again = {one.name: one for one in measure("point:line", "line", ROWS, SETTINGS, tmp_path)}
    assert again == figures
    with pytest.raises(AssertionError, match="not done again"):
        measure("point:line", "line", ROWS, (*SETTINGS, "discount=0.9"), tmp_path)
