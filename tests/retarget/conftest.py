"""Robots that the tests of this folder move."""

from pathlib import Path

import pytest

from rotoscope.pipeline.errors import AssetError
from rotoscope.retarget.robots.arm import ArmRobot, load_arm

TWO_LINK_URDF = """<robot name="tiny">
  <link name="base"/><link name="upper"/><link name="fore"/><link name="hand"/>
  <link name="finger"/>
  <joint name="shoulder" type="revolute">
    <parent link="base"/><child link="upper"/>
    <origin xyz="0 0 0.3" rpy="0 0 0"/><axis xyz="0 0 1"/>
    <limit lower="-2" upper="2" velocity="1.5" effort="1"/>
  </joint>
  <joint name="elbow" type="revolute">
    <parent link="upper"/><child link="fore"/>
    <origin xyz="0.4 0 0" rpy="0.3 -0.2 0.5"/><axis xyz="0 -2 1"/>
    <limit lower="-2.5" upper="2.5" velocity="2" effort="1"/>
  </joint>
  <joint name="slide" type="prismatic">
    <parent link="fore"/><child link="hand"/>
    <origin xyz="0 0.1 0.2" rpy="0 1 0"/><axis xyz="1 0 0"/>
    <limit lower="0" upper="0.2" velocity="0.5" effort="1"/>
  </joint>
  <joint name="grip" type="prismatic">
    <parent link="hand"/><child link="finger"/><axis xyz="0 1 0"/>
    <limit lower="0" upper="0.04" velocity="0.1" effort="1"/>
  </joint>
</robot>
"""
"""An arm of three joints, two that turn and one that slides, about axes that are not aligned."""

TINY_YAML = """name: tiny
folder: .
file: tiny.urdf
base_link: base
arm: {joints: [shoulder, elbow, slide], home: [0.1, 0.5, 0.1]}
end_effector: {link: hand, origin_m: [0, 0, 0.1]}
gripper: {joints: {grip: [0, 0.04]}, max_opening_m: 0.04, max_speed_m_s: 0.1}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Path of a complete robot of three joints, to load as it is or to break first."""
    (tmp_path / "tiny.urdf").write_text(TWO_LINK_URDF)
    (tmp_path / "tiny.yaml").write_text(TINY_YAML)
    return tmp_path / "tiny.yaml"


@pytest.fixture(scope="session")
def panda() -> ArmRobot:
    """The Franka Panda; skips where its files were not fetched."""
    try:
        return load_arm("panda")
    except AssetError as error:
        pytest.skip(str(error))
