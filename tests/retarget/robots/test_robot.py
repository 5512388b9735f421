"""Robots out of files: what is read, and what is refused with which words."""

from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.mujoco import find_mesh
from rotoscope.retarget.robots.arm import ArmRobot, load_arm
from rotoscope.retarget.robots.read_config import load_config, robot_names
from rotoscope.retarget.robots.self_check import check_robot

TINY_MJCF = """<mujoco>
  <worldbody>
    <body name="base" pos="0.3 0.1 0.2" euler="0 0 30">
      <geom type="box" size="0.05 0.05 0.05"/>
      <body name="upper" pos="0 0 0.3">
        <joint name="shoulder" axis="0 0 1" pos="0.02 0 0" range="-115 115"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0.4 0 0"/>
        <body name="fore" pos="0.4 0 0" euler="20 -10 30">
          <joint name="elbow" axis="0 1 1" pos="0 0.01 0.03" range="-140 140" ref="25"/>
          <geom type="capsule" size="0.03" fromto="0 0 0 0.2 0 0"/>
          <body name="wrist" pos="0.1 0 0.02" euler="5 6 7">
            <geom type="box" size="0.02 0.02 0.02"/>
            <body name="hand" pos="0.1 0 0">
              <joint name="slide" type="slide" axis="1 0 0" range="0 0.2"/>
              <geom type="box" size="0.02 0.02 0.02"/>
            </body>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def mjcf_robot(tiny: Path) -> None:
    (tiny.parent / "tiny.xml").write_text(TINY_MJCF)
    edit(tiny, "tiny.urdf", "tiny.xml")
    edit(tiny, "joints: {grip: [0, 0.04]}, ", "")


def test_shipped_robots_have_valid_configurations() -> None:
    assert {"panda", "ur5"} <= set(robot_names())
    for name in robot_names():
        assert load_config(name)[0].name == name


def test_urdf_kinematics_agree_with_mujoco(tiny: Path) -> None:
    assert check_robot(load_arm(str(tiny))).largest_difference < 1e-9


def test_mjcf_with_anchors_references_and_fixed_bodies_agrees_with_mujoco(tiny: Path) -> None:
    mjcf_robot(tiny)
    edit(tiny, "home: [0.1, 0.5, 0.1]", "home: [0.1, 0.5, 0.1], max_velocity: [1, 1, 0.5]")
    robot = load_arm(str(tiny))
    assert check_robot(robot).largest_difference < 1e-9
    assert robot.lower == pytest.approx(np.deg2rad([-115, -140, 0]))


def test_panda_kinematics_agree_with_mujoco(panda: ArmRobot) -> None:
    assert check_robot(panda).largest_difference < 1e-9


def test_wrong_kinematics_are_noticed(tiny: Path) -> None:
    robot = load_arm(str(tiny))
    edit(tiny.parent / "tiny.urdf", 'xyz="0.4 0 0"', 'xyz="0.41 0 0"')
    with pytest.raises(RobotError, match=r"differ by 0.01 at link 'fore'"):
        check_robot(robot)


def test_panda_at_home_points_its_gripper_down_in_front(panda: ArmRobot) -> None:
    T = panda.pose(panda.home[None]).matrix[0]
    # Franka's ready pose: flange 10.3 cm above a gripper at x = 0.307, z = 0.487.
    assert T[:3, 3] == pytest.approx([0.307, 0.0, 0.487], abs=1e-3)
    assert T[:3, 0] == pytest.approx([0.0, 0.0, -1.0], abs=1e-6)


def test_contract_states_names_limits_and_gripper(panda: ArmRobot) -> None:
    contract = panda.contract(rate_hz=30.0)
    assert contract.names == [*(f"panda_joint{i}.pos" for i in range(1, 8)), "panda_gripper.pos"]
    first, gripper = contract.dimensions[0], contract.dimensions[-1]
    assert (first.lower, first.upper, first.max_rate) == (-2.8973, 2.8973, 2.175)
    assert (gripper.unit, gripper.lower, gripper.upper, gripper.max_rate) == (
        "percent",
        0.0,
        100.0,
        125.0,
    )


def test_joint_names_of_the_dataset_start_with_the_robot(tiny: Path) -> None:
    assert load_arm(str(tiny)).contract(rate_hz=1.0).names[0] == "tiny_shoulder.pos"


def test_limits_of_the_yaml_replace_those_of_the_file(tiny: Path) -> None:
    edit(tiny, "home:", "max_velocity: [9, 8, 7], lower: [-1, -1, 0.05], home:")
    robot = load_arm(str(tiny))
    assert robot.max_velocity.tolist() == [9, 8, 7]
    assert robot.lower.tolist() == [-1, -1, 0.05]
    assert robot.upper.tolist() == [2, 2.5, 0.2]


def test_checksum_changes_with_either_file(tiny: Path) -> None:
    before = load_arm(str(tiny)).checksum
    edit(tiny.parent / "tiny.urdf", 'velocity="1.5"', 'velocity="1.6"')
    between = load_arm(str(tiny)).checksum
    edit(tiny, "0.5, 0.1]", "0.6, 0.1]")
    assert len({before, between, load_arm(str(tiny)).checksum}) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("folder: .", "folder: .\nspeed: 3", "unknown key 'speed'; valid keys are 'arm'"),
        ("{joints: [sh", "{joins: 1, joints: [sh", "unknown key 'arm.joins'; .*'home'"),
        ("folder: .", "asset: panda\nfolder: .", "either `asset` or `folder`"),
        ("base_link: base", "base_link: root", "no link 'root'; it has 'base', 'finger'"),
        ("link: hand", "link: grasp", "no link 'grasp'"),
        ("base_link: base", "base_link: finger", "'hand' does not hang on base link 'finger'"),
        ("[shoulder, elbow", "[shouder, elbow", "no movable joint 'shouder'; it has 'elbow'"),
        ("[shoulder, elbow, slide]", "[shoulder, elbow]", "the movable joints are"),
        ("{grip: ", "{grop: ", "no movable joint 'grop'"),
        ("home: [0.1,", "home: [2.1,", "must lie inside the position limits"),
        ("home: [0.1, ", "home: [", "arm.home needs 3 numbers, one per joint, got 2"),
        ("home:", "max_effort: [9, 8], home:", "max_effort needs 3 numbers, one per joint, or one"),
        ("home:", "max_effort: 0, home:", "greater than 0"),
        ("tiny.urdf", "other.urdf", "there is no robot file"),
        ("origin_m", "approach: [0, 2, 0], origin_m", "must not be parallel"),
        ("max_opening_m: 0.04", "max_opening_m: -1", "gripper.max_opening_m.*greater than 0"),
        ("name: tiny", "name: [", "is not valid YAML"),
        ("name: tiny", "kind: [arm]\nname: tiny", r"kind is \['arm'\]; valid ones are"),
        ("name: tiny", f"name: {'[' * 5000}", "is not YAML that is meant to be read"),
        ("name: tiny", "5: tiny", "keys must be texts, got 5"),
    ],
)
def test_wrong_yaml_says_what_is_allowed(tiny: Path, old: str, new: str, message: str) -> None:
    edit(tiny, old, new)
    with pytest.raises(RobotError, match=message):
        load_arm(str(tiny))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</robot>", "", "not well-formed XML"),
        ("robot", "model", "root element <model>; URDF has <robot>"),
        (' velocity="1.5"', "", "states no max_velocity for joint 'shoulder'; give arm.max_velo"),
        ('type="revolute"', 'type="continuous"', "states no lower for joint 'shoulder'"),
        ('lower="-2"', 'lower="two"', "joint 'shoulder': lower is 'two', not a number"),
        ('lower="-2"', 'lower="nan"', "it must be finite"),
        ('lower="-2"', 'lower="3"', "lower < upper"),
        ('axis xyz="0 0 1"', 'axis xyz="0 0"', "axis needs three numbers, got '0 0'"),
        ('axis xyz="0 0 1"', 'axis xyz="0 0 0"', "its axis is zero"),
        ('type="prismatic"', 'type="ball"', "type 'ball'; valid ones are 'continuous'"),
        ('<parent link="base"/>', "", "lacks a name, a parent or a child"),
    ],
)
def test_wrong_urdf_says_which_joint(tiny: Path, old: str, new: str, message: str) -> None:
    edit(tiny.parent / "tiny.urdf", old, new)
    with pytest.raises(RobotError, match=message):
        load_arm(str(tiny))


def test_mjcf_without_velocity_limits_asks_for_them(tiny: Path) -> None:
    mjcf_robot(tiny)
    with pytest.raises(RobotError, match="states no max_velocity for joint 'shoulder'"):
        load_arm(str(tiny))


def test_mjcf_that_mujoco_refuses_is_a_robot_error(tiny: Path) -> None:
    mjcf_robot(tiny)
    edit(tiny.parent / "tiny.xml", 'type="slide"', 'type="slip"')
    with pytest.raises(RobotError, match="MuJoCo cannot read"):
        load_arm(str(tiny))


def test_unknown_robot_lists_valid_names() -> None:
    with pytest.raises(RobotError, match=r"no robot 'pand'; valid ones are .*'panda', .*'ur5'"):
        load_arm("pand")


def test_mesh_is_found_by_the_end_of_its_package_name(tmp_path: Path) -> None:
    mesh = tmp_path / "robot" / "meshes" / "hand.stl"
    mesh.parent.mkdir(parents=True)
    mesh.touch()
    urdf = tmp_path / "robot" / "urdf" / "robot.urdf"
    assert find_mesh("package://data/robots/robot/meshes/hand.stl", urdf) == mesh
    assert find_mesh("../meshes/hand.stl", urdf) == mesh
    assert find_mesh("package://data/robots/robot/meshes/arm.stl", urdf) is None
