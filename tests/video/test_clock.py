import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.video.clock import check_pauses, fill_missing, make_clock


def clock(ticks, **options):
    options = {"seconds_per_tick": 0.001, "last_frame_s": 0.0} | options
    return make_clock(np.array(ticks), **options)


def test_first_frame_is_at_zero_and_stamps_are_sorted():
    found = clock([1100, 1000, 1300, 1200])
    np.testing.assert_allclose(found.time_s, [0, 0.1, 0.2, 0.3])


def test_rate_in_whole_milliseconds_is_the_mean():
    found = clock([round(1000 * k / 30) for k in range(300)])
    assert not found.is_variable_rate
    assert found.rate_hz == pytest.approx(30, rel=1e-3)


def test_varying_intervals_are_noticed_and_the_rate_is_the_median():
    found = clock([0, 20, 100, 120, 140, 160])
    assert found.is_variable_rate
    assert found.rate_hz == pytest.approx(50)


def test_frames_with_one_stamp_are_spread_up_to_the_next():
    found = clock([0, 100, 100, 100, 200, 300, 400])
    np.testing.assert_allclose(found.time_s, [0, 0.1, 0.1 + 0.1 / 3, 0.1 + 0.2 / 3, 0.2, 0.3, 0.4])


def test_frames_that_share_the_last_stamp_get_usual_intervals():
    found = clock([0, 100, 200, 300, 300])
    np.testing.assert_allclose(found.time_s, [0, 0.1, 0.2, 0.3, 0.35])


def test_last_frame_counts_as_long_as_it_says_where_that_is_plausible():
    assert clock([0, 40, 80], last_frame_s=0.5).duration_s == pytest.approx(0.58)
    assert clock([0, 40, 80], last_frame_s=3600.0).duration_s == pytest.approx(0.12)


def test_single_frame_has_a_length():
    assert clock([7], last_frame_s=0.5).duration_s == 0.5
    assert clock([7]).duration_s == pytest.approx(0.04)


def test_clock_that_stands_still_is_refused():
    with pytest.raises(UnreasonableVideoError, match="9 frames have only 1 different time stamps"):
        clock([5] * 9)


@pytest.mark.parametrize("step", [1, 60_000_000])
def test_rate_that_cannot_be_meant_is_refused(step):
    with pytest.raises(UnreasonableVideoError, match="frames per second, which cannot be meant"):
        clock([0, step, 2 * step], seconds_per_tick=1e-6)


def test_missing_stamps_follow_the_decoding_stamps():
    found = fill_missing([20, None, 40, None], [0, 10, 20, 30])
    np.testing.assert_array_equal(found, [20, 30, 40, 50])


def test_packet_without_any_stamp_is_refused():
    with pytest.raises(UnreasonableVideoError, match="packet 1 of 2 has no time stamp"):
        fill_missing([0, None], [0, None])


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=60))
def test_times_always_increase_strictly_from_zero(ticks):
    try:
        found = clock(ticks)
    except UnreasonableVideoError:
        return
    assert found.time_s[0] == 0
    assert (np.diff(found.time_s) > 0).all()
    assert found.duration_s > found.time_s[-1]


def test_a_clip_may_stand_still_for_minutes_but_not_for_hours():
    steady = np.arange(90) / 30
    for pause_s in (0.0, 9.0, 599.0):
        check_pauses(np.concatenate([steady, steady + 3 + pause_s]), first_frame=0, shown="a")
    paused = np.concatenate([steady, steady + steady[-1] + 700])
    with pytest.raises(UnreasonableVideoError, match=r"a\.mp4: 700\.0 s .* frames 189 and 190"):
        check_pauses(paused, first_frame=100, shown="a.mp4")


def test_pauses_of_a_clip_count_together_and_slow_cameras_make_none():
    with pytest.raises(UnreasonableVideoError, match=r"20\.0 s pass between"):
        check_pauses(np.arange(32) * 20.0, first_frame=0, shown="a")
    check_pauses(np.arange(1000) * 9.9, first_frame=0, shown="a")
    check_pauses(np.zeros(1), first_frame=0, shown="a")
