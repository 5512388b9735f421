"""Hands and humanoids from their YAML and robot files."""

import sys

import numpy as np
import pytest
from drawn_robots import hand_urdf, hand_yaml, write_hand, write_humanoid

from rotoscope.pipeline.errors import AssetError, RobotError
from rotoscope.retarget.robots.arm import load_arm
from rotoscope.retarget.robots.read_config import load_config, robot_names
from rotoscope.retarget.robots.robot import load_hand, load_humanoid


@pytest.fixture
def hand(tmp_path):
    return write_hand(tmp_path)


@pytest.fixture
def humanoid(tmp_path):
    return write_humanoid(tmp_path)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_joints_of_a_hand_are_those_that_move_by_themselves(hand):
    robot = load_hand(str(hand))
    assert robot.joint_names == (
        *("a_spread", "a_bend", "b_spread", "b_bend", "c_spread", "c_bend", "d_spread", "d_bend"),
        *("t_turn", "t_bend", "t_last"),
    )
    assert robot.locked == {"wrist_bend": 0.0}


def test_master_is_narrowed_until_its_follower_stays_inside_its_limits(hand):
    robot = load_hand(str(hand))
    bend = robot.joint_names.index("a_bend")
    # The follower takes 0.8 x + 0.05 and may go from 0 to 1.2.
    np.testing.assert_allclose(robot.lower[bend], -0.05 / 0.8)
    np.testing.assert_allclose(robot.upper[bend], (1.2 - 0.05) / 0.8)
    assert robot.max_velocity[bend] == 5.0


def test_fast_follower_slows_its_master(hand):
    edit(hand.parent / "hand.urdf", 'multiplier="0.8"', 'multiplier="-1.25"')
    edit(hand.parent / "hand.urdf", 'lower="0" upper="1.2"', 'lower="-2" upper="2"')
    robot = load_hand(str(hand))
    assert robot.max_velocity[robot.joint_names.index("a_bend")] == 5.0 / 1.25


def test_yaml_overrides_limits_rest_and_speed_of_one_joint_and_of_all(hand):
    with hand.open("a") as file:
        file.write("joints:\n  default: {max_velocity: 2, max_acceleration: 30}\n")
        file.write("  t_turn: {lower: -0.2, upper: 0.4, rest: 0.3, max_velocity: 1}\n")
    robot = load_hand(str(hand))
    turn = robot.joint_names.index("t_turn")
    limits = [robot.lower, robot.upper, robot.rest, robot.max_velocity, robot.max_acceleration]
    assert [values[turn] for values in limits] == [-0.2, 0.4, 0.3, 1.0, 30.0]
    assert robot.max_velocity[0] == 2.0


def test_fixed_joint_is_held_and_no_part_of_the_action(humanoid):
    robot = load_humanoid(str(humanoid))
    assert robot.locked == {"left_grip": 0.0, "right_grip": 0.2}
    assert not {"left_grip", "right_grip"} & set(robot.joint_names)
    assert len(robot.joint_names) == 23


def test_rest_is_zero_or_the_nearest_limit(humanoid):
    edit(humanoid.parent / "humanoid.urdf", 'lower="0.0" upper="2.4"', 'lower="0.1" upper="2.4"')
    robot = load_humanoid(str(humanoid))
    rest = dict(zip(robot.joint_names, robot.rest, strict=True))
    assert (rest["left_knee"], rest["waist"]) == (0.1, 0.0)


def test_contract_says_name_unit_limits_and_speed(hand):
    contract = load_hand(str(hand)).contract(rate_hz=30.0, shift_s=0.1)
    first = contract.dimensions[0]
    assert (first.name, first.quantity, first.unit) == ("drawn_a_spread.pos", "joint", "rad")
    assert (first.lower, first.upper, first.max_rate) == (-0.3, 0.3, 5.0)
    assert len(contract.dimensions) == 11


def test_checksum_changes_with_either_file(hand):
    first = load_hand(str(hand)).checksum
    edit(hand, "forward: [0, 0, 1]", "forward: [0, 0, 2]")
    second = load_hand(str(hand)).checksum
    edit(hand.parent / "hand.urdf", 'velocity="5"', 'velocity="6"')
    assert len({first, second, load_hand(str(hand)).checksum}) == 3


