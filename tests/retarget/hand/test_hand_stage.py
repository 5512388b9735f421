"""`retarget.hand`: hands of either side on small robot hands, alone and on an arm."""

from pathlib import Path

import numpy as np
import pytest
from drawn_robots import hand_yaml, write_hand
from human_hands import hand_joints, seen
from walkers import clip_of

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import Tracks, select
from rotoscope.pipeline.tracks import REASONS, ActionTrack, HandTrack
from rotoscope.retarget.hand.follow_hand import follow_hand
from rotoscope.retarget.hand.stage import RetargetHand, RetargetHandConfig
from rotoscope.retarget.hand.targets import (
    PinchSettings,
    hand_length_m,
    hand_scale,
    hand_vectors,
    in_robot_hand_frame,
    opening,
    tips_apart,
    vector_names,
)
from rotoscope.retarget.robots.robot import HandRobot, load_hand

TIME_S = np.arange(60) / 30.0
CURL = 0.4 + 0.35 * np.sin(2.0 * TIME_S)
JOINTS_M = hand_joints(CURL)


@pytest.fixture(scope="module")
def hand_file(tmp_path_factory) -> Path:
    return write_hand(tmp_path_factory.mktemp("hand"))


@pytest.fixture(scope="module")
def robot(hand_file) -> HandRobot:
    return load_hand(str(hand_file))


def followed(hand_file: Path, *hands: HandTrack, **config: object) -> Tracks:
    """What the stage makes of these hands in a recipe."""
    stage = RetargetHand(RetargetHandConfig(robot=str(hand_file), **config))
    tracks: Tracks = {f"hands.{hand.side}": hand for hand in hands}
    return stage.run(
        clip_of(TIME_S[: len(hands[0].valid)]), select(tracks, stage.requires + stage.uses)
    )


def actions_of(tracks: Tracks, side: str = "right") -> ActionTrack:
    track = tracks[f"actions.retarget.hand.{side}"]
    assert isinstance(track, ActionTrack)
    return track


def reason(name: str) -> int:
    return REASONS.index(name)


def test_fingers_close_as_the_persons_do(hand_file, robot):
    tracks = followed(hand_file, seen(JOINTS_M))
    actions = actions_of(tracks)
    assert actions.valid.all()
    for finger in "abcd":
        bend = actions.values[:, robot.joint_names.index(f"{finger}_bend")]
        assert np.corrcoef(bend, CURL)[0, 1] > 0.95
    assert tracks["quality.retarget.hand.right"].facts["tip_error_mm_mean"] < 25.0


def test_frozen_hand_has_larger_errors(robot):
    made = follow_hand(robot, JOINTS_M, "right", TIME_S)
    human = in_robot_hand_frame(robot, JOINTS_M, "right")
    vectors = hand_vectors(robot, human, made.scale)
    frames = robot.frames()
    tips = robot.tree([frames["palm"], *(frames[f"tips.{f}"] for f in robot.config.tips)])

    def error_m(joints: np.ndarray) -> float:
        p = tips.forward_kinematics(joints).p_m
        wanted = vectors.target_m[:, : len(robot.config.tips)]
        return float(np.linalg.norm(p[:, 1:] - p[:, :1] - wanted, axis=2).mean())

    ours = error_m(made.solution.joints)
    assert ours == pytest.approx(made.solution.error_m[:, : len(robot.config.tips)].mean())
    assert error_m(np.tile(made.solution.joints.mean(axis=0), (60, 1))) > 1.5 * ours


def test_limits_hold_for_wild_hands_in_what_a_dataset_stores(hand_file, robot):
    rng = np.random.default_rng(0)
    wild = JOINTS_M + rng.normal(0, 0.03, JOINTS_M.shape)
    values = actions_of(followed(hand_file, seen(wild))).values.astype(np.float32).astype(float)
    assert ((values >= robot.lower) & (values <= robot.upper)).all()
    assert (np.abs(np.diff(values, axis=0)) * 30.0 <= robot.max_velocity).all()


