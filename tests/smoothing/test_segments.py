import numpy as np
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


def test_neighbours_on_a_slow_clock_stay_connected():
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


def test_neighbours_never_leave_their_run():
    run = np.array([0] * 7 + [1] * 2 + [2] * 5)
    index, is_full = segments.neighbours(run, 2)
    assert (run[index] == run[:, None]).all()
    np.testing.assert_array_equal(is_full, run != 1)
    np.testing.assert_array_equal(index[0], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(index[3], [1, 2, 3, 4, 5])


def test_one_missing_frame_does_not_end_a_run():
    frames = np.array([0, 1, 2, 4, 5, 6, 9, 10, 11])
    np.testing.assert_array_equal(segments.runs(frames / 30), [0] * 6 + [1] * 3)
