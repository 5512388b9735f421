"""`rotoscope check` on classes that do one thing wrong each, and on those that come with us."""

from pathlib import Path

import own_labelers
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.models.labelers.conformance import findings, settings_to_try
from rotoscope.models.labelers.names import LabelerName
from rotoscope.pipeline import registry
from rotoscope.pipeline.errors import UsageError

FILE = Path(own_labelers.__file__)


def faults(cls):
    return {f.what: f.fault for f in findings(cls, settings_to_try(cls)) if f.fault}


def test_ten_lines_are_a_labeler():
    assert faults(own_labelers.Line) == {}
    done = CliRunner().invoke(app, ["check", f"{FILE}:Line"])
    assert done.exit_code == 0, done.output
    assert "FAULT" not in done.output
    assert "Line is a labeler" in done.output


NETWORKS = ("unified-world-model", "action-inference")


@pytest.mark.parametrize("name", sorted({*registry.LABELERS} - {"inverse-dynamics", *NETWORKS}))
def test_ours_are_labelers(name):
    assert faults(LabelerName(name).find()) == {}


@pytest.mark.parametrize("name", NETWORKS)
def test_our_networks_are_labelers(name):
    found = LabelerName(name).find()
    tried = findings(found, settings_to_try(found, ["loop.num_steps=30"]))
    assert [f.fault for f in tried if f.fault] == []


def test_inverse_dynamics_is_a_labeler():
    found = LabelerName("inverse-dynamics").find()
    tried = findings(found, settings_to_try(found, ["kind=ridge", "members=2"]))
    assert [f.fault for f in tried if f.fault] == []


@pytest.mark.parametrize(
    ("cls", "what", "words"),
    [
        (own_labelers.Silent, "documented", "no docstring"),
        (own_labelers.Undocumented, "documented", "without a docstring below them: gain"),
        (own_labelers.Alone, "signatures", r"label must be label\(self, episode\)"),
        (own_labelers.OneShort, "label", r"values has shape \(59, 2\); 60 rows and 2 numbers"),
        (own_labelers.NoLabels, "label", "label gave a ndarray; it must give rotoscope.Labels"),
        (own_labelers.TooSure, "label", "confidence of row 0 is 90; it must lie in 0..1"),
        (own_labelers.UpsideDown, "label", r"half_width of row 0 is \[-0.1, -0.1\]"),
        (own_labelers.Random, "fit", "give different arrays"),
        (own_labelers.Remembers, "same episode, same labels", "other labels the second time"),
        (own_labelers.Invents, "NaN where nothing is seen", "get an action all the same"),
        (own_labelers.Forgets, "saved and opened", "it gives other labels"),
        (own_labelers.Changes, "label", "changes the episode that it is given"),
        (own_labelers.Fails, "label", r"AttributeError: .*'nothing'.*\(own_labelers.py, line 1"),
        (own_labelers.KeepsGapsIn, "fit", "is not finite; leave rows out"),
        (own_labelers.BadTexts, "fit", r"arrays\['names'\] is of type <U1"),
    ],
)
def test_what_is_wrong_is_said(cls, what, words):
    found = faults(cls)
    assert what in found, found
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found[what])


def test_what_is_wrong_ends_with_exit_code_1():
    done = CliRunner().invoke(app, ["check", f"{FILE}:OneShort"])
    assert done.exit_code == 1
    assert "FAULT label" in done.output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody", r"there is no labeler 'nobody'.*'inverse-dynamics'.*NAME@FOLDER"),
        (f"{FILE}:Nothing", "has no class 'Nothing'"),
        (f"{FILE}:Stage", "is a stage: it labels videos in a recipe"),
        ("./nowhere.py:Mine", "nowhere.py is not there"),
    ],
)
def test_what_is_no_labeler_is_refused(name, words):
    done = CliRunner().invoke(app, ["check", name])
    with pytest.raises(UsageError, match=words):
        raise done.exception


def test_trained_labeler_asks_for_data(tmp_path):
    done = CliRunner().invoke(app, ["check", f"{FILE}:Line@{tmp_path}"])
    with pytest.raises(UsageError, match="is a trained labeler: give --data"):
        raise done.exception
