import numpy as np
import pytest

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.pipeline.geometry import hand_frame


def random_angles(num: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return flexion_prior.HINGE_MEAN + flexion_prior.HINGE_SIGMA * rng.normal(size=(num, 5, 5))


def test_the_wrist_frame_of_the_model_is_its_own_frame():
    points = hand_model.pose(random_angles(20, 0)).points
    pose = hand_frame.wrist_pose(points, "right")
    assert pose == pytest.approx(np.broadcast_to(np.eye(4), pose.shape), abs=1e-12)


def test_phalanges_keep_their_length_at_any_angle():
    points = hand_model.pose(random_angles(20, 1)).points[:, 1:].reshape(-1, 5, 4, 3)
    lengths = np.linalg.norm(np.diff(points, axis=2), axis=3)
    assert lengths == pytest.approx(np.broadcast_to(hand_model.PHALANGES, lengths.shape))


def test_bending_brings_fingertips_in_front_of_the_palm():
    angles = np.zeros((1, 5, 5))
    angles[:, 1:, 0] = np.radians(60.0)
    tips = hand_model.pose(angles).points[0, [8, 12, 16, 20]]
    assert (tips[:, 0] > 0.4).all()


def test_derivatives_agree_with_differences():
    angles, step = random_angles(3, 2), 1e-6
    motion = hand_model.pose(angles).motion
    for finger in range(5):
        for hinge in range(5):
            ahead, behind = angles.copy(), angles.copy()
            ahead[:, finger, hinge] += step
            behind[:, finger, hinge] -= step
            change = hand_model.pose(ahead).points - hand_model.pose(behind).points
            slope = change[:, 1:].reshape(3, 5, 4, 3)[:, finger, 1:] / (2.0 * step)
            assert motion[:, finger, :, hinge] == pytest.approx(slope, abs=1e-7)


def test_bends_are_read_off_joints():
    angles = np.zeros((2, 5, 5))
    angles[:, 1:, 0] = np.radians([[10.0], [50.0]])
    angles[:, 1:, 3] = np.radians([[20.0], [70.0]])
    angles[:, 1:, 4] = np.radians([[12.0], [40.0]])
    read = hand_model.angles_of(hand_model.pose(angles).points)
    assert read == pytest.approx(angles, abs=1e-9)


def test_habits_are_the_derivatives_of_their_cost():
    angles, step = random_angles(4, 3) - 0.4, 1e-6
    habits = flexion_prior.linearise(angles)
    for hinge in range(25):
        ahead, behind = angles.copy(), angles.copy()
        ahead.reshape(4, 25)[:, hinge] += step
        behind.reshape(4, 25)[:, hinge] -= step
        high, low = flexion_prior.linearise(ahead), flexion_prior.linearise(behind)
        # The gradient of a sum of squares is twice J^T r.
        assert habits.gradient[:, hinge] == pytest.approx(
            (high.cost - low.cost) / (4.0 * step), rel=1e-5, abs=1e-5
        )
        assert habits.normal[:, hinge] == pytest.approx(
            (high.gradient - low.gradient) / (2.0 * step), rel=1e-5, abs=1e-4
        )
