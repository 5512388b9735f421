"""Which rows a policy learns from."""

from types import SimpleNamespace

import numpy as np
import pytest
import tiny_data

from rotoscope.models.policy.row_weights import describe, row_weights_of
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    sure = np.linspace(0.1, 1.0, 40)
    made = [tiny_data.rows_of(0, bad=[(10, 15)], confidence=sure), tiny_data.rows_of(1)]
    return open_dataset(tiny_data.publish(tmp_path_factory.mktemp("trust") / "data", made))


def test_rows_that_are_not_valid_never_count(dataset):
    for weighting in ("none", "confidence"):
        row_weights = row_weights_of(dataset, weighting=weighting)
        assert not row_weights[0].mask[10:15].any()
        assert not row_weights[0].weight[10:15].any()
        assert row_weights[0].mask.sum() == 35
        assert row_weights[1].mask.all()


def test_weights_follow_confidence_and_have_mean_one(dataset):
    row_weights = row_weights_of(dataset, weighting="confidence")
    weights = np.concatenate([t.weight[t.mask] for t in row_weights])
    assert weights.mean() == pytest.approx(1.0)
    assert row_weights[0].weight[39] / row_weights[0].weight[0] == pytest.approx(10.0, rel=1e-4)


def test_rows_below_the_least_confidence_are_left_out_and_told(dataset):
    row_weights = row_weights_of(dataset, min_confidence=0.95)
    assert row_weights[0].mask.sum() == 3
    assert not row_weights[1].mask.any()
    assert describe(row_weights) == (
        "learning from 3 of 80 rows (77 not trusted); 1 of 2 episodes have none"
    )


def test_nothing_left_is_an_error(dataset):
    with pytest.raises(DatasetError, match=r"confidence of at least 1; lower min_confidence"):
        row_weights_of(
            dataset.__class__(dataset.root, dataset.info, dataset.table[1:], {}), min_confidence=1.0
        )


def test_action_that_is_not_finite_must_not_be_learned_from(dataset, monkeypatch):
    columns = dict(dataset.episode(0).columns)
    action = np.array(columns["action"], float)
    action[[12, 20]] = np.nan  # row 12 is not valid
    columns["action"] = action
    found = SimpleNamespace(columns=columns)
    monkeypatch.setattr(type(dataset), "episode", lambda self, index: found)
    with pytest.raises(DatasetError, match=r"episode 0: the action of row 20 is not finite \(1 su"):
        row_weights_of(dataset)
    action[20] = 0.0
    assert row_weights_of(dataset)[0].mask.sum() == 35