def test_tips_may_be_off_by_a_share_of_the_hand(hand_file, robot):
    assert hand_length_m(robot) == pytest.approx(0.09 + 0.01 + 0.045 + 0.05, rel=0.05)
    tracks = followed(hand_file, seen(JOINTS_M), tolerance_tip_share=0.125)
    solver = tracks["features.solver.right"]
    worst = solver.values[:, solver.names.index("worst_tip_percent")]
    tips = [k for k, name in enumerate(solver.names) if name.startswith("tip_")]
    np.testing.assert_allclose(
        worst, 0.1 * solver.values[:, tips].max(axis=1) / hand_length_m(robot), rtol=1e-6
    )
    valid = actions_of(tracks).valid
    assert 0.1 < valid.mean() < 0.9
    np.testing.assert_array_equal(valid, worst <= 12.5)


def test_left_hand_is_mirrored_onto_a_right_robot(hand_file):
    right = actions_of(followed(hand_file, seen(JOINTS_M)))
    left = actions_of(followed(hand_file, seen(JOINTS_M, "left")), "left")
    np.testing.assert_allclose(left.values, right.values, atol=1e-6)


def test_scale_is_the_ratio_of_the_fingers_unless_it_is_given(robot, hand_file):
    plain = in_robot_hand_frame(robot, JOINTS_M, "right")
    assert hand_scale(robot, 2.0 * plain) == pytest.approx(0.5 * hand_scale(robot, plain))
    tracks = followed(hand_file, seen(JOINTS_M), scale=1.25)
    assert tracks["quality.retarget.hand.right"].facts["hand_scale"] == 1.25


def test_fingertips_that_meet_meet_on_the_robot_too(robot):
    human = in_robot_hand_frame(robot, JOINTS_M[:10], "right")
    human[:, 4] = human[:, 8] + [0.0, 0.01, 0.0]
    frames = robot.frames()
    tips = robot.tree([frames["tips.thumb"], frames["tips.index"]])
    gap = []
    for weight in (0.0, 10.0):
        motion = follow_hand(robot, human, "right", TIME_S[:10], pinch=PinchSettings(weight=weight))
        p = tips.forward_kinematics(motion.solution.joints).p_m
        gap.append(np.linalg.norm(p[:, 1] - p[:, 0], axis=1).mean())
    assert gap[1] < 0.7 * gap[0]


def test_pinch_that_the_landmark_model_alone_sees_closes_the_robot(hand_file, robot):
    apart = seen(JOINTS_M[:10])
    own = apart.hand_m.copy()
    own[:, 4] = own[:, 8] + [0.0, 0.01, 0.0]
    frames = robot.frames()
    tips = robot.tree([frames["tips.thumb"], frames["tips.index"]])
    gap = []
    for hand in (apart, apart.replace(hand_m=own)):
        p = tips.forward_kinematics(actions_of(followed(hand_file, hand)).values).p_m
        gap.append(np.linalg.norm(p[:, 1] - p[:, 0], axis=1).mean())
    assert gap[1] < 0.7 * gap[0]


def test_the_smaller_distance_counts_at_the_size_of_the_joints(robot):
    joints = in_robot_hand_frame(robot, JOINTS_M[:3], "right")
    own = 2.0 * joints
    np.testing.assert_allclose(tips_apart(robot, joints, own), tips_apart(robot, joints))
    own[0, 4] = own[0, 8] + [0.0, 0.02, 0.0]
    own[1] = np.nan
    found, lifted = tips_apart(robot, joints, own), tips_apart(robot, joints)
    assert found[0, 0] == pytest.approx(0.01)
    np.testing.assert_allclose(found[1:], lifted[1:])
    unknown = np.full_like(joints, np.nan)
    np.testing.assert_allclose(tips_apart(robot, joints, unknown), lifted)


def test_opening_is_asked_for_unless_a_finger_pinches_or_the_hand_is_unknown(robot):
    joints = in_robot_hand_frame(robot, JOINTS_M[:3], "right")
    joints[1, 4] = joints[1, 12] + [0.0, 0.01, 0.0]
    joints[2] = np.nan
    asked = opening(robot, joints, 1.5, PinchSettings(opening_weight=0.7))
    assert asked is not None
    np.testing.assert_allclose(asked.weight[:, 0], [0.7, 0.0, 0.0])
    thumb_index_m = np.linalg.norm(joints[0, 4] - joints[0, 8])
    assert asked.target_m[0, 0] == pytest.approx(1.5 * thumb_index_m)


