"""Pictures laid onto each other in space, activity in time."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from rotoscope.pipeline.duplicates.crops import Crop, find_crop, laid_out, refined
from rotoscope.pipeline.duplicates.fingerprint import nearest
from rotoscope.pipeline.duplicates.offsets import offsets


def picture(seed=0, side=64):
    plain = gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), side / 30)
    return (128 + 60 * plain / np.abs(plain).max()).astype(np.float32)


def shown(large, crop, side=64):
    """What a crop of a large picture looks like in small."""
    size = len(large)
    rows = (crop.top + crop.height * (np.arange(side) + 0.5) / side) * size - 0.5
    columns = (crop.left + crop.width * (np.arange(side) + 0.5) / side) * size - 0.5
    out = large[rows.round().astype(int)][:, columns.round().astype(int)]
    return out[:, ::-1] if crop.is_mirrored else out


def test_the_whole_is_laid_onto_itself():
    one = picture()[None]
    placed, inside = laid_out(one, Crop())
    assert inside.all()
    np.testing.assert_array_equal(placed, one)
    mirrored, _ = laid_out(one, Crop(is_mirrored=True))
    np.testing.assert_array_equal(mirrored, one[:, :, ::-1])


def test_a_part_fills_its_place_and_keeps_its_brightness():
    placed, inside = laid_out(np.full((1, 64, 64), 90.0), Crop(0.25, 0.5, 0.5, 0.25))
    assert inside.sum() == 32 * 16
    assert inside[32:48, 16:48].all()
    np.testing.assert_allclose(placed[:, inside], 90.0)


@pytest.mark.parametrize(
    "crop",
    [
        Crop(0.1, 0.05, 0.8, 0.8),
        Crop(0.21, 0.0, 0.71, 0.71, is_mirrored=True),
        Crop(0.02, 0.3, 0.62, 0.62),
        Crop(is_mirrored=True),
    ],
)
def test_a_crop_is_found_to_a_fraction_of_a_pixel(crop):
    large = [picture(seed, 512) for seed in range(3)]
    whole = np.array([shown(one, Crop()) for one in large], np.float32)
    part = np.array([shown(one, crop) for one in large], np.float32)
    found = refined(whole, part, find_crop(whole, part, 1.0)[1])
    assert found.is_mirrored == crop.is_mirrored
    for name in ("left", "top", "width", "height"):
        assert getattr(found, name) == pytest.approx(getattr(crop, name), abs=0.008), name


def test_a_lag_is_found_where_two_overlap():
    series = np.random.default_rng(0).normal(size=90)
    for lag in (0, 12, 30):
        (best, *_) = offsets(series, series[lag : lag + 50], least=0.5)
        assert best.lag_s == pytest.approx(lag / 15)
        assert best.correlation == pytest.approx(1.0)
        (turned, *_) = offsets(series[lag : lag + 50], series, least=0.5)
        assert turned.lag_s == pytest.approx(-lag / 15)


def test_what_overlaps_by_less_than_half_of_the_shorter_one_is_not_seen():
    series = np.random.default_rng(1).normal(size=200)
    assert offsets(series[:60], series[20:80], least=0.9)
    assert not offsets(series[:60], series[40:100], least=0.9)


def test_series_that_have_nothing_in_common_or_do_not_change_have_no_lag():
    draw = np.random.default_rng(2)
    assert offsets(draw.normal(size=150), draw.normal(size=150), least=0.6) == []
    assert offsets(np.zeros(100), np.zeros(100), least=0.6) == []
    assert offsets(draw.normal(size=8), draw.normal(size=100), least=0.1) == []


def test_the_nearest_time_is_the_nearest():
    times = np.array([0.0, 0.1, 0.3])
    assert nearest(times, np.array([-1.0, 0.04, 0.06, 0.19, 0.21, 9.0])).tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    assert nearest(times[:1], np.array([0.0, 5.0])).tolist() == [0, 0]
