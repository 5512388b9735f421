"""Robots without a YAML file: what their geometry tells, and what is left to a person."""

import numpy as np
import pytest
import yaml
from drawn_robots import hand_urdf, humanoid_urdf, in_degrees, write_hand

from rotoscope.pipeline.errors import AssetError, RobotError, UsageError
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.onboarding.check import check, propose
from rotoscope.retarget.onboarding.names import finger_of, side_of
from rotoscope.retarget.robots.read_config import load_config
from rotoscope.retarget.robots.robot import load_hand, load_humanoid

MISLEADING = {
    "a_tip": "ring_tip",
    "c_tip": "index_tip",
    "t_tip": "little_tip",
    "d_tip": "thumb_tip",
}


@pytest.fixture
def urdf(tmp_path):
    def write(text):
        path = tmp_path / "robot.urdf"
        path.write_text(text)
        return path

    return write


def facts(path, **options):
    return propose(path, **options).mapping()


def links(points):
    return {name: point["link"] for name, point in points.items()}


@pytest.mark.parametrize("side", ["right", "left"])
def test_hand_is_understood_without_names(urdf, side):
    found = facts(urdf(hand_urdf(side=side)), use_names=False)
    assert (found["kind"], found["side"], found["palm"]) == ("hand", side, {"link": "palm"})
    assert (found["forward"], found["palm_normal"]) == ([0, 0, 1], [0, -1, 0])
    order = ("thumb", "index", "middle", "ring", "little")
    assert links(found["tips"]) == dict(zip(order, (f"{f}_tip" for f in "tabcd"), strict=True))
    assert links(found["middles"]) == dict(zip(order, ("t1", "a2", "b2", "c2", "d2"), strict=True))


def test_hand_turned_in_its_file_has_turned_directions(urdf):
    text = hand_urdf().replace(
        '<origin xyz="0 0 0.2" rpy="0 0 0"/>', '<origin xyz="0 0 0.2" rpy="0 1.5707963 0"/>'
    )
    found = facts(urdf(text), use_names=False)
    assert (found["forward"], found["palm_normal"], found["side"]) == (
        [0, 0, 1],
        [0, -1, 0],
        "right",
    )


def test_names_that_disagree_with_geometry_are_reported_and_not_believed(urdf):
    path = urdf(hand_urdf(names=MISLEADING))
    proposal = propose(path)
    assert proposal.mapping()["tips"] == facts(path, use_names=False)["tips"]
    assert {item.key for item in proposal.open} >= {"tips.thumb", "tips.index", "tips.ring"}
    assert proposal.is_complete


def test_proposed_hand_loads_and_agrees_with_mujoco(urdf, tmp_path):
    out = tmp_path / "out.yaml"
    report = check(str(urdf(hand_urdf())), write=out)
    assert report.is_good
    assert report.self_check.largest_difference < 1e-12
    assert load_hand(str(out)).joint_names == report.joints
    assert yaml.safe_load(out.read_text())["folder"] == "."


def test_proposed_humanoid_loads_and_holds_its_grippers(urdf, tmp_path):
    out = tmp_path / "out.yaml"
    report = check(str(urdf(humanoid_urdf())), write=out)
    robot = load_humanoid(str(out))
    assert report.is_good
    assert robot.locked == {"left_grip": 0.0, "right_grip": 0.0}
    assert report.self_check.idle_joints == ()


def test_humanoid_is_understood_without_names(urdf):
    found = facts(urdf(humanoid_urdf()), use_names=False)
    assert (found["kind"], found["root"], found["torso"]) == ("humanoid", "pelvis", "chest")
    body = links(found["body"])
    for side in ("left", "right"):
        wanted = {"hip": "hip_pitch", "knee": "knee", "ankle": "ankle_roll", "elbow": "elbow"}
        wanted |= {"wrist": "wrist", "shoulder": "shoulder_yaw"}
        assert {k: body[f"{side}_{k}"] for k in wanted} == {
            k: f"{side}_{link}_link" for k, link in wanted.items()
        }
        sole = np.array(found["feet"][side]["sole_m"])
        np.testing.assert_allclose(sole.min(axis=0), [-0.07, -0.04, -0.06])
        np.testing.assert_allclose(sole.max(axis=0), [0.13, 0.04, -0.06])
    np.testing.assert_allclose(found["body"]["pelvis"]["offset_m"], [0, 0, -0.05])


def test_knees_that_bend_forward_leave_it_to_a_person_which_way_that_is(urdf):
    text = humanoid_urdf().replace('lower="0.0" upper="2.4"', 'lower="-2.4" upper="0.0"')
    proposal = propose(urdf(text))
    assert not proposal.is_complete
    root = next(item for item in proposal.open if item.key == "root_rotation")
    assert "not the one in which knees bend the feet back" in root.why


