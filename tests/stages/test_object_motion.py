"""The end effector as seen from the thing that its hand takes."""

import numpy as np
import pytest
from held_things import arm_actions, held_thing

from rotoscope.pipeline.converters import to_base_frame
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.stages.object_motion import ObjectMotion
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import (
    ActionTrack,
    Camera,
    FeatureTrack,
    ObjectPoseTrack,
    QualityTrack,
    Track,
)

NUM = 40
K = np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]])
CAMERA = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.03)


def place(x: float) -> np.ndarray:
    """A thing that stands in the camera frame and moves from frame 12 on [m]."""
    out = np.tile([x, 0.05, 0.6], (NUM, 1))
    out[12:, 0] += np.linspace(0, 0.2, NUM - 12)
    return out


def run(*things: Track) -> tuple[ActionTrack, Tracks]:
    tracks = {"actions.retarget.arm.right": arm_actions(NUM), "camera": CAMERA}
    tracks |= {f"objects.{k}": thing for k, thing in enumerate(things, start=1)}
    made = ObjectMotion(ObjectMotion.Config()).run(a_clip(NUM), tracks)
    actions = made["actions.label.object_motion.right"]
    assert isinstance(actions, ActionTrack)
    return actions, made


def measured(*, origin: str = "first_view") -> ObjectPoseTrack:
    """A thing that rests, and is carried and turned about the vertical from frame 12 to 29."""
    s = np.clip((np.arange(NUM) - 12) / 17, 0, 1)
    R = se3.exp_so3(s[:, None] * [0.0, 0.8, 0.0]) @ se3.exp_so3(np.array([0.1, 0.4, 0.2]))
    valid = np.arange(NUM) != 5
    T = se3.make(R, np.array([0.1, 0.05, 0.6]) + s[:, None] * [0.2, -0.02, 0.0])
    T[~valid] = np.nan
    sigma = np.where(valid[:, None], 0.01, np.nan) * np.ones(3)
    return ObjectPoseTrack(
        number=1,
        origin=origin,
        T_camera_object=T,
        valid=valid,
        rotation_valid=valid,
        sigma_position_m=0.3 * sigma,
        sigma_rotation_rad=sigma,
        reason=np.where(valid, 0, 1).astype(np.uint8),
    )


def run_measured(origin: str) -> tuple[ActionTrack, Tracks]:
    tracks = {
        "actions.retarget.arm.right": arm_actions(NUM),
        "camera": CAMERA,
        "objects.1": held_thing(1, NUM, right=(12, 30), center_m=place(0.4)),
        "object_poses.1": measured(origin=origin),
        "quality.object_pose": QualityTrack(subject="scene", facts={}),
    }
    made = ObjectMotion(ObjectMotion.Config()).run(a_clip(NUM), tracks)
    actions = made["actions.label.object_motion.right"]
    assert isinstance(actions, ActionTrack)
    return actions, made


@pytest.mark.parametrize("origin", ["first_view", "mesh"])
def test_measured_pose_comes_back_from_the_things_frame(origin: str) -> None:
    actions, made = run_measured(origin)
    frame, pose = column(made, "object_frame"), column(made, "object_pose")
    T_base_frame = se3.make(se3.exp_so3(frame[:, 3:]), frame[:, :3])
    back, _ = to_base_frame(actions.values, actions.contract, T_base_object=T_base_frame)
    np.testing.assert_allclose(back, arm_actions(NUM).ee_values, atol=1e-9)
    T_camera_base = arm_actions(NUM).T_camera_base
    assert T_camera_base is not None
    k = measured().valid & (np.arange(NUM) > 0)
    T = T_camera_base @ T_base_frame[k] @ se3.make(se3.exp_so3(pose[k, 3:6]), pose[k, :3])
    true = measured().T_camera_object[k]
    np.testing.assert_allclose(T[:, :3, 3], true[:, :3, 3], atol=1e-9)
    moved = np.swapaxes(T[:1, :3, :3], 1, 2) @ T[:, :3, :3]
    turned = np.swapaxes(true[:1, :3, :3], 1, 2) @ true[:, :3, :3]
    np.testing.assert_allclose(
        np.linalg.norm(se3.log_so3(moved), axis=1),
        np.linalg.norm(se3.log_so3(turned), axis=1),
        atol=1e-6,
    )
    if origin == "mesh":
        np.testing.assert_allclose(T, true, atol=1e-6)


