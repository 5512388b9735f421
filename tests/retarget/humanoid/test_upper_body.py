"""`retarget.upper_body`: people who sit or are cropped, on a humanoid whose legs stand still."""

from pathlib import Path

import numpy as np
import pytest
from walkers import body_of, clip_of, walker, without, write_armed_humanoid

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import REASONS, ActionTrack, BodyTrack
from rotoscope.retarget.common.level_frame import level_camera
from rotoscope.retarget.humanoid.follow_upper_body import without_legs
from rotoscope.retarget.humanoid.upper_body_stage import RetargetUpperBody, RetargetUpperBodyConfig
from rotoscope.retarget.robots.robot import load_humanoid

LOWER = ("pelvis", "hip", "knee", "ankle", "heel", "toe")
FRAMES = slice(10, 50)


@pytest.fixture(scope="module")
def robot_file(tmp_path_factory) -> Path:
    return write_armed_humanoid(tmp_path_factory.mktemp("humanoid"))


@pytest.fixture(scope="module")
def joints() -> np.ndarray:
    return walker(num_strides=2).joints_m[FRAMES]


def follow(robot_file: Path, body: BodyTrack, **config):
    stage = RetargetUpperBody(RetargetUpperBodyConfig(robot=str(robot_file), **config))
    return stage.run(clip_of(np.arange(len(body.valid)) / 30), {"body.person0": body})


def actions_of(made) -> ActionTrack:
    return made["actions.retarget.upper_body.person0"]


def test_arms_do_what_the_persons_do_and_legs_stand_still(robot_file, joints):
    made = follow(robot_file, body_of(joints, T_world_source=np.eye(4)))
    actions, robot = actions_of(made), load_humanoid(str(robot_file))
    assert actions.valid.mean() > 0.95
    assert not actions.contract.violations(actions.values).any()
    assert not actions.contract.rate_violations(actions.values).any()
    legs = [i for i, n in enumerate(robot.joint_names) if n not in without_legs(robot).joint_names]
    assert len(legs) >= 6
    np.testing.assert_allclose(np.ptp(actions.values[:, legs], axis=0), 0.0)
    limb = made["features.solver.person0"].values[:, 0]
    assert np.median(limb) < 5.0
    root = made["features.root_pose.person0"].values
    assert np.ptp(root, axis=0).max() == 0.0
    assert root[0, 2] > 0.2


def test_who_is_cropped_at_the_chest_is_followed_as_well(robot_file, joints):
    whole = actions_of(follow(robot_file, body_of(joints, T_world_source=np.eye(4))))
    body = body_of(without(joints, *LOWER), T_world_source=np.eye(4))
    cropped = actions_of(follow(robot_file, body))
    assert cropped.valid.mean() > 0.95
    assert np.abs(cropped.values - whole.values).max() < 0.35


def test_it_does_not_matter_where_the_person_faces_or_that_nobody_found_the_ground(
    robot_file, joints
):
    straight = actions_of(follow(robot_file, body_of(joints, T_world_source=np.eye(4))))
    turn = se3.exp_so3(np.array([0.0, 0.0, 1.1]))
    seen = (joints @ turn.T + [0.0, 3.0, 0.5]) @ level_camera(0.2).T
    turned = actions_of(follow(robot_file, body_of(seen), camera_pitch_rad=0.2))
    np.testing.assert_allclose(turned.values, straight.values, atol=1e-3)


def test_arms_out_of_sight_are_not_valid_and_no_person_at_all_is_unknown(robot_file, joints):
    hidden = joints.copy()
    hidden[12:20] = without(joints, "elbow", "wrist", "hand")[12:20]
    hidden[30:] = np.nan
    actions = actions_of(follow(robot_file, body_of(hidden, T_world_source=np.eye(4))))
    assert (actions.reason[12:20] == REASONS.index("partly_seen")).all()
    assert (actions.reason[30:] == REASONS.index("not_seen")).all()
    assert np.isnan(actions.values[30:]).all()
    assert actions.valid[:12].all()
    nobody = actions_of(follow(robot_file, body_of(np.full_like(joints, np.nan))))
    assert np.isnan(nobody.values).all()


def test_a_body_that_was_not_lifted_is_refused(robot_file, joints):
    flat = body_of(joints).replace(joints_m=None)
    with pytest.raises(TrackError, match="put `lift_body` before it"):
        follow(robot_file, flat)
