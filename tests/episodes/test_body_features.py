"""What a dataset says about the person whose body the robot follows."""

import numpy as np
import pytest

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.assemble import build_episodes
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.testing import a_clip, a_motion_file
from rotoscope.pipeline.tracks import BODY_JOINTS, ActionTrack, BodyTrack, SegmentTrack

RATE_HZ, FRAMES = 60.0, 121


def clip():
    time_s = np.arange(FRAMES) / RATE_HZ
    return a_clip(time_s, video=a_motion_file(FRAMES, rate_hz=RATE_HZ))


def actions():
    dimension = Dimension(name="knee.pos", quantity="joint", unit="rad")
    contract = ActionContract(robot="r", dimensions=(dimension,), rate_hz=RATE_HZ, shift_s=0)
    ones = np.ones(FRAMES, bool)
    return ActionTrack(
        labeler="knees", subject="person0", contract=contract, values=np.zeros((FRAMES, 1)),
        valid=ones, confidence=ones.astype(float), reason=np.zeros(FRAMES, np.uint8),
    )  # fmt: skip


def body(**changes):
    joints = np.zeros((FRAMES, 21, 3))
    joints[:, :, 0] = np.arange(FRAMES)[:, None] / RATE_HZ
    joints[:, BODY_JOINTS.index("left_hand")] = np.nan
    facts = {
        "subject": "person0",
        "score": np.ones(FRAMES),
        "valid": np.ones(FRAMES, bool),
        "joints_m": joints,
        "contact": np.stack([np.arange(FRAMES) < 60, np.zeros(FRAMES, bool)], axis=1),
    }
    return BodyTrack(**facts | changes)


def episode_of(track, action="joints"):
    name = "actions.knees.person0"
    tracks = {
        "body.person0": track,
        name: actions(),
        f"segments.{name}": SegmentTrack(actions=name, start=(10,), end=(FRAMES,), dropped={}),
    }
    export = ExportSection(fps=30, action=action)
    (made,) = build_episodes(clip(), tracks, labeler="knees", export=export, task="walk")
    return made


def test_joints_are_put_on_the_datasets_clock():
    made = episode_of(body())
    joints = made.features["track.body.joints"]
    assert joints.values.shape == (made.num_rows, 63)
    assert joints.names[:3] == ("pelvis.x", "pelvis.y", "pelvis.z")
    # x is the time of the frame: rows stand at 10 / 60 + k / 30 seconds.
    np.testing.assert_allclose(joints.values[:, 0], made.source_time_s, atol=1e-6)
    assert made.scene["body_frame"] == "source"
    assert "video_width" not in made.scene


def test_joint_that_the_source_lacks_is_nan_and_no_other():
    values = episode_of(body()).features["track.body.joints"].values.reshape(-1, 21, 3)
    missing = np.isnan(values).any(axis=(0, 2))
    assert [n for n, m in zip(BODY_JOINTS, missing, strict=True) if m] == ["left_hand"]


def test_joints_stand_in_the_world_where_it_is_known():
    T = np.eye(4)
    T[:3, 3] = (0.0, 0.0, 0.25)
    made = episode_of(body(T_world_source=T))
    assert made.features["track.body.joints"].values[:, 2] == pytest.approx(0.25)
    assert made.scene["body_frame"] == "world"
    assert made.scene["T_world_source"] == T.tolist()


def test_contact_is_that_of_the_nearest_frame():
    made = episode_of(body())
    contact = made.features["track.body.contact"].values
    assert contact.dtype == bool
    np.testing.assert_array_equal(contact[:, 0], made.source_frame < 60)
    assert not contact[:, 1].any()


def test_filled_frames_are_not_called_seen():
    valid = np.ones(FRAMES, bool)
    valid[40:50] = False
    seen = episode_of(body(valid=valid, filled=~valid)).features["track.body.seen"].values[:, 0]
    assert (~seen).sum() == 5


def test_body_that_was_not_lifted_adds_nothing():
    made = episode_of(body(joints_m=None))
    assert not [name for name in made.features if name.startswith("track.body")]


@pytest.mark.parametrize("space", ["ee", "ee_position"])
def test_end_effector_form_without_an_end_effector_is_refused(space):
    with pytest.raises(TrackError, match=f"export.action={space}, but the labeler gave no end"):
        episode_of(body(), action=space)
