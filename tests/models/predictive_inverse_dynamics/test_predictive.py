"""What will be seen is predicted from what is seen now, and the action between."""

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.scores import r_squared
from rotoscope.models.predictive_inverse_dynamics.labeler import (
    PredictiveConfig,
    PredictiveInverseDynamics,
    _predicted,
)
from rotoscope.models.predictive_inverse_dynamics.regression import KernelRegression
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.training.folds import MIN_EPISODES
from rotoscope.pipeline.errors import DatasetError, UsageError

RATE_HZ, NUM = 20.0, 50
SETTINGS = {"inputs": ("observation.state",)}


def episode(seed, *, is_valid=True):
    """A point is led to a goal, slower the nearer: its place and the goal; its velocity."""
    rng = np.random.default_rng(seed)
    place_m, goal_m = rng.uniform(-1, 1, (2, 2))
    seen, done = [], []
    for _ in range(NUM):
        action = np.clip(2 * (goal_m - place_m), -1, 1)
        seen.append(np.concatenate([place_m, goal_m]))
        done.append(action)
        place_m = place_m + action / RATE_HZ
    return LabeledEpisode(
        name=f"episode {seed}",
        time_s=np.arange(NUM) / RATE_HZ,
        features=np.array(seen),
        actions=np.array(done) if is_valid else np.full((NUM, 2), np.nan),
        valid=np.full(NUM, is_valid),
    )


def fitted(episodes, **settings):
    data = LabeledSet(tuple(episodes), point_mass.contract(), ("observation.state",), (4,))
    made = PredictiveInverseDynamics(PredictiveConfig(**SETTINGS | settings), data.contract)
    made.fit(data)
    return made


def r2(labeler, seeds=range(50, 56)):
    asked = [episode(seed) for seed in seeds]
    said = np.concatenate([labeler.label(e).values for e in asked])
    truth = np.concatenate([e.actions for e in asked])
    return float(r_squared(said, truth, ActionSpace.of(point_mass.contract())).mean())


@pytest.fixture(scope="module")
def learned():
    return fitted(map(episode, range(20)))


def test_it_finds_the_actions_of_episodes_that_it_has_not_seen(learned):
    assert r2(learned) > 0.8


def test_it_looks_at_nothing_but_the_row_itself(learned):
    whole = episode(60)
    together = learned.label(whole).values
    for row in (0, 17, NUM - 1):
        alone = UnlabelledEpisode(
            name="alone", time_s=whole.time_s[[row]], features=whole.features[[row]]
        )
        np.testing.assert_allclose(learned.label(alone).values[0], together[row], atol=2e-3)
    assert learned.acts_on == 1


def test_episodes_without_actions_teach_it_what_is_seen_next():
    few = [episode(k) for k in range(3)]
    unlabeled = [episode(k, is_valid=False) for k in range(10, 30)]
    assert r2(fitted([*few, *unlabeled])) > r2(fitted(few)) + 0.05


def test_what_was_done_in_them_is_inferred_from_what_came_after_and_teaches_the_action():
    few = [episode(k) for k in range(3)]
    unlabeled = [episode(k, is_valid=False) for k in range(10, 30)]
    data = LabeledSet((*few, *unlabeled), point_mass.contract(), ("observation.state",), (4,))
    made = PredictiveInverseDynamics(PredictiveConfig(**SETTINGS), data.contract)
    done = made._done(data, [[k] for k in range(23)])
    np.testing.assert_array_equal(
        np.concatenate(done[:3]), np.concatenate([e.actions for e in few])
    )
    truth = np.concatenate([episode(k).actions for k in range(10, 30)])
    inferred = np.concatenate(done[3:])
    there = np.isfinite(inferred[:, 0])
    # Nobody knows what came a quarter of a second after the last rows.
    assert there.sum() == 20 * (NUM - 5)
    assert (
        float(r_squared(inferred[there], truth[there], ActionSpace.of(data.contract)).mean()) > 0.8
    )


def test_futures_are_foretold_by_who_has_not_seen_the_episode():
    seen = [np.full((4, 1), float(k)) for k in range(5)]
    parts = [(rows, np.full((4, 1), 10.0 * k)) for k, rows in enumerate(seen)]
    out = _predicted(parts, seen, [[0, 1], [2], [3], [4]], (0.35, 1e-4))
    assert all(np.isfinite(rows).all() for rows in out)
    # Episode 4 is further out than all that the others know; 0 and 1 leave together.
    assert out[4].max() < 35
    assert out[0].min() > 5


def test_two_episodes_are_enough_to_infer_from_futures_that_came():
    made = fitted([episode(0), episode(1)])
    for name in ("mean", "target_scale", "kernel.weight"):
        np.testing.assert_array_equal(made.arrays[f"came.{name}"], made.arrays[f"foretold.{name}"])


def test_it_says_nothing_where_it_sees_nothing(learned):
    features = episode(60).features.copy()
    features[5:9, 1] = np.nan
    asked = UnlabelledEpisode(name="gap", time_s=np.arange(NUM) / RATE_HZ, features=features)
    known = learned.label(asked).known
    assert not known[5:9].any()
    assert known[:5].all()
    assert known[9:].all()


def test_how_far_ahead_is_in_seconds_and_at_least_a_row():
    rows = np.arange(6.0)[:, None]
    nan = np.nan
    for ahead_s, wanted in (
        (0.1, [2, 3, 4, 5, nan, nan]),
        (0.01, [1, 2, 3, 4, 5, nan]),
        (9.0, [nan] * 6),
    ):
        made = PredictiveInverseDynamics(
            PredictiveConfig(**SETTINGS, ahead_s=ahead_s), point_mass.contract()
        )
        np.testing.assert_array_equal(rows[:, 0] + made._change(rows, ahead_s)[:, 0], wanted)


def test_pictures_are_refused():
    with pytest.raises(UsageError, match="sees no pictures"):
        PredictiveInverseDynamics.check_settings(PredictiveConfig(**SETTINGS, camera="front"))


def test_episodes_of_which_nothing_is_known_are_refused():
    nothing = [episode(k) for k in range(3)]
    for one in nothing:
        one.features[:] = np.nan
    with pytest.raises(DatasetError, match="no row of 3 episodes has a valid action"):
        fitted(nothing)


def test_a_regression_comes_back_from_its_arrays_and_learns_a_smooth_function():
    rng = np.random.default_rng(0)
    parts = [(x, np.sin(2 * x[:, :1]) + x[:, 1:]) for x in rng.uniform(-1, 1, (5, 60, 2))]
    made = KernelRegression.of(parts)
    x = rng.uniform(-1, 1, (40, 2))
    assert np.abs(made(x) - (np.sin(2 * x[:, :1]) + x[:, 1:])).max() < 0.1
    again = KernelRegression.from_arrays(made.arrays())
    np.testing.assert_array_equal(again(x), made(x))
    assert made(x[:0]).shape == (0, 1)


def test_two_episodes_are_too_few_to_choose_and_are_fitted_all_the_same():
    few = range(MIN_EPISODES - 1)
    assert r2(fitted(map(episode, few)), few) > 0.8
