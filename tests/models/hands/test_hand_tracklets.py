import numpy as np
import pytest
from hand_shapes import detection

from rotoscope.models.hands.tracklets import Tracklet, build_tracklets, frames_at_breaks

RATE_HZ = 30.0
LIMITS = {"max_gap_s": 0.1, "max_speed": 12.0}


def build(detections, **changes):
    time_s = np.arange(len(detections)) / RATE_HZ
    return build_tracklets(detections, time_s, **{**LIMITS, **changes})


def stretch(frames, at=(200.0, 200.0), **options):
    tracklet = Tracklet()
    for frame in frames:
        tracklet.add(frame, frame / RATE_HZ, detection(at=at, **options))
    return tracklet


def test_a_moving_hand_is_one_tracklet():
    found = build([[detection(at=(100.0 + 8 * i, 200.0))] for i in range(40)])
    assert [t.frames for t in found] == [list(range(40))]


def test_a_short_gap_is_bridged_and_a_longer_one_is_not():
    hand = [detection()]
    found = build([hand] * 5 + [[]] * 2 + [hand] * 5 + [[]] * 6 + [hand] * 5)
    assert [(t.frames[0], t.frames[-1]) for t in found] == [(0, 11), (18, 22)]


def test_a_jump_ends_a_tracklet():
    found = build([[detection(at=(200.0, 200.0))]] * 5 + [[detection(at=(500.0, 200.0))]] * 5)
    assert [len(t.frames) for t in found] == [5, 5]


def test_a_sudden_change_of_size_ends_a_tracklet():
    found = build([[detection()]] * 5 + [[detection(px_per_m=200.0)]] * 5)
    assert [len(t.frames) for t in found] == [5, 5]


def test_one_stray_frame_does_not_cut_the_hand_in_two():
    frames = [[detection()] for _ in range(11)]
    frames[5] = [detection(at=(600.0, 400.0))]
    found = build(frames)
    assert sorted(len(t.frames) for t in found) == [1, 10]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("sides", [("right", "left"), ("right", "right")])
def test_hands_that_cross_keep_their_tracklets(order, sides):
    rng = np.random.default_rng(4)
    frames = []
    for i in range(60):
        x = 6.0 * i
        hands = [
            detection(at=(150.0 + x, 200.0), side=sides[0], noise_px=1.0, rng=rng),
            detection(at=(510.0 - x, 230.0), side=sides[1], noise_px=1.0, rng=rng),
        ]
        frames.append(hands[::order])
    found = build(frames)
    assert [len(t.frames) for t in found] == [60, 60]
    for tracklet in found:
        x = [hand.center_px[0] for hand in tracklet.detections]
        assert abs(x[-1] - x[0]) == pytest.approx(6.0 * 59, abs=3.0)


def test_neighboring_frames_of_a_slow_video_are_connected():
    time_s = np.arange(10) / 5.0
    found = build_tracklets([[detection()]] * 10, time_s, **LIMITS)
    assert [len(t.frames) for t in found] == [10]


def test_frames_are_given_up_between_hands_that_cannot_be_one():
    near, far = stretch(range(30)), stretch(range(31, 131), at=(900.0, 200.0))
    dropped = frames_at_breaks([near, far], min_break_s=0.5, max_speed=12.0)
    assert dropped == list(range(17, 30))
    left_s = (far.frames[0] - (dropped[0] - 1)) / RATE_HZ
    assert left_s >= 0.5 - 1e-9


def test_frames_of_the_later_hand_are_given_up_where_it_is_the_shorter():
    long, short = stretch(range(100)), stretch(range(102, 140), at=(900.0, 200.0))
    dropped = frames_at_breaks([long, short], min_break_s=0.5, max_speed=12.0)
    assert dropped == list(range(102, 114))


def test_nothing_is_given_up_for_a_hand_that_comes_back_or_moved_in_time():
    back = stretch(range(40, 60))
    slow = stretch(range(90, 120), at=(900.0, 200.0))
    assert frames_at_breaks([stretch(range(30)), back, slow], min_break_s=0.5, max_speed=12.0) == []
