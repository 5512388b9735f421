"""Pictures of the robot: something is drawn, where the camera says, as the joints say."""

import os
import subprocess
import sys

import numpy as np
import pytest

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.rendering.offscreen import View
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import three_quarter_view

SIZE = {"width": 160, "height": 120}


@pytest.fixture(scope="module")
def renderer(panda):
    made = RobotRenderer(panda)
    try:
        draw(made, panda.home, 1.0, **SIZE)
    except RobotError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def draw(renderer, joints, opening01, view=None, **size):
    return renderer.render(
        joints,
        view or three_quarter_view(renderer.robot, **size),
        fingers=renderer.robot.finger_joints(opening01),
        **size,
    )


def hand_pixels(picture):
    """Where the hand's orange is."""
    r, g, b = np.moveaxis(picture.astype(int), 2, 0)
    return (r > 1.5 * b) & (r > g)


def test_picture_shows_robot_floor_and_sky(renderer, panda):
    picture = draw(renderer, panda.home, 1.0, **SIZE)
    assert picture.shape == (120, 160, 3)
    assert picture.dtype == np.uint8
    assert 0.005 < hand_pixels(picture).mean() < 0.1
    assert picture[0].mean() > picture[-1].mean()


def test_joints_move_the_picture_and_repeat_it(renderer, panda):
    first = draw(renderer, panda.home, 1.0, **SIZE)
    moved = draw(renderer, panda.home + 0.3, 1.0, **SIZE)
    again = draw(renderer, panda.home, 1.0, **SIZE)
    assert np.abs(moved.astype(int) - first).max() > 50
    assert np.abs(again.astype(int) - first).max() <= 2


def test_gripper_opens_in_the_picture(renderer, panda):
    view = close_view(panda)
    open_, closed = (
        hand_pixels(draw(renderer, panda.home, o, view=view, **SIZE)) for o in (1.0, 0.0)
    )
    # The lowest rows hold the fingertips: 8 cm apart they are 32 px wider than together.
    width = [np.ptp(np.nonzero(h[50:])[1]) for h in (open_, closed)]
    assert width[0] - width[1] == pytest.approx(32, abs=4)


def close_view(panda):
    """A camera half a meter in front of the hand at home, looking back at the base."""
    p = panda.pose(panda.home[None]).p_m[0]
    R = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    K = np.array([[200.0, 0.0, 80.0], [0.0, 200.0, 60.0], [0.0, 0.0, 1.0]])
    return View(K, 160, 120, se3.make(R, p + np.array([0.5, 0.0, 0.0])))


def test_camera_matrix_puts_points_where_they_are_drawn(renderer, panda):
    view = close_view(panda)
    picture = hand_pixels(draw(renderer, panda.home, 0.0, view=view, **SIZE))
    down, across = np.nonzero(picture)
    # The point between the closed fingertips is the middle of the picture and the hand's lowest.
    assert abs(across[down > down.max() - 4].mean() - 80) < 3
    assert abs(down.max() - 60) < 6


def test_principal_point_and_size_shift_and_scale_the_picture(renderer, panda):
    view = close_view(panda)
    K = view.K.copy()
    K[:2, 2] += [20.0, -10.0]
    moved = View(K, 160, 120, view.T_base_camera)
    plain = np.nonzero(hand_pixels(draw(renderer, panda.home, 1.0, view=view, **SIZE)))
    shifted = np.nonzero(hand_pixels(draw(renderer, panda.home, 1.0, view=moved, **SIZE)))
    assert shifted[1].min() - plain[1].min() == pytest.approx(20, abs=2)
    large = draw(renderer, panda.home, 1.0, view=view, width=320, height=240)
    assert np.nonzero(hand_pixels(large))[1].min() == pytest.approx(2 * plain[1].min(), abs=4)


def test_default_view_holds_the_whole_arm(panda):
    view = three_quarter_view(panda)
    points = panda.link_positions(panda.home[None])[0]
    seen = se3.apply(se3.inverse(view.T_base_camera), points) @ view.K.T
    pixels = seen[:, :2] / seen[:, 2:]
    assert (seen[:, 2] > 0).all()
    assert ((pixels > 0) & (pixels < [640, 480])).all()


def test_values_that_cannot_be_drawn_are_refused(renderer, panda):
    with pytest.raises(RobotError, match="needs 7 finite joint values"):
        draw(renderer, np.full(7, np.nan), 1.0, **SIZE)
    with pytest.raises(RobotError, match="needs 7 finite joint values"):
        draw(renderer, panda.home[:6], 1.0, **SIZE)
    with pytest.raises(RobotError, match="may have 2048 px on a side, got 9000 by 10"):
        draw(renderer, panda.home, 1.0, width=9000, height=10)


def test_machine_that_cannot_draw_says_what_to_install(panda):
    code = (
        "from rotoscope.retarget.rendering.open import open_renderer as o; "
        "o('panda').pictures(__import__('numpy').zeros((1, 8))).draw(0, width=64, height=64)"
    )
    environment = os.environ | {"MUJOCO_GL": "disable"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "RobotError: MuJoCo cannot draw without a display here" in done.stderr
    assert "apt-get install libegl1" in done.stderr
