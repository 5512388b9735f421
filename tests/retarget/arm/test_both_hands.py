"""Two arms that follow two hands: one action, limits of both, nothing inside anything else."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks._arm_clips import APPROACHES, axes, working_hand
from rotoscope.pipeline.errors import AssetError, RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import REASONS, SIDES, ActionTrack, GripperTrack, Track
from rotoscope.retarget.arm.stage import RetargetArm, RetargetArmConfig
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import overlap_of
from rotoscope.retarget.robots.two_arms import TwoArmRobot, load_two_arms

NUM = 60
DOWN = axes(*APPROACHES["down"])


@pytest.fixture(scope="module")
def pair() -> TwoArmRobot:
    try:
        return load_two_arms("panda_pair")
    except AssetError as error:
        pytest.skip(str(error))


def hands(*, apart_m: float = 0.5, num: int = NUM) -> dict[str, GripperTrack]:
    """Both hands at work, the left one at the left of a person who looks away from the camera."""
    out = {}
    for seed, side in enumerate(SIDES):
        made = working_hand("down", 30 + seed, DOWN, num_frames=num).gripper
        T = made.T_camera_ee.copy()
        T[:, 0, 3] = 0.6 * T[:, 0, 3] + (0.5 if side == "right" else -0.5) * apart_m
        out[f"gripper.{side}"] = made.replace(side=side, T_camera_ee=T)
    return out


def run(tracks: dict[str, GripperTrack], **config) -> dict[str, Track]:
    num = len(next(iter(tracks.values())).valid)
    stage = RetargetArm(RetargetArmConfig(robot="panda_pair", side="both", **config))
    return stage.run(a_clip(np.arange(num) / 30), tracks)


def label(tracks: dict[str, GripperTrack], **config) -> ActionTrack:
    track = run(tracks, **config)["actions.retarget.arm.both"]
    assert isinstance(track, ActionTrack)
    return track


def unseen(gripper: GripperTrack, frames: slice) -> GripperTrack:
    T, opening, valid = gripper.T_camera_ee.copy(), gripper.opening.copy(), gripper.valid.copy()
    T[frames], opening[frames], valid[frames] = np.nan, np.nan, False
    return gripper.replace(T_camera_ee=T, opening=opening, valid=valid)


def test_both_hands_become_one_valid_action_inside_all_limits(pair):
    made = hands()
    track = label(made)
    assert track.subject == "both"
    assert len(track.contract.names) == 16
    assert track.contract.names[0] == "left_joint1.pos"
    assert track.contract.names[7:9] == ["left_gripper.pos", "right_joint1.pos"]
    assert track.valid.mean() > 0.8
    assert not track.contract.violations(track.values).any()
    assert not track.contract.rate_violations(track.values).any()
    assert track.T_camera_base is not None
    assert track.ee_values is not None
    for k, side in enumerate(SIDES):
        ee = track.ee_values[:, 7 * k : 7 * k + 3]
        seen = ee @ track.T_camera_base[:3, :3].T + track.T_camera_base[:3, 3]
        away = np.linalg.norm(seen - made[f"gripper.{side}"].T_camera_ee[:, :3, 3], axis=1)
        assert (away[track.valid] < 0.02).all()


def test_arms_keep_apart_where_the_hands_come_together(pair):
    track = label(hands(apart_m=0.12))
    joints = np.stack([pair.split(row)[0] for row in track.values])
    fingers = [
        pair.finger_joints({s: v / 100 for s, v in pair.split(row)[1].items()})
        for row in track.values
    ]
    found = overlap_of(CollisionModel(pair), joints[::3], others=fingers[::3])
    assert found.between_m[track.valid[::3]].max(initial=0.0) <= 0.01


def test_a_hand_that_is_not_seen_holds_still_and_is_not_valid_for_its_own_numbers_alone(pair):
    made = hands()
    made["gripper.left"] = unseen(made["gripper.left"], slice(30, NUM))
    track = label(made)
    assert np.isfinite(track.values).all()
    late = slice(45, NUM)
    assert not track.valid[30:].any()
    assert (track.reason[late] == REASONS.index("not_seen")).all()
    groups = dict(zip(track.groups, track.group_valid.T, strict=True))
    assert not groups["left.position"][30:].any()
    assert groups["right.position"][late].mean() > 0.9
    assert track.of_use()[late].mean() > 0.9
    assert np.ptp(track.values[late, :7], axis=0).max() < 1e-3
    assert np.ptp(track.values[late, 8:15], axis=0).max() > 0.1


def test_a_hand_that_was_never_seen_leaves_its_arm_at_home(pair):
    made = hands(num=45)
    track = label({"gripper.right": made["gripper.right"]})
    np.testing.assert_allclose(track.values[:, :7], [pair.arms["left"].home] * 45, atol=0.02)
    assert not track.valid.any()
    assert track.of_use().mean() > 0.9


def test_an_arm_that_follows_the_approach_is_of_no_use_by_its_position_alone(pair):
    made = hands()
    made["gripper.left"] = unseen(made["gripper.left"], slice(0, NUM))
    track = label(made)
    turns = track.groups.index("right.rotation")
    held = track.group_valid.copy()
    held[:, turns] = False
    contract = track.contract.model_copy(update={"follows": "approach"})
    assert not track.replace(contract=contract, group_valid=held).of_use().any()


def test_no_hand_at_all_is_unknown(pair):
    made = {name: unseen(g, slice(0, NUM)) for name, g in hands().items()}
    track = label(made)
    assert np.isnan(track.values).all()
    assert not track.of_use().any()


def test_links_stay_above_a_table_that_is_given(pair):
    made = hands(num=40)
    found = label(made)
    base = found.T_camera_base
    lowest = min((se3.inverse(base) @ g.T_camera_ee)[:, 2, 3].min() for g in made.values())
    track = label(made, T_camera_base=base.tolist(), table_m=float(lowest) + 0.04)
    assert not track.valid.all()
    assert track.ee_values[track.valid][:, [2, 9]].min() > lowest + 0.03
    assert track.ee_values[:, [2, 9]].min() > lowest + 0.02


def test_one_arm_alone_cannot_follow_both_hands(pair):
    with pytest.raises(
        RobotError, match="describes an arm, but following two hands needs two arms"
    ):
        RetargetArm(RetargetArmConfig(robot="panda", side="both")).setup()
    with pytest.raises(
        RobotError, match="describes two arms, but following a gripper needs an arm"
    ):
        RetargetArm(RetargetArmConfig(robot="panda_pair")).setup()


def test_a_table_far_from_the_base_is_refused():
    with pytest.raises(ValidationError, match="less than or equal to 2"):
        RetargetArmConfig(table_m=20.0)


def test_names_bear_the_side_once(tiny: Path):
    (tiny.parent / "pair.yaml").write_text(
        "name: tinies\nkind: two_arms\nleft: {arm: tiny.yaml, base_m: [0, 0.3, 0]}\n"
        "right: {arm: tiny.yaml, base_m: [0, -0.3, 0], base_yaw_rad: 1.5}\n"
    )
    robot = load_two_arms(str(tiny.parent / "pair.yaml"))
    assert robot.contract(rate_hz=30.0).names[:4] == [
        "left_shoulder.pos",
        "left_elbow.pos",
        "left_slide.pos",
        "left_gripper.pos",
    ]
    both = robot.tree([*robot.frames().values()]).forward_kinematics(robot.rest[None])
    for k, (side, arm) in enumerate(robot.arms.items()):
        alone = robot.base_pose(side) @ arm.pose(arm.home[None]).matrix[0]
        np.testing.assert_allclose(both.p_m[0, k], alone[:3, 3], atol=1e-12)
        np.testing.assert_allclose(both.R[0, k], alone[:3, :3], atol=1e-12)
