import numpy as np
import pytest

from rotoscope.pipeline.geometry import pinhole

K = np.array([[800.0, 0.0, 320.0], [0.0, 820.0, 240.0], [0.0, 0.0, 1.0]])
DISTORTION = (-0.28, 0.09, 0.001, -0.002, 0.01)


def test_a_point_on_the_axis_is_seen_at_the_principal_point():
    assert pinhole.project(np.array([0.0, 0.0, 0.7]), K).tolist() == [320.0, 240.0]


def test_a_point_behind_the_camera_is_seen_nowhere():
    points = np.array([[0.1, 0.1, -0.5], [0.1, 0.1, 0.0], [0.1, 0.1, 0.5]])
    assert np.isnan(pinhole.project(points, K)).all(axis=1).tolist() == [True, True, False]


@pytest.mark.filterwarnings("error")
def test_a_point_in_the_cameras_plane_is_seen_nowhere_and_divides_by_nothing():
    assert np.isnan(pinhole.project(np.array([0.1, 0.2, 0.0]), K)).all()


def test_golden_pixel():
    # x / z = 0.5, y / z = -0.25: 800 * 0.5 + 320 and 820 * -0.25 + 240.
    assert pinhole.project(np.array([1.0, -0.5, 2.0]), K).tolist() == [720.0, 35.0]
    assert pinhole.rays(np.array([720.0, 35.0]), K) == pytest.approx([0.5, -0.25], abs=1e-12)


def test_the_fifth_coefficient_counts_and_is_zero_where_it_is_not_given():
    four, five = (0.1, 0.2, 0.0, 0.0), (0.1, 0.2, 0.0, 0.0, 3.0)
    # On the x axis at 0.5: r2 = 0.25, radial = 1 + 0.1 r2 + 0.2 r2^2 (+ 3 r2^3).
    ray = np.array([0.5, 0.0])
    assert pinhole.pixels(ray, K, four)[0] == pytest.approx(320 + 400 * 1.0375, abs=1e-9)
    assert pinhole.pixels(ray, K, five)[0] == pytest.approx(320 + 400 * 1.084375, abs=1e-9)


def test_tangential_distortion_follows_opencvs_formula():
    # x = 0.5, y = 0.25, r2 = 0.3125: 2 p1 x y + p2 (r2 + 2 x^2), p1 (r2 + 2 y^2) + 2 p2 x y.
    seen = pinhole.pixels(np.array([0.5, 0.25]), np.eye(3), (0.0, 0.0, 0.1, 0.01))
    expected = [0.5 + 0.2 * 0.125 + 0.01 * 0.8125, 0.25 + 0.1 * 0.4375 + 0.02 * 0.125]
    assert seen == pytest.approx(expected, abs=1e-12)


def test_distortion_follows_opencvs_formula():
    # x = 0.3, y = -0.2: r2 = 0.13; radial = 1 - 0.28 r2 + 0.09 r2^2 + 0.01 r2^3 = 0.96514297;
    # x' = x radial + 2 p1 x y + p2 (r2 + 2 x^2), y' = y radial + p1 (r2 + 2 y^2) + 2 p2 x y.
    expected = [
        800.0 * (0.3 * 0.96514297 + 2 * 0.001 * -0.06 - 0.002 * (0.13 + 0.18)) + 320.0,
        820.0 * (-0.2 * 0.96514297 + 0.001 * (0.13 + 0.08) + 2 * -0.002 * -0.06) + 240.0,
    ]
    assert pinhole.pixels(np.array([0.3, -0.2]), K, DISTORTION) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("distortion", [(), DISTORTION[:4], DISTORTION])
def test_rays_undo_pixels(distortion):
    # Ten fixed-point iterations leave less than a thousandth of a pixel inside a 60 degree view.
    rays = np.random.default_rng(0).uniform(-0.45, 0.45, (200, 2))
    back = pinhole.rays(pinhole.pixels(rays, K, distortion), K, distortion)
    assert back == pytest.approx(rays, abs=1e-6)


def test_fisheye_is_opencvs_there_and_back():
    import cv2

    K = np.array([[400.0, 0, 320], [0, 410.0, 240], [0, 0, 1]])
    fisheye = (0.05, -0.02, 0.01, -0.003)
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (200, 3))
    points[:, 2] += 2.0
    points[0] = [0.0, 0.0, 1.0]
    ours = pinhole.project(points, K, fisheye=fisheye)
    theirs, _ = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), K, np.array(fisheye)
    )
    np.testing.assert_allclose(ours, theirs[:, 0], atol=1e-8)
    back = pinhole.rays(ours, K, fisheye=fisheye)
    np.testing.assert_allclose(back, points[:, :2] / points[:, 2:], atol=1e-7)


def test_ray_that_no_fisheye_sees_is_unknown():
    K = np.array([[100.0, 0, 320], [0, 100.0, 240], [0, 0, 1]])
    assert np.isnan(pinhole.rays(np.array([[620.0, 240.0]]), K, fisheye=(0, 0, 0, 0))).all()
