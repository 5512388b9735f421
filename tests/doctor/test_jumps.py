"""Where a step begins to be a leap: limits of the contract, and the steps around it."""

import numpy as np
import pytest
from dataset_in_memory import contract_of, raw_dataset

from rotoscope.pipeline.doctor.jumps import check_jumps


def stepping(*steps):
    """One dimension that takes these steps, as float32 holds them."""
    return np.cumsum([0.0, *steps])[:, None].astype(np.float32)


@pytest.mark.parametrize(
    ("step", "verdict"), [(0.2, "PASS"), (0.2 * 1.0008, "PASS"), (0.2 * 1.0012, "FAIL")]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_thousandth_over_the_rate_is_forgiven_and_no_more(step, verdict, sign):
    # 2 rad/s at 10 rows a second allow 0.2 rad a row.
    action = stepping(0.1, sign * step, 0.1)
    check = check_jumps(raw_dataset({"action": action}, contract=contract_of(2.0)))
    assert check.verdict == verdict
    assert check.detail["fastest_share_of_limit"] == pytest.approx(step / 0.2, abs=1e-4)


def test_what_is_said_of_a_step_that_is_too_fast():
    action = np.zeros((6, 2), np.float32)
    action[3:, 1] = 0.5
    action[4:, 1] = 1.0
    given = raw_dataset({"action": action}, lengths=[2, 4], contract=contract_of(None, 2.0))
    check = check_jumps(given)
    assert check.verdict == "FAIL"
    message = "episode 1 frame 1: action j1 moves at 5 per second, allowed 2 (2 steps)"
    assert message in check.message


def test_the_step_between_two_episodes_is_none():
    action = np.repeat([[0.0], [9.0]], 3, axis=0)
    given = raw_dataset({"action": action}, lengths=[3, 3], contract=contract_of(1.0))
    assert check_jumps(given).verdict == "PASS"


@pytest.mark.parametrize("row", [2, 3])
def test_a_leap_to_or_from_an_invalid_row_is_a_warning(row):
    action = stepping(0.1, 0.1, 0.9, 0.1)  # from row 2 to row 3
    valid = np.arange(5) != row
    given = raw_dataset({"action": action}, valid=valid, contract=contract_of(2.0))
    check = check_jumps(given)
    assert check.verdict == "WARN"
    assert "frame 3: action j0 moves at 9 per second" in check.message
    assert (
        check_jumps(
            raw_dataset({"action": action}, valid=np.arange(5) != 1, contract=contract_of(2.0))
        ).verdict
        == "FAIL"
    )


def test_rounding_to_float32_far_from_zero_is_no_speed():
    # 4096 rad in float32 come in steps of 0.0005: two ends may be off by that much together.
    action = np.array([[4096.0], [4096.2 + 0.0008], [4096.2]], np.float64)
    given = raw_dataset({"action": action}, contract=contract_of(2.0))
    assert check_jumps(given).verdict == "PASS"
    far = np.array([[4096.0], [4096.2 + 0.0015], [4096.2]])
    assert check_jumps(raw_dataset({"action": far}, contract=contract_of(2.0))).verdict == "FAIL"


def test_limits_of_the_action_bind_the_state_where_both_mean_the_same():
    state, action = stepping(0.1, 0.9), stepping(0.1, 0.1)
    columns = {"action": action, "observation.state": state}
    assert check_jumps(raw_dataset(columns, contract=contract_of(2.0))).verdict == "FAIL"
    other = raw_dataset(columns, contract=contract_of(2.0))
    other.info["features"]["observation.state"]["names"] = ["color"]
    assert check_jumps(other).verdict == "PASS"


def test_limits_of_another_width_are_nobodys():
    given = raw_dataset({"action": stepping(0.1, 0.9)}, contract=contract_of(2.0, 2.0))
    assert check_jumps(given).verdict == "PASS"


def leap_of(times, *, around=0.01, num_steps=60, at=30):
    """Even steps, then one that is `times` as large; a slow return widens the range."""
    steps = np.full(num_steps, around)
    steps[at] = times * around
    return np.cumsum([0.0, *steps])[:, None]


@pytest.mark.parametrize(("times", "verdict"), [(11.5, "PASS"), (12.5, "WARN")])
def test_without_limits_twelve_times_the_steps_around_is_a_leap(times, verdict):
    # 0.15 of the range is 0.15 * (59 + 12) = 10.7 steps: the other bound is met by both.
    check = check_jumps(raw_dataset({"action": leap_of(times)}))
    assert check.verdict == verdict
    if verdict == "WARN":
        assert "episode 0 frame 31: action j0 jumps by 0.125 (1 steps)" in check.message


@pytest.mark.parametrize(("num_steps", "verdict"), [(80, "WARN"), (90, "PASS")])
def test_less_than_a_seventh_of_the_range_is_no_leap(num_steps, verdict):
    # 14 steps against 0.15 * (79 + 14) = 13.95, or 0.15 * (89 + 14) = 15.45.
    assert check_jumps(raw_dataset({"action": leap_of(14, num_steps=num_steps)})).verdict == verdict


@pytest.mark.parametrize(("every", "verdict"), [(2, "PASS"), (3, "WARN")])
def test_a_step_is_compared_with_four_on_each_side(every, verdict):
    # To and fro: every second step is large, so five of the nine around a large one are, and their
    # median is too (it would be small among seven or eleven); of every third step it is three.
    steps = np.full(60, 0.01)
    steps[::every] = 0.4 * (-1.0) ** np.arange(len(steps[::every]))
    check = check_jumps(raw_dataset({"action": np.cumsum([0.0, *steps])[:, None]}))
    assert check.verdict == verdict


def test_five_steps_away_is_no_neighbor():
    steps = np.full(70, 0.01)
    steps[[30, 25, 35, 24, 36]] = 0.6
    assert check_jumps(raw_dataset({"action": np.cumsum([0.0, *steps])[:, None]})).verdict == "WARN"


@pytest.mark.parametrize(("num_steps", "verdict"), [(8, "PASS"), (9, "WARN")])
def test_episodes_too_short_for_the_window_are_not_judged(num_steps, verdict):
    check = check_jumps(raw_dataset({"action": leap_of(50, num_steps=num_steps, at=4)}))
    assert check.verdict == verdict


def test_what_is_only_on_or_off_does_not_leap():
    gripper = np.repeat([0.0, 100.0, 50.0], 20)[:, None]
    assert check_jumps(raw_dataset({"action": gripper})).verdict == "PASS"
    nearly = gripper.copy()
    nearly[5] = 1.0  # a fourth value: no switch
    assert check_jumps(raw_dataset({"action": nearly})).verdict == "WARN"


def test_a_dimension_with_a_limit_is_judged_by_it_alone():
    contract = contract_of(None, 1e3)
    leap, calm = leap_of(50), leap_of(1)
    second = np.concatenate([calm, leap], axis=1)
    assert check_jumps(raw_dataset({"action": second}, contract=contract)).verdict == "PASS"
    first = np.concatenate([leap, calm], axis=1)
    assert check_jumps(raw_dataset({"action": first}, contract=contract)).verdict == "WARN"


def test_commands_without_a_limit_are_not_tested():
    commands = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    contract = contract_of(None, None, is_state=False)
    check = check_jumps(raw_dataset({"action": commands}, contract=contract))
    assert (check.verdict, check.message) == (
        "UNTESTED",
        "the contract limits no speed, and commands may leap",
    )


def test_states_without_a_limit_are_compared_with_the_steps_around_them():
    states = np.linspace(0, 1, 60, dtype=np.float32)[:, None]
    check = check_jumps(raw_dataset({"action": states}, contract=contract_of(None)))
    assert (check.verdict, check.message) == (
        "PASS",
        "no step stands out from those around it",
    )
