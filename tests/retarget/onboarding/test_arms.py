"""Arms without a YAML file: grippers of every build, which chain it is, and what is guessed."""

import numpy as np
import pytest
import yaml
from drawn_arms import arm, jaw, joint, link, linkage, robot, sliding

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.onboarding.add import add_robot
from rotoscope.retarget.onboarding.check import check
from rotoscope.retarget.robots.arm import load_arm

NAMES = [f"j{i}" for i in range(1, 7)]


@pytest.fixture
def made(tmp_path):
    def write(*parts, name="drawn"):
        path = tmp_path / f"{name}.urdf"
        path.write_text(robot(*parts))
        return path

    return write


def found(path, **options):
    report = check(str(path), **options)
    assert report.is_good, report.fault
    return report.proposal.mapping()


def test_sliding_fingers_open_by_both_ways(made):
    facts = found(made(arm(), sliding()))
    assert facts["arm"]["joints"] == NAMES
    assert list(facts["gripper"]["joints"]) == ["slide"]
    assert facts["gripper"]["max_opening_m"] == pytest.approx(0.08, abs=1e-3)
    end = facts["end_effector"]
    assert (end["link"], end["approach"]) == ("hand", [0, 0, 1])
    assert np.abs(end["closing"]).tolist() == [0, 1, 0]
    np.testing.assert_allclose(end["origin_m"], [0, 0, 0.11], atol=2e-3)


def test_jaw_is_no_joint_of_the_arm_and_opens_by_its_tips(made, tmp_path):
    path = made(arm(), jaw())
    facts = found(path, write=tmp_path / "jaw.yaml")
    assert facts["arm"]["joints"] == NAMES
    closed, opened = facts["gripper"]["joints"]["bite"]
    assert closed < 0.2 < opened
    assert facts["end_effector"]["approach"] == [0, 0, 1]
    loaded = load_arm(str(tmp_path / "jaw.yaml"))
    # Tips 0.09 m from the hinge that are nearly together when closed are a chord apart.
    half = loaded.finger_joints(0.5)["bite"]
    wanted = 0.5 * facts["gripper"]["max_opening_m"]
    assert half < 0.5 * (closed + opened)
    assert loaded.openings.opening_at(0.5) > 0.5
    assert 2 * 0.09 * np.sin((half - closed) / 2) == pytest.approx(wanted, rel=0.1)


def test_linkage_has_one_motor_and_parallel_fingers(made):
    facts = found(made(arm(), linkage()))
    assert list(facts["gripper"]["joints"]) == ["l_bar_joint"]
    assert {tip["link"] for tip in facts["gripper"]["tips"]} == {"l_pad", "r_pad"}
    # Bars of 50 mm that swing by 0.8 rad, on both sides.
    assert facts["gripper"]["max_opening_m"] == pytest.approx(0.1 * np.sin(0.8), abs=3e-3)


def test_flange_gets_a_gripper_that_is_marked_as_a_guess(made):
    report = check(str(made(arm())), kind="arm")
    assert report.is_good
    facts = report.proposal.mapping()
    assert facts["gripper"]["joints"] == {}
    assert facts["end_effector"]["approach"] == [0, 0, 1]
    guess = next(item for item in report.proposal.open if item.key == "end_effector and gripper")
    assert guess.is_guess
    assert "# GUESS: end_effector and gripper" in report.text


