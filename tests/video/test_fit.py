import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.video.fit import fit_into

sides = st.integers(1, 4000)
targets = st.integers(16, 1000).map(lambda n: 2 * n)


def test_wide_picture_gets_bars_above_and_below():
    fit = fit_into(1280, 720, 640, 480)
    assert (fit.x, fit.y, fit.width, fit.height) == (0, 60, 640, 360)


def test_upright_picture_gets_bars_left_and_right():
    fit = fit_into(720, 1280, 640, 480)
    assert (fit.x, fit.y, fit.width, fit.height) == (184, 0, 270, 480)


def test_picture_of_the_target_size_is_left_alone():
    fit = fit_into(640, 480, 640, 480)
    np.testing.assert_array_equal(fit.matrix(), np.eye(3))


@given(sides, sides, targets, targets)
def test_content_is_even_inside_and_keeps_its_shape(width, height, target_width, target_height):
    fit = fit_into(width, height, target_width, target_height)
    assert not any(n % 2 for n in (fit.x, fit.y, fit.width, fit.height))
    assert 0 <= fit.x <= fit.x + fit.width <= target_width
    assert 0 <= fit.y <= fit.y + fit.height <= target_height
    assert abs(fit.x - (target_width - fit.width) / 2) <= 1
    scale = min(target_width / width, target_height / height)
    assert abs(fit.width - max(2, scale * width)) <= 1 + 1e-6
    assert abs(fit.height - max(2, scale * height)) <= 1 + 1e-6


@given(sides, sides, targets, targets)
def test_corners_of_the_picture_become_corners_of_the_content(width, height, tw, th):
    fit = fit_into(width, height, tw, th)
    corners = fit.matrix() @ np.array([[0.0, width], [0.0, height], [1.0, 1.0]])
    expected = [[fit.x, fit.x + fit.width], [fit.y, fit.y + fit.height]]
    np.testing.assert_allclose(corners[:2], expected, atol=1e-9)


def test_intrinsics_see_the_same_directions():
    fit = fit_into(1280, 720, 640, 480)
    K = np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]])
    point_m = np.array([0.1, -0.2, 0.7])
    source, target = K @ point_m, fit.apply_K(K) @ point_m
    moved = fit.matrix() @ (source / source[2])
    np.testing.assert_allclose(moved, target / target[2])


def test_impossible_sizes_are_refused():
    with pytest.raises(UsageError, match="641 x 480 pixels cannot be written: both sides must be"):
        fit_into(640, 480, 641, 480)
    with pytest.raises(UsageError, match="cannot fit 0 x 480 pixels"):
        fit_into(0, 480, 640, 480)
    with pytest.raises(UsageError, match="cannot fit 640 x 480 pixels into 1 x 1"):
        fit_into(640, 480, 1, 1)
