"""Columns of a dataset, decided from its episodes."""

import dataclasses

import numpy as np
import pytest

from benchmarks._small_dataset import episode, store
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.schema import schema_of


@pytest.fixture
def stored(tmp_path):
    def stored(number, **changes):
        made = dataclasses.replace(episode(number, rows=4), **changes)
        return store(tmp_path / f"e{number}", number, made)

    return stored


def feature(values, dtype):
    return Feature(np.array(values, dtype)[:, None], ("x",), "1", "Something.")


def test_feature_of_some_episodes_is_nan_false_or_minus_one_elsewhere(stored):
    extra = {
        "label.other": feature([1, 2, 3, 4], np.float32),
        "track.flag": feature([1, 1, 1, 1], bool),
        "track.count": feature([1, 1, 1, 1], np.int64),
    }
    schema = schema_of([stored(0, features=extra), stored(1, features={})], camera="front")
    columns = schema.columns(stored(1, features={}).load())
    assert np.isnan(columns["label.other"]).all()
    assert not columns["track.flag"].any()
    assert (columns["track.count"] == -1).all()
    assert columns["label.other"].dtype == np.float32


def test_columns_have_the_types_lerobot_is_told(stored):
    schema = schema_of([stored(0)], camera="front")
    columns = schema.columns(stored(0).load())
    features = schema.lerobot_features()
    for name, values in columns.items():
        assert values.dtype == features[name]["dtype"], name
        assert values.shape == (4, *features[name]["shape"]), name
    assert set(features) - set(columns) == {"observation.images.front"}


def test_other_contract_is_refused(stored):
    other = episode(1).contract.model_copy(update={"robot": "three_link"})
    with pytest.raises(DatasetError, match=r"must share their action contract: .*three_link"):
        schema_of([stored(0), stored(1, contract=other)], camera="front")


def test_other_rate_is_refused(stored):
    with pytest.raises(DatasetError, match=r"share their rows per second: .* has 30, .* has 25"):
        schema_of([stored(0), stored(1, fps=25)], camera="front")


def test_feature_of_another_unit_is_refused(stored):
    changed = {"track.point": dataclasses.replace(episode(1, 4).features["track.point"], unit="px")}
    with pytest.raises(DatasetError, match=r"'track.point' is .*'m'.* in one episode and .*'px'"):
        schema_of([stored(0), stored(1, features=changed)], camera="front")


@pytest.mark.parametrize("name", ["action.other", "observation.hand", "speed", "label.valid"])
def test_feature_that_a_policy_would_read_is_refused(stored, name):
    with pytest.raises(DatasetError, match=f"'{name}' must be named label"):
        schema_of([stored(0, features={name: feature([1, 2, 3, 4], np.float32)})], camera="front")


def test_no_episode_is_refused():
    with pytest.raises(DatasetError, match="at least one episode"):
        schema_of([], camera="front")
