import numpy as np
import pytest

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.video.image_stats import ImageStats

NAMES = {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}


def stats_of(images):
    stats = ImageStats()
    for image in images:
        stats.add(image)
    return stats.stats()


def test_statistics_are_those_of_all_pixels():
    rng = np.random.default_rng(0)
    images = rng.integers(20, 200, (7, 40, 50, 3)).astype(np.uint8)
    images[..., 1] //= 2
    found = stats_of(images)
    pixels = images.reshape(-1, 3) / 255.0
    assert set(found) == NAMES
    assert all(found[name].shape == (3, 1, 1) for name in NAMES - {"count"})
    assert found["count"].tolist() == [7]
    for name, expected in {
        "min": pixels.min(0),
        "max": pixels.max(0),
        "mean": pixels.mean(0),
        "std": pixels.std(0),
    }.items():
        np.testing.assert_allclose(found[name].ravel(), expected, atol=1e-12)
    for name, share in {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}.items():
        # A level is 1/255 wide, and quantiles are interpolated within it.
        expected = np.quantile(pixels, share, axis=0)
        np.testing.assert_allclose(found[name].ravel(), expected, atol=0.5 / 255 + 1e-9)


def test_one_color_has_no_spread():
    found = stats_of([np.full((8, 8, 3), 51, np.uint8)])
    for name in NAMES - {"count", "std"}:
        np.testing.assert_allclose(found[name], 0.2)
    np.testing.assert_allclose(found["std"], 0.0, atol=1e-9)


def test_no_image_is_an_error():
    with pytest.raises(DatasetError, match="at least one frame, got none"):
        ImageStats().stats()
