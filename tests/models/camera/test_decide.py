"""Still, turning, moving and unknown cameras, against points whose cameras are known."""

import numpy as np
import pytest
from moving_cameras import CAMERA, moving, points_of, room, still, turning

from rotoscope.models.camera.background import find_background
from rotoscope.models.camera.decide import MAX_DRIFT_RAD, decide
from rotoscope.models.camera.point_follower import GRID
from rotoscope.models.camera.scale import StatedScale
from rotoscope.models.camera.stillness import find_stillness
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import CameraMotion, PointTracks


def motion_of(points: PointTracks, stated: StatedScale | None = None) -> CameraMotion:
    return decide(find_background(points, CAMERA, {}), CAMERA, {}, stated)


def relative(T_world_camera: np.ndarray) -> np.ndarray:
    return se3.inverse(T_world_camera[0]) @ T_world_camera


def crowd(num_frames: int, share: float, *, seed: int = 0) -> np.ndarray:
    """A room of which a share of the points, those of one side, goes up and down [m]."""
    points = np.tile(room(seed), (num_frames, 1, 1))
    goes = points[0, :, 0] > np.quantile(points[0, :, 0], 1 - share)
    points[:, goes, 1] += 0.1 * np.sin(np.arange(num_frames) / 5)[:, None]
    return points


@pytest.mark.parametrize("share", [0.0, 0.5, 0.65])
def test_still_camera_is_still_whatever_goes_on_before_it(share: float) -> None:
    motion = motion_of(points_of(still(), crowd(60, share)))
    assert motion.kind == "still"
    assert motion.valid.all()
    assert (motion.T_reference_camera == np.eye(4)).all()
    assert (motion.sigma_rotation_rad == 0).all()


def test_still_clip_stays_still_when_none_of_its_first_points_is_left() -> None:
    points = points_of(still(120), room())
    renamed = points.ids + 1000 * (np.arange(120) // 30)[:, None]
    # Each slot's points end at another frame, as corners that something passes.
    renamed = np.where(np.arange(points.ids.shape[1]) % 2, renamed, np.roll(renamed, 15, axis=0))
    motion = motion_of(points.replace(ids=np.where(points.ids < 0, -1, renamed).astype(np.int32)))
    assert motion.kind == "still"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_turning_camera_gives_its_rotation(seed: int) -> None:
    T = turning()
    motion = motion_of(points_of(T, room(seed), noise_px=0.15, seed=seed))
    assert motion.kind == "turning"
    assert motion.valid.all()
    error = se3.angle_between(motion.T_reference_camera[:, :3, :3], relative(T)[:, :3, :3])
    assert np.degrees(error).max() < 0.1  # a tenth of a pixel's noise is .01 degrees
    assert (error[1:] < 2.5 * motion.sigma_rotation_rad[1:]).mean() > 0.9
    assert (motion.T_reference_camera[:, :3, 3] == 0).all()


def test_turn_by_hand_is_no_path() -> None:
    # The essential matrix of a pure turn is arbitrary: it must never be asked.
    shake = np.random.default_rng(1).normal(0, 0.02, (60, 3)).cumsum(axis=0) / 3
    motion = motion_of(points_of(se3.make(se3.exp_so3(shake), np.zeros((60, 3))), room()))
    assert motion.kind == "turning"


def test_what_moves_before_a_turning_camera_does_not_turn_it() -> None:
    T = turning()
    motion = motion_of(points_of(T, crowd(60, 0.3)))
    assert motion.kind == "turning"
    error = se3.angle_between(motion.T_reference_camera[:, :3, :3], relative(T)[:, :3, :3])
    assert np.degrees(np.median(error)) < 0.1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_moving_camera_gives_its_path_where_its_length_is_stated(seed: int) -> None:
    T = moving()
    true = relative(T)
    farthest_m = float(np.linalg.norm(true[:, :3, 3], axis=1).max())
    points = points_of(T, room(seed), noise_px=0.15, seed=seed)
    motion = motion_of(points, StatedScale(farthest_m, 0.02))
    assert (motion.kind, motion.scale_source) == ("moving", "stated")
    assert motion.valid.all()
    away_m = motion.T_reference_camera[:, :3, 3] - true[:, :3, 3]
    length_m = np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1).sum()
    assert np.sqrt((away_m**2).sum(axis=1).mean()) < 0.02 * length_m
    error = se3.angle_between(motion.T_reference_camera[:, :3, :3], true[:, :3, :3])
    assert np.degrees(error).max() < 0.5
    sigma_m = np.hypot(motion.sigma_position_m, 0.02 * np.linalg.norm(true[:, :3, 3], axis=1))
    assert (np.abs(away_m[1:]) < 2 * sigma_m[1:, None]).mean() > 0.9


