"""A labeler that need not see what comes after a row acts: in the bench, and in `eval`."""

import json

import numpy as np
import point_mass
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.models.labeler_bench.cells import Cell, measure
from rotoscope.models.labeler_bench.entry import BenchedLabeler
from rotoscope.models.labelers.acting import ActingLabeler, open_acting
from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.simulators.record_command import record_demonstrations
from rotoscope.models.simulators.simulator import FAMILIES, STATE
from rotoscope.models.training.data import LabeledSet
from rotoscope.pipeline.errors import UsageError

NAME = "predictive-inverse-dynamics"


class Counts(Labeler):
    """How many rows it was shown, and the last of them."""

    acts_on = 3

    def label(self, episode):
        num = np.arange(1.0, len(episode.features) + 1)
        return Labels(np.stack([num, episode.features[:, 0]], axis=1))


def test_it_is_shown_no_more_rows_than_it_asks_for_and_forgets_them_at_a_reset():
    acting = ActingLabeler(
        Counts(LabelerConfig(inputs=(STATE,)), point_mass.contract()), (("x", "y"),)
    )
    acting.reset(0)
    done = [acting.act({STATE: np.array([k, 0.0])}) for k in range(5)]
    np.testing.assert_array_equal(done, [[1, 0], [2, 1], [3, 2], [3, 3], [3, 4]])
    acting.reset(1)
    np.testing.assert_array_equal(acting.act({STATE: np.array([9.0, 0.0])}), [1, 9])
    assert acting.state_names == {STATE: ("x", "y")}


def test_where_nothing_is_known_nothing_is_done():
    acting = ActingLabeler(Counts(LabelerConfig(inputs=(STATE,)), point_mass.contract()))
    acting.reset(0)
    np.testing.assert_array_equal(acting.act({STATE: np.array([np.nan])}), [1, 0])


@pytest.fixture
def cell(monkeypatch):
    monkeypatch.setitem(FAMILIES, "point", "point_simulator:Point")

    def make(text, num_starts=6):
        labeler = BenchedLabeler.of(text).text
        return Cell(
            task="point:line",
            labeler=labeler,
            seed=0,
            num_labeled=4,
            num_hidden=3,
            num_starts=num_starts,
        )

    return make


def test_the_bench_lets_it_act_instead_of_cloning_its_labels(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "rotoscope.models.labeler_bench.cells.train_bc", lambda *a, **k: pytest.fail("cloned")
    )
    row = measure(cell(NAME), tmp_path)
    assert row.solved == (True,) * 6
    assert row.scores["mean_r2"] > 0.9
    assert len(row.returns) == 6


def test_what_it_learns_from_episodes_without_actions_is_what_is_seen_alone(
    cell, tmp_path, monkeypatch
):
    shown = []

    def train(named, data, seed):
        shown.append(data)
        raise UsageError("enough")

    monkeypatch.setattr("rotoscope.models.labeler_bench.cells._trained", train)
    for text in (f"{NAME} learns_unlabeled=false", NAME):
        with pytest.raises(UsageError, match="enough"):
            measure(cell(text), tmp_path)
    few, more = shown
    assert isinstance(more, LabeledSet)
    assert (len(few.episodes), len(more.episodes)) == (4, 7)
    for episode in more.episodes[4:]:
        assert not episode.valid.any()
        assert np.isnan(episode.actions).all()
        assert np.isfinite(episode.features).all()


def test_it_must_see_what_is_there_where_it_acts(cell, tmp_path):
    with pytest.raises(UsageError, match=r"where it acts there is observation\.state alone"):
        measure(cell(f"{NAME} inputs=[observation.state,observation.state]"), tmp_path)


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    monkeypatch.setitem(FAMILIES, "point", "point_simulator:Point")
    record_demonstrations("point:line", tmp_path / "data", num_episodes=6, cameras=())
    return tmp_path / "data"


def test_eval_opens_a_labeler_that_acts_by_its_folder(recorded, tmp_path):
    train_labeler(NAME, recorded, tmp_path / "trained", [f"inputs=[{STATE}]"])
    assert open_acting(tmp_path / "trained").state_names == {STATE: ("x",)}
    told = ["--env", "point:line", "--episodes", "4", "--videos", "0"]
    out = tmp_path / "tried"
    done = CliRunner().invoke(app, ["eval", str(tmp_path / "trained"), *told, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads((out / "results.json").read_text())["successes"] == 4


OWN = """
import numpy as np
import rotoscope as rt

class Push(rt.Labeler):
    \"\"\"Pushes to the middle.\"\"\"
    acts_on = 1

    def label(self, episode):
        return rt.Labels(-np.sign(episode.features[:, :1]))
"""


def test_eval_opens_a_class_in_a_file_where_the_file_is_named(recorded, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN)
    train_labeler(f"{file}:Push", recorded, tmp_path / "trained", [f"inputs=[{STATE}]"])
    told = ["--env", "point:line", "--episodes", "3", "--videos", "0"]
    out = tmp_path / "tried"
    name = f"{file}:Push@{tmp_path / 'trained'}"
    done = CliRunner().invoke(app, ["eval", name, *told, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads((out / "results.json").read_text())["successes"] == 3


def test_what_cannot_act_is_refused(recorded, tmp_path):
    train_labeler("differences", recorded, tmp_path / "trained", [f"inputs=[{STATE}]"])
    with pytest.raises(UsageError, match="looks at what comes after a row, so that it cannot act"):
        open_acting(tmp_path / "trained")


def test_other_numbers_than_it_learned_from_are_refused(recorded, tmp_path):
    train_labeler(NAME, recorded, tmp_path / "trained", [f"inputs=[{STATE}]"])
    acting = open_acting(tmp_path / "trained")
    acting.reset(0)
    with pytest.raises(UsageError, match=r"learned from \[1\] numbers .* there are \[2\]"):
        acting.act({STATE: np.zeros(2)})
    with pytest.raises(UsageError, match=r"where it acts there is no 'observation\.state'"):
        acting.act({})
