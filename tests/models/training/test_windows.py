"""Windows are cut in seconds, whatever the frame rate."""

import numpy as np
import pytest
from pydantic import ValidationError

from rotoscope.models.training.windows import (
    WindowConfig,
    flatten_windows,
    inside_windows,
    nearest_frames,
    sample_windows,
    windows_of,
)


@pytest.mark.parametrize("rate_hz", [15.0, 29.97, 60.0])
def test_windows_of_a_linear_motion_do_not_depend_on_the_frame_rate(rate_hz):
    time_s = np.arange(0, 2, 1 / rate_hz)
    offsets_s = WindowConfig(before_s=0.2, after_s=0.1).offsets_s(20.0)
    windows, known = sample_windows(time_s, 3 * time_s[:, None], np.array([1.0]), offsets_s)
    assert known.all()
    np.testing.assert_allclose(windows[0, :, 0], 3 * (1 + offsets_s))


def test_offsets_hold_the_moment_itself():
    offsets_s = WindowConfig(before_s=0.2, after_s=0.1).offsets_s(10.0)
    np.testing.assert_allclose(offsets_s, [-0.2, -0.1, 0, 0.1])


def test_window_reaches_no_further_than_it_is_long():
    offsets_s = WindowConfig(before_s=0.29, after_s=0.11).offsets_s(10.0)
    np.testing.assert_allclose(offsets_s, [-0.2, -0.1, 0, 0.1])
    spaced = WindowConfig(before_s=0.3, after_s=0, spacing_s=0.15).offsets_s(10.0)
    np.testing.assert_allclose(spaced, [-0.3, -0.15, 0])


def test_windows_between_frames_hold_inputs_and_nearest_frames_of_those_that_are_known():
    time_s = np.arange(10) / 10
    features = np.stack([time_s, np.where(np.arange(10) == 7, np.nan, 1.0)], axis=1)
    config = WindowConfig(before_s=0.1, after_s=0.1, at_ends="drop")
    seen = windows_of(time_s, features, np.array([0.04, 0.34, 0.75]), config, rate_hz=10.0)
    np.testing.assert_array_equal(seen.known, [False, True, False])
    np.testing.assert_allclose(seen.inputs, [[-0.1, 0, 0.1, 0, 0.34, 1]], atol=1e-12)
    np.testing.assert_array_equal(seen.frames, [[2, 3, 4]])


def test_nearest_frame_of_a_tie_is_the_earlier_and_of_the_beyond_the_last():
    found = nearest_frames(np.array([0.0, 1.0, 2.0]), np.array([-9.0, 0.4, 0.5, 0.6, 1.5, 9.0]))
    np.testing.assert_array_equal(found, [0, 0, 0, 1, 1, 2])


def test_windows_beyond_the_ends_are_unknown():
    time_s = np.arange(10) / 10
    offsets_s = np.array([-0.1, 0, 0.1])
    _, known = sample_windows(time_s, np.zeros((10, 1)), time_s, offsets_s)
    np.testing.assert_array_equal(known, [False, *[True] * 8, False])


def test_nan_spoils_the_windows_that_touch_it_and_no_others():
    time_s = np.arange(9) / 10
    values = np.zeros((9, 1))
    values[4] = np.nan
    _, known = sample_windows(time_s, values, time_s, np.array([-0.1, 0, 0.1]))
    np.testing.assert_array_equal(np.flatnonzero(known), [1, 2, 6, 7])


def test_flattened_window_holds_changes_then_levels():
    windows = np.array([[[1.0], [5.0], [7.0]]])
    offsets_s = np.array([-0.1, 0, 0.1])
    flat = flatten_windows(windows, offsets_s, has_levels=True)
    np.testing.assert_array_equal(flat, [[-4.0, 2.0, 5.0]])
    assert flatten_windows(windows, offsets_s, has_levels=False).shape == (1, 2)


def test_window_without_length_is_refused():
    with pytest.raises(ValueError, match="both 0"):
        WindowConfig(before_s=0, after_s=0)


def test_ends_are_held_where_they_shall_be():
    time_s = np.arange(10) / 10
    offsets_s = np.array([-0.2, 0, 0.2])
    values = time_s[:, None]
    windows, known = sample_windows(time_s, values, time_s, offsets_s, at_ends="hold")
    assert known.all()
    np.testing.assert_allclose(windows[0, :, 0], [0, 0, 0.2], atol=1e-12)
    np.testing.assert_allclose(windows[-1, :, 0], [0.7, 0.9, 0.9], atol=1e-12)
    inside = sample_windows(time_s, values, time_s, offsets_s)
    assert inside[1].sum() == 6
    np.testing.assert_allclose(windows[inside[1]], inside[0][inside[1]])
    outside = sample_windows(time_s, values, np.array([-0.5, 0.5, 1.4]), offsets_s, at_ends="hold")
    assert outside[1].tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("before_s", "after_s", "spacing_s", "back", "ahead"),
    [
        (0.25, 0.19, 0.1, 2, 1),  # what lies beyond the window is not looked at
        (0.3, 0.0, 0.1, 3, 0),  # 0.3 / 0.1 is 2.9999999999999996
        (0.0, 0.6, 0.2, 0, 3),
        (0.05, 0.05, 0.1, 0, 0),
    ],
)
def test_golden_offsets(before_s, after_s, spacing_s, back, ahead):
    config = WindowConfig(before_s=before_s, after_s=after_s, spacing_s=spacing_s)
    expected = np.arange(-back, ahead + 1) * spacing_s
    np.testing.assert_allclose(config.offsets_s(7.0), expected)


