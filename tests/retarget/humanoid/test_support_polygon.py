"""Margins of the center of mass over the support."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_robots import BIPED_JOINTS, biped

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.humanoid.support_polygon import (
    center_of_mass,
    convex_hull,
    polygon_margin,
    robot_center_of_mass,
    support_margins,
)

SQUARE = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [1, 1, 0]], float)


def margin_at(x, y, used=(True,) * 5):
    return support_margins(np.array([[x, y, 0.9]]), SQUARE[None], np.array([used]))[0]


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [(1.0, 1.0, 1.0), (0.25, 1.0, 0.25), (3.0, 1.0, -1.0), (3.0, 3.0, -np.sqrt(2)), (2.0, 1.0, 0)],
)
def test_margin_is_the_signed_distance_to_the_border(x, y, expected):
    assert margin_at(x, y) == pytest.approx(expected, abs=1e-12)


def test_margin_in_flight_is_nan():
    assert np.isnan(margin_at(1.0, 1.0, (False,) * 5))


def test_margin_of_unknown_center_of_mass_is_nan():
    assert np.isnan(margin_at(np.nan, 1.0))


def test_one_point_and_a_line_are_never_inside():
    one = (True, False, False, False, False)
    line = (True, True, False, False, False)
    assert margin_at(0.3, 0.4, one) == pytest.approx(-0.5)
    assert margin_at(1.0, 0.5, line) == pytest.approx(-0.5)
    assert margin_at(1.0, 0.0, line) == pytest.approx(0.0)


def test_unknown_points_do_not_count():
    points = SQUARE.copy()
    points[2] = np.nan
    found = support_margins(np.array([[1.5, 1.5, 1]]), points[None], np.ones((1, 5), bool))
    assert found[0] == pytest.approx(-np.sqrt(0.5))


points_2d = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=15)


@given(points_2d)
def test_every_point_lies_inside_its_hull(points):
    points = np.array(points, float) / 10
    hull = convex_hull(points)
    if len(hull) >= 3:
        assert all(polygon_margin(point, hull) >= -1e-9 for point in points)


@given(points_2d, st.floats(-3, 3), st.floats(-4, 4), st.floats(-4, 4))
def test_margin_does_not_depend_on_where_one_looks_from(points, angle, x, y):
    points, at = np.array(points, float) / 10, np.array([x, y])
    R = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before = polygon_margin(at, convex_hull(points))
    after = polygon_margin(R @ at + 1.0, convex_hull(points @ R.T + 1.0))
    # Rounding may decide whether a point on an edge is a corner: never more than that.
    assert after == pytest.approx(before, abs=1e-6)


def test_center_of_mass_of_a_standing_biped(tmp_path: Path):
    path = tmp_path / "biped.xml"
    path.write_text(biped())
    qpos = np.zeros((2, 13))
    qpos[:, 2], qpos[:, 3], qpos[1, 0] = 0.62, 1.0, 0.5
    com = center_of_mass(path, qpos)
    # 8 kg at 0.77 m; thighs 3 kg at 0.48 m; shins 2 kg at 0.2 m; feet 0.8 kg at 0.02 m.
    expected_z = (8 * 0.77 + 3 * 0.48 + 2 * 0.20 + 0.8 * 0.02) / 13.8
    np.testing.assert_allclose(com[0], [0.8 * 0.03 / 13.8, 0, expected_z], atol=1e-9)
    np.testing.assert_allclose(com[1] - com[0], [0.5, 0, 0], atol=1e-12)


def test_file_without_free_joint_gives_the_same_center_of_mass(tmp_path: Path):
    rng = np.random.default_rng(3)
    values = rng.uniform(0.1, 0.6, (4, 6))
    xyz, quat = rng.normal(size=(4, 3)), se3.quat_from_matrix(se3.exp_so3(rng.normal(size=(4, 3))))
    found = []
    for has_free_joint in (True, False):
        path = tmp_path / f"biped{has_free_joint}.xml"
        text = biped(has_free_joint=has_free_joint)
        path.write_text(text if has_free_joint else text.replace('pos="0 0 0.62"', ""))
        found.append(
            robot_center_of_mass(path, values, BIPED_JOINTS, root_xyz_m=xyz, root_quat=quat)
        )
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)


def test_wrong_number_of_positions_and_unknown_joint_are_said(tmp_path: Path):
    path = tmp_path / "biped.xml"
    path.write_text(biped())
    with pytest.raises(RobotError, match="has 13 positions"):
        center_of_mass(path, np.zeros((1, 12)))
    pose = {"root_xyz_m": np.zeros((1, 3)), "root_quat": np.array([[1.0, 0, 0, 0]])}
    with pytest.raises(RobotError, match=r"no joint .left_elbow.; it has .*left_hip"):
        robot_center_of_mass(path, np.zeros((1, 1)), ["left_elbow"], **pose)