def test_thing_rests_unturned_where_its_own_axes_are_by_chance() -> None:
    _, made = run_measured("first_view")
    np.testing.assert_allclose(column(made, "object_pose")[10, 3:6], 0, atol=1e-6)
    np.testing.assert_allclose(column(made, "object_frame")[:, 3:], 0, atol=1e-9)


def test_goal_is_the_pose_in_which_it_is_let_go() -> None:
    _, made = run_measured("mesh")
    goal, pose = column(made, "object_goal"), column(made, "object_pose")
    np.testing.assert_allclose(goal[:30], np.tile(pose[29, :6], (30, 1)))
    assert np.isnan(goal[30:]).all()


def test_frame_without_a_measured_pose_has_none() -> None:
    _, made = run_measured("mesh")
    assert np.isnan(column(made, "object_pose")[5]).all()


def test_columns_are_the_same_where_nothing_was_measured() -> None:
    tracks = {
        "actions.retarget.arm.right": arm_actions(NUM),
        "quality.object_pose": QualityTrack(subject="scene", facts={}),
    }
    made = ObjectMotion(ObjectMotion.Config()).run(a_clip(NUM), tracks)
    assert column(made, "object_pose").shape == (NUM, 12)
    assert np.isnan(column(made, "object_goal")).all()


def column(made: Tracks, name: str) -> np.ndarray:
    track = made[f"features.{name}.right"]
    assert isinstance(track, FeatureTrack)
    return track.values


def test_action_comes_back_to_the_base_frame_with_the_column_beside_it() -> None:
    actions, made = run(held_thing(1, NUM, right=(12, 30), center_m=place(0.1)))
    frame = column(made, "object_frame")
    T = se3.make(se3.exp_so3(frame[:, 3:]), frame[:, :3])
    back, _ = to_base_frame(actions.values, actions.contract, T_base_object=T)
    np.testing.assert_allclose(back, arm_actions(NUM).ee_values, atol=1e-9)
    assert actions.valid.all()


def test_frame_stands_where_the_thing_rests_before_it_is_taken() -> None:
    _, made = run(held_thing(1, NUM, right=(12, 30), center_m=place(0.1)))
    T_camera_base = arm_actions(NUM).T_camera_base
    assert T_camera_base is not None
    rest = se3.apply(T_camera_base, column(made, "object_frame")[:, :3])
    np.testing.assert_allclose(rest, np.tile([0.1, 0.05, 0.6], (NUM, 1)), atol=0.01)


def test_contact_column_is_the_action_at_first_contact() -> None:
    actions, made = run(held_thing(1, NUM, right=(12, 30), center_m=place(0.1)))
    np.testing.assert_allclose(
        column(made, "object_contact"), np.tile(actions.values[12, :6], (NUM, 1))
    )
    assert np.flatnonzero(column(made, "object_held")[:, 0]).tolist() == list(range(12, 30))


def test_after_one_thing_comes_the_next() -> None:
    _, made = run(
        held_thing(1, NUM, right=(5, 10), center_m=place(0.1)),
        held_thing(2, NUM, right=(25, 35), center_m=place(-0.3)),
    )
    frame = column(made, "object_frame")[:, :3]
    assert np.ptp(frame[:10], axis=0).max() == 0
    assert np.ptp(frame[10:], axis=0).max() == 0
    assert np.linalg.norm(frame[9] - frame[10]) > 0.2


def test_hand_that_takes_nothing_has_no_valid_action() -> None:
    actions, _ = run(held_thing(1, NUM, left=(12, 30), center_m=place(0.1)))
    assert not actions.valid.any()
    assert (actions.confidence == 0).all()


def test_thing_without_scale_has_a_path_in_the_picture_and_no_action() -> None:
    actions, made = run(held_thing(1, NUM, right=(12, 30)))
    assert not actions.valid.any()
    motion = column(made, "object_motion")
    np.testing.assert_allclose(motion[:, 6:], np.tile([0.5, 0.25], (NUM, 1)))
    assert np.isnan(motion[:, :3]).all()


def test_recipe_without_an_arm_is_told_to_add_one() -> None:
    joints_only = arm_actions(NUM).replace(ee_values=None)
    with pytest.raises(TrackError, match=r"put `retarget\.arm` before it"):
        ObjectMotion(ObjectMotion.Config()).run(a_clip(NUM), {"actions.x.right": joints_only})
