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
from rotoscope.pipeline.tracks import ActionTrack, Camera, FeatureTrack, Track

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
