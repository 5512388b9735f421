"""Every labeler says how familiar what it sees is, though none of them does anything for it."""

import numpy as np
import own_labelers
import point_mass
import pytest

from rotoscope.models.labelers.copying import Copy, Differences, Mean, Previous
from rotoscope.models.labelers.labels import STRANGE, UNFAMILIAR
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode

RATE_HZ, NUM = 20.0, 80
LABELERS = [Copy, Differences, Mean, Previous, own_labelers.Line]


def circling(seed):
    """A point on a circle of about a meter, always the same way around; its velocity."""
    rng = np.random.default_rng(seed)
    radius_m, rate, phase = rng.uniform([0.9, 1.8, 0.0], [1.1, 2.2, 2 * np.pi])
    angle = phase + rate * np.arange(NUM) / RATE_HZ
    place_m = radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return place_m, np.gradient(place_m, 1 / RATE_HZ, axis=0)


def seen_by(cls, seed):
    """What a labeler sees of an episode, and what was done."""
    place_m, actions = circling(seed)
    return (actions if cls is Previous else place_m), actions


def labeled_set(cls, num, unknown=0):
    episodes = []
    for seed in range(num):
        features, actions = seen_by(cls, seed)
        episodes.append(
            LabeledEpisode(
                name=f"episode {seed}",
                time_s=np.arange(NUM) / RATE_HZ,
                features=np.where(seed < unknown, np.nan, features),
                actions=actions,
                valid=np.ones(NUM, bool),
            )
        )
    return LabeledSet(tuple(episodes), point_mass.contract(), ("track.point",), (2,))


@pytest.fixture(scope="module", params=LABELERS, ids=lambda cls: cls.__name__)
def trained(request, tmp_path_factory):
    cls = request.param
    config = cls.Config() if cls is Previous else cls.Config(inputs=("track.point",))
    folder = tmp_path_factory.mktemp(cls.__name__) / "labeler"
    cls.train(labeled_set(cls, 6), config, folder)
    return cls.open(folder)


def asked(labeler, features):
    time_s = np.arange(len(features)) / RATE_HZ
    return labeler.labels_of(UnlabelledEpisode(name="asked", time_s=time_s, features=features))


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_another_episode_of_the_same_kind_is_familiar(trained, seed):
    found = asked(trained, seen_by(type(trained), seed)[0])
    assert (found.familiarity[found.known] >= UNFAMILIAR).mean() >= 0.9


UNSEEN = {
    "elsewhere": lambda v: v + 4 * v.std(),
    "noise": lambda v: np.random.default_rng(0).normal(size=v.shape) * v.std(),
    "still": lambda v: np.repeat(v[30][None], len(v), axis=0),
    "backwards": lambda v: v[::-1].copy(),
}


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN)
def test_what_was_never_seen_is_not_and_is_doubted(trained, change):
    features = seen_by(type(trained), 20)[0]
    usual, strange = asked(trained, features), asked(trained, change(features))
    known = usual.known & strange.known
    assert known.sum() >= NUM - 1
    assert (strange.familiarity[known] < UNFAMILIAR).mean() > 0.9
    assert strange.confidence[known].mean() <= 0.5 * usual.confidence[known].mean()
    assert (strange.half_width[known] >= usual.half_width[known]).all()


def test_nothing_is_valid_far_from_all_that_was_seen(trained):
    found = asked(trained, seen_by(type(trained), 20)[0] + 100)
    assert (found.familiarity[found.known] < STRANGE).all()
    np.testing.assert_allclose(found.confidence[found.known], 0, atol=1e-3)


def test_what_is_not_seen_is_neither_familiar_nor_strange(trained):
    features = seen_by(type(trained), 20)[0].copy()
    features[30:40] = np.nan
    found = asked(trained, features)
    is_seen = np.isfinite(features).all(axis=1)
    np.testing.assert_array_equal(np.isfinite(found.familiarity), found.known & is_seen)


def test_a_labeler_that_says_it_itself_is_believed(tmp_path):
    class Bold(own_labelers.Line):
        """A line that knows everything."""

        def label(self, episode):
            values = super().label(episode).values
            return own_labelers.rt.Labels(values, familiarity=np.ones(len(values)))

    config = Bold.Config(inputs=("track.point",))
    bold = Bold.train(labeled_set(Bold, 6), config, tmp_path / "labeler")
    found = asked(bold, seen_by(Bold, 20)[0] + 100)
    assert (found.familiarity == 1).all()
    assert (found.confidence > 0).all()


def test_two_known_episodes_tell_nothing_of_a_third(tmp_path):
    config = own_labelers.Line.Config(inputs=("track.point",))
    data = labeled_set(own_labelers.Line, 4, unknown=2)
    made = own_labelers.Line.train(data, config, tmp_path / "labeler")
    assert made.metrics["left_out"] == ["episode 0", "episode 1"]
    found = asked(own_labelers.Line.open(tmp_path / "labeler"), seen_by(Mean, 20)[0])
    assert np.isnan(found.familiarity).all()
    assert (found.confidence > 0).all()