def test_gripper_of_another_file_is_put_on_the_flange(made, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    body = made(arm(), name="body")
    fingers = sliding().replace('link="hand"', 'link="base"')
    grip = made(fingers, name="grip")
    facts = found(body, gripper=grip, write=tmp_path / "both.yaml")
    assert list(facts["gripper"]["joints"]) == ["slide"]
    assert yaml.safe_load((tmp_path / "both.yaml").read_text())["attached"]["file"] == "grip.urdf"
    both = load_arm(str(tmp_path / "both.yaml"))
    assert both.joint_names == tuple(NAMES)
    # The gripper's root has a name that the arm has, too.
    assert {"base", "gripper_base"} <= set(both.description.links)
    assert both.finger_joints(1.0) == {"slide": 0.04, "slide2": 0.04}


def test_gripper_for_an_arm_that_has_one_is_refused(made):
    with pytest.raises(RobotError, match="no arm that ends in a flange; leave `--gripper` out"):
        check(str(made(arm(), sliding())), gripper=made(sliding(), name="grip"))


def two_arms(made):
    trunk = link("trunk", ("0.2 0.2 0.4", "0 0 0.2"))
    lift = joint("lift", "base", "trunk", "0 0 1", kind="prismatic", ends=(0.0, 0.3))
    wheels = "".join(
        link(f"wheel{i}", ("0.1 0.02 0.1", "0 0 0"))
        + joint(f"roll{i}", "base", f"wheel{i}", "0 1 0", at=f"0 {y} 0")
        for i, y in enumerate((-0.3, 0.3))
    )
    head = link("head", ("0.1 0.1 0.1", "0 0 0")) + joint(
        "nod", "trunk", "head", "0 1 0", at="0 0 0.5"
    )
    left, right = (
        arm(f"{side}_", root="trunk", at=f"0 {y} 0.3") + sliding(f"{side}_")
        for side, y in (("left", 0.2), ("right", -0.2))
    )
    return made(trunk, lift, wheels, head, left, right)


def test_arm_is_told_from_wheels_lift_head_and_the_other_arm(made):
    path = two_arms(made)
    report = check(str(path), kind="arm")
    facts = report.proposal.mapping()
    assert report.is_good
    assert facts["base_link"] == "trunk"
    assert facts["arm"]["joints"] == [f"right_{name}" for name in NAMES]
    said = " ".join(report.proposal.remarks)
    assert "its arms are right, left; right is taken: `--arm left` takes the other" in said
    assert "lift move what the arm stands on" in said


def test_other_arm_is_taken_when_asked_for(made):
    path = two_arms(made)
    facts = found(path, kind="arm", arm="left")
    assert facts["arm"]["joints"][0] == "left_j1"
    assert list(facts["gripper"]["joints"]) == ["left_slide"]
    with pytest.raises(RobotError, match="no arm 'middle'; its arms are 'left', 'right'"):
        check(str(path), kind="arm", arm="middle")


def test_what_a_file_does_not_say_is_a_guess_and_not_a_refusal(made):
    text = arm().replace(' velocity="1"', "")
    facts = found(made(text, sliding()))
    report = check(str(made(text, sliding())))
    assert facts["arm"]["max_velocity"] == [2.0] * 6
    assert {i.key for i in report.proposal.open if i.is_guess} >= {"arm.max_velocity"}
    assert report.proposal.is_complete


@pytest.mark.parametrize(
    ("stated", "kept"), [("10", False), ("7.5", False), ("3.1", True), ("1000", False)]
)
def test_speeds_that_are_placeholders_are_recognized(made, stated, kept):
    text = arm().replace('velocity="1"', f'velocity="{stated}"')
    report = check(str(made(text, sliding())))
    assert ("max_velocity" not in report.proposal.mapping()["arm"]) == kept


def test_hinges_without_end_and_limits_in_degrees_are_guessed(made):
    text = arm().replace('name="j1" type="revolute"', 'name="j1" type="continuous"')
    start = text.index('name="j5"')
    text = text[:start] + text[start:].replace(
        'lower="-2.5" upper="2.5"', 'lower="-90" upper="90"', 1
    )
    facts = found(made(text, sliding()))
    assert facts["arm"]["lower"][0] == pytest.approx(-np.pi, abs=1e-4)
    assert facts["arm"]["upper"][4] == pytest.approx(np.pi / 2, abs=1e-4)


def test_home_has_the_hand_down_ahead_of_the_base(made, tmp_path):
    found(made(arm(), sliding()), write=tmp_path / "arm.yaml")
    loaded = load_arm(str(tmp_path / "arm.yaml"))
    pose = loaded.pose(loaded.home[None])
    assert pose.R[0, 2, 0] < -0.7
    assert pose.p_m[0, 0] > 0.1
    assert abs(np.arctan2(pose.p_m[0, 1], pose.p_m[0, 0])) < 0.5


def test_added_robot_is_usable_by_name(made, tmp_path, monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_ROBOTS", str(tmp_path / "mine"))
    added = add_robot(str(made(arm(), sliding())), name="my_arm")
    assert added.file == tmp_path / "mine" / "my_arm.yaml"
    assert load_arm("my_arm").joint_names == tuple(NAMES)
    with pytest.raises(RobotError, match="'panda' ships with Rotoscope; give another name"):
        add_robot(str(made(arm(), sliding())), name="panda")
    with pytest.raises(RobotError, match=r"no robot 'another'; valid ones are .*'my_arm'"):
        load_arm("another")
