"""What the benchmark of rewards makes of an episode, on made-up ones."""

import numpy as np
import pytest

from benchmarks import _reward_rollouts as rollouts
from benchmarks import rewards
from benchmarks._reward_rollouts import Rollout
from rotoscope.pipeline.rewards.judge import judge
from rotoscope.pipeline.rewards.subgoals import subgoals_of

NAMES = ("object.x",)


def made(rows=101, *, until=60):
    """A thing that is moved until a row; pictures are their row's number."""
    state = np.zeros((rows, 10))
    state[:, 4] = np.clip(np.arange(rows) / until, 0, 1)
    numbers = np.arange(0, rows, 2).astype(np.uint8)
    pictures = np.broadcast_to(numbers[:, None, None, None], (len(numbers), 64, 64, 3))
    return Rollout("expert", state, pictures, 10 * state[:, 4], True)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_at_another_speed_rows_and_pictures_are_of_the_same_moments(speed):
    one = made()
    played = rollouts.at_speed(one, speed)
    np.testing.assert_allclose(
        played.state[:, 4], np.clip(np.arange(0, 101, speed) / 60, 0, 1)[: len(played.state)]
    )
    assert len(played.pictures) == -(-len(played.state) // 2)
    shown = played.pictures[:, 0, 0, 0].astype(float)
    assert np.abs(shown - 2 * speed * np.arange(len(shown))).max() <= 2


def test_first_half_is_as_long_and_not_done():
    half = rollouts.first_half(made())
    assert len(half.state) == 101
    assert half.state[-1, 4] == pytest.approx(50 / 60)
    assert not half.is_success


def test_misaligned_demonstrations_are_dense_first_and_end_with_the_task():
    end = rollouts.settled(made())
    assert end == pytest.approx(60 + 5, abs=1)
    shown = rollouts.misaligned(101, end)
    assert np.diff(shown).tolist() == [1] * (end // 3) + [8] * (len(shown) - end // 3 - 1)


def test_ordering_counts_pairs_and_ties_by_half():
    case = rewards.Case(
        np.zeros((2, 1)), [np.full((3, 1), v) for v in (2.0, 1.0, 1.0)], [True, True, False], NAMES
    )
    assert rewards._ordered(case, lambda rows: float(rows.mean())) == 0.75


def test_sigma_is_held_against_where_the_demonstration_has_the_same_reward():
    demo = made()
    goals = subgoals_of([demo.state[:, 4:5]], NAMES)
    found = judge(demo.state[:, 4:5], goals)
    assert rewards._inside(found, demo.reward, demo, goals[0]).mean() > 0.95
    late = np.maximum(demo.reward - 5, 0)
    assert rewards._inside(found, late, demo, goals[0]).mean() < 0.5