def test_one_hand_has_one_scale_wherever_its_file_puts_its_links(urdf):
    lengths = []
    for z in ("0.09", "0.05", "0.0"):
        text = hand_urdf().replace('0.09" rpy', f'{z}" rpy')
        report = check(str(urdf(text)))
        robot = report.robot
        frames = robot.frames()
        tree = robot.tree([frames["palm"], frames["tips.middle"]])
        palm, tip = tree.forward_kinematics(robot.rest[None]).p_m[0]
        lengths.append(np.linalg.norm(tip - palm))
    assert lengths == pytest.approx([lengths[0]] * 3, rel=0.06)


def test_letters_that_count_bones_are_no_sides():
    assert side_of("index_L1 index_L2 right_palm") == "right"


def test_foot_that_is_not_drawn_gets_a_persons_size_and_says_so(urdf):
    text = humanoid_urdf()
    start = text.index('<link name="left_ankle_roll_link">')
    end = text.index("</link>", start)
    text = text[:start] + '<link name="left_ankle_roll_link">' + text[end:]
    proposal = propose(urdf(text))
    assert proposal.is_complete
    assert [item.key for item in proposal.open if "sole_m" in item.key] == ["feet.left.sole_m"]
    x, y, z = np.ptp(proposal.mapping()["feet"]["left"]["sole_m"], axis=0)
    assert (x, y, z) == pytest.approx((0.31 * 0.6, 0.11 * 0.6, 0.0), abs=1e-3)


def test_fingers_that_are_all_alike_leave_the_thumb_to_a_person(urdf):
    text = hand_urdf()
    start = text.index('<joint name="t_turn"')
    text = text[:start] + "</robot>"
    for link in ("t0", "t1", "t2", "t_tip"):
        text = text.replace(f'<link name="{link}"></link>', "")
    report = check(str(urdf(text)))
    assert not report.is_good
    assert "no chain differs enough" in report.proposal.open[0].why
    assert "tips" in report.fault


def test_fingers_that_bend_both_ways_take_the_thumbs_side_and_say_so(urdf):
    text = hand_urdf().replace('lower="-0.2" upper="1.6"', 'lower="-1.6" upper="1.6"')
    text = text.replace('lower="0" upper="1.2"', 'lower="-1.3" upper="1.4"')
    proposal = propose(urdf(text))
    assert proposal.mapping()["palm_normal"] == [0, -1, 0]
    assert "palm_normal" in {item.key for item in proposal.open}


def test_palm_without_a_wrist_gets_one_behind_the_knuckles(urdf):
    # The palm's only link lies between the knuckles.
    text = hand_urdf().replace('0.09" rpy', '0.0" rpy')
    proposal = propose(urdf(text), use_names=False)
    assert proposal.mapping()["palm"]["offset_m"][2] < -0.05
    assert "palm" in {item.key for item in proposal.open}


def test_mimic_joints_are_listed(urdf):
    remarks = propose(urdf(hand_urdf())).remarks
    assert "a_last follows a_bend: 0.8 x + 0.05" in remarks


def test_arm_with_two_sliding_fingers_is_understood(tiny):
    text = (tiny.parent / "tiny.urdf").read_text()
    second = (
        '<link name="finger2"/><joint name="grip2" type="prismatic"><parent link="hand"/>'
        '<child link="finger2"/><origin xyz="0 0 0.1"/><axis xyz="0 -1 0"/>'
        '<limit lower="0" upper="0.04" velocity="0.1" effort="1"/></joint></robot>'
    )
    text = text.replace("</robot>", second).replace(
        '<child link="finger"/><axis', '<child link="finger"/><origin xyz="0 0 0.1"/><axis'
    )
    (tiny.parent / "tiny.urdf").write_text(text)
    report = check(str(tiny.parent / "tiny.urdf"))
    found = report.proposal.mapping()
    assert report.is_good
    assert found["arm"]["joints"] == ["shoulder", "elbow", "slide"]
    assert found["end_effector"]["link"] == "hand"
    assert found["gripper"]["max_opening_m"] == 0.08


def test_chain_too_short_for_an_arm_says_what_to_write(tiny):
    text = (tiny.parent / "tiny.urdf").read_text()
    start = text.index('<joint name="grip"')
    (tiny.parent / "tiny.urdf").write_text(
        text[:start].replace('<link name="finger"/>', "") + "</robot>"
    )
    report = check(str(tiny.parent / "tiny.urdf"), kind="arm")
    assert report.fault == "1 facts could not be decided: arm"
    assert "no chain of four joints" in report.proposal.open[0].why


