"""What tests of stages are made of, and that stages take it."""

from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.stages.smooth import Smooth, SmoothConfig
from rotoscope.pipeline.testing import (
    a_body_track,
    a_clip,
    a_frame,
    a_hand_track,
    a_motion_file,
    a_video,
    a_video_file,
)
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames


def test_what_is_named_is_set_and_the_rest_fits_to_it() -> None:
    video = a_video(60, rate_hz=20.0, width=64, codec="vp9")
    assert (video.num_frames, video.duration_s, video.rate_hz) == (60, 3.0, 20.0)
    assert (video.width, video.height, video.codec) == (64, 480, "vp9")
    assert not a_motion_file(sha256="1" * 64).has_pictures


def test_a_clip_keeps_its_videos_clock() -> None:
    clip = a_clip(10, start=5, rate_hz=10.0)
    np.testing.assert_allclose(clip.time_s, np.arange(5, 15) / 10)
    assert (clip.end, clip.video.num_frames) == (15, 15)
    uneven = np.array([0.0, 0.1, 0.5])
    assert a_clip(uneven, height=48).time_s is uneven


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="color"):
        a_video(color="red")


def test_resting_hand_is_seen_where_the_camera_looks() -> None:
    hand = a_hand_track(4)
    assert hand.valid.all()
    assert ((hand.landmarks_px > 0) & (hand.landmarks_px < [640, 480])).all()
    assert np.ptp(hand.landmarks_px[0], axis=0).min() > 50


def test_joint_that_is_not_finite_makes_the_frame_unseen() -> None:
    joints = a_hand_track(3).joints_m.copy()
    joints[1, 5] = np.nan
    assert a_hand_track(joints).valid.tolist() == [True, False, True]


def test_standing_person_is_the_same_mirrored() -> None:
    joints = a_body_track(1).joints_m[0]
    left = joints[[name.startswith("left_") for name in BODY_JOINTS]]
    right = joints[[name.startswith("right_") for name in BODY_JOINTS]]
    np.testing.assert_allclose(left * [-1, 1, 1], right)
    assert joints[:, 1].argmin() == BODY_JOINTS.index("head")


def test_stages_take_what_is_made_here() -> None:
    stage = Smooth(SmoothConfig())
    made = stage.run(a_clip(30), {"hands.left": a_hand_track(30, side="left")})
    np.testing.assert_allclose(made["hands.left"].joints_m, a_hand_track(30).joints_m, atol=1e-6)


def test_written_file_is_read_back(tmp_path: Path) -> None:
    images = [np.full((120, 160, 3), 20 * k, np.uint8) for k in range(5)]
    video = probe(a_video_file(tmp_path / "a.mp4", images))
    assert (video.num_frames, video.width, video.rate_hz) == (5, 160, 30)
    levels = [frame.rgb.mean() for frame in read_frames(video)]
    np.testing.assert_allclose(levels, [20 * k for k in range(5)], atol=3)
    assert a_frame(images[2], 2).rgb.mean() == 40
