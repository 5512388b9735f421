"""Openings of grippers whose fingers turn: in meters, exactly, and never through a closed hand."""

import numpy as np
import pytest

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.robots.arm import load_arm

JAW_URDF = """<robot name="jaw">
  <link name="base"/><link name="hand"/><link name="jaw"/><link name="linked"/>
  <joint name="lift" type="revolute">
    <parent link="base"/><child link="hand"/><axis xyz="0 1 0"/>
    <limit lower="-1" upper="1" velocity="1" effort="1"/>
  </joint>
  <joint name="bite" type="revolute">
    <parent link="hand"/><child link="jaw"/><origin xyz="0 0.02 0"/><axis xyz="1 0 0"/>
    <limit lower="-0.1" upper="1.7" velocity="2" effort="1"/>
  </joint>
  <joint name="follower" type="revolute">
    <parent link="hand"/><child link="linked"/><origin xyz="0 -0.02 0"/><axis xyz="1 0 0"/>
    <limit lower="-1.7" upper="0.1" velocity="2" effort="1"/>
    <mimic joint="bite" multiplier="-1"/>
  </joint>
</robot>
"""
YAML = """name: jaw
folder: .
file: jaw.urdf
base_link: base
arm: {joints: [lift], home: [0.1]}
end_effector: {link: hand}
gripper:
  joints: {bite: [%s]}
  tips:
    - {link: %s, offset_m: [0, %s, -0.1]}
    - {link: jaw, offset_m: [0, 0, -0.1]}
  max_opening_m: %s
  max_speed_m_s: 0.1
"""


@pytest.fixture
def jaw(tmp_path):
    def make(joints="0, 1.5", fixed="hand", y="0.02", opening="0.13633"):
        (tmp_path / "jaw.urdf").write_text(JAW_URDF)
        (tmp_path / "jaw.yaml").write_text(YAML % (joints, fixed, y, opening))
        return load_arm(str(tmp_path / "jaw.yaml"))

    return make


@pytest.mark.parametrize("opening_m", [0.0, 0.01, 0.04, 0.1, 0.1363])
def test_jaw_opens_by_the_chord_of_its_angle(jaw, opening_m):
    robot = jaw()
    angle = robot.finger_joints(opening_m / 0.13633)["bite"]
    # Two tips 0.1 m from one axis are a chord apart.
    assert 0.2 * np.sin(angle / 2) == pytest.approx(opening_m, abs=1e-5)


def test_opening_and_joint_undo_each_other(jaw):
    table = jaw().openings
    for opening in np.linspace(0, 1, 13):
        assert table.opening_at(table.share_at(opening)) == pytest.approx(opening, abs=1e-9)


def test_finger_that_follows_another_opens_with_it(jaw):
    robot = jaw(fixed="linked", y="0", joints="0, 1.0", opening="0.1683")
    angle = robot.finger_joints(0.06 / 0.1683)["bite"]
    assert 0.2 * np.sin(angle) == pytest.approx(0.06, abs=1e-5)


def test_fingertips_that_pass_each_other_are_refused(jaw):
    with pytest.raises(RobotError, match=r"do not move apart; `gripper.joints` must give"):
        jaw(joints="-0.1, 1.5")


def test_opening_that_the_fingertips_do_not_have_is_refused(jaw):
    with pytest.raises(RobotError, match=r"max_opening_m is 0.1; write 0.1363"):
        jaw(opening="0.1")
