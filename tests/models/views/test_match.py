"""Points of one picture are found in another camera's, or said not to be."""

import cv2
import numpy as np
import pytest

from rotoscope.models.perception.multi_view import View
from rotoscope.models.views.match import match
from rotoscope.models.views.points import place_points
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_video_file
from rotoscope.pipeline.video.probe import probe

SIZE = (320, 240)
K = np.array([[300.0, 0.0, 160.0], [0.0, 300.0, 120.0], [0.0, 0.0, 1.0]])
RATE_HZ = 30


def camera(angle_deg):
    """One that looks at a point 1 m in front of the first, from the side."""
    R = se3.exp_so3(np.radians([0.0, angle_deg, 0.0]))
    middle = np.array([0.0, 0.0, 1.0])
    return View(K, se3.make(R, middle - R @ middle))


VIEWS = [camera(0.0), camera(30.0)]


def poster(seed=0):
    """A square meter of blots, a millimeter a pixel."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (70, 70)).astype(np.float32)
    return cv2.resize(coarse, (1000, 1000), interpolation=cv2.INTER_CUBIC)


def poster_at(shift_m=0.0):
    """Its plane, slanted by 10 degrees: pixels of it to the first camera [m]."""
    R = se3.exp_so3(np.radians([0.0, 10.0, 0.0]))
    out = np.eye(3)
    out[:, 0], out[:, 1] = R[:, 0] / 1000, R[:, 1] / 1000
    out[:, 2] = [shift_m, 0, 1.0] - 0.5 * (R[:, 0] + R[:, 1])
    return out


def drawn(view, image, plane):
    """What a camera sees of it; the middle of the first pixel is at half a pixel."""
    R, t = view.T_camera_world[:3, :3], view.T_camera_world[:3, 3]
    to_px = K @ (R @ plane + np.outer(t, [0, 0, 1]))
    to_px = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]) @ to_px
    found = cv2.warpPerspective(image, to_px, SIZE, flags=cv2.INTER_AREA, borderValue=128)
    return np.clip(found, 0, 255).astype(np.uint8)


def on_poster(points_px, plane):
    """Places in space of pixels of the first camera."""
    rays = np.concatenate([VIEWS[0].rays(points_px), np.ones((len(points_px), 1))], axis=1)
    normal = np.cross(plane[:, 0], plane[:, 1])
    return rays * (normal @ plane[:, 2] / (rays @ normal))[:, None]


def corners(gray, num=25):
    found = cv2.goodFeaturesToTrack(gray[40:-40, 60:-60], num, 0.01, 8, blockSize=5)
    return np.asarray(found.reshape(-1, 2) + np.array([60.5, 40.5]))


@pytest.mark.timeout(60)
def test_points_of_a_slanted_plane_are_found_where_they_are():
    grays = [drawn(view, poster(), poster_at()) for view in VIEWS]
    points = corners(grays[0])
    found = match(VIEWS, grays, points)
    truth = VIEWS[1].project(on_poster(points, poster_at()))
    away = np.linalg.norm(found.points_px - truth, axis=1)[found.is_found]
    assert found.is_found.sum() >= 15
    assert np.median(away) < 0.4
    assert (away < 1.5).all()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["another poster", "another calibration", "no texture"])
def test_pictures_that_do_not_belong_together_share_no_points(kind):
    first = drawn(VIEWS[0], poster(), poster_at())
    second = drawn(VIEWS[1], poster(1 if kind == "another poster" else 0), poster_at())
    views = VIEWS
    if kind == "another calibration":
        moved = VIEWS[1].T_camera_world.copy()
        moved[1, 3] += 0.05
        views = [VIEWS[0], View(K, moved)]
    if kind == "no texture":
        second[:] = 128
    points = corners(first)
    assert match(views, [first, second], points).is_found.sum() <= 3


def films(folder, *, seeds=(0, 0), num=8, late_frames=2):
    """A poster that slides by 3 mm a frame; the second video begins later."""
    out = []
    for number, (view, seed) in enumerate(zip(VIEWS, seeds, strict=True)):
        image = poster(seed)
        images = [
            np.repeat(drawn(view, image, poster_at(0.003 * k))[..., None], 3, axis=2)
            for k in range(number * late_frames, num)
        ]
        out.append(folder / f"{number}.mp4")
        a_video_file(out[-1], images, size=SIZE, rate_hz=RATE_HZ)
    return [probe(path) for path in out]


@pytest.mark.timeout(120)
def test_points_of_two_videos_are_placed_within_millimeters_and_two_scenes_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("rotoscope.models.views.points.NUM_POINTS", 40)
    videos = films(tmp_path)
    placed = place_points(VIEWS, videos, -2 / RATE_HZ, [SIZE, SIZE])
    assert np.isnan(placed.points_m[:2]).all()
    known = np.isfinite(placed.points_m).all(axis=2)
    assert known[2:].mean() > 0.7
    for row in range(2, 8):
        points_m = placed.points_m[row, known[row]]
        truth = on_poster(VIEWS[0].project(points_m), poster_at(0.003 * row))
        assert np.median(np.linalg.norm(points_m - truth, axis=1)) < 3e-3
    moved_m = np.nanmedian(placed.points_m[7] - placed.points_m[2], axis=0)
    np.testing.assert_allclose(moved_m, [0.015, 0, 0], atol=2e-3)
    (tmp_path / "other").mkdir()
    strange = films(tmp_path / "other", seeds=(0, 1))
    with pytest.raises(UsageError, match="points of the first picture were found"):
        place_points(VIEWS, strange, -2 / RATE_HZ, [SIZE, SIZE])
    with pytest.raises(UsageError, match="share no moment"):
        place_points(VIEWS, videos, -60.0, [SIZE, SIZE])
