import dataclasses
import itertools
import time

import numpy as np
from hand_shapes import detection
from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.models.hands.left_right import assign_sides
from rotoscope.models.hands.tracklets import build_tracklets

RATE_HZ = 30.0
RIGHT_AT, LEFT_AT = (150.0, 250.0), (500.0, 250.0)


def sides_of(frames, *, max_speed=12.0):
    """Tracklets of some frames with their sides: (first frame, last frame, side)."""
    time_s = np.arange(len(frames)) / RATE_HZ
    tracklets = build_tracklets(frames, time_s, max_gap_s=0.1, max_speed=max_speed)
    sides = assign_sides(tracklets, frame_s=1.0 / RATE_HZ)
    return [(t.frames[0], t.frames[-1], s) for t, s in zip(tracklets, sides, strict=True)]


def unsure(rng, side, *, wrong_share, **options):
    """A hand that the model takes for the other one in a share of the frames."""
    is_wrong = rng.random() < wrong_share
    p = 0.95 if (side == "right") != is_wrong else 0.05
    return detection(side=side, right_probability=p, **options)


@given(seed=st.integers(0, 10_000), side=st.sampled_from(["left", "right"]))
def test_labels_swapped_in_three_of_ten_frames_leave_the_side_right(seed, side):
    rng = np.random.default_rng(seed)
    swapped = rng.permutation(60) < 18
    frames = [
        [detection(side=side, right_probability=0.95 if (side == "right") != s else 0.05)]
        for s in swapped
    ]
    assert sides_of(frames) == [(0, 59, side)]


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_crossing_hands_keep_their_sides_through_swapped_labels(seed):
    rng = np.random.default_rng(seed)
    frames = []
    for i in range(90):
        right = unsure(rng, "right", wrong_share=0.3, at=(100.0 + 5.0 * i, 220.0))
        left = unsure(rng, "left", wrong_share=0.3, at=(545.0 - 5.0 * i, 260.0))
        frames.append([right, left] if rng.random() < 0.5 else [left, right])
    found = sides_of(frames)
    assert sorted(side for *_, side in found) == ["left", "right"]
    time_s = np.arange(90) / RATE_HZ
    for tracklet, (*_, side) in zip(
        build_tracklets(frames, time_s, max_gap_s=0.1, max_speed=12.0), found, strict=True
    ):
        goes_right = tracklet.detections[-1].center_px[0] > tracklet.detections[0].center_px[0]
        assert side == ("right" if goes_right else "left")


def test_two_hands_at_a_time_are_two_sides_even_if_the_model_calls_both_right():
    frames = [
        [
            detection(at=RIGHT_AT, right_probability=0.95),
            detection(at=LEFT_AT, side="left", right_probability=0.6),
        ]
    ] * 60
    assert sides_of(frames) == [(0, 59, "right"), (0, 59, "left")]


def test_a_hand_that_comes_back_where_it_was_lost_keeps_its_side():
    sure = [[detection(right_probability=0.97)]] * 60
    mistaken = [[detection(right_probability=0.2)]] * 20
    assert sides_of([*sure, *[[]] * 6, *mistaken]) == [(0, 59, "right"), (66, 85, "right")]


def test_a_hand_whose_landmarks_turn_over_in_place_stays_the_hand_that_it_was():
    """The network takes palm for back from one frame to the next, for seconds."""
    before = detection(right_probability=0.85)
    turned = 2 * before.center_px - before.landmarks_px
    after = dataclasses.replace(before, landmarks_px=turned, right_probability=0.2)
    assert before.distance(after) > 0.3
    found = sides_of([[before]] * 79 + [[after]] * 57, max_speed=4.0)
    assert found == [(0, 78, "right"), (79, 135, "right")]


def test_a_hand_that_appears_elsewhere_later_is_judged_by_itself():
    first = [[detection(at=RIGHT_AT)]] * 60
    second = [[detection(at=LEFT_AT, side="left")]] * 60
    found = sides_of([*first, *[[]] * 30, *second])
    assert found == [(0, 59, "right"), (90, 149, "left")]


def test_both_hands_are_kept_apart_while_one_comes_and_goes():
    rng = np.random.default_rng(3)
    frames = []
    for i in range(200):
        hands = [unsure(rng, "right", wrong_share=0.3, at=RIGHT_AT)]
        if (i // 25) % 2:
            hands.append(unsure(rng, "left", wrong_share=0.3, at=LEFT_AT))
        frames.append(hands)
    found = sides_of(frames)
    assert found[0] == (0, 199, "right")
    assert [side for *_, side in found[1:]] == ["left"] * 4


def test_of_two_people_with_the_same_hand_in_view_the_longer_seen_is_kept():
    frames = [
        [detection(at=RIGHT_AT), *([detection(at=LEFT_AT)] if 20 <= i < 50 else [])]
        for i in range(90)
    ]
    assert sides_of(frames) == [(0, 89, "right"), (20, 49, None)]


def test_tracklets_of_one_side_share_no_frame():
    rng = np.random.default_rng(8)
    frames = [
        [
            detection(at=rng.uniform(100, 500, 2), right_probability=rng.random())
            for _ in range(rng.integers(0, 3))
        ]
        for _ in range(120)
    ]
    found = sides_of(frames)
    for side in ("left", "right"):
        spans = sorted((a, b) for a, b, s in found if s == side)
        assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


def test_no_tracklets_give_no_sides():
    assert assign_sides([], frame_s=1.0 / RATE_HZ) == []


def test_cpu_time_grows_with_the_length_of_the_video_and_not_faster():
    def cost_s(num_frames):
        hand = detection()
        frames = [[hand] if i % 20 < 14 else [] for i in range(num_frames)]
        start_s = time.process_time()
        assert {side for *_, side in sides_of(frames)} == {"right"}
        return time.process_time() - start_s

    assert cost_s(8000) < 8.0 * cost_s(2000)
