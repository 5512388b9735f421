"""Arms that cannot turn every way: position and approach are followed, and nothing else claimed."""

import numpy as np
import pytest

from benchmarks._arm_clips import APPROACHES, axes, working_hand
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import ActionTrack
from rotoscope.retarget.arm.stage import RetargetArm, RetargetArmConfig
from rotoscope.retarget.robots.arm import load_arm
from rotoscope.retarget.robots.rank import what_follows

NUM_FRAMES = 120


@pytest.fixture(scope="module")
def so101():
    try:
        return load_arm("so101")
    except AssetError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def track(so101):
    """A hand that works with turns of 20 degrees, as a video's hands are known."""
    hand = working_hand("down", 4, axes(*APPROACHES["down"]), num_frames=NUM_FRAMES)
    gripper = hand.gripper.replace(sigma_rotation_rad=np.full(NUM_FRAMES, 0.35))
    stage = RetargetArm(RetargetArmConfig(robot="so101"))
    made = stage.run(a_clip(hand.time_s), {"gripper.right": gripper})
    found = made["actions.retarget.arm.right"]
    assert isinstance(found, ActionTrack)
    return gripper, found


def test_rank_says_what_is_followed(panda, so101):
    assert (panda.rank, panda.follows) == (6, "pose")
    assert (so101.rank, so101.follows) == (5, "approach")
    assert [what_follows(rank) for rank in (3, 4, 5, 6)] == [
        "position",
        "approach",
        "approach",
        "pose",
    ]


def test_small_arm_follows_a_working_hand(track):
    _, actions = track
    assert actions.valid.mean() > 0.65
    assert not actions.contract.violations(actions.values).any()
    assert not actions.contract.rate_violations(actions.values).any()


def test_valid_rows_are_in_place_and_point_as_the_hand_does(so101, track):
    gripper, actions = track
    reached = actions.T_camera_base @ so101.pose(actions.values[:, :5]).matrix
    away = np.linalg.norm(reached[:, :3, 3] - gripper.T_camera_ee[:, :3, 3], axis=1)
    cosine = (reached[:, :3, 0] * gripper.T_camera_ee[:, :3, 0]).sum(axis=1)
    assert (away[actions.valid] <= 0.005).all()
    assert (np.arccos(cosine[actions.valid]) <= 0.35).all()


def test_contract_says_what_was_followed_and_rotation_is_not_claimed(panda, track):
    _, actions = track
    assert actions.contract.follows == "approach"
    assert panda.contract(rate_hz=30).follows is None
    assert "follows" not in panda.contract(rate_hz=30).model_dump()
    turned = actions.target_error_rad > 0.36
    assert turned.any()
    rotation = actions.group_valid[:, actions.groups.index("rotation")]
    assert not rotation[turned].any()


def test_opening_of_the_hand_is_the_jaws_in_meters(so101, track):
    gripper, actions = track
    slow = gripper.aperture_m[60:]
    jaw_m = actions.values[60:, 5] / 100.0 * so101.config.gripper.max_opening_m
    np.testing.assert_allclose(jaw_m, slow, atol=2e-3)
