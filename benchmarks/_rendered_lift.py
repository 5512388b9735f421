"""Rendered scenes through the stages hands, camera, lift and smooth, compared with the truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rotoscope.models.hands.lift_stage import Lift, LiftConfig
from rotoscope.models.hands.stage import Hands, HandsConfig
from rotoscope.models.perception.pnp import rotation_between
from rotoscope.models.rendered_hands import HandTruth, RenderedClip, Scene, rendered_clip
from rotoscope.pipeline.geometry import hand_frame, pinhole, se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.stages.camera import CameraConfig, CameraStage
from rotoscope.pipeline.stages.smooth import Smooth
from rotoscope.pipeline.tracks import SIDES, HandTrack, Side
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames


@dataclass(frozen=True, eq=False)
class Perceived:
    """A rendered clip and what the stage `hands` found in it."""

    rendered: RenderedClip
    clip: Clip
    hands: Tracks


@dataclass(frozen=True, eq=False)
class Errors:
    """One hand of one scene against the truth; arrays hold its valid frames."""

    scene: str
    side: Side
    num_frames: int
    """Frames in which the hand is in the scene."""
    position_m: np.ndarray
    """Wrist position minus truth along camera axes, (frame, 3)."""
    rig_m: np.ndarray
    """Distance to the body model's own wrist joint, which lies further up the arm."""
    direction_rad: np.ndarray
    """Angle between the wrist frames' z axes: wrist to knuckle of the middle finger."""
    rotation_rad: np.ndarray
    """Angle of the whole rotation between the wrist frames."""
    sigmas: np.ndarray
    """Largest of |x|, |y|, |z| error and rotation angle, each over its stated 1-sigma."""
    aperture_m: np.ndarray
    """Thumb tip to index tip, minus truth."""
    aligned_m: np.ndarray
    """Mean joint distance after the best rigid motion (PA-MPJPE)."""


@cache
def perceive(scene: Scene) -> Perceived:
    """Renders the scene (once, kept on disk) and runs the stage `hands` on it."""
    rendered = rendered_clip(scene)
    return Perceived(rendered, *hands_of(rendered.path, HandsConfig()))


def hands_of(path: Path, config: HandsConfig) -> tuple[Clip, Tracks]:
    """A video as one clip, and what the stage `hands` finds in it."""
    stage, video = Hands(config), probe(path)
    stage.setup()
    times = []
    try:
        stage.begin(video)
        for frame in read_frames(video):
            stage.observe(frame)
            times.append(frame.time_s)
        return Clip(video, 0, np.array(times)), stage.finish(np.array(times))
    finally:
        stage.close()


def lift(seen: Perceived, *, is_calibrated: bool) -> tuple[Tracks, float]:
    """Tracks after `camera` and `lift`, and the CPU time of `lift` [s].

    Calibrated: the true K and the true palm length are given. Otherwise nothing is.
    """
    scene = seen.rendered.scene
    size = next(iter(seen.rendered.hands.values())).palm_length_m
    camera_config = CameraConfig(fx=scene.focal_px) if is_calibrated else CameraConfig()
    lift_config = LiftConfig(palm_length_m=size) if is_calibrated else LiftConfig()
    camera = CameraStage(camera_config).run(seen.clip, {})
    start = time.process_time()
    lifted = Lift(lift_config).run(seen.clip, {**seen.hands, **camera})
    return lifted, time.process_time() - start


def smooth(seen: Perceived, lifted: Tracks) -> Tracks:
    """Tracks after the stage `smooth`."""
    return Smooth(Smooth.Config()).run(seen.clip, lifted)


def errors(seen: Perceived, tracks: Tracks) -> list[Errors]:
    """What the lifted hands get wrong, for every hand that is in the scene."""
    return [
        _errors(seen.rendered.scene, truth, tracks[f"hands.{side}"])
        for side, truth in seen.rendered.hands.items()
    ]


def wrong_sides(seen: Perceived) -> tuple[int, int]:
    """Valid hands that lie on the other hand of the scene or on none of their name, and all."""
    truth_px = {
        side: pinhole.project(truth.joints_m, seen.rendered.scene.K)
        for side, truth in seen.rendered.hands.items()
    }
    wrong = total = 0
    for side in SIDES:
        track = seen.hands[f"hands.{side}"]
        assert isinstance(track, HandTrack)
        for frame in np.flatnonzero(track.valid):
            distance = {
                other: np.linalg.norm(track.landmarks_px[frame] - pixels[frame], axis=1).mean()
                for other, pixels in truth_px.items()
            }
            wrong += min(distance, key=lambda other: distance[other]) != side
            total += 1
    return wrong, total


def _errors(scene: Scene, truth: HandTruth, track: object) -> Errors:
    assert isinstance(track, HandTrack)
    assert track.joints_m is not None
    assert track.T_camera_wrist is not None
    assert track.sigma_position_m is not None
    assert track.sigma_rotation_rad is not None
    rows = np.flatnonzero(track.valid)
    joints, true_joints = track.joints_m[rows], truth.joints_m[rows]
    T, true_T = track.T_camera_wrist[rows], truth.T_camera_wrist[rows]
    position = T[:, :3, 3] - true_T[:, :3, 3]
    rotation = se3.angle_between(T[:, :3, :3], true_T[:, :3, :3])
    cosine = np.clip((T[:, :3, 2] * true_T[:, :3, 2]).sum(axis=1), -1.0, 1.0)
    stated = np.column_stack([track.sigma_position_m[rows], track.sigma_rotation_rad[rows]])
    return Errors(
        scene=scene.name,
        side=truth.side,
        num_frames=scene.num_frames,
        position_m=position,
        rig_m=np.linalg.norm(T[:, :3, 3] - truth.rig_wrist_m[rows], axis=1),
        direction_rad=np.arccos(cosine),
        rotation_rad=rotation,
        sigmas=(np.abs(np.column_stack([position, rotation])) / stated).max(axis=1, initial=0.0),
        aperture_m=_aperture(joints) - truth.aperture_m[rows],
        aligned_m=aligned_error(joints, true_joints),
    )


def aligned_error(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean joint distance after the best rigid motion of each frame [m]."""
    out = np.empty(len(joints))
    for row, (ours, true) in enumerate(zip(joints, truth, strict=True)):
        R = rotation_between(ours, true[None])[0]
        moved = (ours - ours.mean(axis=0)) @ R.T + true.mean(axis=0)
        out[row] = np.linalg.norm(moved - true, axis=1).mean()
    return out


def _aperture(joints: np.ndarray) -> np.ndarray:
    gap = joints[:, hand_frame.THUMB_TIP] - joints[:, hand_frame.INDEX_TIP]
    return np.linalg.norm(gap, axis=1)
