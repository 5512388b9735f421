"""Labelers beside the chosen one: own actions, valid, confidence, contract; in the report too."""

import numpy as np
import pytest
from two_lamps import OTHER, run_two

from rotoscope.pipeline.datasets.label_columns import label_column, label_columns
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose, exit_code
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.report.page import write_report


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    result = run_two(tmp_path_factory.mktemp("two"), OTHER)
    assert result.dataset is not None, result
    return open_dataset(result.dataset)


def test_side_label_is_what_the_action_would_be(dataset):
    rows = dataset[0].columns
    values = np.asarray(rows["label.other"], float)
    now = np.arange(60)
    # One row later, as `action`; two frames late, a tenth too far.
    expected = np.sin((now + 1 - 2) / 6) + 0.1
    known = np.isfinite(values[:, 0])
    np.testing.assert_allclose(values[known, 0], expected[known], atol=1e-6)
    assert set(np.unique(values[known, 1])) == {0.0, 1.0}


def test_side_label_has_its_own_valid_and_confidence(dataset):
    rows = dataset[0].columns
    assert np.ravel(rows["label.valid"]).all()
    valid = np.ravel(rows["label.other.valid"]).astype(bool)
    # The state at frame 20 is the action of row 19.
    np.testing.assert_array_equal(np.flatnonzero(~valid), np.arange(19, 30))
    confidence = np.ravel(rows["label.other.confidence"])
    np.testing.assert_allclose(confidence, np.where(valid, 0.5, 0.0))


def test_side_label_has_its_own_contract(dataset):
    column = label_column(dataset, "label.other")
    assert column.contract.robot == "lamp"
    assert column.contract.rate_hz == 30
    assert column.contract.shift_s == pytest.approx(1 / 30)
    assert column.unit("lamp.pos") == "rad"
    assert [c.name for c in label_columns(dataset)] == ["action", "label.other"]


def test_what_both_labelers_add_stands_under_both_names(dataset):
    rows = dataset[0].columns
    np.testing.assert_allclose(np.asarray(rows["label.interval"])[:, 0], 0.1, atol=1e-6)
    np.testing.assert_allclose(np.asarray(rows["label.other.interval"])[:, 0], 0.5, atol=1e-6)
    quality = dataset[0].meta["quality"]
    assert (quality["late"], quality["other.late"]) == (0, 2)


def test_report_and_doctor_know_it(dataset, tmp_path):
    write_report(dataset.root, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Labelers beside the chosen one" in page
    assert "lamp.pos, action and label.other" in page
    assert exit_code(diagnose(dataset.root)) == 0


def test_lerobot_opens_it(dataset):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    item = LeRobotDataset("a/b", root=dataset.root, video_backend="pyav")[3]
    assert item["label.other"].shape == (2,)
    assert float(item["label.other.confidence"]) == 0.5


def test_steps_of_another_rate_are_refused(tmp_path):
    result = run_two(tmp_path, {"is_state": False, "rate_hz": 10.0})
    (row,) = result.rows
    assert row.status == "failed"
    assert "label.other gives steps or commands at 10 Hz" in row.message


def test_commands_beside_states_stand_at_their_own_row(tmp_path):
    result = run_two(tmp_path, {"is_state": False})
    rows = open_dataset(result.dataset)[0].columns
    values = np.asarray(rows["label.other"], float)
    np.testing.assert_allclose(values[:, 0], np.sin(np.arange(60) / 6), atol=1e-6)
    assert label_column(open_dataset(result.dataset), "label.other").contract.shift_s == 0


def test_column_that_is_not_there_is_named(dataset):
    with pytest.raises(UsageError, match=r"no column 'label.mine' of actions; it has 'action', 'l"):
        label_column(dataset, "label.mine")
