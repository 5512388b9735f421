"""Confidence is the chance of an event that can be counted: draw errors and count."""

import numpy as np
import pytest

from rotoscope.pipeline.export.schema import LABELS
from rotoscope.retarget.common.confidence import (
    LIMBS_RAD,
    POSITION_M,
    ROTATION_RAD,
    TIPS_M,
    limbs_chance,
    position_chance,
    rotation_chance,
    tips_chance,
)

NUM = 40_000


def position(sigma_m, beside_m=0.0):
    return float(position_chance(np.array([sigma_m], float), np.array([beside_m]))[0])


@pytest.mark.parametrize(
    "sigma_m",
    [(0.01, 0.01, 0.05), (0.007, 0.012, 0.1), (0.03, 0.03, 0.03), (0.05, 0.004, 0.01), (0.3,) * 3],
)
def test_chance_of_a_position_is_the_share_of_drawn_errors_within_the_tolerance(sigma_m):
    errors = np.random.default_rng(0).normal(0.0, sigma_m, (NUM, 3))
    share = (np.linalg.norm(errors, axis=1) < POSITION_M).mean()
    assert position(sigma_m) == pytest.approx(share, abs=0.01)


def test_a_deviation_of_the_robot_in_a_direction_that_nobody_knows_counts_like_sigma():
    rng = np.random.default_rng(1)
    direction = rng.normal(size=(NUM, 3))
    beside = 0.03 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    errors = rng.normal(0.0, 0.02, (NUM, 3)) + beside
    share = (np.linalg.norm(errors, axis=1) < POSITION_M).mean()
    assert position((0.02,) * 3, 0.03) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize(
    ("chance", "tolerance"),
    [(rotation_chance, ROTATION_RAD), (tips_chance, TIPS_M), (limbs_chance, LIMBS_RAD)],
)
@pytest.mark.parametrize("times", [0.3, 0.7, 1.5])
def test_other_chances_are_shares_of_drawn_errors_too(chance, tolerance, times):
    rms = times * tolerance
    errors = np.random.default_rng(2).normal(0.0, rms / 3**0.5, (NUM, 3))
    share = (np.linalg.norm(errors, axis=1) < tolerance).mean()
    found = chance(np.array([0.6 * rms]), np.array([0.8 * rms]))
    assert found[0] == pytest.approx(share, abs=0.01)


def test_exact_is_certain_and_hopeless_is_nothing():
    nothing = np.zeros(1)
    assert position((0.0, 0.0, 0.0)) == pytest.approx(1.0)
    assert position((1e-4, 1e-4, 1e-4)) == pytest.approx(1.0)
    assert position((100.0,) * 3) < 1e-6
    for chance in (rotation_chance, tips_chance, limbs_chance):
        assert chance(nothing, nothing)[0] == pytest.approx(1.0)
        assert chance(np.array([1e3]), nothing)[0] < 1e-6


def test_what_is_unknown_has_no_chance():
    nan, some = np.array([np.nan]), np.array([0.01])
    assert position((0.01, np.nan, 0.01)) == 0.0
    assert position((0.01,) * 3, np.nan) == 0.0
    for chance in (rotation_chance, tips_chance, limbs_chance):
        assert chance(nan, some)[0] == 0.0
        assert chance(some, nan)[0] == 0.0


def test_chance_falls_as_sigma_grows():
    sigma = np.geomspace(0.001, 1.0, 60)
    assert (np.diff(position_chance(np.tile(sigma[:, None], 3), 0 * sigma)) <= 1e-12).all()
    assert (np.diff(rotation_chance(sigma, 0 * sigma)) <= 0).all()


def test_columns_of_a_dataset_state_these_tolerances():
    said = LABELS["label.confidence"].description
    assert f"position within {100 * POSITION_M:g} cm" in said
    assert f"rotation within {np.degrees(ROTATION_RAD):g} degrees" in said
    assert f"fingertips within {100 * TIPS_M:g} cm" in said
    assert f"limbs within {np.degrees(LIMBS_RAD):g} degrees" in said


def test_golden_values():
    # A ball of the tolerance holds P(chi2_3 < 3) = 0.6084 where the rms error is as long as it.
    assert rotation_chance(np.array([ROTATION_RAD]), np.zeros(1))[0] == pytest.approx(
        0.6084, abs=1e-4
    )
    assert position((POSITION_M / 3**0.5,) * 3) == pytest.approx(0.6084, abs=1e-4)
    # One unknown axis: within one sigma, 0.6827.
    assert position((1e-6, 1e-6, POSITION_M)) == pytest.approx(0.6827, abs=1e-3)
