"""Robot hands as the recipe `hand-dexterous` moves them, beside dex-retargeting's DexPilot.

Ours are the recipe's stages `smooth` and `retarget.hand` with their defaults; DexPilot runs with
its own configuration and filter. Both are judged on the same joints by the same kinematics: those
of the robots that ship. Their fingertips are balls (`spheres` of `configs/robots`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks._hand_motions import FPS, Motions
from benchmarks._peers import HAND_PEERS, run_peer
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.stages.smooth import SmoothConfig, smooth_hand
from rotoscope.pipeline.tracks import HandTrack, scatter
from rotoscope.retarget.common.gaps import fill_short_gaps
from rotoscope.retarget.hand.follow_hand import follow_hand
from rotoscope.retarget.hand.stage import RetargetHandConfig
from rotoscope.retarget.hand.targets import CHAINS
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.robots.config import Finger
from rotoscope.retarget.robots.robot import HandRobot, load_hand

ROBOTS = ("shadow", "allegro", "leap", "inspire", "ability", "svh")
CHOSEN_ON = ("shadow", "allegro", "leap")
"""Hands that constants were chosen on; the others report."""
TOUCH_M = 0.025
"""Human fingertips this near pinch [m]: nearer than where either tool begins to close."""
_ROUNDING = 1e-9
_AWAY_M = np.array([0.0, 0.0, 0.6])


def ours(
    robot: HandRobot, joints_m: Float[np.ndarray, "time 21 3"], *, is_smoothed: bool = True
) -> np.ndarray:
    """Joint values by the recipe's stages, (time, joint); NaN where the hand is not known."""
    time_s = np.arange(len(joints_m)) / FPS
    hand = track_of(joints_m)
    if is_smoothed:
        hand = smooth_hand(time_s, hand, SmoothConfig())
    assert hand.joints_m is not None
    known = np.isfinite(hand.joints_m).all(axis=(1, 2))
    frames = np.flatnonzero(fill_short_gaps(known, time_s, RetargetHandConfig().max_bridge_s))
    made = follow_hand(robot, hand.joints_m[frames], "right", time_s[frames])
    return scatter(made.solution.joints, frames, len(time_s))


def dexpilot(motions: Motions) -> dict[str, dict[str, np.ndarray]]:
    """Its filtered joint values by robot and motion, with our columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motions.npz"
        np.savez(path, **motions)
        rows = run_peer(HAND_PEERS, "run_dexpilot", ",".join(ROBOTS), path)
    out: dict[str, dict[str, np.ndarray]] = {}
    for name in ROBOTS:
        columns = load_hand(f"{name}_right").joint_names
        out[name] = {}
        for motion, row in rows[name].items():
            which = [row["joint_names"].index(joint) for joint in columns]
            out[name][motion] = np.array(row["filtered_rad"])[:, which]
    return out


def track_of(joints_m: Float[np.ndarray, "time 21 3"]) -> HandTrack:
    """A right hand that was seen in every frame, before a camera."""
    frames, joints = len(joints_m), joints_m + _AWAY_M
    return HandTrack(
        side="right",
        landmarks_px=np.zeros((frames, 21, 2)),
        hand_m=joints - joints.mean(axis=1, keepdims=True),
        score=np.ones(frames),
        handedness=np.ones(frames),
        valid=np.ones(frames, bool),
        T_camera_wrist=hand_frame.wrist_pose(joints, "right"),
        joints_m=joints,
        sigma_position_m=np.full((frames, 3), 0.01),
        sigma_rotation_rad=np.full(frames, 0.05),
    )


def motion_metrics(
    robot: HandRobot, joints: np.ndarray, joints_m: Float[np.ndarray, "time 21 3"]
) -> dict[str, float]:
    """How a hand moved.

    - `pinch_gap_mm`: mean distance between the balls of thumb and finger while the person's tips
      are nearer than `TOUCH_M`; `pinch_inside_mm` how far they are inside each other;
      `pinch_tips_mm` the distance of the points at their tips.
    - `outside_frames`, `fast_frames`: beyond the position and the velocity limits.
    - `acceleration_rad_s2`: mean absolute joint acceleration.
    """
    known = np.isfinite(joints).all(axis=1)
    joints, joints_m = joints[known], joints_m[known]
    gap, tips = _pinches(robot, joints, joints_m)
    outside = (joints < robot.lower - _ROUNDING) | (joints > robot.upper + _ROUNDING)
    speed = FPS * np.abs(np.diff(joints, axis=0))
    return {
        "pinch_gap_mm": 1e3 * float(np.maximum(gap, 0.0).mean()),
        "pinch_inside_mm": 1e3 * float(np.maximum(-gap, 0.0).mean()),
        "pinch_tips_mm": 1e3 * float(tips.mean()),
        "outside_frames": float(outside.any(axis=1).mean()),
        "fast_frames": float((speed > robot.max_velocity + _ROUNDING).any(axis=1).mean()),
        "acceleration_rad_s2": FPS**2 * float(np.abs(np.diff(joints, n=2, axis=0)).mean()),
    }


def _pinches(
    robot: HandRobot, joints: np.ndarray, joints_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distance between balls, and between tips, of all fingers while they pinch [m]."""
    gaps, apart = list[np.ndarray](), list[np.ndarray]()
    for finger in robot.config.tips:
        if finger == "thumb":
            continue
        human_m = _apart(joints_m, finger)
        pinches = human_m < TOUCH_M
        balls = [robot.config.spheres[f"{name}_tip"] for name in ("thumb", finger)]
        centers = [Frame.at(ball.link, ball.offset_m) for ball in balls]
        p = robot.tree(centers).forward_kinematics(joints[pinches]).p_m
        between = np.linalg.norm(p[:, 1] - p[:, 0], axis=1)
        gaps.append(between - sum(ball.radius_m for ball in balls))
        apart.append(tips_apart(robot, joints[pinches], finger))
    return np.concatenate(gaps), np.concatenate(apart)


def tips_apart(robot: HandRobot, joints: np.ndarray, finger: Finger = "index") -> np.ndarray:
    """Distance of the robot's thumb tip to a finger's [m]."""
    points = [robot.config.tips[name] for name in ("thumb", finger)]
    frames = [Frame.at(point.link, point.offset_m) for point in points]
    p = robot.tree(frames).forward_kinematics(joints).p_m
    return np.asarray(np.linalg.norm(p[:, 1] - p[:, 0], axis=1))


def _apart(joints_m: np.ndarray, finger: Finger) -> np.ndarray:
    between = joints_m[:, CHAINS[finger][-1]] - joints_m[:, CHAINS["thumb"][-1]]
    return np.asarray(np.linalg.norm(between, axis=1))


def correlation(
    robot: HandRobot, joints: np.ndarray, joints_m: Float[np.ndarray, "time 21 3"]
) -> float:
    """Of the robot's distance of thumb tip and index tip with the person's."""
    known = np.isfinite(joints).all(axis=1)
    ours_m, human_m = tips_apart(robot, joints[known]), _apart(joints_m[known], "index")
    return float(np.corrcoef(ours_m, human_m)[0, 1])