def test_path_without_a_length_has_no_scale_and_places_nothing() -> None:
    motion = motion_of(points_of(moving(), room()))
    assert (motion.kind, motion.scale_source) == ("moving", "unknown")
    assert "scale" in motion.why
    assert motion.valid.all()
    assert not motion.is_placed.any()


def test_frames_after_all_points_were_lost_are_not_known() -> None:
    points = points_of(turning(90), room())
    ids = points.ids.copy()
    ids[70:] += np.where(ids[70:] >= 0, 10_000, 0)  # a flash: nothing is followed across it
    motion = motion_of(points.replace(ids=ids))
    assert motion.kind == "turning"
    assert motion.valid[:70].all()
    assert not motion.valid[70:].any()
    assert np.isnan(motion.T_reference_camera[70:]).all()


def test_too_little_background_is_unknown_and_blames_nobody() -> None:
    points = points_of(still(), room())
    few = np.where(np.arange(points.ids.shape[1]) < 12, points.ids, -1)
    corner = points.points_px / np.float32(5)  # all in one corner of the picture
    motion = motion_of(points.replace(ids=few, points_px=corner))
    assert motion.kind == "unknown"
    assert "background" in motion.why
    assert motion.valid.all()
    assert motion.sigma_rotation_rad.max() < np.radians(0.2)


def test_thing_waved_before_a_plain_wall_is_no_motion_of_the_camera() -> None:
    thing = np.random.default_rng(0).uniform([-0.2, -0.2, 1.0], [0.2, 0.2, 1.02], (300, 3))
    wave = np.stack([0.15 * np.sin(np.arange(60) / 6), np.zeros(60), np.zeros(60)], axis=1)
    assert motion_of(points_of(still(), thing + wave[:, None])).kind == "unknown"


def few_marks(shift_m: np.ndarray) -> PointTracks:
    """A plain wall with a dozen marks in a row, which shift by so much."""
    marks = np.random.default_rng(3).uniform([-0.3, 0.02, 1.5], [0.3, 0.1, 1.5], (12, 3))
    shift = np.stack([shift_m, 0 * shift_m, 0 * shift_m], axis=1)
    return points_of(still(len(shift_m)), marks + shift[:, None])


def test_few_marks_that_shift_a_little_widen_sigma() -> None:
    motion = motion_of(few_marks(np.linspace(0, -0.03, 60)))
    assert motion.kind == "unknown"
    assert "taken to stand still" in motion.why
    assert motion.valid.all()
    assert motion.sigma_rotation_rad[-1] == pytest.approx(0.02, rel=0.1)


def test_few_marks_that_shift_far_refute_that_the_camera_stands() -> None:
    there_and_back = -0.3 * np.sin(np.linspace(0, np.pi, 90))
    motion = motion_of(few_marks(there_and_back))
    assert motion.kind == "unknown"
    assert "moves" in motion.why
    assert motion.valid[:5].all()
    known = motion.valid
    assert (motion.sigma_rotation_rad[known] <= MAX_DRIFT_RAD).all()
    assert not known[20:].any()  # nor where it has come back: how far nothing tells


def test_textured_background_that_nothing_explains_makes_no_row_valid() -> None:
    rng = np.random.default_rng(3)
    cloud = rng.uniform([-1.0, -0.7, 1.0], [1.5, 0.7, 2.0], (900, 3))
    tumbling = cloud + rng.normal(0, 0.02, (60, 900, 3)).cumsum(axis=0)  # explained by no camera
    drift = np.stack([np.linspace(0, -0.2, 60), np.zeros(60), np.zeros(60)], axis=1)
    motion = motion_of(points_of(still(), tumbling + drift[:, None]))
    assert motion.kind == "unknown"
    assert not motion.valid.any()


