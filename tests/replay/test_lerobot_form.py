"""Joint values as LeRobot's numbers and back, without LeRobot: lines, limits, what is refused."""

import json

import numpy as np
import pytest
from commanded_joints import g1, koch, openarm, reachy, so101, two_so101
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.converters.lerobot import LeRobotForm, wiring_of
from rotoscope.pipeline.converters.lerobot_robots import ROBOTS, SIDED, lerobot_robot
from rotoscope.pipeline.converters.motor_calibration import (
    MotorCalibration,
    read_calibration,
    read_calibrations,
)
from rotoscope.pipeline.errors import UsageError

ARMS = {
    "so101_follower": so101,
    "so100_follower": so101,
    "bi_so_follower": two_so101,
    "koch_follower": koch,
    "openarm_follower": openarm,
    "unitree_g1": g1,
    "reachy2": reachy,
}


def calibration_of(target, *, low=700, high=3300):
    return {
        m.name: MotorCalibration(0, 4095) if m.is_endless else MotorCalibration(low, high)
        for m in target.motors
    }


def form_of(name, **more):
    target = lerobot_robot(name, side="right" if name in SIDED else "")
    calibration = calibration_of(target) if target.needs_calibration else {}
    return LeRobotForm(target, ARMS[name](), **{"calibration": calibration} | more)


@pytest.mark.parametrize("name", ROBOTS)
@given(seed=st.integers(0, 2**16))
def test_there_and_back_again_is_exact(name, seed):
    form = form_of(name)
    joints = form.joints.spread(5, seed=seed)
    num_fingers = len(form.joints.fingers)
    if num_fingers > 1 and name != "bi_so_follower":
        # Fingers of one gripper go the same share of their way.
        joints[:, -1] = joints[:, -2]
    back = form.from_lerobot(form.to_lerobot(joints), others=np.zeros(joints.shape[1]))
    np.testing.assert_allclose(back, joints, atol=1e-9)


def test_degrees_count_from_the_middle_of_the_range_and_an_endless_motor_from_rest():
    form = form_of("so101_follower")
    joints = 0.5 * (form.joints.lower + form.joints.upper)
    found = form.to_lerobot(joints[None])[0]
    np.testing.assert_allclose(found[:4], 0.0, atol=1e-12)
    np.testing.assert_allclose(found[4], np.degrees(-0.1) * 4096 / 4095)
    np.testing.assert_allclose(found[5], 50.0)


def test_names_and_order_are_those_of_lerobot():
    assert form_of("bi_so_follower").contract(30.0, shift_s=0).names[:2] == [
        "left_shoulder_pan.pos",
        "left_shoulder_lift.pos",
    ]
    assert form_of("unitree_g1").contract(30.0, shift_s=0).names[:3] == [
        "kLeftHipPitch.q",
        "kLeftHipRoll.q",
        "kLeftHipYaw.q",
    ]
    assert form_of("reachy2").contract(30.0, shift_s=0).names[-3:] == [
        "mobile_base.vx",
        "mobile_base.vy",
        "mobile_base.vtheta",
    ]


def test_jaw_of_openarm_closes_at_0_and_opens_at_minus_65_degrees():
    form = form_of("openarm_follower")
    ends = np.stack([form.joints.lower, form.joints.upper])
    np.testing.assert_allclose(form.to_lerobot(ends)[:, -1], [0.0, -65.0], atol=1e-12)
    assert form.contract(30.0, shift_s=0).dimensions[-1].unit == "deg"


def test_limits_are_those_of_file_calibration_and_lerobot_together():
    contract = form_of("openarm_follower").contract(30.0, shift_s=0)
    first, fourth = contract.dimensions[0], contract.dimensions[3]
    assert (first.lower, first.upper) == (-75.0, 75.0)  # the file goes further
    assert fourth.lower == 0.0
    assert form_of("openarm_follower").contract(30.0, shift_s=0).dimensions[5].upper < 40.2
    target = lerobot_robot("so101_follower")
    narrow = form_of("so101_follower", calibration=calibration_of(target, low=1500, high=2500))
    assert narrow.contract(30.0, shift_s=0).dimensions[0].upper == pytest.approx(43.956, abs=1e-3)


def test_rates_go_along():
    contract = form_of("so101_follower").contract(30.0, shift_s=0)
    assert contract.dimensions[0].max_rate == pytest.approx(np.degrees(3.0), rel=1e-3)
    assert contract.dimensions[-1].max_rate == pytest.approx(150.0)


def test_motor_that_turns_the_other_way_is_said():
    plain = form_of("koch_follower")
    turned = form_of("koch_follower", wiring=wiring_of(["elbow_flex=-joint_3"]))
    joints = plain.joints.spread(4)
    difference = plain.to_lerobot(joints) + turned.to_lerobot(joints)
    assert np.abs(difference[:, 2]).max() < 1e-9


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("koch_follower", {"calibration": {}}, "--calibration"),
        ("so101_follower", {"wiring": {"elbow": ("elbow_flex", 1)}}, "no motor 'elbow'"),
        ("so101_follower", {"wiring": {"elbow_flex": ("knee", 1)}}, "no joint 'knee'"),
        ("so101_follower", {"joints": g1()}, "--joint|has none"),
        ("unitree_g1", {"joints": so101()}, "--joint kLeftHipPitch=JOINT"),
    ],
)
def test_what_does_not_fit_is_refused(name, more, said):
    target = lerobot_robot(name)
    calibration = calibration_of(target) if target.needs_calibration else {}
    arguments = {"joints": ARMS[name](), "calibration": calibration} | more
    with pytest.raises(UsageError, match=said):
        LeRobotForm(target, **arguments)


def test_openarm_without_a_side_is_refused():
    with pytest.raises(UsageError, match="clips every joint to 5 degrees"):
        lerobot_robot("openarm_follower")
    with pytest.raises(UsageError, match="no robot 'so102'"):
        lerobot_robot("so102")


FILE = {"id": 1, "drive_mode": 0, "homing_offset": -3, "range_min": 700, "range_max": 3300}


def test_calibration_file_of_lerobot_is_read(tmp_path):
    path = tmp_path / "me.json"
    path.write_text(json.dumps({"elbow_flex": FILE}))
    assert read_calibration(path) == {"elbow_flex": MotorCalibration(700, 3300)}
    assert set(read_calibrations([path, path])) == {"left_elbow_flex", "right_elbow_flex"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"elbow_flex": {"id": 1}}, "no calibration file of LeRobot"),
        ({"elbow_flex": FILE | {"range_min": 3300}}, "range_min < range_max"),
        ({"elbow_flex": FILE | {"drive_mode": 2}}, "drive_mode 0 or 1"),
        ([1], "me.json"),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "me.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=said):
        read_calibration(path)
