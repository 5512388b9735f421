"""The discount grows with the part of a demonstration that is followed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.models.reinforcement.schedule import DiscountSchedule, increasing_lengths
from rotoscope.pipeline.rewards.subgoals import subgoals_of

WAY = np.linspace(0, 1, 60)[:, None]


def schedule():
    return DiscountSchedule(subgoals_of([WAY], ["x.x"]))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_lengths_are_those_of_the_longest_increasing_subsequence(values):
    longest = [1] * len(values)
    for row, value in enumerate(values):
        longest[row] += max((longest[i] for i in range(row) if values[i] < value), default=0)
    wanted = [max(longest[: row + 1]) for row in range(len(values))]
    assert increasing_lengths(np.array(values)).tolist() == wanted


def test_who_goes_the_whole_way_is_told_of_late_rewards_after_how_long_it_took():
    one = schedule()
    assert one.discount == pytest.approx(0.9, abs=0.002)
    # Nine tenths of the subgoals are passed somewhere in the last third of the 60 rows.
    assert 0.2 ** (1 / 40) < one.update(WAY) < 0.2 ** (1 / 60)
    assert one.progress == 1
    slowly = schedule()
    assert slowly.update(np.repeat(WAY, 3, axis=0)) > one.discount


def test_who_stands_still_or_goes_backward_makes_no_progress():
    for rows in (np.zeros((60, 1)), WAY[::-1]):
        one = schedule()
        assert one.update(rows) == pytest.approx(0.9, abs=0.002)
        assert one.progress < 0.2


def test_half_of_the_way_counts_half_and_what_was_followed_once_stays():
    one = schedule()
    half = one.update(WAY[:30])
    assert 0.4 < one.progress < 0.65
    assert one.update(np.zeros((60, 1))) == half


def test_rows_that_are_not_known_are_passed_over():
    one = schedule()
    rows = WAY.copy()
    rows[::7] = np.nan
    one.update(rows)
    assert one.progress > 0.7
