"""The frame that gravity levels: where it points, and that nothing but the frame changes."""

import numpy as np
import pytest
from moving_cameras import CAMERA, moving, points_of, room, still, turning
from test_camera_motion_stage import clip_of, hand_before

from rotoscope.models.camera.level import level_rotation
from rotoscope.models.camera.motion_stage import CameraMotionConfig, CameraMotionStage
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.tracks import CameraMotion, HandTrack


def down(pitch_deg: float, roll_deg: float = 0.0) -> np.ndarray:
    """Gravity before a camera that looks down by an angle and is tilted to a side."""
    R = se3.exp_so3(np.radians([0, 0, roll_deg])) @ se3.exp_so3(np.radians([pitch_deg, 0, 0]))
    return R @ [0.0, 1.0, 0.0]


def run(T_world_camera, gravity, **config):
    tracks = {
        "hands.right": hand_before(T_world_camera),
        "camera": CAMERA.replace(gravity=gravity),
        "scene_points": points_of(T_world_camera, room()),
    }
    if not np.allclose(T_world_camera[:, :3, 3], T_world_camera[0, :3, 3]):
        config["farthest_m"] = float(np.linalg.norm(T_world_camera[:, :3, 3], axis=1).max())
    stage = CameraMotionStage(CameraMotionConfig(**{"columns": True} | config))
    stage.setup()
    made = stage.run(clip_of(len(T_world_camera)), tracks)
    return made, made.get("hands.right", tracks["hands.right"])


@pytest.mark.parametrize("seed", range(5))
def test_a_level_frame_has_y_along_gravity_and_looks_where_the_camera_looks(seed):
    gravity = np.random.default_rng(seed).normal(size=3)
    gravity /= np.linalg.norm(gravity)
    R = level_rotation(gravity)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) > 0
    np.testing.assert_allclose(R @ gravity, [0, 1, 0], atol=1e-12)
    ahead = R @ [0, 0, 1]
    assert abs(ahead[0]) < 1e-12
    assert ahead[2] > 0


def test_a_level_camera_stays_as_it_is_and_one_that_looks_straight_down_has_the_edge_ahead():
    np.testing.assert_allclose(level_rotation(np.array([0.0, 1, 0])), np.eye(3), atol=1e-12)
    R = level_rotation(np.array([0.0, 0, 1]))
    np.testing.assert_allclose(R @ [0, -1, 0], [0, 0, 1], atol=1e-12)  # the upper edge
    np.testing.assert_allclose(R @ [1, 0, 0], [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("motion", [still, turning, moving])
def test_hands_and_camera_are_turned_together_and_nothing_else_changes(motion):
    T, gravity = motion(), down(35, 10)
    first, hand = run(T, gravity)
    level, turned = run(T, gravity, world="gravity")
    R = level_rotation(gravity)
    assert isinstance(turned, HandTrack)
    np.testing.assert_allclose(turned.joints_m, hand.joints_m @ R.T, atol=1e-9)
    np.testing.assert_allclose(turned.T_camera_wrist[:, :3, :3], R @ hand.T_camera_wrist[:, :3, :3])
    np.testing.assert_array_equal(turned.valid, hand.valid)
    np.testing.assert_allclose(turned.sigma_rotation_rad, hand.sigma_rotation_rad)
    np.testing.assert_allclose(
        (turned.sigma_position_m**2).sum(axis=1), (hand.sigma_position_m**2).sum(axis=1), rtol=1e-9
    )
    before, after = first["camera_motion"], level["camera_motion"]
    assert isinstance(before, CameraMotion)
    assert isinstance(after, CameraMotion)
    assert after.kind == before.kind
    np.testing.assert_allclose(after.sigma_turn_rad(0.1), before.sigma_turn_rad(0.1), atol=1e-7)
    # The columns say how the row's camera stands in the frame that the hand is given in.
    pose = level["features.camera.pose"].values
    np.testing.assert_allclose(se3.exp_so3(pose[0, 3:]), R, atol=1e-9)
    assert level["quality.camera"].facts["camera_world"] == "gravity"
    assert "camera_world" not in first["quality.camera"].facts


def test_what_falls_falls_along_y():
    T = np.tile(np.eye(4), (60, 1, 1))
    gravity = down(50, -15)
    fall_m = np.linspace(0, 0.1, 60)[:, None, None] * gravity
    tracks = {
        "hands.right": (hand := hand_before(T)).replace(joints_m=hand.joints_m + fall_m),
        "camera": CAMERA.replace(gravity=gravity),
        "scene_points": points_of(T, room()),
    }
    stage = CameraMotionStage(CameraMotionConfig(columns=True, world="gravity"))
    joints_m = stage.run(clip_of(60), tracks)["hands.right"].joints_m
    moved_m = joints_m[-1] - joints_m[0]
    np.testing.assert_allclose(moved_m, np.tile([0, 0.1, 0], (21, 1)), atol=1e-9)


def test_where_gravity_is_not_known_the_first_camera_stays():
    T = turning()
    _, hand = run(T, None)
    made, same = run(T, None, world="gravity")
    np.testing.assert_array_equal(same.joints_m, hand.joints_m)
    assert "camera_world" not in made["quality.camera"].facts


def test_a_level_world_brings_the_columns_that_relate_it_to_the_camera():
    made, _ = run(turning(), down(20), world="gravity", columns=False)
    assert "features.camera.pose" in made
    made, _ = run(turning(), None, world="gravity", columns=False)
    assert "features.camera.pose" not in made


@pytest.mark.parametrize("name", ["hand-gripper-ego", "hand-dexterous-ego"])
def test_recipes_of_head_mounted_cameras_use_gravity_where_it_is_stated(name):
    config = next(e.config for e in load_recipe(name).stages if e.name == "camera_motion")
    assert config.world == "gravity"
