import numpy as np
import pytest

from rotoscope.pipeline.video.breaks import MAX_GAP_FRAMES, breaks


def found(time_s, **more):
    return np.flatnonzero(breaks(np.asarray(time_s), **{"max_gap_s": 1.0} | more)).tolist()


def test_pause_longer_than_the_limit_is_a_break():
    time_s = np.arange(60) / 30
    time_s[40:] += 2.5
    assert found(time_s) == [40]
    assert found(time_s, max_gap_s=3.0) == []


@pytest.mark.parametrize(("pause_s", "at"), [(1.0 - 1e-6, []), (1.0 + 1e-6, [30])])
def test_the_limit_is_the_time_between_two_frames(pause_s, at):
    assert found(np.r_[np.arange(30) / 30, 29 / 30 + pause_s + np.arange(30) / 30]) == at


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_slow_video_breaks_only_at_pauses_of_many_of_its_own_frames(factor):
    time_s = np.arange(30) * 2.0
    assert found(time_s) == []
    time_s[20:] += (factor * MAX_GAP_FRAMES - 1) * 2.0
    assert found(time_s) == ([20] if factor > 1 else [])


def test_joined_takes_are_counted_in_the_file_and_breaks_in_what_is_looked_at():
    time_s = np.arange(40) / 30
    assert found(time_s, joints=(0, 25, 99)) == [25]
    assert found(time_s, joints=(10, 25, 49, 50), start=10) == [15, 39]


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_clips_have_no_break(frames):
    assert found(np.arange(frames) * 5.0) == []
