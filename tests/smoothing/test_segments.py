import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.smoothing import segments

masks = st.lists(st.booleans(), min_size=1, max_size=60)


def test_splits_where_samples_lie_further_apart_than_the_limit():
    time_s = np.arange(10) / 10
    valid = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 0], bool)
    np.testing.assert_array_equal(segments.split(time_s, valid, 0.25), [[1, 4], [8, 8]])
    np.testing.assert_array_equal(segments.split(time_s, valid, 0.45), [[1, 8]])


def test_no_sample_gives_no_segment():
    assert segments.split(np.arange(3.0), np.zeros(3, bool), 1.0).shape == (0, 2)


def test_neighbors_on_a_slow_clock_stay_connected():
    time_s = np.arange(8) * 0.5
    known = segments.known_frames(time_s, np.ones(8, bool), 0.25)
    assert known.all()


@given(masks, st.floats(0.0, 1.0))
@settings(max_examples=50, deadline=None)
def test_known_frames_hold_all_samples_and_no_long_gap(mask, max_gap_s):
    good = np.array(mask)
    time_s = np.arange(len(good)) / 30
    known = segments.known_frames(time_s, good, max_gap_s)
    assert known[good].all()
    limit_s = segments.gap_limit_s(time_s, max_gap_s)
    for frame in np.flatnonzero(known & ~good):
        before, after = np.flatnonzero(good[:frame])[-1], frame + np.argmax(good[frame:])
        assert time_s[after] - time_s[before] <= limit_s


def test_neighbors_never_leave_their_run():
    run = np.array([0] * 7 + [1] * 2 + [2] * 5)
    index, is_full = segments.neighbors(run, 2)
    assert (run[index] == run[:, None]).all()
    np.testing.assert_array_equal(is_full, run != 1)
    np.testing.assert_array_equal(index[0], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(index[3], [1, 2, 3, 4, 5])


def test_one_missing_frame_does_not_end_a_run():
    frames = np.array([0, 1, 2, 4, 5, 6, 9, 10, 11])
    np.testing.assert_array_equal(segments.runs(frames / 30), [0] * 6 + [1] * 3)


@pytest.mark.parametrize(
    ("time_s", "limit_s"),
    [
        ([0.0, 0.1, 0.2, 0.5], 0.25),  # the clock is fast enough
        ([0.0, 1.0, 2.0, 9.0], 1.5),  # one and a half of the usual interval
        ([0.0, 1.0], 1.5),
        ([3.0], 0.25),
        ([], 0.25),
    ],
)
def test_golden_gap_limits(time_s, limit_s):
    assert segments.gap_limit_s(np.array(time_s), 0.25) == pytest.approx(limit_s)


def test_a_gap_of_the_limit_itself_is_bridged():
    time_s, valid = np.array([0.0, 0.5, 1.0, 1.75]), np.ones(4, bool)
    assert segments.split(time_s, valid, 0.5).tolist() == [[0, 2], [3, 3]]
    assert segments.split(time_s, valid, 0.75).tolist() == [[0, 3]]


def test_frames_are_numbered_by_segment_and_the_rest_by_minus_one():
    found = segments.numbers(8, np.array([[1, 2], [5, 5]]))
    assert found.tolist() == [-1, 0, 0, -1, -1, 1, -1, -1]


@pytest.mark.parametrize(("gap", "is_new"), [(2.0, False), (2.4, False), (2.5, False), (2.6, True)])
def test_two_and_a_half_intervals_begin_another_run(gap, is_new):
    steps = np.array([1.0, 1.0, 1.0, gap, 1.0, 1.0])
    found = segments.runs(np.concatenate([[0.0], np.cumsum(steps)]))
    assert found.tolist() == [0] * 4 + [int(is_new)] * 3


def test_one_sample_is_one_run():
    assert segments.runs(np.array([7.0])).tolist() == [0]


def test_golden_neighbors():
    # Runs of six and three; two samples to each side, shifted inwards at the ends, and the last
    # one again and again where a run is too short.
    run = np.array([0] * 6 + [1] * 3)
    index, is_full = segments.neighbors(run, 2)
    assert index.tolist() == [
        [0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
        [6, 7, 8, 8, 8],
        [6, 7, 8, 8, 8],
        [6, 7, 8, 8, 8],
    ]
    assert is_full.tolist() == [True] * 6 + [False] * 3
    assert segments.neighbors(np.zeros(5, int), 2)[1].all()
