"""A robot's files name files of the robot, and nothing else is opened with them."""

import struct
from pathlib import Path

import pytest
from opened_files import Opened

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.description.mujoco import compile_robot
from rotoscope.retarget.description.read import read_description
from rotoscope.retarget.description.root import robot_root
from rotoscope.retarget.robots.read_config import load_config

URDF = """<robot name="r"><link name="base">
<visual><geometry><mesh filename="{}"/></geometry></visual></link></robot>"""
MJCF = """<mujoco><compiler meshdir="{dir}"/>{more}
<asset><mesh name="m" file="{file}"/></asset>
<worldbody><body name="b"><joint name="j"/><geom type="mesh" mesh="m"/></body></worldbody></mujoco>
"""


def write_mesh(path: Path) -> Path:
    """A tetrahedron as binary STL."""
    corners = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    data = b"".join(
        struct.pack("<12fH", 0, 0, 0, *(x for i in face for x in corners[i]), 0) for face in faces
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0" * 80 + struct.pack("<I", len(faces)) + data)
    return path


@pytest.fixture
def secret(tmp_path):
    write_mesh(tmp_path / "secret" / "m.stl")
    (tmp_path / "secret" / "part.xml").write_text(
        '<mujoco><worldbody><body name="hidden"/></worldbody></mujoco>'
    )
    return tmp_path / "secret"


@pytest.fixture
def folder(tmp_path):
    """A robot as most are kept: `meshes` beside the folder of its own file."""
    write_mesh(tmp_path / "robots" / "arm" / "meshes" / "m.stl")
    (tmp_path / "robots" / "arm" / "urdf").mkdir()
    return tmp_path / "robots" / "arm" / "urdf"


def urdf(folder, filename):
    path = folder / "arm.urdf"
    path.write_text(URDF.format(filename))
    return path


def mjcf(folder, *, dir="../meshes", file="m.stl", more=""):
    path = folder / "arm.xml"
    path.write_text(MJCF.format(dir=dir, file=file, more=more))
    return path


@pytest.mark.parametrize(
    "name", ["../meshes/m.stl", "package://arm/meshes/m.stl", "package://far/off/arm/meshes/m.stl"]
)
def test_meshes_beside_the_urdf_folder_are_drawn(folder, name):
    assert compile_robot(urdf(folder, name)).nmesh == 1


def test_an_absolute_mesh_of_the_robot_itself_is_drawn(folder):
    mesh = folder.parent / "meshes" / "m.stl"
    assert compile_robot(urdf(folder, f"file://{mesh}")).nmesh == 1
    assert compile_robot(mjcf(folder, file=str(mesh))).nmesh == 1


def test_a_mesh_that_is_nowhere_is_left_out(folder):
    assert compile_robot(urdf(folder, "/nowhere/m.stl")).nmesh == 0
    assert compile_robot(urdf(folder, "package://arm/none.stl")).nmesh == 0


@pytest.mark.parametrize(
    "name", ["{secret}/m.stl", "file://{secret}/m.stl", "../../../secret/m.stl", "link.stl"]
)
def test_urdf_meshes_from_elsewhere_are_refused(folder, secret, name):
    (folder / "link.stl").symlink_to(secret / "m.stl")
    path = urdf(folder, name.format(secret=secret))
    with Opened(secret) as opened, pytest.raises(RobotError, match=r"outside of|leads out of"):
        compile_robot(path)
    assert opened.names == []


def test_a_package_name_leads_to_no_place_outside(folder, secret):
    path = urdf(folder, "package://../../../secret/m.stl")
    with Opened(secret) as opened, pytest.raises(RobotError, match="leads out of"):
        compile_robot(path)
    assert opened.names == []


def test_mjcf_meshes_beside_its_folder_are_drawn(folder):
    assert compile_robot(mjcf(folder)).nmesh == 1
    assert [j for j in read_description(mjcf(folder)).joints] == ["j"]


@pytest.mark.parametrize(
    "change",
    [
        {"file": "{secret}/m.stl"},
        {"dir": "{secret}"},
        {"dir": "../../../secret"},
        {"dir": ".", "file": "../../../secret/m.stl"},
        {"dir": ".", "file": "link.stl"},
        {"dir": "linked"},
        {"more": '<include file="{secret}/part.xml"/>'},
        {"more": '<include file="../../../secret/part.xml"/>'},
        {"more": '<include file="inner.xml"/>'},
        {"more": '<asset><model name="x" file="{secret}/part.xml"/></asset>'},
        {"more": '<asset><hfield name="h" size="1 1 1 1" file="{secret}/part.xml"/></asset>'},
        {"more": '<asset><texture type="2d" name="t" file="{secret}/part.xml"/></asset>'},
        {"more": '<asset><texture type="cube" name="t" fileup="{secret}/part.xml"/></asset>'},
    ],
)
def test_mjcf_names_of_what_lies_elsewhere_are_refused(folder, secret, change):
    (folder / "link.stl").symlink_to(secret / "m.stl")
    (folder / "linked").symlink_to(secret)
    (folder / "inner.xml").write_text(f'<any><include file="{secret}/part.xml"/></any>')
    path = mjcf(folder, **{key: value.format(secret=secret) for key, value in change.items()})
    with Opened(secret) as opened, pytest.raises(RobotError, match=r"outside of|leads out of"):
        compile_robot(path)
    assert opened.names == []


def test_an_include_within_the_robot_is_read(folder):
    (folder.parent / "common.xml").write_text("<any><size njmax='500'/></any>")
    assert compile_robot(mjcf(folder, more='<include file="../common.xml"/>')).nmesh == 1


def test_an_include_that_is_no_xml_is_refused_without_its_words(folder):
    (folder / "notes.txt").write_text("root:x:0:0:root")
    with pytest.raises(RobotError, match=r"notes\.txt, which arm\.xml includes, is not") as caught:
        compile_robot(mjcf(folder, more='<include file="notes.txt"/>'))
    assert "root:x" not in str(caught.value)


def test_includes_in_a_circle_end(folder):
    (folder / "a.xml").write_text('<any><include file="a.xml"/></any>')
    with pytest.raises(RobotError):
        compile_robot(mjcf(folder, more='<include file="a.xml"/>'))


@pytest.mark.parametrize("mark", ["package.xml", ".git"])
def test_a_robot_belongs_to_its_package_or_repository(folder, mark):
    assert robot_root(folder / "arm.urdf") == folder.parent
    (folder.parents[1] / mark).touch()
    assert robot_root(folder / "arm.urdf") == folder.parents[1]


@pytest.mark.parametrize("file", ["../../secret/part.xml", "/etc/passwd"])
def test_the_file_of_a_robots_yaml_lies_in_its_folder(folder, secret, file):
    config, _ = load_config("panda")
    config = config.model_copy(update={"asset": None, "folder": Path(), "file": Path(file)})
    with Opened(secret) as opened, pytest.raises(RobotError, match="leads out of"):
        robot_file(config, folder / "arm.yaml")
    assert opened.names == []
