"""Motion tracks: the future in the picture of now, and nothing that was not seen."""

import numpy as np
import pytest

from rotoscope.models.motion_tracks.points import DEFAULT_POINTS, HAND_POINTS
from rotoscope.models.motion_tracks.stage import MotionTrack, MotionTrackConfig
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.pipeline.tracks import REASONS, Camera, CameraMotion, GripperTrack

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
CAMERA = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.01)
NUM = 60
SIZE = np.array([640, 480])
NUMBERS = [HAND_POINTS[name] for name in DEFAULT_POINTS]


def moving_hand(num=NUM, *, step_m=(0.002, -0.001, 0.0), **fields):
    joints = a_hand_track(num).joints_m + np.arange(num)[:, None, None] * np.array(step_m)
    return a_hand_track(joints, reprojection_px=np.full(num, 2.0), **fields)


def label(tracks, num=NUM, **config):
    stage = MotionTrack(MotionTrackConfig(**config))
    out = stage.run(a_clip(num), {"camera": CAMERA, **tracks})
    return out["actions.label.motion_track.right"], out["features.points.right"]


def camera_motion(kind, T, valid=None, **fields):
    num = len(T)
    known = np.ones(num, bool) if valid is None else valid
    facts = {"scale_source": "none", "sigma_scale_rel": 0.0, "residual_px": 0.1, "why": ""}
    return CameraMotion(
        kind=kind,
        T_reference_camera=T,
        valid=known,
        sigma_rotation_rad=np.zeros(num),
        sigma_position_m=np.zeros(num),
        **facts | fields,
    )


def tracks_px(track, steps=5, num_points=5):
    return track.values.reshape(len(track.values), steps, num_points, 2) * SIZE


def test_still_camera_sees_the_landmarks_of_later_frames():
    hand = moving_hand()
    track, now = label({"hands.right": hand})
    later = tracks_px(track)
    for step, frames in enumerate([3, 6, 9, 12, 15]):
        wanted = hand.landmarks_px[frames:, NUMBERS][: NUM - 15]
        np.testing.assert_allclose(later[: NUM - 15, step], wanted, atol=1e-6)
    np.testing.assert_allclose(now.values[0].reshape(5, 2) * SIZE, hand.landmarks_px[0, NUMBERS])
    assert track.valid[: NUM - 15].all()
    assert track.contract.names[:3] == ["t1.wrist.x", "t1.wrist.y", "t1.thumb_ip.x"]


def test_rows_whose_horizon_was_not_seen_have_no_track():
    track, _ = label({"hands.right": moving_hand()})
    assert not track.valid[NUM - 15 :].any()
    assert np.isnan(track.values[NUM - 15 :]).any(axis=1).all()
    assert set(track.reason[NUM - 15 :]) == {REASONS.index("not_seen")}
    assert (track.confidence[NUM - 15 :] == 0).all()


def test_gap_is_bridged_and_marked_and_a_long_one_is_not():
    valid = np.ones(NUM, bool)
    valid[20:27] = False  # .27 s between the frames beside it: more than .2
    hand = moving_hand(valid=valid)
    hand.landmarks_px[20:27] = np.nan
    track, _ = label({"hands.right": hand})
    touched = ~track.valid[: NUM - 15]
    assert touched[20:27].all()
    assert touched[10]
    assert not touched[:5].any()
    assert np.isfinite(track.values[: NUM - 15]).all()
    assert set(track.reason[: NUM - 15][touched]) == {REASONS.index("gap_filled")}
    long, _ = label({"hands.right": hand}, max_gap_s=0.1)
    assert np.isnan(long.values[10]).any()


def test_short_flicker_costs_nothing_but_its_own_rows():
    valid = np.ones(NUM, bool)
    valid[[20, 30]] = False
    track, _ = label({"hands.right": moving_hand(valid=valid)})
    assert list(np.flatnonzero(~track.valid[: NUM - 15])) == [20, 30]


def test_turning_camera_is_taken_out():
    """A hand that holds still while the camera pans: it will be where it is now."""
    R = se3.exp_so3(np.arange(NUM)[:, None] * np.array([0.0, 0.004, 0.001]))
    T = se3.make(R, np.zeros((NUM, 3)))
    reference = a_hand_track(NUM).joints_m
    own = se3.apply(se3.inverse(T), reference)
    hand = a_hand_track(reference, landmarks_px=pinhole.project(own, K))
    track, now = label({"hands.right": hand, "camera_motion": camera_motion("turning", T)})
    rows = np.flatnonzero(track.valid)
    assert len(rows) == NUM - 15
    still = np.repeat(now.values[rows].reshape(-1, 1, 5, 2), 5, axis=1) * SIZE
    np.testing.assert_allclose(tracks_px(track)[rows], still, atol=1e-6)
    moved_px = np.abs(hand.landmarks_px[15, 0] - hand.landmarks_px[0, 0]).max()
    assert moved_px > 30  # without the compensation it would be this much


