"""The stage `camera_motion`: what it gives, and what follows from it."""

from dataclasses import replace
from pathlib import Path as FilePath

import numpy as np
import pytest
from human_hands import hand_joints, seen
from moving_cameras import CAMERA, K, moving, points_of, room, still, turning

from rotoscope.models.camera.motion_stage import CameraMotionConfig, CameraMotionStage
from rotoscope.models.camera.path import Path
from rotoscope.models.camera.scale import find_scale
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.stages.curate import Curate, CurateConfig
from rotoscope.pipeline.tracks import (
    REASONS,
    ActionTrack,
    CameraMotion,
    FeatureTrack,
    HandTrack,
    QualityTrack,
    Track,
    blaming_camera,
)
from rotoscope.pipeline.types import Clip, Video


def clip_of(num_frames: int) -> Clip:
    video = Video(
        path=FilePath("clip.mp4"), sha256="0", size_bytes=1, width=640, height=480, rotation_deg=0,
        codec="h264", pixel_format="yuv420p", num_frames=num_frames, duration_s=num_frames / 30,
        rate_hz=30.0, is_variable_rate=False,
    )  # fmt: skip
    return Clip(video, 0, np.arange(num_frames) / 30)


def hand_before(T_world_camera: np.ndarray) -> HandTrack:
    """A hand that stays in the world, as a camera sees it."""
    num = len(T_world_camera)
    hand = seen(hand_joints(np.full(num, 0.4)))
    T = se3.inverse(T_world_camera)
    joints_m = se3.apply(T, np.tile(hand.joints_m[:1], (num, 1, 1)))
    return hand.replace(
        T_camera_wrist=T @ hand.T_camera_wrist[:1],
        joints_m=joints_m,
        landmarks_px=pinhole.project(joints_m, K),
    )


def run(T_world_camera: np.ndarray, **config: object) -> tuple[HandTrack, dict[str, Track]]:
    hand = hand_before(T_world_camera)
    stage = CameraMotionStage(CameraMotionConfig(**config))
    stage.setup()
    tracks = {
        "hands.right": hand,
        "camera": CAMERA,
        "scene_points": points_of(T_world_camera, room()),
    }
    return hand, stage.run(clip_of(len(T_world_camera)), tracks)


def test_still_clip_keeps_its_hands_as_they_are() -> None:
    _, made = run(still())
    assert set(made) == {"camera_motion", "quality.camera"}
    quality = made["quality.camera"]
    assert isinstance(quality, QualityTrack)
    assert quality.facts == {"camera_motion": "still"}


def test_unknown_camera_of_a_head_makes_no_row_valid() -> None:
    hand = hand_before(still())
    stage = CameraMotionStage(CameraMotionConfig(taken_still=False))
    stage.setup()
    few = points_of(still(), room()[:6])
    made = stage.run(clip_of(60), {"hands.right": hand, "camera": CAMERA, "scene_points": few})
    motion, after = made["camera_motion"], made["hands.right"]
    assert isinstance(motion, CameraMotion)
    assert isinstance(after, HandTrack)
    assert motion.kind == "unknown"
    assert not after.valid.any()


def test_pan_over_a_still_hand_adds_no_motion() -> None:
    _, made = run(turning())
    hand = made["hands.right"]
    assert isinstance(hand, HandTrack)
    away_m = np.linalg.norm(hand.joints_m - hand.joints_m[:1], axis=2)
    assert away_m.max() < 0.003
    assert hand.valid.all()


def test_moving_camera_with_a_stated_length_leaves_a_still_hand_where_it_is() -> None:
    T = moving()
    farthest_m = float(np.linalg.norm(T[:, :3, 3], axis=1).max())
    _, made = run(T, farthest_m=farthest_m)
    hand = made["hands.right"]
    assert isinstance(hand, HandTrack)
    assert hand.valid.all()
    assert np.linalg.norm(hand.joints_m - hand.joints_m[:1], axis=2).max() < 0.01
    assert made["quality.camera"].facts["camera_scale"] == "stated"


