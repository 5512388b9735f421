"""Humanoids from their files alone: where limbs bend, which way is up, what files leave out."""

import numpy as np
import pytest
from drawn_robots import humanoid_urdf

from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.humanoid.follow_person import follow_person
from rotoscope.retarget.humanoid.human_skeleton import HumanMotion
from rotoscope.retarget.onboarding.check import check, propose
from rotoscope.retarget.robots.robot import load_humanoid


@pytest.fixture
def robot_of(tmp_path):
    """Writes a robot file and loads what is proposed for it."""

    def load(text, name="robot.urdf"):
        path, out = tmp_path / name, tmp_path / "out.yaml"
        path.write_text(text)
        report = check(str(path), write=out)
        assert report.is_good, report.fault
        return load_humanoid(str(out))

    return load


def at_rest(robot, *names):
    frames = robot.frames()
    tree = robot.tree([frames["root"], *(frames[f"body.{name}"] for name in names)])
    reached = tree.forward_kinematics(robot.rest[None])
    return (reached.p_m[0, 1:] - reached.p_m[0, 0]) @ reached.R[0, 0]


def test_elbow_that_is_an_arms_last_joint_is_found(robot_of):
    robot = robot_of(humanoid_urdf(arm_joints=4))
    body = robot.config.body
    assert body["left_elbow"].link == body["left_wrist"].link == "left_elbow_link"
    # Three quarters along what is drawn of a forearm of 30 cm.
    assert body["left_wrist"].offset_m == pytest.approx((0, 0, -0.73 * 0.3), abs=2e-3)
    open_ = propose(robot.path).open
    assert any(item.is_guess and item.key == "body.left_wrist" for item in open_)


def test_knee_that_is_a_legs_last_joint_is_found(robot_of):
    text = humanoid_urdf()
    for side in ("left", "right"):
        for joint in ("ankle_pitch", "ankle_roll"):
            text = text.replace(
                f'name="{side}_{joint}" type="revolute"', f'name="{side}_{joint}" type="fixed"'
            )
    body = robot_of(text).config.body
    assert body["left_knee"].link == body["left_ankle"].link == "left_knee_link"


def test_toes_are_no_ankle(robot_of):
    text = humanoid_urdf()
    toes = "".join(
        f'<link name="{s}_toes"/><joint name="{s}_toe" type="revolute">'
        f'<parent link="{s}_ankle_roll_link"/><child link="{s}_toes"/><axis xyz="0 1 0"/>'
        '<origin xyz="0.12 0 -0.05"/><limit lower="-0.5" upper="0.5" velocity="5" effort="1"/>'
        "</joint>"
        for s in ("left", "right")
    )
    robot = robot_of(text.replace("</robot>", f"{toes}</robot>"))
    assert robot.config.body["left_ankle"].link == "left_ankle_roll_link"
    assert robot.locked["left_toe"] == 0.0


def test_pelvis_may_hang_on_the_chest(robot_of):
    robot = robot_of(humanoid_urdf(chest_first=True))
    assert (robot.config.root, robot.config.torso, robot.base_link) == ("pelvis", "chest", "chest")
    assert "waist" in robot.joint_names


@pytest.mark.parametrize("yaw_deg", [90.0, -37.0])
def test_links_whose_axes_are_turned_say_how(robot_of, yaw_deg):
    robot = robot_of(humanoid_urdf(yaw_deg=yaw_deg))
    R = se3.matrix_from_quat(np.array(robot.config.root_rotation))
    assert np.degrees(se3.log_so3(R)) == pytest.approx([0, 0, -yaw_deg], abs=1e-3)
    assert robot.config.torso_rotation == pytest.approx(robot.config.root_rotation, abs=1e-4)
    left, toe, heel = at_rest(robot, "left_knee", "left_toe", "left_heel")
    assert left[1] > 0.05
    assert toe[0] > heel[0] + 0.1