def test_moving_camera_is_taken_out_where_its_path_is_known():
    T = se3.make(
        np.tile(np.eye(3), (NUM, 1, 1)), np.arange(NUM)[:, None] * np.array([0.003, 0.0, 0.001])
    )
    flat = a_hand_track(NUM).joints_m  # all joints at one depth: exact
    own = se3.apply(se3.inverse(T), flat)
    hand = a_hand_track(flat, landmarks_px=pinhole.project(own, K))
    moving = camera_motion("moving", T, scale_source="stated")
    track, now = label({"hands.right": hand, "camera_motion": moving})
    rows = np.flatnonzero(track.valid)
    assert len(rows) == NUM - 15
    still = np.repeat(now.values[rows].reshape(-1, 1, 5, 2), 5, axis=1) * SIZE
    np.testing.assert_allclose(tracks_px(track)[rows], still, atol=1e-6)


@pytest.mark.parametrize(("kind", "scale"), [("moving", "unknown"), ("unknown", "none")])
def test_camera_of_which_nothing_is_known_leaves_no_valid_row(kind, scale):
    T = np.tile(np.eye(4), (NUM, 1, 1))
    lost = camera_motion(kind, T, valid=np.full(NUM, kind == "moving"), scale_source=scale)
    track, _ = label({"hands.right": moving_hand(), "camera_motion": lost})
    assert not track.valid.any()
    assert (track.confidence == 0).all()


def gripper(side="right", num=NUM):
    T = np.tile(np.eye(4), (num, 1, 1))
    T[:, :3, 3] = np.array([0.0, 0.0, 0.6]) + np.arange(num)[:, None] * [0.001, 0.0, 0.0]
    held = np.arange(num) >= 30
    return GripperTrack(
        side=side,
        T_camera_ee=T,
        aperture_m=np.full(num, 0.05),
        opening=np.full(num, 0.6),
        grasping=held,
        valid=np.ones(num, bool),
        filled=np.zeros(num, bool),
        sigma_position_m=np.full((num, 3), 0.004),
        sigma_rotation_rad=np.zeros(num),
    )


def test_grasp_of_the_same_moment_stands_in_each_step():
    track, _ = label({"hands.right": moving_hand(), "gripper.right": gripper()})
    names = track.contract.names
    held = track.values[:, [names.index(f"t{step}.grasp") for step in range(1, 6)]]
    np.testing.assert_array_equal(held[20], [0, 0, 0, 1, 1])  # frames 23 26 29 32 35
    dimension = track.contract.dimensions[names.index("t1.grasp")]
    assert dimension.quantity == "discrete"


def test_robots_gripper_gives_the_numbers_of_a_hand():
    of_robot, now = label({"gripper.right": gripper()})
    of_person, _ = label({"hands.right": moving_hand(), "gripper.right": gripper()})
    assert of_robot.contract == of_person.contract
    # 5 cm apart at .6 m through 600 px; x, the approach, points to the right of this picture.
    shown = now.values[0].reshape(5, 2) * SIZE
    np.testing.assert_allclose(shown[4], [320, 240 - 25], atol=1e-6)
    np.testing.assert_allclose(shown[2] - shown[4], [0, 50], atol=1e-6)
    assert (shown[0] - shown[2:].mean(axis=0))[0] < 0
    assert of_robot.valid[: NUM - 15].all()
    assert of_robot.confidence[0] > 0.99


def test_confidence_falls_where_landmarks_do_not_fit_a_hand():
    residual = np.where(np.arange(NUM) < 20, 1.5, 8.0)
    track, _ = label({"hands.right": moving_hand().replace(reprojection_px=residual)})
    assert track.confidence[0] > 5 * track.confidence[30] > 0.02
    assert track.confidence[10] == pytest.approx(
        track.confidence[30], rel=0.1
    )  # horizon reaches it


def test_confidence_is_more_where_fingertips_point_at_the_camera_than_away_from_it():
    joints_m = moving_hand().joints_m
    tips = [NUMBERS[DEFAULT_POINTS.index(name)] for name in ("thumb_tip", "index_tip")]
    chances = []
    for depth_m in (-0.08, 0.08):
        turned = joints_m.copy()
        turned[:, tips] = joints_m[:, [5]] + np.array([0.0, 0.0, depth_m])
        turned = a_hand_track(turned, reprojection_px=np.full(NUM, 2.0))
        chances.append(label({"hands.right": turned})[0].confidence[0])
    assert chances[0] > chances[1] + 0.05


def test_hand_that_was_not_lifted_says_what_lacks():
    with pytest.raises(TrackError, match="put the stage 'lift' before"):
        label({"hands.right": moving_hand().replace(joints_m=None)})


def test_unknown_point_is_named():
    with pytest.raises(ValueError, match="elbow"):
        MotionTrackConfig(points=("wrist", "elbow"))


def test_hand_that_was_never_seen_has_no_row():
    hand = moving_hand(valid=np.zeros(NUM, bool))
    track, _ = label({"hands.right": hand})
    assert not track.valid.any()
    assert np.isnan(track.values).all()
