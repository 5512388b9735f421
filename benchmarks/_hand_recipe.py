"""Robot hands as `hand-dexterous` moves them with its defaults, beside dex-retargeting's DexPilot.

Two inputs: the recorded joints of dex-retargeting's example, which DexPilot gets too, through the
stage `retarget.hand` alone; and the example's video through the whole recipe. DexPilot runs with
its own configurations and filter. All are judged on the same joints by the kinematics of the robots
that ship, whose fingertips are balls (`spheres` of `configs/robots`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import Float

import rotoscope
from benchmarks._hand_motions import FPS, Motions, recording, reported_grasps, reported_pinches
from benchmarks._peers import HAND_PEERS, PeerError, run_peer
from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.testing import a_clip, a_motion_file
from rotoscope.pipeline.tracks import ActionTrack, HandTrack
from rotoscope.retarget.hand.stage import RetargetHand, RetargetHandConfig
from rotoscope.retarget.hand.targets import tip_distance
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.robots.config import Finger
from rotoscope.retarget.robots.robot import HandRobot, load_hand

ROBOTS = ("shadow", "allegro", "leap", "inspire", "ability", "svh")
"""Constants of `retarget.hand` were chosen on the first three; the others report."""
RECORDING = "recording"
TOUCH_M = 0.025
"""Human fingertips this near pinch [m]: both tools begin to close before."""
_UNITS = {
    "pinch_gap_mm": "mm",
    "pinch_inside_mm": "mm",
    "pinch_tips_mm": "mm",
    "outside_frames": "1",
    "fast_frames": "1",
    "acceleration_rad_s2": "rad/s2",
    "correlation": "1",
}
_NO_MORE = {"pinch_gap_mm": Bar("<=", 1.0), "acceleration_rad_s2": Bar("<=", 2.0)}
"""Of ours over DexPilot's."""
_NONE, _FOLLOWS = Bar("==", 0.0), Bar(">=", 0.9)
_ROUNDING = 1e-9
_AWAY_M = np.array([0.0, 0.0, 0.6])

Joints = Float[np.ndarray, "time joint"]


def figures() -> list[Figure]:
    """Figures of six hands; about two minutes of CPU."""
    recorded, grasps, pinches = recording(), reported_grasps(), reported_pinches()
    try:
        peer = dexpilot({RECORDING: recorded, **grasps, **pinches})
    except PeerError as error:
        print(f"DexPilot is left out: {error}")
        peer = {}
    filmed = from_video()
    out = []
    for name in ROBOTS:
        robot, theirs = load_hand(f"{name}_right"), peer.get(name, {})
        begin, limit = f"retarget_hand.{name}", dict[str, float]()
        if theirs:
            limit = motion_metrics(robot, theirs[RECORDING], recorded)
            out += _figures(f"{begin}.dexpilot", limit, {})
        for source, joints in (("joints", from_joints(robot, recorded)), ("video", filmed[name])):
            found = motion_metrics(robot, joints, recorded)
            out += _beside(f"{begin}.recipe_{source}", found, limit)
        for pinch, joints_m in pinches.items():
            found = motion_metrics(robot, from_joints(robot, joints_m), joints_m)
            beside = motion_metrics(robot, theirs[pinch], joints_m) if theirs else {}
            out += _beside(f"{begin}.recipe.{pinch}", found, beside)
        for grasp, joints_m in grasps.items():
            follows = correlation(robot, from_joints(robot, joints_m), joints_m)
            out.append(Figure(f"{begin}.recipe.{grasp}.correlation", follows, "1", _FOLLOWS))
            if theirs:
                follows = correlation(robot, theirs[grasp], joints_m)
                out.append(Figure(f"{begin}.dexpilot.{grasp}.correlation", follows, "1"))
    return out


def _beside(begin: str, found: dict[str, float], limit: dict[str, float]) -> list[Figure]:
    """Figures of ours, and where DexPilot's are known how many times theirs they are."""
    out = _figures(begin, found, {"outside_frames": _NONE, "fast_frames": _NONE})
    return out + [
        Figure(f"{begin}.{k}_over_dexpilot", found[k] / max(limit[k], _ROUNDING), "x", bar)
        for k, bar in _NO_MORE.items()
        if limit
    ]


def _figures(begin: str, found: dict[str, float], bars: dict[str, Bar]) -> list[Figure]:
    return [Figure(f"{begin}.{k}", found[k], unit, bars.get(k)) for k, unit in _UNITS.items()]


def from_joints(robot: HandRobot, joints_m: Float[np.ndarray, "time 21 3"]) -> Joints:
    """What the stage `retarget.hand` makes of joints in their wrist frame."""
    stage = RetargetHand(RetargetHandConfig(robot=robot.name))
    stage.setup()
    time_s = np.arange(len(joints_m)) / FPS
    clip = a_clip(time_s, video=a_motion_file(len(time_s)))
    return _joints_of(stage.run(clip, {"hands.right": track_of(joints_m)}))