@pytest.mark.parametrize("options", [{"chest_first": True, "arm_joints": 4}, {"yaw_deg": 180.0}])
def test_person_is_followed_alike_whatever_the_file_looks_like(robot_of, options):
    """A robot of the same shape does the same, however its file is written."""
    robot = robot_of(humanoid_urdf(**options))
    person = _stepping()
    motion = follow_person(robot, person, np.ones((5, 2), bool), max_iterations=8)
    assert np.degrees(np.nanmedian(motion.limb_error_rad)) < 8.0
    # The pose that is given is that of the link that everything hangs on.
    tree = robot.tree([robot.frames()["root"]], is_floating=True)
    x = np.concatenate([motion.root_m, np.zeros((5, 3)), motion.joints], axis=1)
    pelvis = tree.forward_kinematics(x, motion.root_R).R[:, 0]
    off = se3.log_so3(pelvis @ np.swapaxes(person.pelvis_rotation(), 1, 2))
    assert np.degrees(np.linalg.norm(off, axis=1)).max() < 12.0


@pytest.mark.parametrize("name", ["h1", "t1"])
def test_shipped_humanoid_bends_its_elbows_and_knees_as_a_person_does(name):
    try:
        robot = load_humanoid(name)
    except AssetError as error:
        pytest.skip(str(error))
    person = _stepping()
    feet, shapes = np.ones((5, 2), bool), CollisionModel(robot)
    motion = follow_person(robot, person, feet, shapes=shapes, max_iterations=10)
    assert np.degrees(np.nanmax(motion.limb_error_rad)) < 12.0
    # Its shapes are where its soles are, whatever link the pelvis hangs on.
    assert np.abs(motion.sole_m).max() < 0.02
    assert motion.below_m.max() < 0.01
    frames = robot.frames()
    for a, b, c in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        tree = robot.tree([frames[f"body.left_{joint}"] for joint in (a, b, c)])
        p = tree.forward_kinematics(motion.joints[2:3]).p_m[0]
        theirs = [person.joint(f"left_{joint}")[2] for joint in (a, b, c)]
        assert _bend_deg(p) == pytest.approx(_bend_deg(theirs), abs=10.0)


def _bend_deg(points):
    u, v = np.diff(points, axis=0)
    return np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v)))


def _stepping():
    """A person who stands and turns to the left, arms hanging, knees a little bent."""
    from rotoscope.pipeline.tracks import BODY_JOINTS

    points = {"pelvis": (0, 0, 0.85), "neck": (0, 0, 1.35), "head": (0, 0, 1.5)}
    for side, m in (("left", 1.0), ("right", -1.0)):
        points |= {
            f"{side}_shoulder": (0, m * 0.18, 1.33),
            f"{side}_elbow": (0.02, m * 0.2, 1.05),
            f"{side}_wrist": (0.15, m * 0.2, 0.85),
            f"{side}_hip": (0, m * 0.09, 0.83),
            f"{side}_knee": (0.08, m * 0.09, 0.46),
            f"{side}_ankle": (0, m * 0.09, 0.08),
            f"{side}_heel": (-0.05, m * 0.09, 0.0),
            f"{side}_toe": (0.15, m * 0.09, 0.0),
        }
    joints = np.full((5, len(BODY_JOINTS), 3), np.nan)
    for name, point in points.items():
        for t in range(5):
            turn = se3.exp_so3(np.array([0.0, 0.0, 0.9]))
            joints[t, BODY_JOINTS.index(name)] = turn @ np.array(point)
    return HumanMotion(joints, np.arange(5) / 30.0)


def test_robot_on_a_floating_joint_stands_for_itself(robot_of):
    text = humanoid_urdf().replace(
        '<robot name="drawn">',
        '<robot name="drawn"><link name="world"/><joint name="loose" type="floating">'
        '<parent link="world"/><child link="pelvis"/></joint>',
    )
    assert robot_of(text).description.root_link == "pelvis"


