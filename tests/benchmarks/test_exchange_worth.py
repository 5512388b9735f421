import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._exchange_worth import interval, worth

CURVE = {2: 0.2, 5: 0.5, 10: 0.7, 20: 0.9}


def test_twenty_videos_that_do_as_ten_more_episodes_are_worth_half_an_episode_each() -> None:
    curve = CURVE | {15: 0.8}
    assert worth(curve, 0.8, num_robot=5, num_videos=20) == (pytest.approx(0.5), False)


def test_between_points_the_curve_is_straight() -> None:
    assert worth(CURVE, 0.6, num_robot=0, num_videos=20) == (pytest.approx(7.5 / 20), False)


def test_videos_that_spoil_a_policy_are_worth_less_than_nothing() -> None:
    value, is_beyond = worth(CURVE, 0.2, num_robot=5, num_videos=20)
    assert value == pytest.approx(-3 / 20)
    assert not is_beyond


def test_beyond_the_curve_the_least_is_told() -> None:
    assert worth(CURVE, 0.95, num_robot=5, num_videos=20) == (pytest.approx(15 / 20), True)


def test_where_the_curve_is_flat_at_its_end_its_first_such_point_counts() -> None:
    value, is_beyond = worth({5: 0.5, 10: 1.0, 20: 1.0}, 1.0, num_robot=0, num_videos=20)
    assert value == pytest.approx(10 / 20)
    assert is_beyond


def test_a_curve_that_falls_by_chance_is_taken_to_stay() -> None:
    value, _ = worth({5: 0.6, 10: 0.5, 20: 0.9}, 0.75, num_robot=0, num_videos=20)
    assert value == pytest.approx(15 / 20)


@given(st.floats(0, 1), st.floats(0, 1))
def test_better_policies_are_never_worth_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    values = [worth(CURVE, share, num_robot=5, num_videos=20)[0] for share in (low, high)]
    assert values[0] <= values[1] + 1e-12


def test_interval_holds_the_share_and_narrows_with_starts() -> None:
    few, many = (np.arange(num)[None] % 2 == 0 for num in (10, 1000))
    widths = []
    for cell in (few, many):
        low, high = interval([cell], lambda shares: shares[0])
        assert low <= 0.5 <= high
        widths.append(high - low)
    assert widths[1] == pytest.approx(0.062, abs=0.01)  # 2 * 1.96 * sqrt(.25 / 1000)
    assert widths[0] > 5 * widths[1]


def test_policies_tried_on_the_same_starts_are_compared_start_by_start() -> None:
    cell = np.arange(50)[None] % 2 == 0
    assert interval([cell, cell], lambda shares: shares[0] - shares[1]) == (0.0, 0.0)
