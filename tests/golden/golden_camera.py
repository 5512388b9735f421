"""Goldens of the stages that tell what the camera does."""

from pathlib import Path
from typing import Any

import numpy as np
from golden_case import Case, clip_of, parts, run_clip_stage, show_frames, video_of
from human_hands import hand_joints, seen
from moving_cameras import CAMERA, moving, points_of, room, still, turning

from rotoscope.models.camera.points_stage import ScenePoints, ScenePointsConfig
from rotoscope.models.points.stage import Points, PointsConfig
from rotoscope.pipeline.types import Frame


def scene_points(folder: Path) -> dict[str, Any]:
    """Squares that shift by whole pixels, and a cut."""
    squares = np.random.default_rng(0).integers(40, 220, (30, 40)).repeat(8, 0).repeat(8, 1)
    images = [np.roll(squares, (2 * k, -3 * k), (0, 1)) for k in range(12)]
    images += [np.flip(image) for image in images]
    stage = ScenePoints(ScenePointsConfig())
    stage.setup()
    frames = [
        Frame(k, k / 30, lambda image=image: image[..., None].repeat(3, 2).astype(np.uint8))
        for k, image in enumerate(images)
    ]
    return show_frames(stage, video_of(len(frames), size=(320, 240)), frames)


def points(folder: Path) -> dict[str, Any]:
    """Squares that shift by whole pixels behind a bar that stands still, and a cut."""
    squares = np.random.default_rng(0).integers(40, 220, (30, 40)).repeat(8, 0).repeat(8, 1)
    images = [np.roll(squares, (k, -2 * k), (0, 1)) for k in range(16)]
    for image in images:
        image[:, 150:170] = (
            np.random.default_rng(1).integers(40, 220, (60, 5)).repeat(4, 0).repeat(4, 1)
        )
    images += [np.flip(image) for image in images[:8]]
    stage = Points(PointsConfig(num_points=40))
    stage.setup()
    frames = [
        Frame(k, k / 30, lambda image=image: image[..., None].repeat(3, 2).astype(np.uint8))
        for k, image in enumerate(images)
    ]
    return show_frames(stage, video_of(len(frames), size=(320, 240)), frames)


def camera_motion(folder: Path) -> dict[str, Any]:
    made = {}
    for name, T in (("still", still(40)), ("turning", turning(40)), ("moving", moving(40))):
        tracks = {
            "scene_points": points_of(T, room()),
            "camera": CAMERA,
            "hands.right": seen(hand_joints(np.full(40, 0.4))),
        }
        made[name] = run_clip_stage(
            "camera_motion", clip_of(40), tracks, columns=True, farthest_m=0.3
        )
    return parts(**made)


def self_calibration(folder: Path) -> dict[str, Any]:
    made = {}
    for name, T in (("still", still(40)), ("turning", turning(60)), ("moving", moving(40))):
        tracks = {
            "scene_points": points_of(T, room()),
            "camera": CAMERA.replace(
                K=CAMERA.K * [[1.2, 1, 1], [1, 1.2, 1], [1, 1, 1]],
                source="assumed",
                sigma_focal_rel=0.15,
            ),
            "hands.right": seen(hand_joints(np.full(len(T), 0.4))),
        }
        made[name] = run_clip_stage("self_calibration", clip_of(len(T)), tracks)
    return parts(**made)


CASES = {
    "points": Case(points, 1e-3, "sub-pixel search in single precision"),
    "scene_points": Case(scene_points, 1e-3, "sub-pixel search in single precision"),
    "self_calibration": Case(self_calibration, 1e-3, "least squares over turns"),
    "camera_motion": Case(camera_motion, 1e-3, "least squares over a path"),
}