def test_yaml_goes_through_the_check(tmp_path):
    report = check(str(write_hand(tmp_path)))
    assert report.is_good
    assert report.proposal is None
    assert len(report.joints) == 11


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<robot><link name='a'/></robot>", "has no joint that moves"),
        ("<sdf/>", "URDF has <robot>, MJCF has <mujoco>"),
        ("<robot", "is not well-formed XML"),
        ("<robot><link name='a'/><link name='b'/></robot>", "must have one root link"),
    ],
)
def test_file_that_is_no_robot_says_so(urdf, text, says):
    with pytest.raises(RobotError, match=says):
        check(str(urdf(text)))


def test_missing_file_says_so(tmp_path):
    with pytest.raises(RobotError, match="there is no robot file"):
        check(str(tmp_path / "none.urdf"))


def test_writing_a_yaml_file_for_a_robot_that_has_one_is_refused(tmp_path):
    with pytest.raises(RobotError, match="has a YAML file already"):
        check(str(write_hand(tmp_path)), write=tmp_path / "again.yaml")


def test_existing_file_is_not_overwritten(urdf, tmp_path):
    out = tmp_path / "mine.yaml"
    out.write_text("edited by hand")
    with pytest.raises(UsageError, match=r"mine.yaml is there already; give another name"):
        check(str(urdf(hand_urdf())), write=out)
    assert out.read_text() == "edited by hand"


def test_folder_that_is_not_there_says_so(urdf, tmp_path):
    with pytest.raises(UsageError, match=r"there is no folder .*none to write new.yaml to"):
        check(str(urdf(hand_urdf())), write=tmp_path / "none" / "new.yaml")


@pytest.mark.parametrize(
    ("name", "finger"),
    [
        ("Left_indexTip2", "index"),
        ("rh_ffdistal", None),
        ("fftip", "index"),
        ("pinky_tip", "little"),
        ("link_3.0_tip", None),
        ("thumb_index_spacer", None),
    ],
)
def test_words_for_fingers(name, finger):
    assert finger_of(name) == finger


def test_words_for_sides():
    assert side_of("allegro_hand_left left_palm") == "left"
    assert side_of("left_knee right_knee") is None


def test_shipped_allegro_is_found_again_from_its_file_alone():
    try:
        config, config_file = load_config("allegro_right")
        found = facts(robot_file(config, config_file), use_names=False)
    except AssetError as error:
        pytest.skip(str(error))
    assert links(found["tips"]) == {name: point.link for name, point in config.tips.items()}
    shipped = {name: point.link for name, point in config.middles.items()}
    # The thumb's is left out of the shipped file, which geometry cannot know.
    assert {name: links(found["middles"])[name] for name in shipped} == shipped
    assert found["palm"] == {"link": config.palm.link}
    assert tuple(found["palm_normal"]) == config.palm_normal


def test_limits_in_degrees_are_refused_unless_the_yaml_states_others(tmp_path):
    config = write_hand(tmp_path)
    robot_file = tmp_path / yaml.safe_load(config.read_text())["file"]
    as_drawn = load_hand(str(config))
    drawn = robot_file.read_text()
    robot_file.write_text(in_degrees(drawn))
    with pytest.raises(RobotError, match=r"as degrees .* give joints\.\w+\.lower and"):
        load_hand(str(config))
    text = yaml.safe_load(config.read_text())
    ends = zip(as_drawn.joint_names, as_drawn.lower, as_drawn.upper, strict=True)
    stated = {name: {"lower": float(low), "upper": float(high)} for name, low, high in ends}
    followers = {f"{f}_last": {"lower": 0.0, "upper": 1.2} for f in "abcd"}
    text["joints"] = (text.get("joints") or {}) | stated | followers
    config.write_text(yaml.safe_dump(text))
    again = load_hand(str(config))
    np.testing.assert_allclose(again.upper, as_drawn.upper)


def test_wrist_that_turns_once_either_way_is_believed(urdf):
    text = hand_urdf().replace('lower="-0.7" upper="0.5"', 'lower="-6.2832" upper="6.2832"')
    assert text != hand_urdf()
    assert check(str(urdf(text))).is_good


def test_motor_that_moves_two_joints_is_named(urdf):
    shared = (
        '<transmission name="m"><joint name="a_spread"/><joint name="b_spread"/>'
        '<actuator name="one"/></transmission></robot>'
    )
    remarks = propose(urdf(hand_urdf().replace("</robot>", shared))).remarks
    assert any(r.startswith("one motor moves a_spread and b_spread") for r in remarks)
    assert not any("one motor" in r for r in propose(urdf(hand_urdf())).remarks)
