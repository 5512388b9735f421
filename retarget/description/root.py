"""Which files a robot's URDF or MJCF file may name: those of the robot."""

from __future__ import annotations

import itertools
import os
import xml.etree.ElementTree as ET
from pathlib import Path

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.files.paths import inside
from rotoscope.pipeline.quoting import cut, shown
from rotoscope.retarget.description.xml import parse_xml

_MARKS = ("package.xml", ".git", "__init__.py")
"""What lies at the top of a ROS package, of a repository and of a Python package."""
_MAX_LEVELS = 4
"""How far above the robot file such a mark is looked for."""
_FOLDER_KEYS = ("meshdir", "texturedir", "assetdir")
_XML_TAGS = ("include", "model")
"""Elements of MJCF whose file is XML itself, and may name further files."""


def robot_root(path: Path) -> Path:
    """The folder whose files belong to a robot.

    The ROS package or repository that the file lies in, else the folder above its own: many robots
    keep `urdf` and `meshes` side by side.
    """
    folder = path.absolute().parent
    for above in (folder, *folder.parents)[:_MAX_LEVELS]:
        if any((above / mark).exists() for mark in _MARKS):
            return above
    return folder.parent


def file_of_robot(name: str, path: Path, folder: Path) -> Path | None:
    """A file that a robot file names, `None` where it is not there.

    Args:
        name: Path as it is named, absolute or below `folder`.
        path: The robot file.
        folder: Where relative names begin.

    Raises:
        RobotError: It is there, but it is no file of the robot.
    """
    found = Path(os.path.normpath(folder / name))
    if "\0" in name or not os.path.lexists(found):
        return None
    root = robot_root(path)
    # Relative to where links lead, so that names may go up and down within the robot.
    relative = os.path.relpath(found.parent.resolve() / found.name, root.resolve())
    if relative.split(os.sep)[0] == os.pardir:
        raise RobotError(
            f"{path} names {shown(name)}, which lies outside of {root}, where the robot is: copy "
            "it there, or leave it out"
        )
    inside(root, relative, what=f"{path.name} names", error=RobotError)
    return found if found.is_file() else None


def check_mjcf(path: Path) -> None:
    """Checks that what MuJoCo would open for an MJCF file belongs to the robot.

    MuJoCo opens includes, meshes, textures and models itself. Where it looks for one depends on
    several settings: all places are checked.

    Raises:
        RobotError: A file that is named is there, but outside of the robot's folder; or an
            included file is no XML.
    """
    main = path.absolute()
    files = _xml_files(main)
    dirs = {""}
    for root in files.values():
        found = (root, *root.iter("compiler"))
        dirs |= {e.get(key, "") for e in found for key in _FOLDER_KEYS}
    for file, root in files.items():
        names = {
            value
            for element in root.iter()
            for key, value in element.attrib.items()
            if key.startswith("file")
        }
        for name, folder, base in itertools.product(names, dirs, {file.parent, main.parent}):
            # With `strippath`, MuJoCo takes the last part of a name alone.
            for form in (name, Path(name).name):
                file_of_robot(os.path.join(folder, form), path, base)


def _xml_files(main: Path) -> dict[Path, ET.Element]:
    """The file and all that it includes, by path."""
    files = {main: parse_xml(main)}
    waiting = [main]
    while waiting:
        file = waiting.pop()
        named = [e for tag in _XML_TAGS for e in files[file].iter(tag) if e.get("file")]
        for element, base in itertools.product(named, {file.parent, main.parent}):
            found = file_of_robot(element.get("file", ""), main, base)
            if found is None or found in files:
                continue
            try:
                files[found] = ET.fromstring(found.read_bytes())
            except ET.ParseError as error:
                if element.tag == "model":
                    # A compiled model names no files.
                    continue
                raise RobotError(
                    f"{found}, which {file.name} includes, is not well-formed XML: "
                    f"{cut(str(error))}"
                ) from error
            waiting.append(found)
    return files
