"""Labelers that know next to nothing, on actions that they can know."""

from dataclasses import replace

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.copying import Copy, CopyConfig, Differences, Mean, Previous
from rotoscope.models.training.data import LabeledSet
from rotoscope.pipeline.errors import UsageError

CONFIG = CopyConfig(inputs=("track.point",))


def dataset(action_of):
    """Episodes whose actions are made of what is seen."""
    made = point_mass.dataset(4)
    episodes = tuple(
        replace(e, actions=action_of(e.features), valid=np.ones(len(e.features), bool))
        for e in made.episodes
    )
    return LabeledSet(episodes, made.contract, made.inputs, made.input_sizes)


def later(features, rows):
    return features[np.minimum(np.arange(len(features)) + rows, len(features) - 1)]


def fitted(cls, data, config=CONFIG):
    labeler = cls(config, data.contract)
    labeler.fit(data)
    return labeler


def off(labeler, data):
    episode = data.episodes[0]
    return np.abs(labeler.label(episode).values - episode.actions).max()


def test_a_state_some_rows_ahead_is_found_with_unit_and_offset():
    data = dataset(lambda x: 3 * later(x, 4)[:, [1, 0]] + 0.5)
    labeler = fitted(Copy, data)
    assert off(labeler, data) < 1e-9
    assert labeler.arrays["ahead"].tolist() == [4, 4]
    assert labeler.arrays["column"].tolist() == [1, 0]


def test_a_change_over_some_rows_is_found():
    data = dataset(lambda x: -2 * (later(x, 2) - x)[:, :2])
    assert off(fitted(Differences, data), data) < 1e-9
    assert fitted(Differences, data).arrays["ahead"].tolist() == [2, 2]


def test_what_is_not_seen_is_not_copied():
    data = dataset(lambda x: x[:, :2])
    episode = data.episodes[0]
    features = episode.features.copy()
    features[5:9] = np.nan
    known = fitted(Copy, data).label(replace(episode, features=features)).known
    assert not known[5:9].any()
    assert known[9:].all()


def test_the_mean_is_that_of_all_labeled_rows():
    data = dataset(lambda x: x[:, :2])
    mean = fitted(Mean, data).label(data.episodes[0]).values
    np.testing.assert_allclose(mean[0], np.concatenate([e.actions for e in data.episodes]).mean(0))
    assert (mean == mean[0]).all()


def test_the_previous_action_is_the_row_before():
    made = dataset(lambda x: x[:, :2])
    episodes = tuple(replace(e, features=e.actions) for e in made.episodes)
    data = LabeledSet(episodes, made.contract, ("action",), (2,))
    values = fitted(Previous, data, Previous.Config()).label(data.episodes[0]).values
    assert np.isnan(values[0]).all()
    np.testing.assert_array_equal(values[1:], data.episodes[0].actions[:-1])


@pytest.mark.parametrize(
    ("cls", "given", "words"),
    [
        (Copy, {"camera": "observation.images.front"}, "copies features, and sees none"),
        (Mean, {"inputs": ("action",)}, "which a labeler shall infer"),
        (Previous, {"inputs": ("observation.state",)}, "sees 'action' alone"),
    ],
)
def test_what_they_cannot_see_is_refused(cls, given, words):
    with pytest.raises(UsageError, match=words):
        cls.check_settings(cls.Config.model_validate(given))
