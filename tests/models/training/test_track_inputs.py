"""A labeler sees in a video's tracks what it learned from a dataset's columns."""

import numpy as np
import pytest

from rotoscope.models.training.track_inputs import features_by_subject
from rotoscope.pipeline.episodes.body_columns import body_features
from rotoscope.pipeline.episodes.hand_columns import gripper_features, hand_features
from rotoscope.pipeline.episodes.resample import Resampler
from rotoscope.pipeline.episodes.window import Window
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack, GripperTrack, HandTrack

FRAMES, RATE_HZ = 12, 30.0
TIME_S = np.arange(FRAMES) / RATE_HZ
VALID = np.arange(FRAMES) != 5
GENERATOR = np.random.default_rng(0)


def window(track, kind):
    tracks = {f"{kind}.right": track}
    same = Resampler.between(TIME_S, TIME_S)
    return Window(tracks, "right", 0, FRAMES, same)


def body(**changes):
    facts = {
        "subject": "right",
        "score": np.ones(FRAMES),
        "valid": VALID,
        "filled": ~VALID,
        "joints_m": GENERATOR.normal(size=(FRAMES, len(BODY_JOINTS), 3)),
        "sigma_m": GENERATOR.uniform(size=(FRAMES, 3)),
        "contact": GENERATOR.uniform(size=(FRAMES, 2)) > 0.5,
    }
    return BodyTrack(**facts | changes)


def hand():
    T = np.repeat(np.eye(4)[None], FRAMES, 0)
    T[:, :3, :3] = se3.exp_so3(0.3 * GENERATOR.normal(size=(FRAMES, 3)))
    T[:, :3, 3] = GENERATOR.normal(size=(FRAMES, 3))
    return HandTrack(
        side="right", landmarks_px=np.zeros((FRAMES, 21, 2)), hand_m=np.zeros((FRAMES, 21, 3)),
        score=np.ones(FRAMES), handedness=np.ones(FRAMES), valid=VALID, filled=~VALID,
        T_camera_wrist=T, joints_m=GENERATOR.normal(size=(FRAMES, 21, 3)),
        sigma_position_m=GENERATOR.uniform(size=(FRAMES, 3)),
        sigma_rotation_rad=GENERATOR.uniform(size=FRAMES),
    )  # fmt: skip


def gripper():
    return GripperTrack(
        side="right", T_camera_ee=np.repeat(np.eye(4)[None], FRAMES, 0),
        aperture_m=GENERATOR.uniform(size=FRAMES), opening=GENERATOR.uniform(size=FRAMES),
        grasping=GENERATOR.uniform(size=FRAMES) > 0.5, valid=VALID, filled=~VALID,
        sigma_position_m=np.zeros((FRAMES, 3)), sigma_rotation_rad=np.zeros(FRAMES),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("track", "kind", "columns"),
    [
        (body(), "body", body_features),
        (body(T_world_source=se3.make(se3.exp_so3(np.ones(3)), np.ones(3))), "body", body_features),
        (hand(), "hands", hand_features),
        (gripper(), "gripper", gripper_features),
    ],
    ids=["body", "body in the world", "hand", "gripper"],
)
def test_features_of_tracks_are_the_columns_of_datasets(track, kind, columns):
    wanted = columns(window(track, kind))
    found = features_by_subject({f"{kind}.right": track})["right"]
    assert set(found) == set(wanted)
    for name, feature in wanted.items():
        np.testing.assert_allclose(found[name].values, feature.values.astype(float), atol=1e-12)
        is_own_mask = name.endswith(".seen")
        np.testing.assert_array_equal(found[name].valid, VALID | is_own_mask)


def test_frames_in_which_nothing_is_known_have_no_joints():
    track = body(filled=np.zeros(FRAMES, bool))
    joints = features_by_subject({"body.right": track})["right"]["track.body.joints"]
    np.testing.assert_array_equal(np.isfinite(joints.values).all(axis=1), VALID)
