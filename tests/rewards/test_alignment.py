"""Rewards by alignment against plain recursions, and what each of them sees."""

import carried_paths as paths
import numpy as np
import pytest

from rotoscope.pipeline.rewards import alignment
from rotoscope.pipeline.rewards.alignment import METHODS
from rotoscope.pipeline.rewards.features import distances, scale_of

SEEDS = range(5)


def some(seed, rows=9, demo=6):
    return np.random.default_rng(seed).uniform(0, 2, (rows, demo))


def between(rows, demo):
    return distances(rows, demo, scale_of([demo], paths.NAMES))


@pytest.mark.parametrize("seed", SEEDS)
def test_ordered_coverage_is_the_published_recursion(seed):
    chances = np.exp(-some(seed))
    covered = np.zeros_like(chances)
    for row in range(len(chances)):
        for goal in range(chances.shape[1]):
            before = covered[row - 1, goal] if row else 0.0
            last = covered[row, goal - 1] if goal else 1.0
            covered[row, goal] = max(before, last * chances[row, goal])
    np.testing.assert_allclose(np.exp(alignment.ordered_coverage(some(seed))), covered, rtol=1e-9)
    expected = (covered[:, -2] * chances[:, -1]) ** (1 / 6)
    np.testing.assert_allclose(alignment.orca(some(seed)), expected, rtol=1e-9)


def test_ordered_coverage_of_thousands_of_subgoals_does_not_vanish():
    assert np.isfinite(alignment.ordered_coverage(np.full((20, 3000), 2.0))).all()
    assert alignment.orca(np.full((20, 3000), 2.0))[-1] == pytest.approx(np.exp(-2.0))


@pytest.mark.parametrize("seed", SEEDS)
def test_dtw_is_the_mean_of_each_row_along_the_cheapest_path(seed):
    costs = some(seed, 6, 5)
    total = np.full((7, 6), np.inf)
    total[0, 0] = 0
    for row in range(6):
        for demo in range(5):
            before = min(total[row, demo], total[row, demo + 1], total[row + 1, demo])
            total[row + 1, demo + 1] = costs[row, demo] + before
    row, demo = 6, 5
    on_path = {row: [] for row in range(1, 7)}
    while row:
        on_path[row].append(costs[row - 1, demo - 1])
        before = [(row - 1, demo - 1), (row - 1, demo), (row, demo - 1)]
        row, demo = min(before, key=lambda cell: total[cell])
    means = [np.mean(on_path[row]) for row in range(1, 7)]
    np.testing.assert_allclose(alignment.dtw(costs), -np.array(means))


@pytest.mark.parametrize("seed", SEEDS)
def test_transport_carries_every_row_whole(seed):
    costs = some(seed)
    plan = alignment._transport(costs, np.ones(costs.shape, bool))
    np.testing.assert_allclose(plan.sum(0), 1 / 6, rtol=1e-6)
    np.testing.assert_allclose(plan.sum(1), 1 / 9, rtol=1e-2)


def test_transport_in_time_keeps_out_what_is_far_in_time(monkeypatch):
    monkeypatch.setattr(alignment, "WINDOW_ROWS", 1)
    costs = 1.0 - np.eye(20)[::-1]  # alike only backward
    assert alignment.ot(costs).mean() == pytest.approx(0, abs=1e-3)
    assert alignment.temporal_ot(costs).mean() < -0.8


def test_threshold_counts_subgoals_one_after_the_other():
    costs = np.full((4, 3), 5.0)
    costs[1, 0] = costs[2, 2] = costs[3, 1] = 0.0
    found = alignment.threshold(costs)
    # The third subgoal is shown before the second: it does not count.
    np.testing.assert_allclose(found, np.array([0, 1, 1, 2]) / 3, atol=0.01)


def test_last_frame_is_the_distance_to_the_end():
    assert alignment.last_frame(np.array([[1.0, 2.0], [3.0, 0.5]])).tolist() == [-2.0, -0.5]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_prefers_the_whole_to_the_first_half(name):
    demo = paths.carried()[::3]
    whole, half = paths.carried(seed=1), paths.carried(seed=1)
    half[30:] = half[30]
    reward = METHODS[name]
    assert reward(between(whole, demo)).mean() > reward(between(half, demo)).mean()


@pytest.mark.parametrize("name", ["orca", "dtw", "threshold"])
def test_methods_that_know_order_prefer_it_to_its_reverse(name):
    demo = paths.carried()[::3]
    reward = METHODS[name]
    forward, backward = paths.carried(), paths.carried()[::-1]
    assert reward(between(forward, demo)).mean() > reward(between(backward, demo)).mean()