def from_video() -> dict[str, Joints]:
    """What the recipe makes of dex-retargeting's example video, by robot."""
    video = require_shared_data() / "dex_retargeting" / "human_hand_video.mp4"
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name in ROBOTS:
            made = rotoscope.label(
                video,
                recipe="hand-dexterous",
                out=scratch / name,
                overrides=[f"retarget.hand.robot={name}_right"],
                store=scratch / "store",
            ).tracks()
            out[name] = _joints_of({n: t for stage in made.values() for n, t in stage.items()})
    return out


def _joints_of(tracks: Tracks) -> Joints:
    actions = tracks["actions.retarget.hand.right"]
    assert isinstance(actions, ActionTrack)
    return actions.values


def dexpilot(motions: Motions) -> dict[str, dict[str, Joints]]:
    """Its filtered joint values by robot and motion, with our columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motions.npz"
        np.savez(path, allow_pickle=False, **motions)
        rows = run_peer(HAND_PEERS, "run_dexpilot", ",".join(ROBOTS), path)
    out: dict[str, dict[str, Joints]] = {}
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
    robot: HandRobot, joints: Joints, joints_m: Float[np.ndarray, "time 21 3"]
) -> dict[str, float]:
    """How a hand moved, in the frames in which it did.

    - `pinch_gap_mm`: mean distance between the balls of thumb and finger while the person's tips
      are nearer than `TOUCH_M`; `pinch_inside_mm`: how far they are inside each other;
      `pinch_tips_mm`: distance of the points at their tips.
    - `outside_frames`, `fast_frames`: beyond the position and the velocity limits.
    - `acceleration_rad_s2`: mean absolute joint acceleration.
    - `correlation`: see there.
    """
    known = np.isfinite(joints).all(axis=1)
    follows = correlation(robot, joints, joints_m)
    gap_m, apart_m = _pinches(robot, joints[known], joints_m[known])
    outside = (joints < robot.lower - _ROUNDING) | (joints > robot.upper + _ROUNDING)
    speed = FPS * np.abs(np.diff(joints, axis=0))
    acceleration = FPS**2 * np.abs(np.diff(joints, n=2, axis=0))
    return {
        "pinch_gap_mm": 1e3 * float(np.maximum(gap_m, 0.0).mean()),
        "pinch_inside_mm": 1e3 * float(np.maximum(-gap_m, 0.0).mean()),
        "pinch_tips_mm": 1e3 * float(apart_m.mean()),
        "outside_frames": float(outside.any(axis=1).mean()),
        "fast_frames": float((speed > robot.max_velocity + _ROUNDING).any(axis=1).mean()),
        "acceleration_rad_s2": float(np.nanmean(acceleration)),
        "correlation": follows,
    }


def _pinches(robot: HandRobot, joints: Joints, joints_m: np.ndarray) -> tuple[np.ndarray, ...]:
    """Distance between balls, and between tips, of all fingers while they pinch [m]."""
    gaps, apart = list[np.ndarray](), list[np.ndarray]()
    for finger in robot.config.tips:
        if finger == "thumb":
            continue
        pinches = tip_distance(joints_m, finger) < TOUCH_M
        balls = [robot.config.spheres[f"{name}_tip"] for name in ("thumb", finger)]
        centers = [Frame.at(ball.link, ball.offset_m) for ball in balls]
        between_m = _between(robot, joints[pinches], centers)
        gaps.append(between_m - sum(ball.radius_m for ball in balls))
        apart.append(tips_apart(robot, joints[pinches], finger))
    return np.concatenate(gaps), np.concatenate(apart)


def tips_apart(
    robot: HandRobot, joints: Joints, finger: Finger = "index"
) -> Float[np.ndarray, " time"]:
    """Distance of the robot's thumb tip to a finger's [m]."""
    points = [robot.config.tips[name] for name in ("thumb", finger)]
    return _between(robot, joints, [Frame.at(point.link, point.offset_m) for point in points])


def _between(robot: HandRobot, joints: Joints, two: list[Frame]) -> np.ndarray:
    p = robot.tree(two).forward_kinematics(joints).p_m
    return np.asarray(np.linalg.norm(p[:, 1] - p[:, 0], axis=1))


def correlation(
    robot: HandRobot, joints: Joints, joints_m: Float[np.ndarray, "time 21 3"]
) -> float:
    """Of the robot's distance of thumb tip and index tip with the person's."""
    known = np.isfinite(joints).all(axis=1)
    ours_m, human_m = tips_apart(robot, joints[known]), tip_distance(joints_m[known], "index")
    return float(np.corrcoef(ours_m, human_m)[0, 1])