def test_what_stands_beside_a_robot_is_left_out(robot_of):
    text = """<mujoco><worldbody><body name="stone" pos="1 0 0"><geom size="0.1"/></body>
      <body name="pelvis" pos="0 0 0.6"><freejoint/><geom size="0.05"/>LIMBS</body>
      </worldbody></mujoco>"""
    limbs = ""
    for side, m in (("left", 1), ("right", -1)):
        limbs += (
            f'<body name="{side}_thigh" pos="0 {0.1 * m} 0">'
            f'<joint name="{side}_hip_x" axis="1 0 0" range="-40 40"/>'
            f'<joint name="{side}_hip_y" axis="0 1 0" range="-90 40"/>'
            '<geom type="capsule" fromto="0 0 0 0 0 -0.3" size="0.04"/>'
            f'<body name="{side}_shin" pos="0 0 -0.3">'
            f'<joint name="{side}_knee" axis="0 1 0" range="0 140"/>'
            '<geom type="capsule" fromto="0 0 0 0 0 -0.3" size="0.04"/>'
            f'<body name="{side}_foot" pos="0 0 -0.3">'
            f'<joint name="{side}_ankle" axis="0 1 0" range="-40 40"/>'
            '<geom type="box" size="0.1 0.04 0.02" pos="0.04 0 -0.04"/></body></body></body>'
            f'<body name="{side}_upper" pos="0 {0.15 * m} 0.4">'
            f'<joint name="{side}_arm_y" axis="0 1 0" range="-120 120"/>'
            f'<joint name="{side}_arm_x" axis="1 0 0" range="-90 90"/>'
            '<geom type="capsule" fromto="0 0 0 0 0 -0.2" size="0.03"/>'
            f'<body name="{side}_fore" pos="0 0 -0.2">'
            f'<joint name="{side}_elbow" axis="0 1 0" range="-140 0"/>'
            '<geom type="capsule" fromto="0 0 0 0 0 -0.22" size="0.03"/></body></body>'
        )
    robot = robot_of(text.replace("LIMBS", limbs), "robot.xml")
    assert "stone" not in robot.description.links
    assert robot.config.body["left_elbow"].link == "left_fore"
    # MJCF states no velocities: a default is used, and said.
    assert robot.max_velocity == pytest.approx(6.0)
    keys = [item.key for item in propose(robot.path).open if item.is_guess]
    assert "joints.default.max_velocity" in keys
    assert len(robot.config.spheres) > 10


def test_joints_without_limits_get_those_of_a_person_and_say_so(robot_of):
    text = humanoid_urdf()
    for side in ("left", "right"):
        start = text.index(f'<joint name="{side}_knee"')
        end = text.index("</joint>", start)
        cut = text[start:end].replace('lower="0.0" upper="2.4" ', "")
        text = text[:start] + cut + text[end:]
    robot = robot_of(text)
    knee = robot.joint_names.index("left_knee")
    assert (robot.lower[knee], robot.upper[knee]) == pytest.approx((0.0, 2.4))
    keys = [item.key for item in propose(robot.path).open if item.is_guess]
    assert "joints.<name>.lower and .upper" in keys


def test_rest_is_a_stand_with_bent_knees_and_flat_soles(robot_of):
    robot = robot_of(humanoid_urdf())
    hip, knee, ankle, heel, toe, shoulder, elbow = at_rest(
        robot, *(f"left_{n}" for n in ("hip", "knee", "ankle", "heel", "toe", "shoulder", "elbow"))
    )
    thigh, shin = knee - hip, ankle - knee
    bend = np.arccos(thigh @ shin / np.linalg.norm(thigh) / np.linalg.norm(shin))
    assert bend == pytest.approx(0.3, abs=0.05)
    assert knee[0] > 0.5 * (hip[0] + ankle[0])
    assert heel[2] == pytest.approx(toe[2], abs=5e-3)
    assert elbow[2] < shoulder[2] - 0.2


def test_pairs_that_are_kept_apart_are_free_at_rest(robot_of):
    robot = robot_of(humanoid_urdf())
    config, frames = robot.config, robot.frames()
    assert ("left_foot_front", "right_foot_front") in config.apart
    for a, b in config.apart:
        tree = robot.tree([frames[f"spheres.{a}"], frames[f"spheres.{b}"]])
        first, second = tree.forward_kinematics(robot.rest[None]).p_m[0]
        radii = config.spheres[a].radius_m + config.spheres[b].radius_m
        assert np.linalg.norm(second - first) >= radii + 0.004


def test_arms_held_out_are_no_legs(robot_of):
    text = humanoid_urdf()
    for side, roll in (("left", 1.5708), ("right", -1.5708)):
        start = text.index(f'<joint name="{side}_shoulder_yaw"')
        end = text.index("</joint>", start)
        cut = text[start:end].replace('rpy="0 0 0', f'rpy="{roll} 0 0', 1)
        text = text[:start] + cut + text[end:]
    assert robot_of(text).config.body["left_knee"].link == "left_knee_link"