def test_a_window_of_too_many_samples_is_refused():
    config = WindowConfig(before_s=50.0, after_s=50.0, spacing_s=0.1)
    assert len(config.offsets_s(10.0)) == 1001
    with pytest.raises(ValidationError, match=r"has more than 1000 samples 0\.1 s apart"):
        WindowConfig(before_s=50.0, after_s=50.1, spacing_s=0.1)


def test_golden_samples_between_frames():
    time_s, values = np.array([0.0, 1.0, 3.0]), np.array([[0.0, 1.0], [4.0, 1.0], [10.0, 5.0]])
    windows, known = sample_windows(time_s, values, np.array([1.0]), np.array([-0.25, 0.0, 0.5]))
    np.testing.assert_allclose(windows[0], [[3.0, 1.0], [4.0, 1.0], [5.5, 2.0]])
    assert known.tolist() == [True]


def test_a_microsecond_beside_a_frame_is_the_frame():
    time_s, values = np.array([0.0, 1.0, 2.0]), np.array([[np.nan], [4.0], [np.nan]])
    off = np.array([-9e-7, 9e-7, -2e-6, 2e-6])
    windows, known = sample_windows(time_s, values, 1.0 + off, np.zeros(1))
    assert known.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(windows[:2, 0, 0], 4.0)


@pytest.mark.parametrize(
    ("at_s", "is_inside"),
    [(0.471, True), (0.469, False), (2.229, True), (2.231, False), (1.3, True)],
)
def test_a_tenth_of_a_frame_beyond_the_ends_is_forgiven(at_s, is_inside):
    # Frames every 0.3 s up to 2.7 s and windows of half a second either way: 0.03 s are forgiven.
    time_s = np.arange(10) * 0.3
    inside = inside_windows(time_s, np.array([at_s]), np.array([-0.5, 0.0, 0.5]))
    assert inside.tolist() == [is_inside]


def test_only_the_moment_has_to_be_inside_where_ends_are_held():
    time_s, offsets_s = np.arange(10) / 10, np.array([-5.0, 0.0, 5.0])
    at_s = np.array([-0.02, -0.005, 0.5, 0.905, 0.92])
    held = inside_windows(time_s, at_s, offsets_s, at_ends="hold")
    assert held.tolist() == [False, True, True, True, False]
    assert not inside_windows(time_s, at_s, offsets_s).any()


def test_one_frame_forgives_nothing():
    one = inside_windows(np.array([1.0]), np.array([1.0, 1.0 + 1e-9]), np.zeros(1))
    assert one.tolist() == [True, False]


def test_flattened_windows_keep_features_side_by_side():
    windows = np.arange(12.0).reshape(2, 3, 2)
    flat = flatten_windows(windows, np.array([0.0, 0.1, 0.2]), has_levels=True)
    np.testing.assert_array_equal(flat[0], [2, 2, 4, 4, 0, 1])
    np.testing.assert_array_equal(flat[1], [2, 2, 4, 4, 6, 7])


def test_the_nearest_frame_is_the_earlier_of_two_as_near():
    time_s = np.array([0.0, 1.0, 3.0])
    wanted_s = np.array([[-9.0, 0.5, 0.51], [1.9, 2.0, 2.1], [3.0, 99.0, 0.0]])
    assert nearest_frames(time_s, wanted_s).tolist() == [[0, 0, 1], [1, 1, 2], [2, 2, 0]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"before_s": -0.01}, "greater than or equal to 0"),
        ({"after_s": -0.01}, "greater than or equal to 0"),
        ({"spacing_s": 0.0}, "greater than 0"),
        ({"spacing_s": -0.5}, "greater than 0"),
        ({"before_s": float("inf")}, "finite"),
        ({"length_s": 1.0}, "Extra inputs"),
        ({"at_ends": "mirror"}, "'drop' or 'hold'"),
    ],
)
def test_windows_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        WindowConfig(**settings)


def test_one_side_is_enough():
    assert WindowConfig(before_s=0.0, after_s=0.2).offsets_s(10.0).tolist() == [0.0, 0.1, 0.2]
    with pytest.raises(ValueError, match="frozen"):
        WindowConfig().before_s = 1.0


def test_time_between_samples_is_that_between_actions_where_none_is_given():
    found = WindowConfig(before_s=0.5, after_s=0.25).offsets_s(4.0)
    np.testing.assert_allclose(found, [-0.5, -0.25, 0.0, 0.25])
