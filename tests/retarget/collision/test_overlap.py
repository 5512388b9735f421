"""Shapes inside each other, or below the floor, are found as deep as they are, and pulled apart."""

from pathlib import Path

import numpy as np
import pytest

from rotoscope.retarget.collision.apart import Watched
from rotoscope.retarget.collision.balls import balls_of, row_of_balls
from rotoscope.retarget.collision.model import FLOOR, CollisionModel
from rotoscope.retarget.collision.overlap import overlap_of
from rotoscope.retarget.robots.two_arms import TwoArmRobot, load_two_arms

SLIDER_URDF = """<robot name="slider">
  <link name="base"/>
  <link name="block"><collision><geometry><box size="0.2 0.2 0.2"/></geometry></collision></link>
  <link name="hand"/>
  <joint name="slide" type="prismatic">
    <parent link="base"/><child link="block"/><axis xyz="0 1 0"/><origin xyz="0 0 0.2"/>
    <limit lower="-2" upper="2" velocity="1" effort="1"/>
  </joint>
  <joint name="drop" type="prismatic">
    <parent link="block"/><child link="hand"/><axis xyz="0 0 1"/>
    <limit lower="-1" upper="1" velocity="1" effort="1"/>
  </joint>
</robot>"""
SLIDER_YAML = """name: slider
folder: .
file: slider.urdf
base_link: base
arm: {joints: [slide, drop], home: [0, 0]}
end_effector: {link: hand}
gripper: {max_opening_m: 0.1, max_speed_m_s: 0.1}
"""


@pytest.fixture
def blocks(tmp_path: Path) -> TwoArmRobot:
    """Two boxes of 20 cm a meter apart, each on a slide along y, with their middles 20 cm up."""
    (tmp_path / "slider.urdf").write_text(SLIDER_URDF)
    (tmp_path / "slider.yaml").write_text(SLIDER_YAML)
    (tmp_path / "blocks.yaml").write_text(
        "name: blocks\nkind: two_arms\nleft: {arm: slider.yaml, base_m: [0, 0.5, 0]}\n"
        "right: {arm: slider.yaml, base_m: [0, -0.5, 0]}\n"
    )
    return load_two_arms(str(tmp_path / "blocks.yaml"))


def moved(left_y: float, right_y: float) -> np.ndarray:
    return np.array([[left_y, 0.0, right_y, 0.0]])


@pytest.mark.parametrize(("step_m", "depth_m"), [(0.3, 0.0), (0.41, 0.02), (0.45, 0.1)])
def test_two_boxes_are_inside_each_other_as_deep_as_they_are(blocks, step_m, depth_m):
    found = overlap_of(CollisionModel(blocks), moved(-step_m, step_m))
    np.testing.assert_allclose(found.itself_m, depth_m, atol=1e-4)
    np.testing.assert_allclose(found.between_m, found.itself_m)
    assert found.worst(0) == ("left/block - right/block" if depth_m else "")


def test_links_of_two_arms_are_told_of_before_they_touch(blocks):
    found = overlap_of(CollisionModel(blocks, margin_m=0.05), moved(-0.38, 0.38))
    assert [(n.first, n.second) for n in found.near] == [("left/block", "right/block")]
    assert found.near[0].distance_m == pytest.approx(0.04, abs=1e-4)
    assert found.deepest_m == 0.0


def test_what_is_below_the_floor_is_so_deep_and_may_be_let(blocks):
    shapes, joints = CollisionModel(blocks), moved(0.0, 0.0)
    found = overlap_of(shapes, joints, floor_m=np.array([0.13]))
    np.testing.assert_allclose(found.below_m, 0.03, atol=1e-6)
    assert found.worst(0).startswith(FLOOR)
    let = {"left/block", "right/block"}
    assert overlap_of(shapes, joints, floor_m=np.array([0.13]), may_be_below=let).deepest_m == 0.0
    assert overlap_of(shapes, joints).deepest_m == 0.0


def test_balls_lie_in_a_row_along_the_longest_side():
    corners = np.array(np.meshgrid([-0.3, 0.3], [-0.05, 0.05], [-0.05, 0.05])).reshape(3, -1).T
    center, radius = row_of_balls(corners + np.array([1.0, 2.0, 3.0]))
    # Half of the width, up to half of the diagonal: a square has no longer axis across.
    assert ((radius > 0.049) & (radius < 0.071)).all()
    np.testing.assert_allclose(center[:, 1:], [[2.0, 3.0]] * len(center), atol=1e-12)
    np.testing.assert_allclose(center[:, 0].min() - radius[0], 0.7, atol=1e-9)
    np.testing.assert_allclose(center[:, 0].max() + radius[0], 1.3, atol=1e-9)


def test_kept_distance_corrects_what_balls_miss_of_the_shapes(blocks):
    """Where the boxes just touch, the balls on them miss nothing and nothing is too near."""
    shapes = CollisionModel(blocks)
    balls = balls_of(shapes)
    tree = blocks.tree(balls.frames())
    deep = moved(-0.42, 0.42)
    watched = Watched(balls).seen(overlap_of(shapes, deep), tree.forward_kinematics(deep).p_m, None)
    assert not watched.is_empty
    (term,) = watched.terms(0, margin_m=0.0, sigma_m=1e-3)
    watching = blocks.tree(watched.frames())

    def missing(joints: np.ndarray) -> float:
        reached = watching.forward_kinematics(joints, jacobian=True)
        return float(np.abs(term.rows(reached, np.arange(1)).residual).max(initial=0.0))

    assert missing(moved(-0.40, 0.40)) == pytest.approx(0.0, abs=1e-9)
    assert missing(deep) == pytest.approx(0.04, abs=1e-3)