def test_joint_that_turns_without_end_needs_no_limits(hand):
    edit(
        hand.parent / "hand.urdf",
        '<joint name="t_turn" type="revolute">',
        '<joint name="t_turn" type="continuous">',
    )
    robot = load_hand(str(hand))
    turn = robot.joint_names.index("t_turn")
    assert (robot.lower[turn], robot.upper[turn]) == (-np.inf, np.inf)
    assert robot.contract(rate_hz=10.0).dimensions[turn].lower is None


def test_shipped_hands_and_humanoids_have_valid_files():
    names = {*robot_names("hand"), *robot_names("humanoid")}
    assert {"allegro_right", "shadow_right", "inspire_right", "leap_right", "g1"} <= names
    for name in names:
        assert load_config(name)[0].name == name


@pytest.mark.parametrize(
    ("name", "num_joints"),
    [
        ("allegro_right", 16),
        ("shadow_right", 22),
        ("inspire_right", 6),
        ("leap_right", 16),
        ("leap_left", 16),
        ("svh_right", 9),
        ("inspire_left", 6),
        ("ability_right", 6),
        ("ability_left", 6),
        ("g1", 29),
        ("h1", 19),
        ("t1", 23),
        ("talos", 30),
    ],
)
def test_shipped_robot_has_its_number_of_joints(name, num_joints):
    load = load_hand if name in robot_names("hand") else load_humanoid
    try:
        robot = load(name)
    except AssetError as error:
        pytest.skip(str(error))
    assert len(robot.joint_names) == num_joints
    assert (robot.lower < robot.upper).all()
    assert ((robot.rest >= robot.lower) & (robot.rest <= robot.upper)).all()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("link: t_tip", "link: thumb", r"has no link 'thumb'; it has 'a0', 'a1'"),
        ("palm: {link: palm}", "palm: {link: plam}", r"has no link 'plam'; it has 'a0'"),
        ("side: right", "side: right\njoints: {knee: {rest: 0}}", r"no movable joint 'knee'; it h"),
        ("side: right", "side: right\nsides: 2", "unknown key 'sides'; valid keys are 'apa"),
        ("{link: t_tip}", "{link: t_tip, at: 1}", r"unknown key 'tips.thumb.at'; valid keys"),
        ("kind: hand", "kind: foot", r"kind is 'foot'; valid ones are 'arm', 'hand', 'humanoid'"),
        ("thumb:", "pollex:", r"tips.pollex.*Input should be 'thumb', 'index'"),
        ("forward: [0, 0, 1]", "forward: [0, 0, 0]", r"forward: .*must not be zero"),
        ("file: hand.urdf", "file: hand.udrf", r"there is no robot file .*hand.udrf; check `asset"),
        ("folder: .", "folder: .\nasset: g1", r"give either `asset` or `folder` with `file`, or"),
        ("side: right", "side: right\njoints: {a_bend: {rest: 9}}", r"a_bend.rest is 9, outside"),
        ("side: right", "side: right\njoints: {a_last: {fixed: 0}}", r"it follows another joint;"),
        ("side: right", "side: right\njoints: {default: {fixed: 0}}", r"name the joints that are"),
        ("side: right", "side: right\napart: [[a, b]]", r"apart names spheres \['a', 'b'\]; there"),
        ("name: drawn", "- name", r"is not valid YAML|must hold a mapping"),
    ],
)
def test_wrong_yaml_of_a_hand_says_what_is_allowed(hand, old, new, says):
    edit(hand, old, new)
    with pytest.raises(RobotError, match=says):
        load_hand(str(hand))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("</robot>", "", r"is not well-formed XML: no element found"),
        ("<robot", "<robo", r"is not well-formed XML: mismatched tag"),
        ('lower="-1" upper="1" ', "", r"no lower position limit for joint 't_turn'; give joints.t"),
        (' velocity="5"', "", r"no velocity limit for joint .*joints.default.max_velocity"),
        ('lower="-1" upper="1"', 'lower="1" upper="1"', r"'t_turn' needs lower < upper, got 1 and"),
        ('lower="-1" upper="1"', 'lower="nan" upper="1"', r"lower is 'nan'; it must be finite"),
        ('joint="a_bend"', 'joint="z_bend"', r"'a_last' mimics 'z_bend', which is not there"),
        ('offset="0.05"', 'offset="5"', r"'a_bend' cannot move, because 'a_last', which follows"),
        ('link name="t0"', 'link name="thumb0"', r"has no link 't0'"),
    ],
)
def test_wrong_robot_file_says_what_to_do(hand, old, new, says):
    edit(hand.parent / "hand.urdf", old, new)
    with pytest.raises(RobotError, match=says):
        load_hand(str(hand))


