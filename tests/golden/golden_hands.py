"""Goldens of the stages that work on hands."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from drawn_robots import write_hand
from golden_case import Case, clip_of, parts, run_clip_stage, video_of
from human_hands import hand_joints, seen

from benchmarks._arm_clips import APPROACHES, axes, working_hand
from benchmarks._synthetic_hands import perform
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.tracks import ActionTrack, Camera, HandTrack
from rotoscope.pipeline.types import Clip

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
CAMERA = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.03)
ARM_URDF = """<robot name="small">
  <link name="base"/><link name="a"/><link name="b"/><link name="c"/><link name="d"/>
  <link name="e"/><link name="hand"/>{joints}
</robot>"""
ARM_YAML = """name: small
folder: .
file: small.urdf
base_link: base
arm: {joints: [pan, lift, elbow, turn, bend, roll], home: [0, 0.6, 1.2, 0, 0.9, 0]}
end_effector: {link: hand, origin_m: [0, 0, 0.08], approach: [0, 0, 1], closing: [0, 1, 0]}
gripper: {max_opening_m: 0.08, max_speed_m_s: 0.2}
"""


def seen_hand(side: str = "right", *, noise_m: float = 0.003, seed: int = 3) -> HandTrack:
    """A lifted hand that opens and closes, with noise, a gap and one wild frame."""
    time_s = np.arange(60) / 30
    joints = hand_joints(0.5 + 0.4 * np.sin(3 * time_s))
    hand = seen(joints, side)
    rng = np.random.default_rng(seed)
    joints_m = hand.joints_m + rng.normal(0, noise_m, joints.shape)
    joints_m[20, :, 2] += 0.3
    pose = hand.T_camera_wrist @ se3.make(
        se3.exp_so3(rng.normal(0, 0.03, (60, 3))), np.zeros((60, 3))
    )
    pose[:, :3, 3] = joints_m[:, 0]
    valid = np.ones(60, bool)
    valid[40:44] = False
    blank = ~valid
    joints_m[blank], pose[blank] = np.nan, np.nan
    return hand.replace(joints_m=joints_m, T_camera_wrist=pose, valid=valid)


def lift(folder: Path) -> dict[str, Any]:
    made = {}
    for side in ("right", "left"):
        joints = seen(hand_joints(np.linspace(0.1, 0.9, 30)), side).joints_m
        rng = np.random.default_rng(1)
        hand = HandTrack(
            side=side,
            landmarks_px=pinhole.project(joints, K) + rng.normal(0, 1.5, (30, 21, 2)),
            hand_m=0.9 * (joints - joints.mean(axis=1, keepdims=True)),
            score=np.ones(30),
            handedness=np.full(30, float(side == "right")),
            valid=np.arange(30) != 12,
        )
        made[f"hands.{side}"] = hand
    return run_clip_stage(
        "lift", clip_of(30), made | {"camera": CAMERA}, max_bridge_s=0.0, check_hidden=False
    )


def gripper(folder: Path) -> dict[str, Any]:
    made = {}
    for seed in range(8):
        shown = perform(seed, noise_m=0.001 + 0.001 * (seed % 4))
        num = len(shown.time_s)
        hand = HandTrack(
            side="right",
            landmarks_px=np.zeros((num, 21, 2)),
            hand_m=shown.joints_m,
            score=np.ones(num),
            handedness=np.ones(num),
            valid=shown.known,
            joints_m=shown.joints_m,
            sigma_position_m=np.full((num, 3), 0.01),
            sigma_rotation_rad=np.full(num, 0.1),
        )
        during = ("hold", "close", "measured")[seed % 3]
        made[f"{seed}"] = run_clip_stage(
            "retarget.gripper", clip_of(num), {"hands.right": hand}, during_grasp=during
        )
    return parts(**made)


def arm(folder: Path) -> dict[str, Any]:
    """A hand that is unseen for a while; one that goes too far, too fast, and opens at once."""
    (folder / "small.urdf").write_text(ARM_URDF.format(joints=_arm_joints()))
    (folder / "small.yaml").write_text(ARM_YAML)
    made = {}
    for name, seed in {"unseen": 4, "wild": 5}.items():
        hand = working_hand("down", seed, axes(*APPROACHES["down"]), num_frames=60)
        T, valid = hand.gripper.T_camera_ee.copy(), hand.gripper.valid.copy()
        opening = hand.gripper.opening.copy()
        T[20:23], valid[20:23] = np.nan, False
        if name == "unseen":
            T[40:50], valid[40:50] = np.nan, False
        else:
            T[30:, 0, 3] += 0.25
            T[45:50, 2, 3] += 1.5
            opening[10:13] = 1 - np.round(opening[10:13])
        shown = hand.gripper.replace(T_camera_ee=T, valid=valid, opening=opening)
        made[name] = run_clip_stage(
            "retarget.arm", clip_of(60), {"gripper.right": shown}, robot=str(folder / "small.yaml")
        )
    return parts(**made)


def both_arms(folder: Path) -> dict[str, Any]:
    """Two arms for two hands of which one is unseen for a while; then for one hand alone."""
    (folder / "small.urdf").write_text(ARM_URDF.format(joints=_arm_joints()))
    (folder / "small.yaml").write_text(ARM_YAML)
    (folder / "pair.yaml").write_text(
        "name: smalls\nkind: two_arms\nleft: {arm: small.yaml, base_m: [0, 0.3, 0]}\n"
        "right: {arm: small.yaml, base_m: [0, -0.3, 0]}\n"
    )
    hands = {}
    for seed, (side, x_m) in enumerate({"left": -0.25, "right": 0.25}.items()):
        hand = working_hand("down", 6 + seed, axes(*APPROACHES["down"]), num_frames=60).gripper
        T, valid = hand.T_camera_ee.copy(), hand.valid.copy()
        T[:, 0, 3] += x_m
        if side == "left":
            T[35:50], valid[35:50] = np.nan, False
        hands[f"gripper.{side}"] = hand.replace(side=side, T_camera_ee=T, valid=valid)
    config = {"robot": str(folder / "pair.yaml"), "side": "both"}
    one = {"gripper.right": hands["gripper.right"]}
    return parts(
        both=run_clip_stage("retarget.arm", clip_of(60), hands, **config),
        one=run_clip_stage("retarget.arm", clip_of(60), one, **config),
    )


def _arm_joints() -> str:
    rows = [
        ("pan", "base", "a", "0 0 0.2", "0 0 1"),
        ("lift", "a", "b", "0 0 0.1", "0 1 0"),
        ("elbow", "b", "c", "0 0 0.4", "0 1 0"),
        ("turn", "c", "d", "0 0 0.2", "0 0 1"),
        ("bend", "d", "e", "0 0 0.2", "0 1 0"),
        ("roll", "e", "hand", "0 0 0.1", "0 0 1"),
    ]
    return "".join(
        f'<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>'
        f'<origin xyz="{at}"/><axis xyz="{axis}"/>'
        '<limit lower="-2.8" upper="2.8" velocity="2.5" effort="1"/></joint>'
        for name, parent, child, at, axis in rows
    )


def hand(folder: Path) -> dict[str, Any]:
    robot = str(write_hand(folder))
    tracks = {"hands.right": seen_hand(noise_m=0.001)}
    return run_clip_stage("retarget.hand", clip_of(60), tracks, robot=robot)


def curate(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    known = np.ones(300, bool)
    known[60:75], known[200:205] = False, False
    valid = known & (np.arange(300) % 97 > 12)
    valid[120:128] = False
    contract = ActionContract(
        robot="lamp",
        dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
        rate_hz=30,
        shift_s=0,
    )
    actions = ActionTrack(
        labeler="lamp",
        subject="right",
        contract=contract,
        values=np.where(known, np.sin(np.arange(300) / 20), np.nan)[:, None],
        valid=valid,
        confidence=np.where(valid, rng.uniform(0.2, 1, 300), 0.0),
        reason=np.where(valid, 0, 2).astype(np.uint8),
    )
    tracks = {"actions.lamp.right": actions}
    return parts(
        plain=run_clip_stage("curate", clip_of(300), tracks),
        strict=run_clip_stage(
            "curate", clip_of(300), tracks, max_invalid_s=0.2, min_frame_confidence=0.3
        ),
    )


def hands_file(folder: Path) -> dict[str, Any]:
    """Own arrays in the world's frame with the camera's path, and a network's result."""
    joints_m = seen(hand_joints(np.linspace(0.2, 0.9, 12))).joints_m
    R = se3.exp_so3(np.linspace(0, 0.3, 12)[:, None] * [0.1, 1.0, 0.2])
    T = se3.make(R, np.linspace(0, 0.2, 12)[:, None] * [1.0, 0.3, -0.2])
    rows = np.delete(np.arange(12), 5)
    np.savez(
        folder / "world.hands.npz",
        joints_m=se3.apply(T, joints_m)[rows],
        side=["right"] * 11,
        frame=rows,
        confidence=np.linspace(0.5, 0.9, 11),
        sigma_position_m=np.tile([0.01, 0.02, 0.03], (11, 1)),
        K=K * np.array([[2.0], [2.0], [1.0]]),
        width=1280,
        height=960,
        T_world_camera=T,
    )
    nominal_px = 12_500.0
    found = [
        {
            "frame": k,
            "is_right": 1.0,
            "pred_keypoints_3d": joints - joints[0],
            "pred_cam_t_full": joints[0] * [1.0, 1.0, nominal_px / K[0, 0]],
            "scaled_focal_length": nominal_px,
        }
        for k, joints in enumerate(joints_m)
    ]
    (folder / "network.hands.pkl").write_bytes(pickle.dumps(found))
    made = {}
    for name in ("world", "network"):
        clip = Clip(replace(video_of(12), path=folder / f"{name}.mp4"), 0, np.arange(12) / 30)
        made[name] = run_clip_stage("hands.file", clip, {"camera": CAMERA})
    return parts(**made)


CASES = {
    "hands.file": Case(hands_file, 1e-9, "plain arithmetic"),
    "lift": Case(lift, 1e-7, "least squares that stop at a tolerance"),
    "retarget.gripper": Case(gripper, 1e-9, "plain arithmetic"),
    "retarget.arm": Case(arm, 1e-6, "an optimizer that stops at a tolerance"),
    "retarget.arm@both": Case(both_arms, 1e-6, "an optimizer that stops at a tolerance"),
    "retarget.hand": Case(hand, 1e-6, "an optimizer that stops at a tolerance"),
    "curate": Case(curate, 1e-9, "plain arithmetic"),
}
