"""Gripper: its width against the human aperture on a real hand, and grasps against a script."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks._synthetic_hands import perform
from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.models.hands.lift_stage import Lift
from rotoscope.models.hands.stage import Hands
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stages.camera import CameraStage
from rotoscope.pipeline.stages.smooth import Smooth
from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.pipeline.tracks import GripperTrack, HandTrack
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames
from rotoscope.retarget.gripper import hand_shape
from rotoscope.retarget.gripper.grasps import Grasp, find_grasps
from rotoscope.retarget.gripper.stage import RetargetGripper

HELD_OUT_SEEDS = range(1000, 1040)
"""Performances that no test looks at."""
CAMERA_FROM_WRIST = se3.make(se3.exp_so3(np.array([0.4, -0.9, 0.3])), np.array([0.05, -0.02, 0.55]))
"""Any place in front of a camera: the gripper must not depend on it."""
RATE_HZ = 30.0


def run() -> list[Figure]:
    """Width on the dex_retargeting clip (621 frames), grasp events on synthetic performances."""
    data = require_shared_data() / "dex_retargeting"
    joints = np.array(np.load(data / "human_joint_right.pkl", allow_pickle=True))
    return [*_width_figures(joints), *_video_figures(data, joints), *_event_figures()]


def _width_figures(joints: np.ndarray) -> list[Figure]:
    """The stage's own width against the aperture of the recording's joints.

    As others are measured: ideal width = aperture clipped to the gripper's 0..80 mm. A false
    close is a frame below 2 mm where the ideal is above 10.
    """
    stage = RetargetGripper(RetargetGripper.Config())
    placed = se3.apply(np.broadcast_to(CAMERA_FROM_WRIST, (len(joints), 4, 4)), joints)
    clip, hand = _as_hand(placed)
    stage.run(clip, {"hands.right": hand})  # the first call pays for numpy's own lazy imports
    start = time.process_time()
    gripper = stage.run(clip, {"hands.right": hand})["gripper.right"]
    cpu_ms = (time.process_time() - start) * 1e3 / len(joints)
    width_m = gripper.opening * stage.config.max_opening_m
    true_m = hand_shape.aperture(joints)
    ideal_m = np.clip(true_m, 0.0, stage.config.max_opening_m)
    false_close = int(((width_m < 0.002) & (ideal_m > 0.010)).sum())
    return [
        Figure("gripper.width_mae", _mean_error_mm(width_m, ideal_m), "mm", Bar("<=", 5)),
        Figure("gripper.width_correlation", _correlation(width_m, ideal_m), "1", Bar(">=", 0.95)),
        Figure("gripper.width_correlation_unclipped", _correlation(width_m, true_m), "1"),
        Figure("gripper.false_close", false_close, "frames", Bar("<=", 0)),
        Figure("gripper.frames_without_width", int(np.isnan(width_m).sum()), "frames"),
        Figure("gripper.cpu", cpu_ms, "ms/frame", Bar("<=", 0.1)),
    ]


def _video_figures(data: Path, joints: np.ndarray) -> list[Figure]:
    """The same from the video: hands, camera, lift, smooth, gripper, nothing told.

    The recording's joints are the landmark model's own guess, not motion capture, and the lift
    differs from it on purpose: this says how far the two are apart, not which is right.
    """
    video = probe(data / "human_hand_video.mp4")
    hands = Hands(Hands.Config())
    hands.setup()
    try:
        hands.begin(video)
        times = []
        for frame in read_frames(video):
            hands.observe(frame)
            times.append(frame.time_s)
        clip = Clip(video, 0, np.array(times))
        tracks = dict(hands.finish(clip.time_s))
    finally:
        hands.close()
    for stage in (CameraStage, Lift, Smooth, RetargetGripper):
        tracks |= stage(stage.Config()).run(clip, tracks)
    gripper = tracks["gripper.right"]
    assert isinstance(gripper, GripperTrack)
    seen = gripper.known
    width_m = gripper.opening[seen] * 0.08
    ideal_m = np.clip(hand_shape.aperture(joints), 0.0, 0.08)[seen]
    return [
        Figure("gripper.video_width_mae", _mean_error_mm(width_m, ideal_m), "mm"),
        Figure("gripper.video_width_correlation", _correlation(width_m, ideal_m), "1"),
        Figure("gripper.video_frames", int(seen.sum()), "frames"),
    ]


def _event_figures() -> list[Figure]:
    """Grasps found against grasps performed; a match overlaps by half of both together."""
    found_total = true_total = matched = same_kind = 0
    late_s: list[float] = []
    for seed in HELD_OUT_SEEDS:
        shown = perform(seed)
        found = find_grasps(shown.time_s, shown.joints_m, shown.known)
        found_total, true_total = found_total + len(found), true_total + len(shown.holds)
        for start, end, kind in shown.holds:
            for grasp in (g for g in found if _overlap(g, start, end) >= 0.5):
                matched += 1
                same_kind += grasp.kind == kind
                late_s.append((grasp.start - start) / RATE_HZ)
    return [
        Figure("gripper.events_precision", matched / max(found_total, 1), "1"),
        Figure("gripper.events_recall", matched / true_total, "1"),
        Figure("gripper.events_same_kind", same_kind / max(matched, 1), "1"),
        Figure("gripper.events_start_error", float(np.median(np.abs(late_s))), "s"),
    ]


def _as_hand(joints_m: np.ndarray) -> tuple[Clip, HandTrack]:
    return a_clip(len(joints_m), rate_hz=RATE_HZ), a_hand_track(joints_m)


def _overlap(grasp: Grasp, start: int, end: int) -> float:
    common = min(grasp.end, end) - max(grasp.start, start)
    return max(0, common) / (max(grasp.end, end) - min(grasp.start, start))


def _mean_error_mm(a: np.ndarray, b: np.ndarray) -> float:
    return float(1e3 * np.abs(a - b).mean())


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])
