"""How far stored statistics may lie from those of the data."""

import numpy as np
import pytest
from dataset_in_memory import raw_dataset

from rotoscope.pipeline.doctor.statistics import check_statistics

VALUES = np.array([[0.0, 10.0], [1.0, 10.0], [2.0, 10.0], [3.0, 30.0]])
"""Means 1.5 and 15; standard deviations sqrt(1.25) and sqrt(75)."""
TRUE = {
    "min": [0.0, 10.0],
    "max": [3.0, 30.0],
    "mean": [1.5, 15.0],
    "std": [1.25**0.5, 75**0.5],
    "count": [4],
}


def said(stats, values=VALUES, **more):
    return check_statistics(raw_dataset({"action": values}, stats={"action": stats}, **more))


def test_true_statistics_pass_and_are_counted():
    check = said(TRUE)
    assert check.verdict == "PASS"
    assert check.message == "statistics of 1 features are those of the data"


@pytest.mark.parametrize("key", ["min", "max", "mean", "std"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("share", "verdict"), [(0.95, "PASS"), (1.05, "FAIL")])
def test_slack_is_that_of_moments_taken_in_float32(key, sign, share, verdict):
    # Half a percent of the deviation and a fifth of a percent of the largest value, and 1e-6:
    # 0.005 * sqrt(75) + 0.002 * 30 + 1e-6 in the second dimension.
    slack = 0.005 * 75**0.5 + 0.06 + 1e-6
    wrong = {**TRUE, key: [TRUE[key][0], TRUE[key][1] + sign * share * slack]}
    check = said(wrong)
    assert check.verdict == verdict
    if verdict == "FAIL":
        assert f"action j1: {key} is" in check.message


@pytest.mark.parametrize(("off", "verdict"), [(0.9e-6, "PASS"), (1.2e-6, "FAIL")])
def test_zeros_may_be_a_millionth_off(off, verdict):
    stats = {key: [0.0] for key in ("min", "max", "mean", "std")} | {"count": [3]}
    assert said({**stats, "mean": [off]}, np.zeros((3, 1))).verdict == verdict


def test_a_count_has_no_slack():
    check = said({**TRUE, "count": [5]})
    assert check.verdict == "FAIL"
    assert "action: count is 5, the data give 4" in check.message


def test_the_first_number_that_differs_is_named():
    check = said({**TRUE, "max": [9.0, 99.0], "mean": [9.0, 99.0]})
    assert "action j0: max is 9, the data give 3" in check.message
    assert "mean" not in check.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"std": "much"}, "action: std is 'much', numbers are wanted"),
        ({"std": [1.0]}, "action: std has 1 numbers, the data 2"),
        ({"mean": [np.nan, 15.0]}, "action j0: mean is nan, the data give 1.5"),
    ],
)
def test_what_is_no_statistic_is_named(change, message):
    assert message in said({**TRUE, **change}).message


def test_what_is_lacking_is_named():
    lacking = {key: TRUE[key] for key in ("min", "max", "mean", "count")}
    assert "says no std about action" in said(lacking).message
    assert "says nothing about action" in check_statistics(raw_dataset({"action": VALUES})).message
    check = check_statistics(raw_dataset({"action": VALUES}, stats={"action": 3}))
    assert "action is no mapping of names to numbers" in check.message


def test_columns_that_are_not_known_everywhere_are_not_compared():
    values = VALUES.copy()
    values[0, 0] = np.nan
    assert said({**TRUE, "mean": [7.0, 7.0]}, values).verdict == "PASS"


def test_statistics_of_an_episode_are_those_of_its_rows():
    rows = {f"stats/action/{k}": v for k, v in TRUE.items()}
    values = np.concatenate([VALUES, 2 * VALUES])
    whole = {
        "min": [0.0, 10.0],
        "max": [6.0, 60.0],
        "mean": [2.25, 22.5],
        "std": values.std(axis=0),
        "count": [8],
    }
    good = said(whole, values, lengths=[4, 4], episodes={0: rows})
    assert good.verdict == "PASS"
    bad = said(whole, values, lengths=[4, 4], episodes={0: rows, 1: rows})
    assert bad.verdict == "FAIL"
    assert "episode 1 action j1: min is 10, the data give 20" in bad.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([0.0, 0.5, 1.0], None),
        ([-0.9e-6, 0.5, 1 + 0.9e-6], None),
        ([-1.2e-6, 0.5, 1.0], "images are in 0 to 1"),
        ([0.0, 0.5, 1 + 1.2e-6], "images are in 0 to 1"),
        ([0.0, 0.5, 255.0], "images are in 0 to 1"),
    ],
)
def test_images_are_in_0_to_1(value, words):
    assert picture_check(np.reshape(value, (3, 1, 1)).tolist(), words)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3, 1), (3, 1, 2)])
def test_statistics_of_images_have_their_own_shape(shape):
    assert picture_check(np.zeros(shape).tolist(), f"has shape {shape}, LeRobot wants (3, 1, 1)")


def test_statistics_of_images_that_are_no_numbers_are_named():
    assert picture_check("gray", "front: mean is 'gray', numbers are wanted")


def picture_check(mean, words):
    """Whether a mean of pictures passes, or is found with these words."""
    zero = np.zeros((3, 1, 1)).tolist()
    stats = {"min": zero, "max": zero, "mean": mean, "std": zero, "count": [400]}
    given = raw_dataset({"other": np.zeros((2, 1))}, stats={"front": stats})
    given.info["features"]["front"] = {"dtype": "video"}
    check = check_statistics(given)
    return check.verdict == "PASS" if words is None else words in check.message


@pytest.mark.parametrize(("std", "verdict"), [(0.00288, "PASS"), (0.02, "FAIL")])
def test_digits_that_float32_lost_of_a_column_that_never_changes_are_forgiven(std, verdict):
    """What LeRobot said of 500 rows of one goal at 0.85 m."""
    state = np.full((500, 1), 0.85, np.float32)
    stated = {"min": [0.85], "max": [0.85], "mean": [0.85], "std": [std], "count": [500]}
    raw = raw_dataset({"observation.state": state}, stats={"observation.state": stated})
    assert check_statistics(raw).verdict == verdict
