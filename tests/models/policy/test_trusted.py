"""Which rows a policy learns from."""

import numpy as np
import pytest
import tiny_data

from rotoscope.models.policy.trusted import said, stretches, trust_of
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    sure = np.linspace(0.1, 1.0, 40)
    made = [tiny_data.rows_of(0, bad=[(10, 15)], confidence=sure), tiny_data.rows_of(1)]
    return open_dataset(tiny_data.publish(tmp_path_factory.mktemp("trust") / "data", made))


def test_rows_that_are_not_valid_never_count(dataset):
    for weighting in ("none", "confidence"):
        trust = trust_of(dataset, weighting=weighting)
        assert not trust[0].used[10:15].any()
        assert not trust[0].weight[10:15].any()
        assert trust[0].used.sum() == 35
        assert trust[1].used.all()


def test_weights_follow_confidence_and_have_mean_one(dataset):
    trust = trust_of(dataset, weighting="confidence")
    weights = np.concatenate([t.weight[t.used] for t in trust])
    assert weights.mean() == pytest.approx(1.0)
    assert trust[0].weight[39] / trust[0].weight[0] == pytest.approx(10.0, rel=1e-4)


def test_rows_below_the_least_confidence_are_left_out_and_told(dataset):
    trust = trust_of(dataset, min_confidence=0.95)
    assert trust[0].used.sum() == 3
    assert not trust[1].used.any()
    assert said(trust) == ("learning from 3 of 80 rows (77 not trusted); 1 of 2 episodes have none")


def test_nothing_left_is_an_error(dataset):
    with pytest.raises(DatasetError, match=r"confidence of at least 1; lower min_confidence"):
        trust_of(
            dataset.__class__(dataset.root, dataset.info, dataset.table[1:], {}), min_confidence=1.0
        )


def test_stretches_are_unbroken_runs():
    used = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1], bool)
    assert stretches(used) == [(0, 2), (3, 4), (6, 9)]
    assert stretches(used, min_rows=2) == [(0, 2), (6, 9)]
    assert stretches(np.zeros(3, bool)) == []
