"""A robot of one's own made usable by name on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.errors import RobotError, UsageError
from rotoscope.retarget.onboarding.check import RobotReport, check
from rotoscope.retarget.robots.read_config import RobotKind, own_robots_folder, robot_names


@dataclass(frozen=True)
class Added:
    """A robot that recipes can now name."""

    name: str
    """What to call it."""
    file: Path
    """Its YAML file."""
    report: RobotReport
    """What was found out."""


def add_robot(
    source: str,
    *,
    name: str | None = None,
    kind: RobotKind | None = None,
    arm: str | None = None,
    gripper: Path | None = None,
) -> Added:
    """Proposes a robot's YAML file and keeps it where recipes find it by name.

    The robot's own files stay where they are; the YAML file names them.

    Args:
        source: A URDF or MJCF file, or `robot_descriptions:NAME`.
        name: What to call it; the file's name when absent.
        kind: Which kind of robot it is; found from its joints when absent.
        arm: Which of several arms.
        gripper: URDF file of a gripper for an arm that ends in a flange.

    Raises:
        RobotError: The robot cannot be used as it is proposed, or a shipped one has the name.
        UsageError: An own robot of the name is there.
    """
    report = check(source, kind=kind, arm=arm, gripper=gripper)
    if report.proposal is None or report.text is None:
        raise RobotError(f"{source} has a YAML file already; name it by its path")
    if report.fault is not None:
        raise RobotError(
            f"{source} cannot be used yet: {report.fault}. Write its YAML file with `rotoscope "
            "robot check --write`, fill in what is marked NEEDED, and name it by its path"
        )
    stated = str(report.proposal.mapping()["name"])
    name = name or stated
    if name in robot_names():
        raise RobotError(f"a robot {name!r} ships with Rotoscope; give another name with --name")
    file = own_robots_folder() / f"{name}.yaml"
    if file.exists():
        raise UsageError(f"{file} is there already; give another name, or remove it first")
    file.parent.mkdir(parents=True, exist_ok=True)
    check(source, kind=kind, arm=arm, gripper=gripper, name=name, write=file)
    return Added(name, file, report)
