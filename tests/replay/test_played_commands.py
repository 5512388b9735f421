"""Rows as commands: ramps no faster than allowed, rows held or skipped."""

import numpy as np
import pytest
from commanded_joints import so101
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.replay.commands import NONE, RAMP_S, RAMP_SHARE, RUN_UP_S, commands_of

RATE_HZ = 30.0
CONTRACT = so101().contract(RATE_HZ)
RATES = np.array([d.max_rate for d in CONTRACT.dimensions])


def wave(num_rows=40):
    t = np.arange(num_rows)[:, None] / RATE_HZ
    return 0.4 * np.sin(t + np.arange(6)) + [0, 0, 0, 0, 0, 50]


def flags(num_rows, *invalid):
    valid = np.ones(num_rows, bool)
    valid[list(invalid)] = False
    return valid


def test_ramp_begins_where_the_robot_stands_and_keeps_its_share_of_the_speed():
    values, start = wave(), np.array([1.0, -1.0, 0.5, 0.5, 2.0, 100.0])
    found = commands_of(values, flags(40), CONTRACT, start=start)
    ramp = found.values[found.row == NONE]
    np.testing.assert_array_equal(ramp[0], start)
    assert len(ramp) >= RAMP_S * RATE_HZ
    steps = np.abs(np.diff(np.vstack([ramp, values[:1]]), axis=0)) * RATE_HZ
    assert (steps <= RAMP_SHARE * RATES * 1.02).all()
    np.testing.assert_array_equal(found.values[found.is_own], values)


def test_ramp_arrives_at_the_speed_of_its_rows_and_inside_the_limits():
    upper, fast = CONTRACT.dimensions[0].upper, 0.8 * RATES[0] / RATE_HZ
    values = np.zeros((40, 6))
    # The first joint comes down from its limit at speed: there is no room for a run-up above it.
    values[:, 0] = upper - fast * np.arange(40)
    values[:, 1] = fast * np.arange(40) - 1.0
    found = commands_of(values, flags(40), CONTRACT, start=np.zeros(6))
    assert not found.outruns(CONTRACT).any()
    before = found.values[found.row == NONE]
    assert before[:, 0].max() <= upper
    np.testing.assert_allclose(before[-5:, 0], upper)
    speed = np.diff(np.vstack([before, values[:2]]), axis=0)[:, 1] / fast
    assert speed[-1] == pytest.approx(1.0)
    # From rest to that in 0.3 s, ever faster by the same.
    count = round(RUN_UP_S * RATE_HZ)
    np.testing.assert_allclose(np.diff(speed[-1 - count : -1]), 1 / count, atol=1e-9)
    assert abs(speed[-2 - count]) < 0.1


def test_without_a_start_there_is_no_ramp():
    found = commands_of(wave(), flags(40), CONTRACT, start=None)
    assert found.is_own.all()
    assert len(found) == 40


def test_rows_that_are_not_valid_are_held():
    values = wave()
    values[12] = 99.0
    found = commands_of(values, flags(40, 11, 12, 13), CONTRACT, start=None)
    held = found.values[found.is_held]
    np.testing.assert_array_equal(held, np.tile(values[10], (3, 1)))
    assert found.row[found.is_held].tolist() == [11, 12, 13]


def test_rows_that_are_not_valid_are_skipped():
    values = wave()
    values[12] = np.nan
    found = commands_of(values, flags(40, 11, 13), CONTRACT, start=None, invalid="skip")
    assert not found.is_held.any()
    assert found.row[found.row != NONE].tolist() == [*range(11), *range(14, 40)]


def test_ends_that_are_not_valid_are_left_out():
    found = commands_of(wave(), flags(40, 0, 1, 39), CONTRACT, start=None)
    assert (found.row[0], found.row[-1]) == (2, 38)


@given(seed=st.integers(0, 10_000), invalid=st.sampled_from(["hold", "skip"]))
def test_what_was_too_far_is_reached_by_a_ramp(seed, invalid):
    random = np.random.default_rng(seed)
    values = wave(60) + np.where(np.arange(60) > 30, random.uniform(-1, 1), 0)[:, None]
    valid = random.random(60) > 0.3
    valid[30] = valid[31] = False
    found = commands_of(values, valid, CONTRACT, start=None, invalid=invalid)
    assert not found.outruns(CONTRACT).any()
    np.testing.assert_array_equal(found.values[found.is_own], values[valid])


def test_too_fast_a_row_is_said_where_nothing_was_invalid():
    values = wave()
    values[20:] += 1.0
    found = commands_of(values, flags(40), CONTRACT, start=None)
    assert np.flatnonzero(found.outruns(CONTRACT)).tolist() == [20]


def test_episode_without_a_valid_row_is_refused():
    with pytest.raises(UsageError, match="no row of the episode is valid"):
        commands_of(wave(), np.zeros(40, bool), CONTRACT, start=None)
