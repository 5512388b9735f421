import numpy as np
import pytest

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.smoothing.knots import KNOT_INTERVAL_S
from rotoscope.pipeline.smoothing.layout import REST_PRECISION, Layout, check_signals


def two_runs():
    """Frames 2 to 9 and 16 to 23 have samples, frame 5 aside."""
    time_s = np.arange(25) / 30
    valid = np.zeros(25, bool)
    valid[2:10] = valid[16:24] = True
    valid[5] = False
    return Layout.of(time_s, valid, 0.1)


def test_frames_samples_and_runs_of_two_segments():
    layout = two_runs()
    assert layout.num_segments == 2
    assert layout.samples.tolist() == [2, 3, 4, 6, 7, 8, 9, *range(16, 24)]
    assert layout.frames.tolist() == [*range(2, 10), *range(16, 24)]
    segment = np.full(25, -1)
    segment[2:10], segment[16:24] = 0, 1
    assert layout.segment_of_frame.tolist() == segment.tolist()
    assert layout.run_of_sample.tolist() == [0] * 7 + [1] * 8


def test_intervals_are_counted_over_all_segments():
    # Both spans last 7/30 s: two blocks of three intervals of 2/30 s around each, so the first one
    # starts 2.5 frames before the first sample, and frame f lies in interval (f - first + 2.5) / 2.
    layout = two_runs()
    assert layout.interval_s == pytest.approx(1 / 15)
    assert layout.jerks.num_rows == 6 + 6
    first = [int((f + 0.5) / 2) for f in (2, 3, 4, 6, 7, 8, 9)]
    second = [6 + int((f - 13.5) / 2) for f in range(16, 24)]
    assert layout.interval_of_sample.tolist() == first + second


def test_intervals_of_a_third_segment_follow_those_of_both_before():
    time_s = np.arange(40) / 30
    valid = np.zeros(40, bool)
    valid[0:4] = valid[10:14] = valid[20:24] = True
    assert Layout.of(time_s, valid, 0.1).interval_of_sample[-1] in (6, 7, 8)


def test_motion_at_frames_and_at_samples_is_one_motion():
    layout = two_runs()
    coefficients = np.random.default_rng(0).normal(size=(len(layout.rest), 2))
    at_frames = np.full((25, 2), np.nan)
    at_frames[layout.frames] = layout.at_frames.values(coefficients)
    at_samples = layout.at_samples.values(coefficients)
    np.testing.assert_allclose(at_samples, at_frames[layout.samples], atol=1e-12)


@pytest.mark.parametrize(
    ("fps", "interval_s"), [(30, 1 / 15), (15, 1 / 15), (10, 0.1), (2, 0.5), (1, 1.0)]
)
def test_knots_lie_no_closer_than_samples(fps, interval_s):
    layout = Layout.of(np.arange(12) / fps, np.ones(12, bool), 0.25)
    assert layout.interval_s == pytest.approx(interval_s)
    assert abs(KNOT_INTERVAL_S - 1 / 15) < 1e-12


def test_one_sample_has_a_knot_interval_of_the_usual_width():
    layout = Layout.of(np.arange(4.0), np.array([False, True, False, False]), 0.25)
    assert layout.interval_s == KNOT_INTERVAL_S
    assert layout.jerks.num_rows == 3
    assert layout.frames.tolist() == [1]
    pair = Layout.of(np.arange(4.0), np.array([False, True, True, False]), 0.25)
    assert pair.interval_s == 1.0


@pytest.mark.parametrize(("num_samples", "is_visible"), [(6, False), (7, True)])
def test_noise_is_visible_with_more_samples_than_a_parabola_and_three(num_samples, is_visible):
    valid = np.arange(10) < num_samples
    assert Layout.of(np.arange(10) / 30, valid, 0.25).is_noise_visible is is_visible


@pytest.mark.parametrize(("num_samples", "is_visible"), [(9, False), (10, True)])
def test_every_segment_takes_three_samples_more(num_samples, is_visible):
    valid = np.zeros(30, bool)
    valid[:5] = valid[25 : 25 + num_samples - 5] = True
    layout = Layout.of(np.arange(30) / 30, valid, 0.25)
    assert layout.num_segments == 2
    assert layout.is_noise_visible is is_visible


def test_rest_pulls_the_velocity_faintly_towards_zero():
    # One unit of slope in each of three intervals, (c[m+2] - c[m+1]), squared and weighed.
    layout = Layout.of(np.arange(4) / 30, np.ones(4, bool), 0.25)
    assert REST_PRECISION == 1e-6
    expected = np.zeros((6, 4))
    expected[1:5, 0] = [1, 2, 2, 1]
    expected[1:4, 1] = -1
    np.testing.assert_allclose(layout.rest, 1e-6 * expected, atol=1e-18)


def test_half_a_probability_is_good_and_outliers_in_short_gaps_are_filled():
    layout = Layout.of(np.arange(8) / 10, np.array([1, 1, 1, 0, 1, 1, 1, 1], bool), 0.35)
    weight = np.array([1.0, 0.5, 0.49, 1.0, 1.0, 0.9, 0.0])
    known, is_outlier, filled = layout.verdict(weight)
    assert is_outlier.tolist() == [False, False, True, False, False, False, False, True]
    assert filled.tolist() == [False, False, True, True, False, False, False, False]
    assert known.tolist() == [True] * 7 + [False]


TIMES, VALUES, ALL = np.arange(3.0), np.zeros((3, 2)), np.ones(3, bool)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": VALUES[1:]}, "f: 3 frame times, 2 values and 3 valid flags"),
        ({"valid": ALL[1:]}, "f: 3 frame times, 3 values and 2 valid flags"),
        ({"time_s": np.array([0.0, 1.0, 1.0])}, "f: frame times must increase strictly"),
        ({"time_s": np.array([0.0, 1.0, np.nan])}, "f: frame times must increase strictly"),
        ({"max_gap_s": -1e-9}, "max_gap_s must be a time >= 0 in seconds, got -1e-09"),
        ({"max_gap_s": np.nan}, "max_gap_s must be a time >= 0 in seconds, got nan"),
        ({"values": np.full((3, 2), np.inf)}, "finite values; mark others invalid"),
    ],
)
def test_what_cannot_be_smoothed_is_refused(change, message):
    given = {"time_s": TIMES, "values": VALUES, "valid": ALL, "max_gap_s": 0.0, **change}
    with pytest.raises(TrackError, match=message):
        check_signals("f", **given)


def test_what_can_be_smoothed_is_let_through():
    check_signals("f", TIMES, VALUES, ALL, 0.0)
    check_signals("f", TIMES[:1], VALUES[:1], ALL[:1], 1.0)
    check_signals("f", TIMES[:2], VALUES[:2], ALL[:2], 1.0)
    check_signals("f", TIMES[:0], VALUES[:0], ALL[:0], 1.0)
    check_signals("f", TIMES, np.where(ALL[:, None], np.nan, VALUES), ~ALL, 1.0)
    with pytest.raises(TrackError, match="increase strictly"):
        check_signals("f", TIMES[1::-1], VALUES[:2], ALL[:2], 1.0)
