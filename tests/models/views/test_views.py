"""Several views: clocks, poses and places come back; what shows no one scene is refused."""

import numpy as np
import pytest

from rotoscope.models.perception.multi_view import View
from rotoscope.models.views.calibration import read_calibration
from rotoscope.models.views.clock import clock_offsets
from rotoscope.models.views.place import place
from rotoscope.models.views.relative_pose import relative_pose
from rotoscope.models.views.seen import Seen
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_hand_track

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
PALM = (0, 9)


def camera(angle_deg):
    """A camera that looks at a point .6 m in front of the first one, from the side."""
    R = se3.exp_so3(np.radians([0.0, angle_deg, 0.0]))
    middle = np.array([0.0, 0.0, 0.6])
    return View(K, se3.make(R, middle - R @ middle))


VIEWS = [camera(0.0), camera(50.0), camera(-40.0)]


def hand_at(time_s):
    """A hand that sways, opens nothing and turns a little: (time, 21, 3) in the first camera."""
    rest = a_hand_track(1).joints_m[0]
    rest = rest - rest.mean(axis=0) + np.linspace(0, 0.03, 21)[:, None] * [0, 0, 1]
    angle = 0.5 * np.sin(2 * np.pi * 0.7 * time_s)
    R = se3.exp_so3(angle[:, None] * np.array([0.3, 1.0, 0.2]))
    sway = np.stack(
        [0.08 * np.sin(3.0 * time_s), 0.05 * np.sin(4.1 * time_s + 1), 0.05 * np.cos(2.3 * time_s)],
        axis=1,
    )
    return rest @ np.swapaxes(R, 1, 2) + (sway + np.array([0.0, 0.0, 0.6]))[:, None]


PALM_M = float(np.linalg.norm(hand_at(np.zeros(1))[0, 9] - hand_at(np.zeros(1))[0, 0]))


def seen_by(view, *, late_s=0.0, rate_hz=30.0, num=90, noise_px=0.0, seed=0):
    """What a camera sees whose clock shows `late_s` when the first one's shows 0."""
    time_s = np.arange(num) / rate_hz
    px = view.project(hand_at(time_s - late_s))
    noise = np.random.default_rng(seed).normal(0, 1, px.shape) * noise_px
    return Seen(time_s, px + noise)


@pytest.mark.parametrize("late_s", [0.0, 0.213, -0.41])
def test_clocks_of_two_calibrated_views_come_back(late_s):
    seen = [[seen_by(VIEWS[0], noise_px=1)], [seen_by(VIEWS[1], late_s=late_s, noise_px=1, seed=1)]]
    found = clock_offsets(VIEWS[:2], seen, within_s=0.6)
    assert found[1] == pytest.approx(late_s, abs=0.006)


def test_cameras_of_other_rates_and_three_clocks():
    late = [0.0, 0.12, -0.2]
    seen = [
        [seen_by(view, late_s=late[i], rate_hz=rate, num=int(3 * rate), noise_px=1, seed=i)]
        for i, (view, rate) in enumerate(zip(VIEWS, [30, 24, 60], strict=True))
    ]
    np.testing.assert_allclose(clock_offsets(VIEWS, seen, within_s=0.4), late, atol=0.006)


def test_places_come_back_and_sigma_holds():
    seen = [seen_by(view, noise_px=2.0, seed=i) for i, view in enumerate(VIEWS[:2])]
    placed = place(VIEWS[:2], seen, [0.0, 0.0], sigma_rel=1e-6, size_m=PALM_M)
    error = placed.points_m - hand_at(seen[0].time_s)
    inside = np.abs(error) <= 2 * placed.sigma_m
    assert np.linalg.norm(error, axis=2).mean() < 0.006
    assert 0.93 < inside.mean() < 0.97


def test_moment_that_one_of_two_views_did_not_see_is_unknown():
    first, second = seen_by(VIEWS[0]), seen_by(VIEWS[1])
    second.points_px[20:40] = np.nan
    placed = place(VIEWS[:2], [first, second], [0.0, 0.0], sigma_rel=0.01, size_m=PALM_M)
    known = np.isfinite(placed.points_m).all(axis=(1, 2))
    assert not known[20:40].any()
    assert known[:19].all()
    assert known[41:].all()


def test_one_view_of_three_that_contradicts_is_left_out():
    seen = [seen_by(view) for view in VIEWS]
    seen[2].points_px[30:60] += 300.0
    placed = place(VIEWS, seen, [0.0, 0.0, 0.0], sigma_rel=0.01, size_m=PALM_M)
    np.testing.assert_allclose(placed.points_m, hand_at(seen[0].time_s), atol=1e-4)


