"""Robots of episodes: framed, followed, turned as the person is, and as bare lines."""

import numpy as np
import pytest
from robots_with_shapes import STANDING_HEIGHT_M, write_biped, write_mitten

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.retarget.rendering.hand_views import hand_lines
from rotoscope.retarget.rendering.humanoid_views import humanoid_joints
from rotoscope.retarget.rendering.open import open_renderer, robot_kind

SIZE = {"width": 120, "height": 120}


@pytest.fixture(scope="module")
def robots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robots")
    return {"biped": str(write_biped(folder)), "mitten": str(write_mitten(folder))}


@pytest.fixture
def renderer(robots, request):
    made = open_renderer(robots[request.param])
    try:
        made.pictures(np.zeros((1, 6 if request.param == "biped" else 2))).draw(0, **SIZE)
    except RobotError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def root_poses(xy):
    out = np.zeros((len(xy), 6))
    out[:, :2], out[:, 2] = xy, STANDING_HEIGHT_M
    return out


def gray_pixels(picture):
    """Where the robot is: gray, and darker than floor and sky."""
    image = picture.astype(int)
    return np.nonzero((np.ptp(image, axis=2) < 25) & (image.max(axis=2) < 205))


@pytest.mark.parametrize("renderer", ["biped"], indirect=True)
def test_camera_follows_a_robot_that_walks_away(renderer):
    walk = root_poses(np.linspace(0, 1, 50)[:, None] * [8.0, -6.0])
    pictures = renderer.pictures(np.zeros((50, 6)), root_pose=walk, azimuth_rad=0.5)
    for row in (0, 25, 49):
        down, across = gray_pixels(pictures.draw(row, **SIZE))
        assert len(down) > 200
        assert abs(across.mean() - 60) < 15
        assert down.min() > 0
        assert down.max() < 119


@pytest.mark.parametrize("renderer", ["biped"], indirect=True)
def test_camera_stands_still_while_the_robot_sways(renderer):
    sway = root_poses([[0.0, 0.0], [0.0, 0.08]])
    pictures = renderer.pictures(np.zeros((2, 6)), root_pose=sway, azimuth_rad=0.0)
    first, second = (gray_pixels(pictures.draw(row, **SIZE))[1].mean() for row in (0, 1))
    assert second - first > 3


@pytest.mark.parametrize("renderer", ["mitten"], indirect=True)
def test_hand_is_turned_as_the_human_hand_is(renderer):
    # Wrist axes: x out of the palm, z to the fingers. The camera has x right, y down, z forward.
    up = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
    right = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    assert np.linalg.det(up) == pytest.approx(1)
    assert np.linalg.det(right) == pytest.approx(1)
    spans = []
    for R in (up, right):
        pictures = renderer.pictures(np.zeros((1, 2)), R_camera_wrist=R[None])
        image = pictures.draw(0, **SIZE).astype(int)
        # The tip is orange; the hand's other parts lie to one side of it.
        tip = np.argwhere(image[..., 0] > 1.5 * image[..., 2]).mean(axis=0)
        rest = np.argwhere((np.ptp(image, axis=2) < 25) & (image.max(axis=2) < 215)).mean(axis=0)
        spans.append(tip - rest)
    assert spans[0][0] < -15
    assert spans[1][1] > 15


@pytest.mark.parametrize("renderer", ["mitten"], indirect=True)
def test_unknown_turn_keeps_the_one_before(renderer):
    R = np.array([np.eye(3), np.full((3, 3), np.nan)])
    pictures = renderer.pictures(np.zeros((2, 2)), R_camera_wrist=R)
    first, second = (pictures.draw(row, **SIZE).astype(int) for row in (0, 1))
    assert np.abs(first - second).max() <= 2


@pytest.mark.parametrize("renderer", ["biped"], indirect=True)
def test_values_of_another_robot_are_refused(renderer):
    with pytest.raises(RobotError, match="drawing biped needs 6 values a row, got 7"):
        renderer.pictures(np.zeros((3, 7)))


def test_kinds_of_robots_are_told_apart(robots):
    assert [robot_kind(robots[name]) for name in ("biped", "mitten")] == ["humanoid", "hand"]
    assert robot_kind("panda") == "arm"


def test_humanoid_joints_stand_in_the_world_and_are_nan_where_it_has_none(robots):
    pose = root_poses([[2.0, 1.0]])
    pose[0, 5] = np.pi / 2
    joints = humanoid_joints(robots["biped"], np.zeros((1, 6)), pose)
    at = dict(zip(BODY_JOINTS, joints[0], strict=True))
    # Turned left by a quarter, the left hip is at -x of the pelvis.
    np.testing.assert_allclose(at["left_hip"], [1.9, 1.0, STANDING_HEIGHT_M], atol=1e-9)
    np.testing.assert_allclose(at["right_ankle"], [2.1, 1.0, STANDING_HEIGHT_M - 0.56], atol=1e-9)
    assert np.isnan(at["left_wrist"]).all()


def test_hand_lines_bend_with_the_joints_and_turn_with_the_wrist(robots):
    open_, bent = hand_lines(robots["mitten"], np.array([[0.0, 0.0], [1.5, 0.0]]))
    assert open_.shape[1:] == (2, 3)
    lengths = [np.linalg.norm(lines[:, 1] - lines[:, 0], axis=1) for lines in (open_, bent)]
    np.testing.assert_allclose(lengths[0], lengths[1], atol=1e-9)
    assert np.abs(bent - open_).max() > 0.05
    R = se3.exp_so3(np.array([0.3, -0.5, 0.2]))[None]
    turned = hand_lines(robots["mitten"], np.zeros((1, 2)), R)[0]
    spread = [np.linalg.norm(lines.reshape(-1, 3)[:, None] - lines.reshape(-1, 3), axis=2)
              for lines in (open_, turned)]  # fmt: skip
    np.testing.assert_allclose(spread[0], spread[1], atol=1e-9)
    assert np.abs(turned - open_).max() > 0.02
