"""The XML of a robot file."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from rotoscope.pipeline.errors import RobotError


def parse_xml(path: Path, *, is_included: bool = False) -> ET.Element:
    """The root element of a robot file: `robot` for URDF, `mujoco` for MJCF.

    Args:
        path: The file.
        is_included: Whether another file includes it: then its root may be `mujocoinclude`, too.

    Raises:
        RobotError: No such file, not XML, or another root element.
    """
    if not path.is_file():
        raise RobotError(f"there is no robot file {path}; check `asset`, `folder` and `file`")
    try:
        root = _parsed(path.read_bytes())
    except ET.ParseError as error:
        raise RobotError(f"{path} is not well-formed XML: {error}") from error
    roots = ("robot", "mujoco", "mujocoinclude")
    if root.tag not in (roots if is_included else roots[:2]):
        raise RobotError(
            f"{path} has root element <{root.tag}>; URDF has <robot>, MJCF has <mujoco>"
        )
    return root


def _parsed(text: bytes) -> ET.Element:
    """The root of some XML; prefixes such as `drake:` that a file never explains are named here."""
    try:
        return ET.fromstring(text)
    except ET.ParseError as error:
        if "unbound prefix" not in str(error):
            raise
    prefixes = sorted(set(re.findall(rb"[<\s/]([A-Za-z_][\w.-]*):[A-Za-z_]", text)) - {b"xmlns"})
    named = b"".join(b' xmlns:%s="%s"' % (prefix, prefix) for prefix in prefixes)
    return ET.fromstring(re.sub(rb"<(robot|mujoco)\b", rb"<\1" + named, text, count=1))
