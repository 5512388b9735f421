"""Hand metrics: what they measure, on a finger with two joints."""

import numpy as np
import pytest

from benchmarks._hand_metrics import HandVectors, hand_metrics, hand_vectors
from rotoscope.pipeline.errors import RobotError

FPS = 30.0
SCALE = 2.0
FINGER = """
<robot name="finger">
  <link name="palm"/>
  <link name="proximal"/><link name="distal"/><link name="tip"/>
  <joint name="first" type="revolute"><parent link="palm"/><child link="proximal"/>
    <origin xyz="0 0 0.1"/><axis xyz="0 1 0"/>
    <limit lower="0" upper="1.5" effort="1" velocity="9"/>
  </joint>
  <joint name="second" type="revolute"><parent link="proximal"/><child link="distal"/>
    <origin xyz="0 0 0.05"/><axis xyz="0 1 0"/>
    <limit lower="0" upper="1.5" effort="1" velocity="9"/>
  </joint>
  <joint name="end" type="fixed"><parent link="distal"/><child link="tip"/>
    <origin xyz="0 0 0.03"/></joint>
</robot>"""
VECTORS = HandVectors(
    urdf="finger.urdf",
    origin_links=("palm",),
    task_links=("tip",),
    human_origins=(0,),
    human_tasks=(8,),
    scale=SCALE,
    low_pass_alpha=0.2,
)


@pytest.fixture
def urdf(tmp_path):
    path = tmp_path / "finger.urdf"
    path.write_text(FINGER)
    return path


def _angles():
    phase = np.linspace(0.0, 2.0 * np.pi, 60)
    return np.stack([0.5 - 0.5 * np.cos(phase), 0.4 - 0.4 * np.cos(phase)], axis=1)


def _tip_m(angles_rad):
    first, both = angles_rad[:, 0], angles_rad.sum(axis=1)
    x = 0.05 * np.sin(first) + 0.03 * np.sin(both)
    z = 0.1 + 0.05 * np.cos(first) + 0.03 * np.cos(both)
    return np.stack([x, np.zeros_like(x), z], axis=1)


def _person():
    joints_m = np.zeros((60, 21, 3))
    joints_m[:, 8] = _tip_m(_angles()) / SCALE
    return joints_m


def _measure(urdf, angles_rad, names=("first", "second")):
    return hand_metrics(VECTORS, list(names), angles_rad, _person(), FPS, urdf=urdf)


def test_a_hand_that_follows_exactly_has_no_error(urdf):
    found = _measure(urdf, _angles())
    assert found["error_mm"] == pytest.approx(0.0, abs=1e-9)
    assert found["explained"] == pytest.approx(1.0)
    assert found["outside_frames"] == 0.0


def test_columns_go_by_name(urdf):
    found = _measure(urdf, _angles()[:, ::-1], names=("second", "first"))
    assert found["error_mm"] == pytest.approx(0.0, abs=1e-9)


def test_a_frozen_hand_explains_nothing(urdf):
    found = _measure(urdf, np.full((60, 2), 0.5))
    assert found["explained"] == pytest.approx(0.0)
    assert found["error_mm"] > 10.0
    assert found["acceleration_rad_s2"] == 0.0


def test_frames_beyond_a_limit_are_counted_however_little(urdf):
    angles_rad = _angles()
    angles_rad[:6, 1] = -1e-6
    found = _measure(urdf, angles_rad)
    assert found["outside_frames"] == pytest.approx(0.1)
    assert found["outside_max_mrad"] == pytest.approx(1e-3)


def test_a_link_that_is_not_in_the_robot_file_is_named(urdf):
    wrong = HandVectors(**(vars(VECTORS) | {"task_links": ("thumb",)}))
    with pytest.raises(RobotError, match=r"'thumb'.*'tip'"):
        hand_metrics(wrong, ["first", "second"], _angles(), _person(), FPS, urdf=urdf)


def test_columns_that_are_not_the_robot_s_joints_are_refused(urdf):
    with pytest.raises(RobotError, match="'first', 'second'"):
        _measure(urdf, _angles()[:, :1], names=("first",))


def test_every_definition_is_a_list_of_vectors_of_equal_length():
    for hand in hand_vectors().values():
        lengths = {
            len(values)
            for values in (
                *(hand.origin_links, hand.task_links),
                *(hand.human_origins, hand.human_tasks),
            )
        }
        assert len(lengths) == 1
