"""What is like the training episodes is familiar, what is not is not, and confidence follows."""

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.familiar_marks import NUM_MARKS
from rotoscope.models.labelers.familiarity import (
    familiarity_arrays,
    familiarity_of,
    least_half_width,
    smoothed,
    trust,
)
from rotoscope.models.labelers.familiarity_training import learn_familiarity
from rotoscope.models.labelers.labels import UNFAMILIAR
from rotoscope.models.training.data import LabeledEpisode, LabeledSet

RATE_HZ, NUM = 20.0, 60


def pictures(seed):
    """A disc goes from left to right over a ramp, at a height of its own; a camera's noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:32, :32]
    y, phase = 14 + 4 * rng.random(), rng.random()
    found = []
    for step in range(NUM):
        x = 4 + 22 * (step + phase) / NUM
        disc = np.hypot(columns - x, rows - y) < 4
        shade = 60 + 4 * columns + 2 * rows
        found.append(np.where(disc[..., None], [230, 60, 40], shade[..., None]))
    noisy = np.stack(found) + rng.normal(0, 2, (NUM, 32, 32, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def episode(seed):
    return LabeledEpisode(
        name=f"episode {seed}",
        time_s=np.arange(NUM) / RATE_HZ,
        features=np.zeros((NUM, 0)),
        images=pictures(seed),
        actions=np.random.default_rng(seed).normal(size=(NUM, 2)),
        valid=np.ones(NUM, bool),
    )


@pytest.fixture(scope="module")
def learned():
    episodes = tuple(episode(k) for k in range(5))
    return learn_familiarity(LabeledSet(episodes, point_mass.contract(), camera="front"), seed=0)


def asked(learned, images):
    time_s = np.arange(len(images)) / RATE_HZ
    nothing = np.zeros((len(images), 0))
    found = learned.statistics(time_s, nothing, learned.glance(images), time_s)
    return learned(found, time_s)


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_other_episodes_of_the_same_kind_are_familiar(learned, seed):
    assert (asked(learned, pictures(seed)) < UNFAMILIAR).mean() <= 0.1


@pytest.mark.parametrize(
    "change",
    [
        lambda v: np.random.default_rng(0).integers(0, 256, v.shape).astype(np.uint8),
        lambda v: (0.5 * v).astype(np.uint8),
        lambda v: np.clip(1.6 * v, 0, 255).astype(np.uint8),
        lambda v: v[:, :, ::-1],
        lambda v: np.repeat(v[30][None], len(v), axis=0),
        lambda v: v[::-1],
        lambda v: np.roll(v, 12, axis=1),
        lambda v: v.transpose(0, 2, 1, 3),
    ],
    ids=["noise", "dimmed", "bright", "mirrored", "frozen", "reversed", "moved", "turned"],
)
def test_what_was_never_seen_is_not(learned, change):
    found = asked(learned, np.ascontiguousarray(change(pictures(20))))
    assert (found < UNFAMILIAR).mean() > 0.9
    assert trust(found).mean() < 0.5


def test_limits_are_those_of_episodes_that_were_held_out(learned):
    # Training rows are their own nearest rows: limits learned on them would call all others odd.
    own = episode(2)
    glances = learned.glance(own.images)
    found = learned.statistics(own.time_s, own.features, glances, own.time_s)
    assert (found[:, 0] < learned.middle[0] - 1).mean() > 0.9
    assert found.shape == (NUM, 4 + NUM_MARKS)


def test_a_labelers_file_holds_all_of_it(learned):
    again = familiarity_of(familiarity_arrays(learned))
    images = pictures(20)
    np.testing.assert_array_equal(asked(again, images), asked(learned, images))


def test_means_are_over_half_a_second_on_either_side():
    at_s = np.array([0.0, 0.5, 1.0, 5.0])
    found = smoothed(np.array([[1.0], [2.0], [6.0], [40.0]]), at_s)
    np.testing.assert_allclose(found[:, 0], [1.5, 3.0, 4.0, 40.0])


def test_confidence_is_whole_for_the_familiar_and_falls_to_nothing():
    np.testing.assert_allclose(trust(np.array([1.0, 0.5, 0.25, 0.0])), [1, 1, 0.5, 0])
    # 1.645 sqrt(2): two draws of one normal distribution lie within it nine times in ten.
    found = least_half_width(np.array([1.0, 0.25, 0.0]))[:, 0]
    np.testing.assert_allclose(found, [0, 0.5 * 2.33, 2.33])
    draws = np.random.default_rng(0).normal(size=(100_000, 2))
    assert np.mean(np.abs(np.diff(draws)) < 2.33) == pytest.approx(0.9, abs=0.005)
