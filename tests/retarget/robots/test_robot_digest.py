"""What identifies a robot: all that its files hold, wherever they lie."""

import functools
import shutil
from pathlib import Path

import pytest

from rotoscope.retarget.physics.robot import robot_to_simulate
from rotoscope.retarget.physics.stage import PhysicsCheck, PhysicsConfig
from rotoscope.retarget.robots.digest import robot_digest
from rotoscope.retarget.robots.load import load_robot
from rotoscope.retarget.robots.read_config import load_config

MJCF = """<mujoco>
  <compiler meshdir="shapes"/>
  <include file="parts/limits.xml"/>
  <asset><mesh file="foot.stl"/></asset>
</mujoco>
"""


@pytest.fixture
def robot(tiny: Path) -> Path:
    """A YAML file, and beside it an MJCF file that includes a file and names a mesh."""
    folder = tiny.parent
    (folder / "robot.xml").write_text(MJCF)
    for name, text in (("parts/limits.xml", "<mujoco/>"), ("shapes/foot.stl", "solid foot")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return tiny


def digest(yaml: Path, file: str = "robot.xml") -> str:
    config, _ = load_config(str(yaml))
    return robot_digest(config, yaml.parent / file)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("robot.xml", MJCF.replace("<asset>", '<option timestep="0.01"/><asset>')),
        ("parts/limits.xml", '<mujoco><option gravity="0 0 -1"/></mujoco>'),
        ("shapes/foot.stl", "solid boot"),
    ],
)
def test_every_file_that_makes_the_robot_counts(robot, name, text):
    before = digest(robot)
    (robot.parent / name).write_text(text)
    assert digest(robot) != before


def test_settings_count_and_comments_and_places_do_not(robot, tmp_path_factory, monkeypatch):
    before = digest(robot)
    text = robot.read_text()
    robot.write_text(f"# A robot.\n{text.replace('folder: .', f'folder: {robot.parent}')}")
    assert digest(robot) == before
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(robot.parent, elsewhere / "copy")
    monkeypatch.chdir(elsewhere)
    assert digest(Path("copy/tiny.yaml")) == before
    robot.write_text(text.replace("0.5, 0.1]", "0.6, 0.1]"))
    assert digest(robot) != before


def test_mesh_of_a_urdf_is_found_by_its_package_name(robot):
    mesh = robot.parent / "meshes" / "hand.stl"
    mesh.parent.mkdir()
    mesh.write_text("solid hand")
    urdf = robot.parent / "meshed.urdf"
    shape = '<visual><geometry><mesh filename="package://some/tiny/meshes/hand.stl"/></geometry>'
    urdf.write_text(f'<robot name="r"><link name="a">{shape}</visual></link></robot>')
    before = digest(robot, "meshed.urdf")
    mesh.write_text("solid fist")
    assert digest(robot, "meshed.urdf") != before


def test_files_that_name_each_other_come_to_an_end(robot):
    (robot.parent / "parts" / "limits.xml").write_text(
        '<mujoco><include file="../robot.xml"/></mujoco>'
    )
    assert digest(robot)


def test_torque_limits_count_for_physics_alone(tiny):
    token = functools.partial(PhysicsCheck, PhysicsConfig(robot=str(tiny)))
    before, simulated = load_robot(str(tiny)).checksum, token().cache_token()
    assert robot_to_simulate(str(tiny)).efforts == {}
    tiny.write_text(tiny.read_text().replace("0.5, 0.1]", "0.5, 0.1], max_effort: 2"))
    assert load_robot(str(tiny)).checksum == before
    assert token().cache_token() != simulated
    assert set(robot_to_simulate(str(tiny)).efforts.values()) == {2.0}


def test_physics_of_a_robot_follows_its_settings_and_of_any_robot_the_shipped_ones(
    tiny, tmp_path, monkeypatch
):
    def token(name):
        return PhysicsCheck(PhysicsConfig(robot=name)).cache_token()

    before = token(str(tiny))
    tiny.write_text(tiny.read_text().replace("max_speed_m_s: 0.1", "max_speed_m_s: 0.2"))
    assert token(str(tiny)) != before
    any_robot = token(None)
    configs = tmp_path / "configs"
    shutil.copytree(Path(__file__).parents[3] / "configs", configs)
    monkeypatch.setattr("rotoscope.retarget.robots.read_config.config_path", configs.joinpath)
    assert token(None) == any_robot
    panda = configs / "robots" / "panda.yaml"
    panda.write_text(panda.read_text().replace("max_opening_m: 0.08", "max_opening_m: 0.09"))
    assert token(None) != any_robot
