"""Recorded people on the G1, where the recordings and the robot's files are."""

import numpy as np
import pytest
from walkers import body_of, limb_degrees, on_ground

from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.motion import read_motion
from rotoscope.retarget.humanoid.follow_person import HumanoidMotion, follow_person
from rotoscope.retarget.humanoid.human_skeleton import HumanMotion, human_motion_of
from rotoscope.retarget.optimize.violations import position_violations, velocity_violations
from rotoscope.retarget.robots.robot import HumanoidRobot, load_humanoid

pytestmark = pytest.mark.realdata
FRAMES = 200


@pytest.fixture(scope="module")
def robot() -> HumanoidRobot:
    try:
        return load_humanoid("g1")
    except AssetError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def recorded(shared_data) -> tuple[HumanMotion, np.ndarray, np.ndarray]:
    """A person who walks about, when each foot rests, and on what height."""
    motion = read_motion(shared_data / "aitviewer" / "sample.bvh")
    joints_m, time_s = motion.joints_m[:FRAMES], motion.time_s[:FRAMES]
    tracks = on_ground(time_s, body_of(joints_m))
    body = tracks["body.person0"]
    person = human_motion_of(body.joints_world_m, time_s, np.ones(FRAMES, bool))
    return person, body.contact, tracks["features.support.person0"].values


@pytest.fixture(scope="module")
def motion(robot, recorded) -> HumanoidMotion:
    person, contact, support_m = recorded
    return follow_person(robot, person, contact, support_m=support_m)


def test_no_limit_is_violated(motion, robot, recorded):
    values, time_s = motion.joints.astype(np.float32).astype(float), recorded[0].time_s
    assert not position_violations(values, robot.lower, robot.upper).any()
    assert not velocity_violations(values, time_s, robot.max_velocity).any()


def test_feet_neither_sink_nor_slide(motion, recorded):
    contact = recorded[1]
    assert contact.any()
    assert motion.sole_m.min() > -0.01
    assert np.abs(motion.sole_m[contact]).max() < 0.01
    assert motion.foot_slip_m_s[contact].mean() < 0.028


def test_limbs_point_where_the_persons_do_and_a_frozen_robots_do_not(motion, robot, recorded):
    joints = motion.joints
    ours = limb_degrees(robot, recorded[0], joints, motion.root_R)
    np.testing.assert_allclose(ours, np.degrees(motion.limb_error_rad.mean(axis=1)), atol=1e-6)
    assert ours.mean() < 10.0
    for frozen in (joints.mean(axis=0), robot.rest):
        still = np.tile(frozen, (FRAMES, 1))
        assert limb_degrees(robot, recorded[0], still, motion.root_R).mean() > 10.0