def test_pinch_wishes_fade_in_smoothly():
    settings = PinchSettings(touch_m=0.02, apart_m=0.06)
    assert settings.touch_m < settings.apart_m
    with pytest.raises(ValueError, match=r"touch_m=0.1 must be below apart_m=0.06"):
        PinchSettings(touch_m=0.1, apart_m=0.06)


def test_hand_of_two_fingers_follows(tmp_path):
    path = write_hand(tmp_path)
    text = hand_yaml()
    for letter, finger in zip("bcd", ("middle", "ring", "little"), strict=True):
        text = text.replace(f"  {finger}: {{link: {letter}_tip}}\n", "")
    path.write_text(text)
    robot = load_hand(str(path))
    assert vector_names(robot) == ("tip_thumb", "tip_index", "pinch_index")
    tracks = followed(path, seen(JOINTS_M))
    assert actions_of(tracks).valid.mean() > 0.9
    assert np.isfinite(actions_of(tracks).values).all()


def test_finger_that_slides_is_followed_in_meters(tmp_path):
    names = (("thumb", "1"), ("index", "-1"))
    links = "".join(f'<link name="{n}"/>' for n in ("palm", "thumb", "index"))
    joints = "".join(
        f'<joint name="{n}_slide" type="prismatic"><parent link="palm"/><child link="{n}"/>'
        f'<origin xyz="{0.02 * float(y)} 0 0.15"/><axis xyz="{y} 0 0"/>'
        '<limit lower="0" upper="0.05" velocity="0.5" effort="1"/></joint>'
        for n, y in names
    )
    (tmp_path / "slide.urdf").write_text(f'<robot name="slide">{links}{joints}</robot>')
    (tmp_path / "slide.yaml").write_text(
        "name: slide\nkind: hand\nfolder: .\nfile: slide.urdf\nside: right\npalm: {link: palm}\n"
        "forward: [0, 0, 1]\npalm_normal: [0, -1, 0]\n"
        "tips: {thumb: {link: thumb}, index: {link: index}}\n"
    )
    actions = actions_of(followed(tmp_path / "slide.yaml", seen(JOINTS_M), tolerance_tip_share=3.0))
    assert [d.unit for d in actions.contract.dimensions] == ["m", "m"]
    assert ((actions.values > 0) & (actions.values < 0.05)).all()


def test_hand_out_of_sight_leaves_nothing_behind(hand_file):
    away = np.zeros(60, bool)
    away[20:40] = True
    hand = seen(np.where(away[:, None, None], np.nan, JOINTS_M), valid=~away)
    tracks = followed(hand_file, hand)
    actions = actions_of(tracks)
    np.testing.assert_array_equal(np.isnan(actions.values).all(axis=1), away)
    np.testing.assert_array_equal(actions.reason == reason("not_seen"), away)
    assert (actions.confidence[away] == 0).all()
    assert actions.valid[~away].all()
    solver = tracks["features.solver.right"].values
    np.testing.assert_array_equal(np.isnan(solver).all(axis=1), away)


@pytest.mark.parametrize("says_valid", [True, False])
def test_short_gap_is_bridged_and_never_valid(says_valid, hand_file):
    gap = np.isin(np.arange(60), range(20, 24))
    hand = seen(np.where(gap[:, None, None], np.nan, JOINTS_M), valid=~gap | says_valid)
    actions = actions_of(followed(hand_file, hand))
    assert np.isfinite(actions.values).all()
    np.testing.assert_array_equal(actions.reason == reason("gap_filled"), gap)
    assert actions.confidence[gap].max() < actions.confidence[~gap].min()


@pytest.mark.parametrize("count", [0, 1])
def test_hand_seen_in_no_two_frames_is_not_seen(count, hand_file):
    there = np.arange(60) < count
    hand = seen(np.where(there[:, None, None], JOINTS_M, np.nan), valid=there)
    tracks = followed(hand_file, hand, side="right")
    assert set(tracks) == {"actions.retarget.hand.right"}
    assert np.isnan(actions_of(tracks).values).all()
    assert (actions_of(tracks).reason == reason("not_seen")).all()


