"""Whom columns are about, and what stands where nothing was seen."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.add_tracks.columns import (
    choose_subjects,
    columns_of,
    seen_frames,
    stored_tracks,
)
from rotoscope.pipeline.add_tracks.frames import EpisodeFrames
from rotoscope.pipeline.errors import DatasetError, TrackError, UsageError
from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.recipe import build_recipe
from rotoscope.pipeline.run.keys import stage_tokens, video_keys
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.tracks import ClockTrack, FeatureTrack, HandTrack

FRAMES = 6
COLOR = {"track.colour": {"things": {"disc": {"rgb": [220, 30, 30]}}}}


def episode(index):
    time_s, sha256 = (10 + np.arange(FRAMES)) / 30, f"{index:064x}"
    return EpisodeFrames(index, Path("a.mp4"), 10, time_s, sha256, Identity("f" * 64))


def hand(side, num_valid, offset=0.0):
    valid = np.arange(FRAMES) < num_valid
    joints_m = np.where(valid[:, None, None], offset + np.arange(63.0).reshape(21, 3), np.nan)
    T = np.where(valid[:, None, None], np.eye(4), np.nan)
    nothing = np.full((FRAMES, 21, 2), np.nan)
    score = np.ones(FRAMES)
    return HandTrack(
        side=side, landmarks_px=nothing, hand_m=joints_m, score=score, handedness=score,
        valid=valid, T_camera_wrist=T, joints_m=joints_m,
    )  # fmt: skip


def hands(num_left, num_right):
    return {"hands.left": hand("left", num_left), "hands.right": hand("right", num_right, 100)}


def feature(names=("x",), name="track.red"):
    values = np.ones((FRAMES, len(names)))
    return {"features.red": FeatureTrack(name, "scene", values, names, "1", "Red.")}


def test_columns_are_about_who_is_seen_most():
    seen = {0: seen_frames(hands(6, 2)), 1: seen_frames(hands(0, 5))}
    assert choose_subjects(seen) == {0: "right", 1: "right"}
    assert choose_subjects(seen, "left") == {0: "left", 1: "left"}
    assert choose_subjects(seen, "each") == {0: "left", 1: "right"}
    assert choose_subjects({3: Counter()}) == {3: "scene"}
    assert choose_subjects({3: Counter(left=0, right=0)}) == {3: "left"}
    with pytest.raises(UsageError, match="about 'person0'; there are tracks about 'left', 'right'"):
        choose_subjects(seen, "person0")


def test_unseen_frames_and_the_other_hand_stay_out():
    columns = columns_of([episode(0)], [(episode(0), hands(6, 4))], {0: "right"})
    assert set(columns) == {"track.hand.joints", "track.hand.wrist", "track.hand.seen"}
    joints = columns["track.hand.joints"].values[0]
    assert joints.dtype == np.float32
    np.testing.assert_array_equal(joints[3], 100 + np.arange(63))
    assert np.isnan(joints[4:]).all()
    assert columns["track.hand.seen"].values[0].ravel().tolist() == [True] * 4 + [False] * 2


def test_episode_without_a_feature_of_others_does_not_know_it():
    made = [(episode(0), feature(("x", "y"))), (episode(1), hands(0, 6))]
    columns = columns_of([episode(n) for n in range(3)], made, dict.fromkeys(range(3), "right"))
    red, seen = columns["track.red"].values, columns["track.hand.seen"].values
    assert np.isfinite(red[0]).all()
    assert all(np.isnan(red[n]).all() and red[n].shape == (FRAMES, 2) for n in (1, 2))
    assert [bool(seen[n].all()) for n in range(3)] == [False, True, False]


def test_stage_that_gives_other_numbers_elsewhere_is_refused():
    made = [(episode(0), feature(("x", "y"))), (episode(1), feature(("x",)))]
    with pytest.raises(DatasetError, match="the same numbers for every video"):
        columns_of([episode(0), episode(1)], made, {0: "scene", 1: "scene"})


def test_tracks_that_make_no_column_are_refused():
    unlifted = {"hands.left": hand("left", 6).replace(joints_m=None, T_camera_wrist=None)}
    with pytest.raises(DatasetError, match=r"gave no track\.\* column; hands and bodies need"):
        columns_of([episode(0)], [(episode(0), unlifted)], {0: "left"})
    with pytest.raises(DatasetError, match=r"gave no track\.\* column"):
        columns_of([episode(0)], [(episode(0), feature(name="label.red"))], {0: "scene"})


def test_tracks_of_other_frames_are_never_taken(tmp_path):
    recipe = build_recipe({"name": "disc", "stages": [COLOR]})
    tokens, store, here = stage_tokens(recipe), Store(tmp_path), episode(0)
    keys = video_keys(recipe, here.sha256, tokens)
    with pytest.raises(TrackError, match="episode 0 is not in the store"):
        stored_tracks(store, recipe, tokens, here)
    store.save_tracks(keys.stages["track.colour"], [feature()])
    store.save_tracks(keys.clock, [{"clock": ClockTrack(time_s=here.time_s)}])
    assert set(stored_tracks(store, recipe, tokens, here)) == {"features.red"}
    late = ClockTrack(time_s=here.time_s + 1 / 30)
    store.save_tracks(keys.clock, [{"clock": late}])
    with pytest.raises(TrackError, match=r"6 frames at other times than the 6 that a\.mp4"):
        stored_tracks(store, recipe, tokens, here)
