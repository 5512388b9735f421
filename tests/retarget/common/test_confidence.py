"""Confidence falls with everything that makes an action less trustworthy."""

import numpy as np
import pytest

from rotoscope.retarget.common.confidence import action_confidence


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


EXACT = {
    "sigma_position_m": np.zeros((1, 3)),
    "sigma_rotation_rad": np.zeros(1),
    "error_m": np.zeros(1),
    "error_rad": np.zeros(1),
}


def test_golden_values_of_the_stated_formula():
    assert confidence(**EXACT) == 1.0
    two_cm = np.full((1, 3), 0.02)
    assert confidence(**EXACT | {"sigma_position_m": two_cm}) == pytest.approx(np.sqrt(0.5))
    ten_deg = np.deg2rad([10.0])
    assert confidence(**EXACT | {"sigma_rotation_rad": ten_deg}) == pytest.approx(np.sqrt(0.5))
    no_depth = np.array([[0.0, 0.0, 100.0]])
    assert confidence(**EXACT | {"sigma_position_m": no_depth}) == pytest.approx(
        np.sqrt(2 / 3), abs=1e-6
    )


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


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"room_rad": np.zeros(1)}, 0.5),
        ({"room_rad": np.deg2rad([2.5])}, 0.75),
        ({"room_rad": np.deg2rad([5.0])}, 1.0),
        ({"room_rad": np.deg2rad([-3.0])}, 0.5),
        ({"is_observed": np.zeros(1, bool)}, 0.5),
        # An error of 2 sqrt(3) cm counts as 2 cm along each axis; one of 10 degrees by itself.
        ({"error_m": np.array([0.02 * 3**0.5])}, 0.5**0.5),
        ({"error_rad": np.deg2rad([10.0])}, 0.5**0.5),
        ({"sigma_rotation_rad": np.deg2rad([30.0])}, 0.1**0.5),
        ({"sigma_position_m": np.array([[0.06, 0.02, 0.0]])}, ((0.1 + 0.5 + 1.0) / 3) ** 0.5),
    ],
)
def test_golden_values_of_each_part(change, expected):
    assert confidence(**EXACT | change) == pytest.approx(expected, rel=1e-9)


def test_sigma_and_error_add_as_variances():
    both = {"sigma_rotation_rad": np.deg2rad([6.0]), "error_rad": np.deg2rad([8.0])}
    assert confidence(**EXACT | both) == pytest.approx(0.5**0.5)
    place = {"sigma_position_m": np.full((1, 3), 0.012), "error_m": np.array([0.016 * 3**0.5])}
    assert confidence(**EXACT | place) == pytest.approx(0.5**0.5)
