"""What held-out episodes say of the next one, computed by hand."""

from dataclasses import replace

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.held_out import Errors, HeldOut, judge
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledSet
from rotoscope.pipeline.errors import DatasetError

SPACE = ActionSpace.of(point_mass.contract())


def held_out(off, *, num, name="episode"):
    """An episode whose labels are so far off; the truth goes from -1 to 1."""
    truth = np.linspace(-1, 1, num)[:, None].repeat(2, axis=1)
    labels = Labels(truth + np.asarray(off)[:, None])
    return HeldOut(name, 0, labels, truth, np.ones(num, bool))


def test_every_episode_counts_the_same_whatever_its_length():
    # Half of the weight lies on errors of 1, though they are a tenth of the rows.
    few, many = held_out(np.ones(10), num=10), held_out(np.full(90, 0.01), num=90)
    found = Errors.of([few, many], SPACE)
    np.testing.assert_allclose(found.half_width, 1.0)
    assert found.confidence == pytest.approx(0.5)


def test_right_is_within_a_fifth_of_the_spread():
    num = 101
    spread = np.linspace(-1, 1, num).std()
    near, far = (held_out(np.full(num, share * spread), num=num) for share in (0.19, 0.21))
    assert Errors.of([near], SPACE).confidence == 1
    assert Errors.of([far], SPACE).confidence == 0


def test_what_a_labeler_says_of_itself_is_kept():
    errors = Errors(np.full(2, 0.5), 0.7, np.ones(2))
    own = Labels(np.zeros((3, 2)), half_width=np.full((3, 2), 0.1))
    said = errors.said_of(own, point_mass.contract())
    assert (said.half_width == 0.1).all()
    assert (said.confidence == 0.7).all()
    bare = errors.said_of(Labels(np.array([[0.0, 0.0], [np.nan, np.nan]])), point_mass.contract())
    np.testing.assert_array_equal(bare.half_width[:, 0], [0.5, np.nan])
    np.testing.assert_array_equal(bare.confidence, [0.7, np.nan])


def test_what_is_not_familiar_is_doubted():
    errors = Errors(np.array([0.5, np.nan]), 0.8, np.array([2.0, 0.5]))
    labels = Labels(np.zeros((3, 2)), familiarity=np.array([0.6, 0.25, 0.0]))
    said = errors.said_of(labels, point_mass.contract())
    np.testing.assert_allclose(said.confidence, [0.8, 0.4, 0.0])
    # Half, and all, of 1.645 sqrt(2) spreads; a choice has no interval.
    np.testing.assert_allclose(said.half_width[:, 0], [0.5, 2.33, 4.66])
    assert np.isnan(said.half_width[:, 1]).all()


def dataset(num=6):
    made = point_mass.dataset(num)
    return LabeledSet(made.episodes, made.contract, made.inputs, made.input_sizes)


def test_no_episode_is_labeled_by_what_has_seen_it():
    asked = []

    def fit(part):
        known = {e.name for e in part.episodes}

        def answer(episode):
            assert episode.name not in known
            asked.append(episode.name)
            return Labels(episode.actions + 0.1)

        return answer

    errors, metrics = judge(fit, dataset())
    assert sorted(asked) == sorted(e.name for e in dataset().episodes)
    assert metrics["held_out"] == [e.name for e in dataset().episodes]
    np.testing.assert_allclose(errors.half_width, 0.1)
    # As wide as the errors of the others, which are all the same up to rounding.
    assert metrics["mean_coverage_90"] > 0.9
    assert metrics["rows_without_window"] == 0


def test_labeler_that_labels_nothing_is_refused():
    def fit(part):
        return lambda episode: Labels(np.full(episode.actions.shape, np.nan))

    with pytest.raises(DatasetError, match="none of the 6 episodes has a row"):
        judge(fit, dataset())


def test_episodes_without_a_label_are_named():
    def fit(part):
        def answer(episode):
            blind = episode.name == dataset().episodes[2].name
            return Labels(np.where(blind, np.nan, episode.actions))

        return answer

    data = dataset()
    _, metrics = judge(fit, replace(data))
    assert metrics["left_out"] == [data.episodes[2].name]
    assert metrics["rows_without_window"] == int(data.episodes[2].valid.sum())


def test_a_labeler_that_knows_errors_up_to_a_factor_is_told_the_factor():
    off = np.concatenate([np.full(90, 0.1), np.full(10, 0.4)])
    told = held_out(off, num=100)
    own = replace(told.labels, half_width=np.full((100, 2), 0.05))
    found = Errors.of([replace(told, labels=own)], SPACE, is_factor=True)
    np.testing.assert_allclose(found.half_width, 2.0)
    wide = Labels(np.zeros((2, 2)), half_width=np.array([[0.05, 0.05], [0.2, 0.2]]))
    np.testing.assert_allclose(
        found.said_of(wide, point_mass.contract()).half_width[:, 0], [0.1, 0.4]
    )


def test_episodes_without_actions_are_shown_every_time():
    made = dataset(8)
    bare = [replace(e, valid=np.zeros(len(e.valid), bool)) for e in made.episodes[5:]]
    shown = []

    def fit(part):
        shown.append({e.name for e in part.episodes})
        return lambda episode: Labels(episode.actions)

    _, metrics = judge(fit, replace(made, episodes=(*made.episodes[:5], *bare)))
    assert len(shown) == 5
    assert all({e.name for e in bare} < names for names in shown)
    assert metrics["left_out"] == [e.name for e in bare]
