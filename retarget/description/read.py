"""Robot files: URDF read directly, MJCF through MuJoCo, both into the same few facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rotoscope.retarget.description.links import Description
from rotoscope.retarget.description.mjcf import read_mjcf
from rotoscope.retarget.description.urdf import read_urdf
from rotoscope.retarget.description.xml import parse_xml


def read_description(path: Path) -> Description:
    """The tree in a URDF or MJCF file; which one it is decides the root element.

    What stands beside the robot and has no joint that moves, such as a floor, is left out.

    Raises:
        RobotError: No such file, not XML, or neither URDF nor MJCF.
    """
    found = read_urdf(path) if parse_xml(path).tag == "robot" else read_mjcf(path)
    return _without_bystanders(found)


def _without_bystanders(description: Description) -> Description:
    above = {joint.child: joint.parent for joint in description.joints.values()}

    def top(link: str) -> str:
        for _ in description.links:
            if link not in above:
                break
            link = above[link]
        return link

    tops = {link: top(link) for link in description.links}
    moving = {tops[j.parent] for j in description.joints.values() if j.kind != "fixed"}
    if len(moving) != 1 or len(set(tops.values())) == 1:
        return description
    links = tuple(link for link in description.links if tops[link] in moving)
    joints = {name: j for name, j in description.joints.items() if tops[j.parent] in moving}
    masses = {link: mass for link, mass in description.masses.items() if tops[link] in moving}
    return replace(description, links=links, joints=joints, masses=masses)
