"""The XML of a robot file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from rotoscope.pipeline.errors import RobotError


INCLUDED = "mujocoinclude"
"""Root element of files that MJCF files include, beside `mujoco`."""


def parse_xml(path: Path, *, is_included: bool = False) -> ET.Element:
    """The root element of a robot file: `robot` for URDF, `mujoco` for MJCF.

    Args:
        path: The file.
        is_included: Whether another file includes it, which may then be a part of MJCF.

    Raises:
        RobotError: No such file, not XML, or another root element.
    """
    if not path.is_file():
        raise RobotError(f"there is no robot file {path}; check `asset`, `folder` and `file`")
    try:
        root = ET.fromstring(path.read_bytes())
    except ET.ParseError as error:
        raise RobotError(f"{path} is not well-formed XML: {error}") from error
    if root.tag not in ("robot", "mujoco") and not (is_included and root.tag == INCLUDED):
        raise RobotError(
            f"{path} has root element <{root.tag}>; URDF has <robot>, MJCF has <mujoco>"
        )
    return root
