"""A panel that slides along itself: found where it is, or not said to be known."""

import numpy as np
import pytest

from rotoscope.models.object_pose.describe import POSITION_KNOWN_M
from rotoscope.models.object_pose.landmarks import Followed, Landmarks
from rotoscope.models.object_pose.probe import probed
from rotoscope.models.object_pose.seen import Lens, SeenThing
from rotoscope.models.object_pose.settle import Guess, Settled, View, opposed, settle
from rotoscope.models.object_pose.surface import Model
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Camera

K = np.array([[120.0, 0, 80], [0, 120.0, 60], [0, 0, 1]])
CAMERA = Camera(K=K, width=160, height=120, source="recipe", sigma_focal_rel=0.003)
FAR_M, STEP_M, VOXEL_M = 0.7, 0.006, 0.006
SLIDE_SIGMA_M = 0.027


def panel(*, is_ribbed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals of a panel of 30 x 20 cm that faces the camera, with bars or without."""
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-0.15, 0.15, STEP_M),
                                           np.arange(-0.1, 0.1, STEP_M)))  # fmt: skip
    near = np.zeros_like(x)
    if is_ribbed:
        near = 0.012 * ((np.abs(x - 0.05) < 0.014) | (np.abs(x + 0.07) < 0.02))
    points = np.stack([x, y, -near], axis=1)
    normals = np.tile([0.0, 0.0, -1.0], (len(points), 1))
    if is_ribbed:
        edge = np.concatenate([[True], np.diff(near) != 0]) & (np.abs(x) < 0.14)
        sign = np.sign(np.concatenate([[0.0], np.diff(near)]))
        normals[edge] = np.stack([-sign, 0 * sign, 0 * sign], axis=1)[edge]
        normals[edge & (sign == 0)] = [0.0, 0.0, -1.0]
    return points, normals


def seen(slid_m: float, *, is_ribbed: bool) -> View:
    """The panel, slid along itself; a robot's arms hide both of its ends."""
    rng = np.random.default_rng(0)
    points, normals = panel(is_ribbed=is_ribbed)
    points = points + np.array([slid_m, 0.0, FAR_M]) + rng.normal(0, 0.0005, points.shape)
    shown = np.abs(points[:, 0]) < 0.1
    depth_m = np.full((120, 160), FAR_M - 0.2)
    columns = np.abs((np.arange(160) + 0.5 - 80) / 120 * FAR_M) < 0.1
    rows = np.abs((np.arange(120) + 0.5 - 60) / 120 * FAR_M)[:, None]
    depth_m[:, columns] = np.broadcast_to(np.where(rows < 0.1, FAR_M, 1.5), (120, columns.sum()))
    thing = SeenThing(points[shown], normals[shown], 2000)
    return View(thing, Lens.of(CAMERA, depth_m.shape), depth_m)


def model(*, is_ribbed: bool) -> Model:
    return Model(*panel(is_ribbed=is_ribbed), VOXEL_M)


def at(slid_m: float) -> np.ndarray:
    """Pose of the camera on the model."""
    return se3.make(np.eye(3), np.array([-slid_m, 0.0, -FAR_M]))


def before(slid_m: float) -> Guess:
    """What the frame before says: about there."""
    return Guess(at(slid_m), np.diag([1 / 0.1**2] * 3 + [1 / SLIDE_SIGMA_M**2] * 3))


def found(slid_m: float, from_m: float, *, is_ribbed: bool) -> tuple[Settled, Settled]:
    view, own, others = seen(slid_m, is_ribbed=is_ribbed), model(is_ribbed=is_ribbed), [before(0.0)]
    first = settle(view, own, at(from_m), others)
    return first, probed(view, own, first, others)


def sigma_along_m(one: Settled) -> float:
    return float(np.sqrt(one.covariance[3, 3]))


def test_nearest_points_hold_a_panel_where_it_is_taken_to_be():
    first, anew = found(0.03, 0.0, is_ribbed=True)
    assert first.T_model_camera[0, 3] > -0.024
    assert anew.T_model_camera[0, 3] == pytest.approx(-0.03, abs=0.002)


@pytest.mark.parametrize(("slid_m", "from_m"), [(0.03, 0.01), (-0.03, 0.0), (0.02, 0.045)])
def test_panel_with_bars_is_found_where_it_slid_to(slid_m: float, from_m: float):
    _, anew = found(slid_m, from_m, is_ribbed=True)
    assert sigma_along_m(anew) < 0.003
    assert anew.T_model_camera[0, 3] == pytest.approx(-slid_m, abs=0.004)


@pytest.mark.parametrize("slid_m", [0.0, 0.015, 0.04])
def test_plain_panel_whose_ends_are_hidden_is_not_known_along_itself(slid_m: float):
    _, anew = found(slid_m, 0.0, is_ribbed=False)
    assert sigma_along_m(anew) > 0.8 * POSITION_KNOWN_M
    assert abs(anew.T_model_camera[0, 3] + slid_m) < 2 * sigma_along_m(anew)
    assert np.sqrt(anew.covariance[5, 5]) < 0.002


def test_outline_that_pulls_from_one_side_alone_tells_nothing():
    right = np.tile([1.0, 0, 0], (5, 1))
    np.testing.assert_array_equal(opposed(right, np.ones(5)), 0.0)
    both = np.concatenate([right, -right[:2]])
    np.testing.assert_allclose(opposed(both, np.ones(7)), [0.4] * 5 + [1.0] * 2)


def test_corners_that_agree_badly_are_less_sure(monkeypatch: pytest.MonkeyPatch):
    # Some of the panel's own, some of what lies behind its pane, which rests.
    rng = np.random.default_rng(1)
    points = np.stack([*rng.uniform(-0.1, 0.1, (2, 30)), np.full(30, FAR_M)], axis=1)
    sigma = []
    for slid_m in (0.0, 0.008):
        moved = points.copy()
        moved[:15, 0] += slid_m
        px = moved[:, :2] / FAR_M * 120 + [80, 60]
        landmarks = Landmarks()
        landmarks._px, landmarks._model_m = points[:, :2] / FAR_M * 120 + [80, 60], points
        landmarks._before = np.zeros((120, 160), np.uint8)
        monkeypatch.setattr(
            "rotoscope.models.object_pose.landmarks.follow_both_ways",
            lambda *a, px=px: (px - 0.5, np.zeros(30)),
        )
        depth_m, which = np.full((120, 160), FAR_M), np.ones((120, 160), bool)
        lens = Lens.of(CAMERA, depth_m.shape)
        one = landmarks.follow(landmarks._before, depth_m, which, lens)
        assert isinstance(one, Followed)
        sigma.append(float(np.sqrt(np.linalg.inv(one.information)[3, 3])))
    assert sigma[1] > 1.3 * sigma[0]
