"""Robot files: URDF read directly, MJCF through MuJoCo, both into the same few facts."""

from __future__ import annotations

from pathlib import Path

from rotoscope.retarget.description.links import Description
from rotoscope.retarget.description.mjcf import read_mjcf
from rotoscope.retarget.description.urdf import read_urdf
from rotoscope.retarget.description.xml import parse_xml


def read_description(path: Path) -> Description:
    """The tree in a URDF or MJCF file; which one it is decides the root element.

    Raises:
        RobotError: No such file, not XML, or neither URDF nor MJCF.
    """
    return read_urdf(path) if parse_xml(path).tag == "robot" else read_mjcf(path)
