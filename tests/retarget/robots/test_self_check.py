"""The start-up check must fire when the two kinematics read different robots."""

import numpy as np
import pytest
from drawn_robots import hand_urdf, hand_yaml, write_hand, write_humanoid

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.robots import self_check
from rotoscope.retarget.robots.arm import ArmRobot, load_arm
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.robot import HandRobot, HumanoidRobot, load_hand, load_humanoid
from rotoscope.retarget.robots.self_check import check_robot, ensure_checked

FINGER_MJCF = """<mujoco><compiler angle="radian"/><worldbody>
  <body name="palm">
    <geom type="box" size="0.04 0.01 0.05"/>
    {fingers}
  </body></worldbody>
  <equality>{ties}</equality></mujoco>"""


def mjcf_hand() -> str:
    """Two fingers of two joints, the outer one tied to the inner one."""
    fingers, ties = "", ""
    for name, x in (("thumb", 0.04), ("index", -0.02)):
        geom = '<geom type="capsule" fromto="0 0 0 0 0 0.03" size="0.008"/>'
        fingers += (
            f'<body name="{name}1" pos="{x} 0 0.05">{geom}'
            f'<joint name="{name}_in" axis="1 0.2 0" range="0 1.5" pos="0 0.002 0"/>'
            f'<body name="{name}2" pos="0 0 0.03">{geom}'
            f'<joint name="{name}_out" axis="1 0 0" range="-0.2 1.6"/></body></body>'
        )
        ties += f'<joint joint1="{name}_out" joint2="{name}_in" polycoef="0.1 0.9 0 0 0"/>'
    return FINGER_MJCF.format(fingers=fingers, ties=ties)


def mjcf_yaml() -> str:
    text = hand_yaml("hand.xml").split("tips:")[0]
    return text + (
        "tips: {thumb: {link: thumb2, offset_m: [0, 0, 0.03]}, index: {link: index2}}\n"
        "joints: {default: {max_velocity: 3}}\n"
    )


@pytest.fixture
def hand(tmp_path):
    return write_hand(tmp_path)


def broken(hand, old, new):
    text = (hand.parent / "hand.urdf").read_text()
    assert old in text
    path = hand.parent / "broken.urdf"
    path.write_text(text.replace(old, new, 1))
    return path


def test_hand_agrees_with_mujoco(hand):
    found = check_robot(load_hand(str(hand)))
    assert found.largest_difference < 1e-12
    assert found.idle_joints == ()


def test_humanoid_agrees_with_mujoco(tmp_path):
    found = check_robot(load_humanoid(str(write_humanoid(tmp_path))))
    assert found.largest_difference < 1e-12
    assert found.num_links == 26


def test_mjcf_with_tied_joints_agrees_with_mujoco(tmp_path):
    (tmp_path / "hand.xml").write_text(mjcf_hand())
    (tmp_path / "hand.yaml").write_text(mjcf_yaml())
    robot = load_hand(str(tmp_path / "hand.yaml"))
    assert robot.joint_names == ("thumb_in", "index_in")
    assert check_robot(robot).largest_difference < 1e-12


def test_joint_that_moves_no_named_point_is_reported(tmp_path):
    path = write_humanoid(tmp_path)
    path.write_text(path.read_text().replace("  left_grip: {fixed: 0}\n", ""))
    assert check_robot(load_humanoid(str(path))).idle_joints == ("left_grip",)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('<axis xyz="0 1 0"/>', '<axis xyz="0 0.99 0.1"/>', "differ by .* when 'a_spread' is mov"),
        ('<axis xyz="0.5 -0.8 -0.3"/>', '<axis xyz="0.5 0.8 -0.3"/>', "when 't_bend' is moved"),
        ('xyz="0 0 0.045"', 'xyz="0 0 0.046"', "by 0.001 at tips.index when 'nothing' is moved"),
        ('multiplier="0.8"', 'multiplier="0.81"', "differ by .* when 'a_bend' is moved"),
        ('offset="0.05"', 'offset="0.06"', "our kinematics and MuJoCo's differ by"),
        ('<mimic joint="a_bend"', '<mimic joint="b_bend"', "our kinematics and MuJoCo's differ"),
        ('name="t_turn" type="revolute"', 'name="t_turn" type="fixed"', "no joint 't_turn', which"),
        ('"t_tip"', '"tip_of_thumb"', "MuJoCo has no link 't_tip'|has no link"),
    ],
)
def test_check_fires_when_one_of_the_two_reads_another_robot(hand, old, new, says):
    robot = load_hand(str(hand))
    path = broken(hand, old, new)
    if "tip_of_thumb" in new:
        path.write_text(path.read_text().replace('"t_tip"', '"tip_of_thumb"'))
    with pytest.raises(RobotError, match=says):
        check_robot(robot, against=path)


def test_frozen_model_fires(hand, monkeypatch):
    robot = load_hand(str(hand))
    # What a version of MuJoCo that does not read the joints would do.
    monkeypatch.setattr(self_check, "_set", lambda model, data, path, name, value: None)
    with pytest.raises(RobotError, match=r"joints \['a_spread', .* move nothing in MuJoCo"):
        check_robot(robot)


def test_same_files_are_checked_once(hand, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    robot = load_hand(str(hand))
    calls = []
    real = check_robot

    def counted(robot):
        calls.append(robot.name)
        return real(robot)

    monkeypatch.setattr(self_check, "check_robot", counted)
    ensure_checked(robot)
    ensure_checked(robot)
    assert calls == ["drawn"]
    (hand.parent / "hand.urdf").write_text(hand_urdf().replace('velocity="5"', 'velocity="4"'))
    ensure_checked(load_hand(str(hand)))
    assert calls == ["drawn", "drawn"]


def test_failed_check_is_not_remembered(hand, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    robot = load_hand(str(hand))
    monkeypatch.setattr(self_check, "_set", lambda model, data, path, name, value: None)
    for _ in range(2):
        with pytest.raises(RobotError, match="move nothing"):
            ensure_checked(robot)


def test_arm_is_checked_too(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ensure_checked(load_arm(str(tiny)))
    assert len(list((tmp_path / "cache" / "rotoscope" / "robot_checks").iterdir())) == 1


def test_poses_reach_every_joint_within_limits(hand):
    robot = load_hand(str(hand))
    poses = self_check._poses(robot)
    assert ((poses >= robot.lower) & (poses <= robot.upper)).all()
    assert (np.abs(np.diff(poses, axis=0)).max(axis=0) > 0.05).all()


def test_check_of_an_arm_compares_every_link_but_the_fingers(tiny):
    found = check_robot(load_arm(str(tiny)))
    assert found.largest_difference < 1e-12
    # base, upper, fore and hand; the finger moves with no joint of the arm.
    assert (found.num_links, found.idle_joints) == (4, ())


def test_any_robot_is_loaded_by_its_name(tiny, tmp_path):
    kinds = [ArmRobot, HandRobot, HumanoidRobot]
    (tmp_path / "hand").mkdir()
    (tmp_path / "body").mkdir()
    paths = [tiny, write_hand(tmp_path / "hand"), write_humanoid(tmp_path / "body")]
    for kind, path in zip(kinds, paths, strict=True):
        robot = load_robot(str(path))
        assert isinstance(robot, kind)
        tree = robot.tree(list(robot.frames().values()))
        origin = tree.forward_kinematics(robot.rest[None]).p_m
        assert origin.shape == (1, len(robot.frames()), 3)
    with pytest.raises(RobotError, match="no robot 'nobody'; valid ones are"):
        load_robot("nobody")
