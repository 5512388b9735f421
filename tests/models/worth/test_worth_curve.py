"""Curves are found again, and their intervals are paired."""

import numpy as np
import pytest

from rotoscope.models.worth.curve import Curve, fit_curve, interval, resampled
from rotoscope.models.worth.forecast import forecast
from rotoscope.models.worth.measure import Measured

COUNTS = (2, 4, 8, 16, 32)


@pytest.mark.parametrize(
    "true",
    [
        Curve(2, 0.1, 0.8, 0.7, np.inf),
        Curve(2, 0.0, 0.5, 1.5, np.inf),
        Curve(2, 0.05, 1.4, 1.0, 1.0),
    ],
)
def test_a_curve_is_found_again(true):
    found = fit_curve(COUNTS, true(COUNTS), ceiling=true.ceiling)
    np.testing.assert_allclose(found([2, 8, 32, 100]), true([2, 8, 32, 100]), atol=2e-3)
    assert found.gain(32, 32) == pytest.approx(true.gain(32, 32), abs=2e-3)


def test_no_curve_falls_below_nothing_or_rises_above_everything():
    found = fit_curve(COUNTS, np.array([1.0, 1.0, 0.6, 0.1, 0.0]), ceiling=1.0)
    told = found(range(2, 400))
    assert told.max() <= 1
    assert told.min() >= 0
    assert (np.diff(told) <= 1e-12).all()
    flat = fit_curve(COUNTS, np.full(5, 0.3))
    assert flat.gain(32, 1000) == pytest.approx(0, abs=1e-3)


def test_too_few_counts_and_unknown_errors_are_refused():
    with pytest.raises(ValueError, match="4 counts"):
        fit_curve((2, 4, 8), np.ones(3))
    with pytest.raises(ValueError, match="finite"):
        fit_curve(COUNTS, np.array([1, 1, np.nan, 1, 1]))


def test_chance_draws_the_same_units_for_every_count():
    units = np.random.default_rng(0).uniform(size=(3, 20))
    errors = np.stack([units + 0.2, units + 0.1, units])
    drawn = resampled(errors)
    np.testing.assert_allclose(drawn[:, 0] - drawn[:, 2], 0.2)
    low, high = interval(drawn[:, 2])
    assert low < units.mean() < high
    # About as wide as the standard error of sixty draws says.
    assert 0.5 < (high - low) / (4 * units.std() / np.sqrt(60)) < 2


def test_what_more_bring_is_said_with_its_interval():
    true = Curve(2, 0.1, 0.7, 0.8, 1.0)
    draw = np.random.default_rng(1)
    shares = true(COUNTS)[:, None, None]
    errors = (draw.uniform(size=(1, 4, 200)) < shares).astype(float)
    found = forecast(Measured(32, COUNTS, errors, is_success=True), 32)
    gain, low, high = found.gain
    assert low <= gain <= high
    assert low <= true.gain(32, 32) <= high
    assert high - low < 0.2
    assert found.now[1] <= float(true([32])[0]) <= found.now[2]
    assert found.as_json()["curve"]["ceiling"] == 1.0
