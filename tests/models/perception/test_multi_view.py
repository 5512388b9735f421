"""Triangulation: exact without noise, as sure as it says with noise, silent where nothing tells."""

import numpy as np
import pytest

from rotoscope.models.perception.multi_view import View, rigid_between, triangulate
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3

K = np.array([[600.0, 0.0, 320.0], [0.0, 610.0, 240.0], [0.0, 0.0, 1.0]])


def view(angle_deg, **lens):
    """A camera one meter away from the origin, turned about the vertical."""
    R = se3.exp_so3(np.radians([0.0, angle_deg, 0.0]))
    return View(K, se3.make(R, np.array([0.0, 0.0, 1.0])), **lens)


VIEWS = [view(-30.0), view(25.0), view(80.0)]


def points(num=400, seed=0):
    return np.random.default_rng(seed).uniform(-0.15, 0.15, (num, 3))


@pytest.mark.parametrize("lens", [{}, {"distortion": (-0.2, 0.05, 0.001, -0.001)}])
def test_points_without_noise_come_back(lens):
    views = [view(-30.0, **lens), view(25.0, **lens)]
    found, _ = triangulate(views, [one.project(points()) for one in views])
    np.testing.assert_allclose(found, points(), atol=1e-6)


@pytest.mark.parametrize("num_views", [2, 3])
def test_stated_covariance_is_that_of_the_errors(num_views):
    rng = np.random.default_rng(1)
    truth, views = points(3000), VIEWS[:num_views]
    seen = [one.project(truth) + rng.normal(0, 2.0, (len(truth), 2)) for one in views]
    found, covariance = triangulate(views, seen, sigma_px=2.0)
    error = found - truth
    squared = np.einsum("pi,pij,pj->p", error, np.linalg.inv(covariance), error)
    assert squared.mean() == pytest.approx(3.0, rel=0.06)
    assert np.linalg.norm(error, axis=1).mean() < 0.006


def test_point_of_one_view_alone_is_unknown():
    seen = [one.project(points()) for one in VIEWS]
    seen[0][:5] = np.nan
    seen[1][:3] = np.nan
    found, covariance = triangulate(VIEWS, seen)
    is_known = np.isfinite(found).all(axis=1)
    assert list(np.flatnonzero(~is_known)) == [0, 1, 2]
    assert np.isnan(covariance[:3]).all()
    np.testing.assert_allclose(found[3:], points()[3:], atol=1e-6)


def test_two_views_from_one_place_tell_nothing():
    twice = [VIEWS[0], VIEWS[0]]
    found, _ = triangulate(twice, [one.project(points()) for one in twice])
    assert np.isnan(found).all()


def test_one_view_is_refused_by_name():
    with pytest.raises(TrackError, match="two views or more"):
        triangulate(VIEWS[:1], [VIEWS[0].project(points())])


def test_rigid_motion_comes_back_and_unknown_points_have_none():
    rng = np.random.default_rng(2)
    T = se3.make(se3.exp_so3(rng.normal(0, 1, (6, 3))), rng.normal(0, 1, (6, 3)))
    before = rng.normal(0, 0.1, (6, 5, 3))
    after = se3.apply(T, before)
    after[2, 1] = np.nan
    found = rigid_between(before, after)
    assert np.isnan(found[2]).all()
    np.testing.assert_allclose(np.delete(found, 2, 0), np.delete(T, 2, 0), atol=1e-9)


def test_points_on_a_line_have_no_rotation():
    before = np.linspace(0, 1, 5)[:, None] * np.array([1.0, 2.0, 3.0])
    assert np.isnan(rigid_between(before, before)).all()