def test_view_that_takes_left_for_right_is_mended_and_used():
    other = list(range(21))[::-1]
    plain = [seen_by(view, noise_px=0.5, seed=i) for i, view in enumerate(VIEWS)]
    mixed = [Seen(one.time_s, one.points_px.copy()) for one in plain]
    mixed[1].points_px[30:60] = mixed[1].points_px[30:60, other]
    kept = {"sigma_rel": 0.01, "size_m": PALM_M}
    mended = place(VIEWS, mixed, [0, 0, 0], **kept, exchanged=other)
    truth = place(VIEWS, plain, [0, 0, 0], **kept, exchanged=other)
    np.testing.assert_allclose(mended.points_m, truth.points_m, atol=1e-5)
    left_out = place(VIEWS, mixed, [0, 0, 0], **kept)
    # Surer than from the other two: three quarters of the numbers, as the noise is told anew.
    assert (left_out.sigma_m[30:60] > mended.sigma_m[30:60]).mean() > 0.75


def test_pose_of_an_uncalibrated_view_comes_back_in_meters():
    seen = [[seen_by(view, noise_px=1.0, seed=i)] for i, view in enumerate(VIEWS[:2])]
    first, second, _ = relative_pose((K, K), *seen, bone=PALM, bone_m=PALM_M)
    np.testing.assert_allclose(first.T_camera_world, np.eye(4))
    T, truth = second.T_camera_world, VIEWS[1].T_camera_world
    assert np.degrees(se3.angle_between(T[None, :3, :3], truth[None, :3, :3])[0]) < 1.0
    assert np.linalg.norm(T[:3, 3] - truth[:3, 3]) < 0.03 * np.linalg.norm(truth[:3, 3])


def test_clock_and_pose_of_an_uncalibrated_view_come_back_together():
    seen = [[seen_by(VIEWS[0], noise_px=1)], [seen_by(VIEWS[1], late_s=0.2, noise_px=1, seed=1)]]
    _, second, late_s = relative_pose((K, K), *seen, within_s=0.4, bone=PALM, bone_m=PALM_M)
    assert late_s == pytest.approx(0.2, abs=0.02)
    away_m = second.T_camera_world[:3, 3] - VIEWS[1].T_camera_world[:3, 3]
    assert np.linalg.norm(away_m) < 0.1


def another_motion(num=90):
    """A hand elsewhere that does something else."""
    time_s = np.arange(num) / 30
    return Seen(time_s, VIEWS[1].project(hand_at(1.7 * time_s + 3.1)[:, ::-1]))


def test_views_of_two_scenes_are_refused_with_and_without_calibration():
    with pytest.raises(UsageError, match="do not show one scene"):
        relative_pose((K, K), [seen_by(VIEWS[0])], [another_motion()], bone=PALM, bone_m=PALM_M)
    with pytest.raises(UsageError, match="do not show one scene"):
        place(
            VIEWS[:2],
            [seen_by(VIEWS[0]), another_motion()],
            [0.0, 0.0],
            sigma_rel=0.08,
            size_m=PALM_M,
        )


def test_videos_that_share_no_moment_are_refused():
    late = seen_by(VIEWS[1])
    apart = Seen(late.time_s + 60.0, late.points_px)
    with pytest.raises(UsageError, match="fewer than 10 moments"):
        clock_offsets(VIEWS[:2], [[seen_by(VIEWS[0])], [apart]], within_s=1.0)
    with pytest.raises(UsageError, match="too few to tell"):
        relative_pose((K, K), [seen_by(VIEWS[0])], [apart], bone=PALM, bone_m=PALM_M)


TABLE = """
[{name}]
name = "{name}"
size = [640, 480]
matrix = [[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]]
distortions = [0.0, 0.0, 0.0, 0.0]
rotation = [0.0, {angle}, 0.0]
translation = [{x}, 0.0, 0.0]
fisheye = false
"""


def calibration(folder, *tables):
    path = folder / "Calib.toml"
    path.write_text("".join(TABLE.format(**t) for t in tables) + "[metadata]\nadjusted = false\n")
    return path


CAM1, CAM2 = {"name": "cam1", "angle": 0.0, "x": 0.0}, {"name": "cam2", "angle": 0.5, "x": -0.4}


def test_calibration_file_is_read_and_scaled_to_the_video(tmp_path):
    cameras = read_calibration(calibration(tmp_path, CAM1, CAM2))
    assert [camera.name for camera in cameras] == ["cam1", "cam2"]
    view = cameras[1].for_picture(1280, 960)
    assert view.K[0, 0] == 1200.0
    np.testing.assert_allclose(view.T_camera_world[:3, 3], [-0.4, 0.0, 0.0])
    with pytest.raises(UsageError, match="another shape"):
        cameras[0].for_picture(1280, 720)


def test_codecs_padding_moves_no_pixel(tmp_path):
    camera = read_calibration(calibration(tmp_path, CAM1, CAM2))[0]
    for size in ((640, 472), (632, 480), (648, 480), (640, 488)):
        np.testing.assert_array_equal(camera.for_picture(*size).K, camera.view.K)
    assert camera.for_picture(632, 474).K[0, 0] < camera.view.K[0, 0]


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ([CAM1], "two are the least"),
        ([CAM1, CAM2 | {"x": -2400.0}], "meters, not millimeters"),
        ([CAM1, CAM2 | {"angle": "nan"}], "finite numbers"),
    ],
)
def test_calibration_that_cannot_be_meant_is_refused(tmp_path, tables, says):
    with pytest.raises(UsageError, match=says):
        read_calibration(calibration(tmp_path, *tables))