def test_two_hands_are_followed_apart_where_each_is_wanted(hand_file):
    right, left = seen(JOINTS_M), seen(hand_joints(np.flip(CURL)), "left")
    both = followed(hand_file, right, left, side="each")
    for hand in (right, left):
        alone = actions_of(followed(hand_file, hand), hand.side)
        np.testing.assert_array_equal(actions_of(both, hand.side).values, alone.values)
    assert len([n for n in followed(hand_file, right, left) if n.startswith("actions")]) == 1


def test_far_hand_is_unreachable_and_said_so(hand_file):
    actions = actions_of(followed(hand_file, seen(JOINTS_M), scale=3.0))
    assert not actions.valid.any()
    assert set(actions.reason.tolist()) <= {reason("unreachable"), reason("velocity_limit")}


def test_hand_that_was_not_lifted_names_the_stage_it_needs(hand_file):
    hand = seen(JOINTS_M).replace(joints_m=None)
    with pytest.raises(TrackError, match=r"put the stage 'lift' before 'retarget\.hand'"):
        followed(hand_file, hand)


def test_confidence_holds_what_perception_may_be_wrong_by(hand_file):
    sure = actions_of(followed(hand_file, seen(JOINTS_M)))
    assert sure.groups == ("fingers",)
    np.testing.assert_array_equal(sure.group_valid[:, 0], sure.valid)
    px = JOINTS_M[:, :, :2] * 1000.0
    blurred = seen(JOINTS_M, landmarks_px=px, reprojection_px=np.full(60, 8.0))
    doubtful = actions_of(followed(hand_file, blurred))
    np.testing.assert_array_equal(doubtful.values, sure.values)
    assert (doubtful.confidence < 0.7 * sure.confidence).all()


def test_an_arm_adds_what_is_unsure_of_the_palm(hand_file, tiny):
    alone = actions_of(followed(hand_file, seen(JOINTS_M)))
    for sigma_m, least, most in ((0.005, 0.95, 1.0), (0.2, 0.0, 0.1)):
        hand = seen(JOINTS_M, sigma_position_m=np.full((60, 3), sigma_m))
        actions = actions_of(followed(hand_file, hand, arm=str(tiny)))
        assert actions.groups == ("position", "rotation", "fingers")
        near = actions.target_error_m < 0.001
        position, rotation, fingers = actions.group_confidence[near].T
        assert ((position >= least) & (position <= most)).all()
        np.testing.assert_allclose(fingers, alone.confidence[near])
        np.testing.assert_allclose(actions.confidence[near], position * rotation * fingers)
        np.testing.assert_array_equal(actions.valid, actions.group_valid.all(axis=1))


def test_arm_carries_the_hand(hand_file, tiny):
    tracks = followed(hand_file, seen(JOINTS_M), arm=str(tiny))
    actions = actions_of(tracks)
    names = [d.name for d in actions.contract.dimensions]
    assert names[:3] == ["tiny_shoulder.pos", "tiny_elbow.pos", "tiny_slide.pos"]
    assert actions.values.shape == (60, len(names))
    assert np.isfinite(actions.values).all()
    assert actions.T_camera_base is not None
    assert np.isfinite(actions.target_error_m).all()
    lower = np.array([d.lower for d in actions.contract.dimensions])
    upper = np.array([d.upper for d in actions.contract.dimensions])
    assert ((actions.values >= lower) & (actions.values <= upper)).all()
    # The fingers do what they do without an arm.
    alone = actions_of(followed(hand_file, seen(JOINTS_M)))
    np.testing.assert_array_equal(actions.values[:, 3:], alone.values)


def test_time_with_a_gap_of_minutes_and_an_irregular_clock_is_followed(robot):
    rng = np.random.default_rng(1)
    time_s = np.cumsum(rng.uniform(0.005, 0.08, 60))
    time_s[30:] += 600.0
    motion = follow_hand(robot, JOINTS_M, "right", time_s)
    speed = np.abs(np.diff(motion.solution.joints, axis=0)) / np.diff(time_s)[:, None]
    assert (speed <= robot.max_velocity).all()
    tips = motion.solution.error_m[:, : len(robot.config.tips)]
    assert np.nanmean(tips) < 0.03
