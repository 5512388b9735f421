"""`retarget.humanoid`: a walker on a small robot, and people who are not all there."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from drawn_robots import write_humanoid
from walkers import (
    body_of,
    clip_of,
    followed,
    joint,
    limb_degrees,
    on_ground,
    walker,
    without,
    write_armed_humanoid,
)

from benchmarks._walks import Walk
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import REASONS, SIDES, ActionTrack, BodyTrack
from rotoscope.retarget.humanoid.follow_person import HumanoidMotion, follow_person
from rotoscope.retarget.humanoid.human_skeleton import HumanMotion, human_motion_of
from rotoscope.retarget.humanoid.stage import RetargetHumanoid, RetargetHumanoidConfig
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.robots.robot import HumanoidRobot, load_humanoid

OCTAGON = np.arange(8) * np.pi / 4.0
NEVER = REASONS.index("not_seen")


@pytest.fixture(scope="module")
def robot_file(tmp_path_factory) -> Path:
    return write_armed_humanoid(tmp_path_factory.mktemp("humanoid"))


@pytest.fixture(scope="module")
def robot(robot_file) -> HumanoidRobot:
    return load_humanoid(str(robot_file))


@pytest.fixture(scope="module")
def truth() -> Walk:
    return walker(num_strides=2)


@pytest.fixture(scope="module")
def made(robot_file, truth) -> Tracks:
    tracks = on_ground(truth.time_s, body_of(truth.joints_m))
    return tracks | followed(robot_file, truth.time_s, tracks)


def actions_of(tracks: Tracks, subject: str = "person0") -> ActionTrack:
    track = tracks[f"actions.retarget.humanoid.{subject}"]
    assert isinstance(track, ActionTrack)
    return track


def column(tracks: Tracks, feature: str, name: str, subject: str = "person0") -> np.ndarray:
    track = tracks[f"features.{feature}.{subject}"]
    return track.values[:, track.names.index(name)]


def share_of(actions: ActionTrack, reason: str) -> float:
    return float((actions.reason == REASONS.index(reason)).mean())


def follow(robot: HumanoidRobot, joints_m, time_s, contact, **options) -> HumanoidMotion:
    person = human_motion_of(joints_m, time_s, np.ones(len(time_s), bool))
    return follow_person(robot, person, contact, **options)


def test_walker_is_followed_with_feet_that_stand(made):
    actions = actions_of(made)
    assert actions.valid.mean() > 0.95
    assert column(made, "solver", "limb_mean_deg").mean() < 10.0
    assert column(made, "solver", "lowest_sole_mm").min() > -10.0
    standing = column(made, "contact", "left") + column(made, "contact", "right") > 0
    assert column(made, "solver", "foot_slip_cm_s")[standing].mean() < 2.8


def test_limits_hold_in_what_a_dataset_stores(made, robot, truth):
    values = actions_of(made).values.astype(np.float32).astype(float)
    assert ((values >= robot.lower) & (values <= robot.upper)).all()
    speed = np.abs(np.diff(values, axis=0)) / np.diff(truth.time_s)[:, None]
    assert (speed <= robot.max_velocity).all()


def test_soles_stand_where_kinematics_put_them(made, robot):
    """The numbers in the columns, found again from the actions alone."""
    actions, root = actions_of(made), made["features.root_pose.person0"].values
    soles = [Frame.at(foot.link, at) for foot in robot.config.feet.values() for at in foot.sole_m]
    p = robot.tree(soles).forward_kinematics(actions.values).p_m
    height = (p @ np.swapaxes(se3.exp_so3(root[:, 3:]), 1, 2) + root[:, None, :3])[..., 2]
    lowest = 1e3 * height.min(axis=1)
    np.testing.assert_allclose(lowest, column(made, "solver", "lowest_sole_mm"), atol=1e-6)


def test_frozen_robot_has_a_large_limb_error(made, robot, truth):
    person = HumanMotion(made["body.person0"].joints_world_m, truth.time_s)
    root_R = se3.exp_so3(made["features.root_pose.person0"].values[:, 3:])
    joints = actions_of(made).values
    ours = limb_degrees(robot, person, joints, root_R)
    np.testing.assert_allclose(ours, column(made, "solver", "limb_mean_deg"), atol=1e-6)
    frozen = np.tile(joints.mean(axis=0), (len(joints), 1))
    walking = (truth.time_s > 1.2) & (truth.time_s < 3.0)
    assert limb_degrees(robot, person, frozen, root_R)[walking].mean() > 2.0 * ours[walking].mean()
    assert limb_degrees(robot, person, frozen, root_R)[walking].mean() > 10.0


def test_knees_bend_when_the_persons_do(made, robot, truth):
    hip, knee, ankle = (joint(truth.joints_m, f"left_{n}") for n in ("hip", "knee", "ankle"))
    thigh, shank = knee - hip, ankle - knee
    cos = (thigh * shank).sum(axis=1)
    cos /= np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1)
    bend = actions_of(made).values[:, robot.joint_names.index("left_knee")]
    assert np.corrcoef(np.arccos(cos), bend)[0, 1] > 0.9


def test_person_out_of_sight_leaves_nothing_behind(robot_file, truth):
    joints = truth.joints_m.copy()
    joints[50:80] = np.nan
    tracks = followed(robot_file, truth.time_s, on_ground(truth.time_s, body_of(joints)))
    actions = actions_of(tracks)
    away = np.zeros(len(joints), bool)
    away[50:80] = True
    np.testing.assert_array_equal(np.isnan(actions.values).all(axis=1), away)
    np.testing.assert_array_equal(actions.reason == NEVER, away)
    assert not actions.valid[away].any()
    assert (actions.confidence[away] == 0.0).all()
    assert actions.valid[~away].mean() > 0.9
    for feature in ("solver", "root_pose", "contact"):
        values = tracks[f"features.{feature}.person0"].values
        np.testing.assert_array_equal(np.isnan(values).all(axis=1), away)


def test_short_gap_is_bridged_and_said(robot_file, truth):
    joints = truth.joints_m.copy()
    joints[50:54] = np.nan
    actions = actions_of(
        followed(robot_file, truth.time_s, on_ground(truth.time_s, body_of(joints)))
    )
    assert np.isfinite(actions.values).all()
    np.testing.assert_array_equal(
        actions.reason == REASONS.index("gap_filled"),
        np.isin(np.arange(len(joints)), range(50, 54)),
    )
    around = actions.confidence[[49, 54]].min()
    assert (actions.confidence[50:54] < around).all()


def test_confidence_falls_with_the_sigma_of_the_joints(robot_file, truth):
    means = []
    for sigma_m in (None, 0.05, 0.1, 0.5):
        sigma = None if sigma_m is None else np.full(truth.joints_m.shape[:2], sigma_m)
        body = on_ground(truth.time_s, body_of(truth.joints_m).replace(sigma_joint_m=sigma))
        means.append(actions_of(followed(robot_file, truth.time_s, body)).confidence.mean())
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.95
    assert means[2] < 0.6
    assert means[3] < 0.05


def test_body_cut_at_the_waist_is_partly_seen_and_never_valid(robot_file, truth):
    joints = without(truth.joints_m, "knee", "ankle", "heel", "toe")
    tracks = followed(robot_file, truth.time_s, on_ground(truth.time_s, body_of(joints)))
    actions = actions_of(tracks)
    assert share_of(actions, "partly_seen") == 1.0
    assert not actions.valid.any()
    # The arms, which were seen, are followed; of the legs nothing is claimed.
    assert column(tracks, "solver", "limb_mean_deg").mean() < 10.0
    assert not (column(tracks, "contact", "left") + column(tracks, "contact", "right")).any()


def test_body_without_hips_is_not_seen(robot_file, truth):
    joints = without(truth.joints_m, "hip", "pelvis", "knee", "ankle", "heel", "toe")
    tracks = followed(robot_file, truth.time_s, on_ground(truth.time_s, body_of(joints)))
    assert set(tracks) == {"actions.retarget.humanoid.person0"}
    assert np.isnan(actions_of(tracks).values).all()
    assert share_of(actions_of(tracks), "not_seen") == 1.0


def test_person_who_is_in_another_clip_gives_no_error(robot_file, truth):
    nobody = body_of(np.full_like(truth.joints_m, np.nan))
    tracks = {"body.person0": nobody}
    assert share_of(actions_of(followed(robot_file, truth.time_s, tracks)), "not_seen") == 1.0


def test_two_people_are_two_episodes_that_do_not_mix(robot_file, truth, made):
    apart_m = np.array([0.5, 2.0, 0.0])
    other = walker(num_strides=2, heading_rad=2.0, stride_m=0.9).joints_m + apart_m
    tracks = on_ground(truth.time_s, body_of(truth.joints_m), body_of(other, subject="person1"))
    both = followed(robot_file, truth.time_s, tracks)
    np.testing.assert_array_equal(actions_of(both).values, actions_of(made).values)
    alone = on_ground(truth.time_s, body_of(other, subject="person1"))
    np.testing.assert_array_equal(
        actions_of(both, "person1").values,
        actions_of(followed(robot_file, truth.time_s, alone), "person1").values,
    )


def test_robot_without_named_arms_is_not_called_partly_seen(truth, tmp_path):
    tracks = on_ground(truth.time_s, body_of(truth.joints_m))
    made = followed(write_humanoid(tmp_path), truth.time_s, tracks)
    assert share_of(actions_of(made), "partly_seen") == 0.0
    assert actions_of(made).valid.mean() > 0.9
    limbs = made["quality.retarget.humanoid.person0"].facts["limbs"]
    assert all("hip" in limb or "knee" in limb for limb in limbs)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("torso: chest\n", ""),
        # An octagon under each foot.
        (
            "[[-0.07, 0.04, -0.06], [-0.07, -0.04, -0.06], [0.13, 0.04, -0.06]]",
            str(
                [[0.03 + 0.08 * np.cos(a).item(), 0.04 * np.sin(a).item(), -0.06] for a in OCTAGON]
            ),
        ),
    ],
)
def test_robot_without_a_torso_or_with_round_soles_is_followed(
    was, now, robot_file, truth, tmp_path
):
    tensor = '<inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>'
    weighs = f'<inertial><mass value="2"/>{tensor}</inertial>'
    urdf = robot_file.with_name("humanoid.urdf").read_text()
    (tmp_path / "humanoid.urdf").write_text(
        urdf.replace('<link name="chest">', '<link name="chest">' + weighs)
    )
    text = robot_file.read_text()
    assert was in text
    (tmp_path / "other.yaml").write_text(text.replace(was, now))
    tracks = on_ground(truth.time_s, body_of(truth.joints_m))
    made = followed(tmp_path / "other.yaml", truth.time_s, tracks)
    assert actions_of(made).valid.mean() > 0.9
    assert column(made, "solver", "lowest_sole_mm").min() > -10.0


def test_stairs_are_climbed(robot_file):
    truth = walker(num_strides=3, stride_m=0.7, rise_m=0.15)
    made = followed(robot_file, truth.time_s, on_ground(truth.time_s, body_of(truth.joints_m)))
    height = column(made, "root_pose", "z")
    scale = made["quality.retarget.humanoid.person0"].facts["scale"]
    climbed = np.nanmax(truth.support_m) * scale
    assert height[-10:].mean() - height[:10].mean() == pytest.approx(climbed, rel=0.1)
    assert column(made, "solver", "lowest_sole_mm").min() > -10.0


@pytest.mark.parametrize("missing", [("toe",), ("heel",), ("toe", "heel"), ("wrist", "elbow")])
def test_joints_that_a_source_lacks_are_no_obstacle(missing, robot, truth):
    motion = follow(robot, without(truth.joints_m, *missing), truth.time_s, truth.contact)
    assert np.isfinite(motion.joints).all()
    assert np.degrees(np.nanmean(motion.limb_error_rad)) < 10.0
    assert motion.sole_m.min() > -0.01


def test_foot_that_was_never_seen_stands_as_at_rest(robot, truth):
    joints = truth.joints_m.copy()
    for name in ("knee", "ankle", "heel", "toe"):
        joint(joints, f"right_{name}")[:] = np.nan
    standing = np.ones_like(truth.contact)
    motion = follow(robot, joints[:20], truth.time_s[:20], standing[:20])
    assert np.isfinite(motion.joints).all()
    assert motion.sole_m.max() < 0.01
    assert np.isnan(motion.limb_error_rad).any(axis=1).all()


@pytest.mark.parametrize("frames", [(), (40,)])
def test_no_contact_or_one_frame_of_it_is_solved(frames, robot, truth):
    contact = np.zeros_like(truth.contact)
    contact[list(frames), 0] = True
    motion = follow(robot, truth.joints_m, truth.time_s, contact)
    assert np.isfinite(motion.joints).all()
    assert np.degrees(np.nanmean(motion.limb_error_rad)) < 10.0
    assert motion.sole_m.min() > -0.01


@pytest.mark.parametrize("max_iterations", [24, 25, 40])
def test_feet_do_not_enter_and_leave_the_ground_for_ever(max_iterations, robot, truth):
    nowhere = np.zeros_like(truth.contact)
    motion = follow(robot, truth.joints_m, truth.time_s, nowhere, max_iterations=max_iterations)
    # Swinging feet are wanted 1 mm over the ground; the solver sees them only below.
    assert motion.sole_m.min() > 0.0


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_few_frames_are_solved(frames, robot, truth):
    motion = follow(robot, truth.joints_m[:frames], truth.time_s[:frames], truth.contact[:frames])
    assert motion.joints.shape == (frames, len(robot.joint_names))
    assert np.isfinite(motion.joints).all()


def test_feet_stand_elsewhere_after_minutes_out_of_sight(robot, truth):
    time_s, joints = truth.time_s.copy(), truth.joints_m.copy()
    half = 15
    time_s[half:30] += 300.0
    joints[half:30] += [3.0, 1.0, 0.0]
    motion = follow(robot, joints[:30], time_s[:30], np.ones((30, 2), bool))
    moved = motion.corners_m[half:].mean(axis=(0, 1, 2)) - motion.corners_m[:half].mean(
        axis=(0, 1, 2)
    )
    np.testing.assert_allclose(moved[:2], np.array([3.0, 1.0]) * motion.scale, atol=0.05)
    assert motion.foot_slip_m_s.max() < 0.05


def test_irregular_clock_is_followed(robot, truth):
    keep = np.random.default_rng(0).random(len(truth.time_s)) < 0.7
    motion = follow(robot, truth.joints_m[keep], truth.time_s[keep], truth.contact[keep])
    assert np.degrees(np.nanmean(motion.limb_error_rad)) < 10.0
    speed = np.abs(np.diff(motion.joints, axis=0)) / np.diff(truth.time_s[keep])[:, None]
    assert (speed <= robot.max_velocity).all()


def test_persons_place_and_heading_do_not_matter(robot, truth):
    plain = follow(robot, truth.joints_m, truth.time_s, truth.contact)
    R = se3.exp_so3(np.array([0.0, 0.0, 2.5]))
    moved = follow(robot, truth.joints_m @ R.T + [4.0, -7.0, 0.0], truth.time_s, truth.contact)
    # The solver stops after so many steps, some milliradians before the minimum.
    np.testing.assert_allclose(moved.joints, plain.joints, atol=1e-2)


def test_scale_is_that_of_the_legs_unless_it_is_given(robot, truth):
    found = follow(robot, truth.joints_m[:5], truth.time_s[:5], truth.contact[:5]).scale
    bent = HumanMotion(truth.joints_m, truth.time_s).length_m((("hip", "knee"), ("knee", "ankle")))
    assert found == pytest.approx(0.6 / bent, rel=0.02)
    given = follow(robot, truth.joints_m[:5], truth.time_s[:5], truth.contact[:5], scale=0.9)
    assert given.scale == 0.9


@pytest.mark.parametrize("lost", ["joints_m", "T_world_source", "contact"])
def test_body_that_stands_nowhere_names_the_stages_it_needs(lost, robot_file, truth):
    tracks = on_ground(truth.time_s, body_of(truth.joints_m))
    body = tracks["body.person0"]
    assert isinstance(body, BodyTrack)
    tracks["body.person0"] = dataclasses.replace(body, **{lost: None})
    with pytest.raises(TrackError, match=r"put `lift_body` .* and `ground` before it"):
        followed(robot_file, truth.time_s, tracks)


def test_stage_is_pure(made, robot_file, truth):
    stage = RetargetHumanoid(RetargetHumanoidConfig(robot=str(robot_file)))
    before = {n: t for n, t in made.items() if n.startswith(("body", "features.support"))}
    again = stage.run(clip_of(truth.time_s), before)
    np.testing.assert_array_equal(actions_of(again).values, actions_of(made).values)
    assert set(again) == {n for n in made if "ground" not in n} - set(before)
    assert [s for s in SIDES if f"left_{s}" in again] == []
