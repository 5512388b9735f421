"""Colors of a scene are found without being named, and followed by fractions of a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._color_moments import ColorMoments
from rotoscope.pipeline.errors import DatasetError

SIZE = 32
RED, CYAN, GRAY = np.array([200, 20, 20]), np.array([20, 200, 200]), np.array([120, 120, 120])


def _picture(red_x: float, cyan_x: float) -> np.ndarray:
    """A red and a cyan square of 4 px, mixed with the gray ground at their edges."""
    place = (np.arange(SIZE * 8) + 0.5) / 8
    picture = np.tile(GRAY.astype(float), (SIZE, SIZE, 1))
    for x, rows, color in ((red_x, slice(8, 12), RED), (cyan_x, slice(20, 24), CYAN)):
        share = ((place > x - 2) & (place < x + 2)).reshape(SIZE, 8).mean(1)[:, None]
        picture[rows] += share * (color - GRAY)
    return np.rint(picture).astype(np.uint8)


@pytest.fixture(scope="module")
def videos() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    places = generator.uniform(4, 28, (4, 40, 2))
    return [np.stack([_picture(*xy) for xy in episode]) for episode in places]


def test_some_numbers_follow_each_of_two_colors(videos: list[np.ndarray]) -> None:
    moments = ColorMoments.of(videos, num_colors=4, every=1)
    xs = np.linspace(6, 26, 30)
    of_red = moments(np.stack([_picture(x, 16.0) for x in xs]))
    of_cyan = moments(np.stack([_picture(16.0, x) for x in xs]))
    for found in (of_red, of_cyan):
        follows = [abs(np.corrcoef(column, xs)[0, 1]) for column in found.T if np.ptp(column) > 0.1]
        assert max(follows) > 0.999


def test_a_step_of_a_fifth_of_a_pixel_is_seen(videos: list[np.ndarray]) -> None:
    moments = ColorMoments.of(videos, num_colors=4, every=1)
    here, there = moments(np.stack([_picture(12.0, 20.0), _picture(12.2, 20.0)]))
    assert np.abs(here - there).max() * SIZE > 0.1


def test_what_comes_out_does_not_depend_on_the_other_frames(videos: list[np.ndarray]) -> None:
    moments = ColorMoments.of(videos, num_colors=4, every=1)
    np.testing.assert_allclose(moments(videos[0])[7], moments(videos[0][7:8])[0], rtol=1e-5)


def test_videos_in_which_nothing_moves_are_refused() -> None:
    still = np.tile(_picture(10.0, 20.0), (20, 1, 1, 1))
    with pytest.raises(DatasetError, match="something moves"):
        ColorMoments.of([still], every=1)
