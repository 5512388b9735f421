"""What is like the training episodes is familiar, what is not is not, and confidence follows."""

from dataclasses import replace

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
    assert found.shape == (NUM, 7 + NUM_MARKS)


def reached(seed, *, rate=1.0, jerk=0.0):
    """A point that goes from somewhere to somewhere else, slowing down, and then waits there."""
    rng = np.random.default_rng(seed)
    start, goal = rng.uniform(-1, 1, (2, 2))
    share = 1 - np.exp(-rate * np.arange(NUM) / 10)
    places = start + share[:, None] * (goal - start)
    return places + rng.normal(0, jerk + 1e-3, (NUM, 2))


@pytest.fixture(scope="module")
def learned_reaches():
    time_s = np.arange(NUM) / RATE_HZ
    episodes = tuple(
        replace(episode(k), time_s=time_s, features=reached(k), images=None) for k in range(5)
    )
    return learn_familiarity(LabeledSet(episodes, point_mass.contract()), seed=0)


def said_of(learned, features):
    time_s = np.arange(NUM) / RATE_HZ
    return learned.statistics(time_s, features, None, time_s), time_s


def test_motion_rougher_than_any_that_was_learned_from_is_strange(learned_reaches):
    found = [learned_reaches(*said_of(learned_reaches, reached(k))) for k in (20, 21, 22)]
    assert np.mean(np.concatenate(found) < UNFAMILIAR) <= 0.1
    rough = learned_reaches(*said_of(learned_reaches, reached(20, jerk=0.02)))
    assert (rough < UNFAMILIAR).mean() > 0.9


def test_how_fast_and_how_rough_motion_is_are_told_apart(learned_reaches):
    row = 10
    as_it_is, faster, rough = (
        said_of(learned_reaches, features)[0][row, 4:6]
        for features in (_line(0.01), _line(0.02), _line(0.01, jerk=0.01))
    )
    np.testing.assert_allclose(faster - as_it_is, [np.log(2), 0], atol=0.01)
    assert rough[0] - as_it_is[0] == pytest.approx(0, abs=0.01)  # two rows on, it is back
    assert rough[1] - as_it_is[1] > 2


def test_a_slow_hand_that_trembles_is_rougher_for_its_speed_than_a_fast_one(learned_reaches):
    still, slow, fast, steady = (
        said_of(learned_reaches, features)[0][10, 6]
        for features in (
            _line(0.0), _line(0.005, jerk=0.002), _line(0.05, jerk=0.002), _line(0.005)
        )
    )  # fmt: skip
    assert slow > fast + 1
    assert slow > steady + 1
    assert still < slow


def test_where_nothing_is_known_anything_within_the_limits_may_be_done():
    contract = point_mass.contract()
    one = contract.dimensions[0].model_copy(update={"lower": -1.0, "upper": 1.0})
    contract = contract.model_copy(update={"dimensions": (one, contract.dimensions[1])})
    values = np.array([[0.0, 0.0], [0.9, 0.0], [0.9, 0.0]])
    found = least_half_width(np.array([0.0, 0.0, 0.25]), values, np.full(2, 0.1), contract)
    np.testing.assert_allclose(found[:, 0], [0.9, 1.7, 0.85])
    np.testing.assert_allclose(found[:, 1], [0.233, 0.233, 0.233 / 2])
    # Nine tenths of all that may be done, whatever the label.
    truth = np.random.default_rng(0).uniform(-1, 1, 100_000)
    held = [
        np.mean(np.abs(truth - v) <= w) for v, w in zip(values[:2, 0], found[:2, 0], strict=True)
    ]
    np.testing.assert_allclose(held, 0.9, atol=0.005)


def _line(step, jerk=0.0):
    """Along a line, and every other row beside it."""
    return np.stack([step * np.arange(NUM), jerk * (np.arange(NUM) % 2)], axis=1)


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
    spread, values = np.array([1.0, 2.0]), np.zeros((3, 2))
    found = least_half_width(np.array([1.0, 0.25, 0.0]), values, spread, point_mass.contract())
    np.testing.assert_allclose(found, np.outer([0, 0.5 * 2.33, 2.33], spread))
    draws = np.random.default_rng(0).normal(size=(100_000, 2))
    assert np.mean(np.abs(np.diff(draws)) < 2.33) == pytest.approx(0.9, abs=0.005)