def test_joints_that_follow_each_other_are_an_error(hand):
    edit(
        hand.parent / "hand.urdf",
        '<limit lower="-0.2" upper="1.6" velocity="5" effort="0.8"/></joint>',
        '<limit lower="-0.2" upper="1.6" velocity="5" effort="0.8"/><mimic joint="a_last"/>'
        "</joint>",
    )
    with pytest.raises(RobotError, match="mimic each other in a circle"):
        load_hand(str(hand))


def test_held_master_that_drives_its_follower_out_of_its_limits_is_an_error(hand):
    with hand.open("a") as file:
        file.write("joints: {a_bend: {fixed: 1.55}}\n")
    with pytest.raises(RobotError, match=r"'a_bend' is locked at 1.55, which puts 'a_last'"):
        load_hand(str(hand))


def test_root_that_does_not_carry_all_stands_in_the_world_by_what_does(humanoid):
    assert load_humanoid(str(humanoid)).base_link == "pelvis"
    edit(humanoid, "root: pelvis", "root: chest")
    assert load_humanoid(str(humanoid)).base_link == "pelvis"


def test_robot_of_another_kind_is_refused_with_those_that_fit(hand, humanoid):
    with pytest.raises(RobotError, match="describes a humanoid, but a dexterous hand needs a hand"):
        load_hand(str(humanoid))
    with pytest.raises(RobotError, match="describes a hand, but a humanoid needs a humanoid"):
        load_humanoid(str(hand))
    with pytest.raises(RobotError, match=r"needs an arm; there are .*'panda', .*'ur5'"):
        load_arm(str(hand))


def test_unknown_hand_lists_hands_only():
    with pytest.raises(RobotError, match="no robot 'alegro'; valid ones are 'ability_left', 'ab"):
        load_hand("alegro")


@pytest.fixture
def described_robots(tmp_path, monkeypatch):
    """A package of the name and form of robot_descriptions, with one robot that is there."""
    package = tmp_path / "site" / "robot_descriptions"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "DESCRIPTIONS = {'drawn_description': 0, 'far_description': 0, 'odd_description': 0}\n"
    )
    urdf = tmp_path / "cloned.urdf"
    urdf.write_text(hand_urdf())
    (package / "drawn_description.py").write_text(f"URDF_PATH = {str(urdf)!r}\n")
    (package / "far_description.py").write_text("raise OSError('no route to host')\n")
    (package / "odd_description.py").write_text("XACRO_PATH = 'x'\n")
    for name in [name for name in sys.modules if name.startswith("robot_descriptions")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(package.parent))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("robot_descriptions")]:
        del sys.modules[name]


def from_package(folder, name):
    text = hand_yaml().replace("folder: .\nfile: hand.urdf", f"robot_descriptions: {name}")
    (folder / "packaged.yaml").write_text(text)
    return str(folder / "packaged.yaml")


def test_robot_comes_from_robot_descriptions(described_robots):
    robot = load_hand(from_package(described_robots, "drawn_description"))
    assert robot.path == described_robots / "cloned.urdf"
    assert len(robot.joint_names) == 11


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none_description", "robot_descriptions has no 'none_description'; it has 'drawn_descr"),
        ("far_description", r"cannot get 'far_description', .*no route to host; go online once"),
        ("odd_description", "has neither URDF_PATH nor MJCF_PATH"),
    ],
)
def test_robot_that_robot_descriptions_cannot_give_says_why(described_robots, name, says):
    with pytest.raises(RobotError, match=says):
        load_hand(from_package(described_robots, name))


def test_missing_robot_descriptions_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "robot_descriptions", None)
    with pytest.raises(RobotError, match="pip install robot_descriptions"):
        load_hand(from_package(tmp_path, "drawn_description"))