def test_columns_say_where_the_camera_is_and_how_sure_that_is() -> None:
    T = turning()
    _, made = run(T, columns=True)
    columns = {t.feature: t for t in made.values() if isinstance(t, FeatureTrack)}
    assert set(columns) == {f"track.camera.{n}" for n in ("pose", "sigma", "intrinsics")}
    turn = columns["track.camera.pose"].values[:, 3:]
    assert np.degrees(se3.angle_between(se3.exp_so3(turn), T[:, :3, :3])).max() < 0.1
    assert (columns["track.camera.intrinsics"].values == [500, 500, 320, 240]).all()
    sigma = columns["track.camera.sigma"].values
    assert (sigma[1:, 1] > 0).all()
    _, made = run(still(), columns=True)
    assert (made["features.camera.pose"].values == 0).all()


def test_recipe_without_points_is_told_which_stage_is_missing() -> None:
    stage = CameraMotionStage(CameraMotionConfig())
    with pytest.raises(TrackError, match="put the stage `scene_points` before `camera_motion`"):
        stage.run(clip_of(3), {"camera": CAMERA})


def actions(valid: np.ndarray, reason: str) -> ActionTrack:
    contract = ActionContract(
        robot="point",
        dimensions=(Dimension(name="x.pos", quantity="position", unit="m"),),
        rate_hz=30.0,
        shift_s=0.0,
    )
    return ActionTrack(
        labeler="mine",
        subject="right",
        contract=contract,
        values=np.where(valid, 0.0, np.nan)[:, None],
        valid=valid,
        confidence=valid.astype(float),
        reason=np.where(valid, 0, REASONS.index(reason)).astype(np.uint8),
    )


def lost_after(frame: int, num_frames: int) -> CameraMotion:
    _, made = run(turning(num_frames))
    motion = made["camera_motion"]
    assert isinstance(motion, CameraMotion)
    return motion.replace(valid=np.arange(num_frames) < frame)


def test_frames_without_a_known_camera_are_dropped_because_the_camera_moved() -> None:
    motion = lost_after(40, 60)
    track = actions(motion.valid, "not_seen")
    made = Curate(CurateConfig()).run(
        clip_of(60), {"actions.mine.right": track, "camera_motion": motion}
    )
    assert made["segments.actions.mine.right"].dropped == {"camera_moved": 20}


def test_camera_is_blamed_for_nothing_else() -> None:
    motion = lost_after(40, 60)
    valid = np.arange(60) >= 50  # labeled by somebody who knows better
    blamed = blaming_camera(actions(valid, "not_seen"), {"camera_motion": motion})
    names = [REASONS[code] for code in blamed.reason]
    assert names == ["not_seen"] * 40 + ["camera_moved"] * 10 + ["valid"] * 10
    unreachable = actions(valid, "unreachable")
    assert (
        blaming_camera(unreachable, {"camera_motion": motion}).reason == unreachable.reason
    ).all()
    assert blaming_camera(unreachable, {}) is unreachable


def touching(scale: float, *, depth: float = 1.0) -> tuple[Path, HandTrack]:
    """A path of a given scale over a plane that a hand's fingertips touch, or nearly."""
    T = moving(40)
    hand = hand_before(T)
    tips_m = hand.joints_m[0, [4, 8, 12, 16, 20]]
    cloud = tips_m[:, None] + np.random.default_rng(0).normal(0, 0.008, (5, 12, 3))
    path = Path(
        T_reference_camera=se3.make(T[:, :3, :3], T[:, :3, 3] / scale),
        sigma_rad=np.zeros(40),
        sigma_position=np.zeros(40),
        residual_px=0.2,
        coverage=0.8,
        spread=1.0,
        explained=np.ones(len(cloud.reshape(-1, 3)), bool),
        pair=(0, 1),
        points=depth * cloud.reshape(-1, 3) / scale,
    )
    return path, hand


@pytest.mark.parametrize("scale", [0.2, 3.0])
def test_hand_that_touches_what_it_hides_gives_the_scale(scale: float) -> None:
    path, hand = touching(scale)
    found = find_scale(path, {"hands.right": hand}, None)
    assert found.source == "hands"
    assert found.factor == pytest.approx(scale, rel=0.06)


def test_hand_that_only_passes_gives_a_scale_inside_its_sigma() -> None:
    path, hand = touching(1.0, depth=1.3)
    found = find_scale(path, {"hands.right": hand}, None)
    assert 1 - 2 * found.sigma_rel < found.factor < 1.0


def test_nothing_beside_the_hand_leaves_the_scale_unknown() -> None:
    path, hand = touching(1.0)
    far = replace(path, points=path.points + np.array([2.0, 0.0, 0.0]))
    assert find_scale(far, {"hands.right": hand}, None).source == "unknown"
