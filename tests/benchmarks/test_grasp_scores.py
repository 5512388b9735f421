import numpy as np
import pytest

from benchmarks._grasp_scores import figures, score, together
from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.retarget.gripper.stage import RetargetGripper

NUM = 12
ROWS = np.ones(NUM, dtype=bool)


def true_joints() -> np.ndarray:
    bend = flexion_prior.HINGE_SIGMA * np.random.default_rng(0).uniform(-0.4, 0.4, (NUM, 5, 5))
    points = 0.09 * hand_model.pose(flexion_prior.HINGE_MEAN + bend).points
    return points @ se3.exp_so3(np.array([0.4, -0.3, 0.2])).T + [0.0, 0.0, 0.6]


def scored(joints: np.ndarray, true: np.ndarray):
    hand = a_hand_track(joints, T_camera_wrist=hand_frame.wrist_pose(joints, "right"))
    stage = RetargetGripper(RetargetGripper.Config())
    gripper = stage.run(a_clip(NUM), {"hands.right": hand})["gripper.right"]
    return score(hand, gripper, true, ROWS)


def test_the_truth_has_no_error_but_the_grippers_own():
    found = scored(true_joints(), true_joints())
    for name in ("wrist_m", "rotation_rad", "aligned_m", "root_relative_m", "aperture_m"):
        assert getattr(found, name) == pytest.approx(0.0, abs=1e-6), name
    assert found.gripper_m == pytest.approx(0.0, abs=1e-9)
    assert (found.gripper_rad > 0.01).all()  # from the palm, not from the true fingertips


def test_a_hand_beside_the_truth_is_off_by_as_much_and_aligned_all_the_same():
    true = true_joints()
    found = scored(true + np.array([0.03, 0.0, -0.01]), true)
    assert found.wrist_m == pytest.approx(np.tile([0.03, 0.0, -0.01], (NUM, 1)))
    assert found.gripper_m == pytest.approx(np.tile([0.03, 0.0, -0.01], (NUM, 1)), abs=1e-9)
    assert found.aligned_m == pytest.approx(0.0, abs=1e-6)
    sigma = a_hand_track(true).sigma_position_m
    assert found.wrist_sigmas == pytest.approx(np.abs(found.wrist_m) / sigma)


def test_a_thumb_that_is_too_near_is_a_negative_bias_of_the_aperture():
    true = true_joints()
    near = true.copy()
    near[:, 4] += 0.5 * (true[:, 8] - true[:, 4])
    values = {f.name: f.value for f in figures("x", scored(near, true))}
    half_mm = -500.0 * np.median(np.linalg.norm(true[:, 4] - true[:, 8], axis=1))
    assert values["x.aperture_bias"] == pytest.approx(half_mm, rel=1e-6)


def test_bars_are_there_where_the_wrist_has_one_and_a_wrong_hand_misses_them():
    true = true_joints()
    found = together([scored(true + np.array([0.2, 0.0, 0.0]), true), scored(true, true)])
    assert found.num_rows == 2 * NUM
    assert all(figure.bar is None for figure in figures("x", found))
    held = {f.name: f.passed for f in figures("x", found, wrist_bar_mm=60)}
    assert held["x.wrist"] is False
    assert held["x.wrist_x_inside"] is False
    assert held["x.wrist_y_inside"] is True
