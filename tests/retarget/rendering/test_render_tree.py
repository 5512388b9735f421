"""Hands and humanoids in pictures: visible, where they should be, moved by their joints."""

import numpy as np
import pytest
from robots_with_shapes import STANDING_HEIGHT_M, write_biped, write_mitten

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.rendering.renderer import RobotRenderer
from rotoscope.retarget.rendering.views import view_from
from rotoscope.retarget.robots.robot import load_hand, load_humanoid

SIZE = {"width": 120, "height": 160}


@pytest.fixture(scope="module")
def biped(tmp_path_factory):
    robot = load_humanoid(str(write_biped(tmp_path_factory.mktemp("biped"))))
    made = RobotRenderer(robot)
    try:
        made.render(robot.rest, view(), T_world_link=standing(), **SIZE)
    except RobotError as error:
        pytest.skip(str(error))
    yield made
    made.close()


def standing(x=0.0, y=0.0, turn_rad=0.0):
    pose = np.array([x, y, STANDING_HEIGHT_M])
    return se3.make(se3.exp_so3(np.array([0.0, 0.0, turn_rad])), pose)


def view(direction=(1.0, 0.0, 0.2)):
    middle = np.array([0.0, 0.0, 0.5])
    return view_from(np.array(direction), middle, height_m=1.4, **SIZE)


def robot_pixels(renderer, joints, T, seen_from):
    """Rows and columns of the pixels that change when the robot is taken away."""
    away = standing(x=-5000.0)
    shown, empty = (
        renderer.render(joints, seen_from, T_world_link=pose, **SIZE).astype(int)
        for pose in (T, away)
    )
    return np.nonzero(np.abs(shown - empty).max(axis=2) > 20)


def test_robot_stands_in_the_middle_and_has_its_height(biped):
    down, across = robot_pixels(biped, biped.robot.rest, standing(), view())
    assert len(down) > 500
    assert abs(across.mean() - 60) < 4
    # 0.92 m of 1.4 m that the picture shows.
    assert np.ptp(down) == pytest.approx(0.92 / 1.4 * 160, rel=0.12)


def test_root_moves_the_picture_to_the_side_that_the_camera_sees_it_on(biped):
    # Who looks against x has the world's y on the right.
    moved = robot_pixels(biped, biped.robot.rest, standing(y=0.2), view())[1].mean()
    assert moved == pytest.approx(60 + 0.2 / 1.4 * 160, abs=5)


def test_root_turns_the_robot(biped):
    before, aside = (
        np.ptp(robot_pixels(biped, biped.robot.rest, standing(turn_rad=turn), view())[1])
        for turn in (0.0, np.pi / 2)
    )
    # The hips are 0.24 m wide, the feet 0.2 m long, 0.03 m of it before the middle.
    assert before > aside + 5


def test_joints_move_the_picture_and_repeat_it(biped):
    bent = biped.robot.rest.copy()
    bent[list(biped.robot.joint_names).index("left_knee")] = 1.5
    first, moved, again = (
        biped.render(q, view((0.0, 1.0, 0.2)), T_world_link=standing(), **SIZE).astype(int)
        for q in (biped.robot.rest, bent, biped.robot.rest)
    )
    assert (np.abs(moved - first).max(axis=2) > 20).sum() > 50
    assert np.abs(again - first).max() <= 2


def test_camera_puts_points_where_they_are_drawn(biped):
    robot = biped.robot
    seen_from = view((0.0, 1.0, 0.2))
    frames = robot.frames()
    tree = robot.tree([frames["body.left_ankle"]])
    ankle = se3.apply(standing(), tree.forward_kinematics(robot.rest[None]).p_m[0])
    u, v, w = (se3.apply(se3.inverse(seen_from.T_base_camera), ankle) @ seen_from.K.T)[0]
    down, across = robot_pixels(biped, robot.rest, standing(), seen_from)
    assert np.hypot(across - u / w, down - v / w).min() < 3


def test_values_that_cannot_be_drawn_are_refused(biped):
    with pytest.raises(RobotError, match="drawing biped needs 6 finite joint values"):
        biped.render(np.full(6, np.nan), view(), T_world_link=standing())
    with pytest.raises(RobotError, match="drawing biped needs 6 finite joint values"):
        biped.render(np.zeros(5), view(), T_world_link=standing())
    with pytest.raises(RobotError, match="finite pose"):
        biped.render(np.zeros(6), view(), T_world_link=np.full((4, 4), np.nan))


def test_file_with_two_loose_bodies_is_refused(tmp_path):
    path = write_mitten(tmp_path)
    (tmp_path / "mitten.xml").write_text(
        '<mujoco><worldbody><body name="other"><geom size="0.1"/></body><body name="palm">'
        '<geom size="0.02"/><body name="thumb_tip"><joint name="a" range="0 1"/>'
        '<geom size="0.02"/></body><body name="index_tip"><joint name="b" range="0 1"/>'
        '<geom size="0.02"/></body></body></worldbody></mujoco>'
    )
    path.write_text(path.read_text().replace("mitten.urdf", "mitten.xml"))
    path.write_text(path.read_text() + "joints: {default: {max_velocity: 5}}\n")
    with pytest.raises(RobotError, match="2 bodies that hang on the world"):
        RobotRenderer(load_hand(str(path)))
