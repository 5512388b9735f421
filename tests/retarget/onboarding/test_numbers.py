"""Limits and speeds that robot files leave out or get wrong: guessed, and said."""

import math

import numpy as np
import pytest
from drawn_robots import hand_urdf, in_degrees
from small_arm import write_arm

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.onboarding.check import check


@pytest.fixture
def urdf(tmp_path):
    def write(text):
        path = tmp_path / "robot.urdf"
        path.write_text(text)
        return path

    return write


def test_missing_limits_are_guessed_and_said(urdf):
    report = check(str(urdf(hand_urdf().replace('lower="-1" upper="1" ', ""))))
    assert report.is_good
    guesses = [item for item in report.proposal.open if item.is_guess]
    assert [item.key for item in guesses] == ["joints.<name>.lower and .upper"]
    assert "t_turn" in guesses[0].why
    found = report.proposal.mapping()["joints"]["t_turn"]
    assert (found["lower"], found["upper"]) == pytest.approx((-1.5708, 1.5708), abs=1e-4)


def test_missing_velocities_are_guessed_once_and_said(urdf):
    report = check(str(urdf(hand_urdf().replace(' velocity="5"', ""))))
    guesses = [item.key for item in report.proposal.open if item.is_guess]
    assert guesses == ["joints.default.max_velocity"]
    assert report.robot.max_velocity == pytest.approx(3.0)
    assert "# GUESS: joints.default.max_velocity: the file states no velocity limit" in report.text


def test_velocity_that_no_hand_would_have_is_a_placeholder(urdf):
    report = check(str(urdf(hand_urdf().replace('velocity="5"', 'velocity="0.5"'))))
    assert report.robot.max_velocity == pytest.approx(3.0)
    assert any("0.5 for every joint, which is taken" in item.why for item in report.proposal.open)
    # One joint that is stated otherwise: somebody measured.
    text = (
        hand_urdf()
        .replace('velocity="5"', 'velocity="0.5"')
        .replace('velocity="0.5"', 'velocity="0.7"', 2)
    )
    assert check(str(urdf(text))).robot.max_velocity.max() <= 0.7


@pytest.mark.parametrize(
    ("effort", "why"),
    [
        ('effort="10"', "the file states 10 N m for every joint, likely a placeholder"),
        ("", "the file states no torque limit of any joint"),
    ],
)
def test_torque_limits_that_nobody_measured_are_guesses(urdf, effort, why):
    report = check(str(urdf(hand_urdf().replace('effort="0.8"', effort))))
    found = [item for item in report.proposal.open if item.key == "joints.<name>.max_effort"]
    assert [why in item.why for item in found] == [True]
    assert found[0].is_guess
    assert f"# GUESS: joints.<name>.max_effort: {why}" in report.text


def test_torque_limits_of_one_motor_for_all_or_of_several_are_believed(urdf):
    ten = hand_urdf().replace('effort="0.8"', 'effort="10"')
    for text in (hand_urdf(), _of_last_joint(ten, 'effort="10"', 'effort="5"')):
        report = check(str(urdf(text)))
        assert not any("max_effort" in item.key for item in report.proposal.open)


def test_one_joint_that_is_let_give_anything_is_named(urdf):
    text = _of_last_joint(hand_urdf(), 'effort="0.8"', 'effort="1000"')
    report = check(str(urdf(text)))
    (found,) = (item for item in report.proposal.open if item.key == "joints.<name>.max_effort")
    assert "give 1000 N m and more" in found.why


def _of_last_joint(text, old, new):
    return new.join(text.rsplit(old, 1))


def test_gripper_that_is_as_strong_as_its_arm_is_a_placeholder(tmp_path):
    report = check(str(write_arm(tmp_path, effort=10.0).with_suffix(".urdf")))
    keys = [item.key for item in report.proposal.open if item.is_guess]
    assert "arm.max_effort and gripper.max_effort" in keys


def test_limits_in_degrees_are_taken_for_degrees_and_said(urdf):
    path = urdf(in_degrees(hand_urdf()))
    report = check(str(path))
    assert report.is_good
    facts = {fact.key: fact for fact in report.proposal.facts}
    fact = facts[("joints", "a_bend", "upper")]
    assert fact.value == pytest.approx(1.6, abs=1e-3)
    assert "limits of -11.5 to 91.7 rad are more than a whole turn; as degrees" in fact.reason
    guess = next(item for item in report.proposal.open if item.is_guess)
    assert "a_bend" in guess.why
    assert "t_turn" in guess.why


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ('lower="0" upper="0"', "the file states 0 twice"),
        ('lower="0.5" upper="0.5"', "the file states 0.5 twice"),
        ('lower="-40" upper="28.6"', "limits of -40 to 28.6 rad are more than a whole turn"),
        ('lower="0" upper="7"', "one turn either way is used"),
    ],
)
def test_limits_that_cannot_be_meant_are_named(urdf, limits, why):
    text = hand_urdf().replace('lower="-1" upper="1"', limits)
    report = check(str(urdf(text)))
    reasons = [f.reason for f in report.proposal.facts if f.key[:2] == ("joints", "t_turn")]
    assert reasons
    assert all(why in reason for reason in reasons)
    turn = report.robot.joint_names.index("t_turn")
    assert np.abs([report.robot.lower[turn], report.robot.upper[turn]]).max() <= 2 * math.pi + 1e-3


def test_slide_of_a_hundred_meters_is_in_millimeters(urdf):
    text = hand_urdf().replace('name="t_turn" type="revolute"', 'name="t_turn" type="prismatic"')
    report = check(str(urdf(text.replace('lower="-1" upper="1"', 'lower="0" upper="100"'))))
    turn = report.robot.joint_names.index("t_turn")
    assert report.robot.upper[turn] == pytest.approx(0.1)
    assert any("as millimeters they would be 0 to 0.1 m" in f.reason for f in report.proposal.facts)


@pytest.mark.parametrize("ends", [("0.5", "-0.7"), ("90", "-90"), ("0.1", "0")])
def test_exchanged_limits_are_refused(urdf, ends):
    limits = f'lower="{ends[0]}" upper="{ends[1]}"'
    with pytest.raises(
        RobotError, match=r"'wrist_bend' needs lower < upper, its limits are exchanged"
    ):
        check(str(urdf(hand_urdf().replace('lower="-0.7" upper="0.5"', limits))))