def test_thing_with_more_corners_than_the_background_does_not_pass_for_it() -> None:
    T = turning()
    in_camera = np.random.default_rng(1).uniform([-0.12, -0.12, 0.7], [0.12, 0.12, 0.72], (250, 3))
    swing = np.stack([0.08 * np.sin(np.arange(60) / 7), 0.05 * np.cos(np.arange(60) / 5)], axis=1)
    thing = in_camera + np.concatenate([swing, np.zeros((60, 1))], axis=1)[:, None]
    scene = np.concatenate([np.tile(room(), (60, 1, 1)), se3.apply(T, thing)], axis=1)
    points = points_of(T, scene)
    on_thing = np.abs(points.points_px - [320, 240]).max(axis=2) < 150
    assert on_thing[points.ids >= 0].mean() > 0.5
    motion = motion_of(points)
    assert motion.kind == "turning"
    error = se3.angle_between(motion.T_reference_camera[:, :3, :3], T[:, :3, :3])
    assert np.degrees(error[motion.valid]).max() < 0.15


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_box_that_hands_turn_before_a_turning_camera_is_not_the_room(seed: int) -> None:
    T = turning(90)
    motion = motion_of(points_of(T, np.concatenate([held_box(T, seed), walls(seed)], axis=1)))
    assert motion.kind == "turning"
    error = se3.angle_between(motion.T_reference_camera[:, :3, :3], relative(T)[:, :3, :3])
    assert motion.valid.mean() > 0.8
    assert np.degrees(error[motion.valid]).max() < 0.3


def held_box(T_world_camera: np.ndarray, seed: int) -> np.ndarray:
    """A box of a third of the picture that is lifted, turned and rested [m, world]."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform([-0.2, -0.15, 0.65], [0.2, 0.15, 0.75], (400, 3))
    center = np.array([0.0, 0.0, 0.7])
    pushed = np.clip(np.sin(np.arange(len(T_world_camera)) / 9 + seed), 0, None)
    turn = np.stack([0.2 * pushed, 0.7 * pushed, 0.4 * pushed], axis=1)
    lift = np.stack([0.04 * pushed, -0.1 * pushed, 0.05 * pushed], axis=1)
    about = (corners - center) @ np.swapaxes(se3.exp_so3(turn), 1, 2) + center + lift[:, None]
    return about


def walls(seed: int) -> np.ndarray:
    """The room of which the camera sees fewer corners than of the box."""
    return np.tile(room(seed, 360), (90, 1, 1))


@pytest.mark.parametrize("slide_m", [0.02, 0.04, 0.06])
def test_parallax_that_is_too_small_for_a_path_is_no_turn(slide_m: float) -> None:
    s = np.linspace(0, slide_m, 60)
    T = se3.make(np.tile(np.eye(3), (60, 1, 1)), np.stack([s, 0 * s, 0 * s], axis=1))
    assert motion_of(points_of(T, room())).kind in ("unknown", "moving")


def test_frame_that_fits_badly_is_not_known_and_the_others_are() -> None:
    points = points_of(turning(), room())
    px = points.points_px.copy()
    px[25] += np.random.default_rng(0).normal(0, 8, px[25].shape)  # torn by the encoder
    motion = motion_of(points.replace(points_px=px))
    assert motion.kind == "turning"
    assert np.flatnonzero(~motion.valid).tolist() == [25]


def seen_in_turns(points: PointTracks) -> PointTracks:
    """All points are lost together again and again, but for those of one row of cells."""
    frames = np.arange(len(points.ids))[:, None]
    middle = np.nanmean(points.points_px[..., 1], axis=0) * GRID / CAMERA.height
    row = (middle > 2.1) & (middle < 2.9)
    life = np.where(row, (frames + 15) // 30, frames // 30)
    ids = np.where(points.ids < 0, -1, points.ids + 1000 * life)
    return points.replace(ids=ids.astype(np.int32))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_turn_that_is_no_more_than_noise_is_still(seed: int) -> None:
    points = seen_in_turns(points_of(still(120), room(seed), noise_px=0.1, seed=seed))
    seen = find_background(points, CAMERA, {})
    assert not find_stillness(seen).is_clip_still  # too few cells hold on to their points
    motion = motion_of(points)
    assert motion.kind == "still"
    assert motion.valid.all()
    assert (motion.T_reference_camera == np.eye(4)).all()


@pytest.mark.parametrize("share", [1.0, 0.1, 0.02])
def test_turn_that_is_more_than_noise_is_a_turn(share: float) -> None:
    T = se3.make(se3.exp_so3(share * se3.log_so3(turning(120)[:, :3, :3])), np.zeros((120, 3)))
    motion = motion_of(seen_in_turns(points_of(T, room(), noise_px=0.1)))
    assert motion.kind == "turning"
    error = se3.angle_between(motion.T_reference_camera[:, :3, :3], relative(T)[:, :3, :3])
    assert np.degrees(np.nanmedian(error)) < 0.1
