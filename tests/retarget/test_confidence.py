"""Confidence falls with everything that makes an action less trustworthy."""

import numpy as np
import pytest

from retarget.confidence import action_confidence


def confidence(**changes):
    facts = {
        "sigma_position_m": np.full((1, 3), 0.005),
        "sigma_rotation_rad": np.full(1, 0.05),
        "error_m": np.full(1, 0.001),
        "error_rad": np.full(1, 0.01),
        "room_rad": np.full(1, 0.5),
        "is_observed": np.ones(1, bool),
    }
    return float(action_confidence(**(facts | changes))[0])


def test_two_centimetres_or_ten_degrees_halve_it():
    exact = {"error_m": np.zeros(1), "error_rad": np.zeros(1), "sigma_rotation_rad": np.zeros(1)}
    assert confidence(**exact, sigma_position_m=np.full((1, 3), 0.02)) == pytest.approx(0.5)
    exact |= {"sigma_rotation_rad": np.deg2rad([10.0])}
    assert confidence(**exact, sigma_position_m=np.zeros((1, 3))) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "worse",
    [
        {"sigma_position_m": np.full((1, 3), 0.02)},
        {"sigma_rotation_rad": np.full(1, 0.2)},
        {"error_m": np.full(1, 0.05)},
        {"error_rad": np.full(1, 0.5)},
        {"room_rad": np.full(1, 0.01)},
        {"is_observed": np.zeros(1, bool)},
    ],
)
def test_each_defect_lowers_it(worse):
    assert 0.0 < confidence(**worse) < confidence() < 1.0


def test_nothing_known_is_zero():
    assert confidence(sigma_rotation_rad=np.full(1, np.nan)) == 0.0
    assert confidence(error_m=np.full(1, np.nan)) == 0.0
