"""Goldens of motion tracks."""

from pathlib import Path
from typing import Any

import numpy as np
from golden_case import Case, clip_of, parts, run_clip_stage
from golden_hands import CAMERA, seen_hand

from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.types import Clip


def gripper_arrays(num: int) -> dict[str, np.ndarray]:
    time_s = np.arange(num) / 30
    R = se3.exp_so3(time_s[:, None] * np.array([0.2, 1.0, 0.3]))
    t = np.stack([0.1 * np.sin(time_s), 0.05 * time_s, 0.7 + 0.1 * time_s], axis=1)
    return {
        "T_camera_ee": se3.make(R, t),
        "aperture_m": 0.04 + 0.03 * np.cos(2 * time_s),
        "held": time_s > 0.5,
    }


def gripper_file(folder: Path) -> dict[str, Any]:
    np.savez(folder / "golden.gripper.npz", **gripper_arrays(40))
    clip = Clip(a_video(40, path=folder / "golden.mp4"), 6, np.arange(34) / 30)
    return run_clip_stage("gripper.file", clip, {"camera": CAMERA}, side="left")


def motion_track(folder: Path) -> dict[str, Any]:
    hand = seen_hand()
    landmarks_px = pinhole.project(hand.joints_m, CAMERA.K)
    hand = hand.replace(landmarks_px=landmarks_px, reprojection_px=np.linspace(1.0, 6.0, 60))
    tracks = {"hands.right": hand, "camera": CAMERA}
    robot = gripper_file(folder) | {"camera": CAMERA}
    return parts(
        hand=run_clip_stage("label.motion_track", clip_of(60), tracks),
        gripper=run_clip_stage("label.motion_track", clip_of(34), robot, steps=3, horizon_s=0.2),
    )


CASES: dict[str, Case] = {
    "gripper.file": Case(gripper_file, rtol=1e-9, why="read as it is"),
    "label.motion_track": Case(motion_track, rtol=1e-6, why="double precision"),
}
