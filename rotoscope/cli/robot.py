"""`rotoscope robot`: which robots there are, and what a new one's file tells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rotoscope.cli.options import path_option
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.retarget.onboarding.check import RobotReport
    from rotoscope.retarget.onboarding.proposal import Proposal
    from rotoscope.retarget.robots.robot import Robot
    from rotoscope.retarget.robots.self_check import SelfCheck
    from rotoscope.retarget.robots.shipped import ShippedRobot

app = typer.Typer(
    no_args_is_help=True,
    help="List robots, check one, or propose the YAML file of a new one from its URDF or MJCF.",
)
Source = Annotated[
    str,
    typer.Argument(
        metavar="ROBOT",
        help="A URDF or MJCF file, a YAML file, the name of a shipped robot, or "
        "robot_descriptions:NAME.",
    ),
]
Kind = Annotated[
    Literal["arm", "hand", "humanoid"] | None,
    typer.Option(help="What a URDF or MJCF file holds [found from its joints]."),
]
Write = Annotated[
    Path | None, path_option("Write the proposed YAML file here.", metavar="FILE.yaml")
]
Picture = Annotated[
    Path | None,
    path_option("Draw the robot with all that its YAML file names.", metavar="FILE.png"),
]


@app.command(name="list")
def list_command() -> None:
    """Name the robots that come with Rotoscope."""
    from rotoscope.retarget.robots.shipped import shipped_robots

    console.table(
        ("name", "kind", "files"),
        [(robot.name, robot.kind, _files(robot)) for robot in shipped_robots()],
    )


def _files(robot: ShippedRobot) -> str:
    return "here" if robot.is_here else f"absent: rotoscope assets fetch {robot.asset}"


@app.command()
def check(robot: Source, kind: Kind = None, write: Write = None, picture: Picture = None) -> None:
    """Check a robot's files, or propose a YAML file for a robot that has none.

    Every joint is moved and compared with MuJoCo. What a URDF or MJCF file cannot tell is listed
    with what to write where. Exit code 1 if the robot cannot be used as it is.
    """
    from rotoscope.retarget.onboarding.check import check as check_robot

    report = check_robot(robot, kind=kind, write=write)
    _print(f"{report.source}: {'an' if report.kind == 'arm' else 'a'} {report.kind}")
    if report.proposal is not None:
        _show_proposal(report.proposal)
        _print("\nproposed YAML file" + (f", written to {write}:" if write else ":"))
        _print(report.text or "")
    if report.self_check is not None:
        _show_check(report, report.self_check)
    if picture is not None and report.robot is not None:
        _draw(report.robot, picture)
    if report.fault is not None:
        _print(f"NOT USABLE YET: {report.fault}", style="red")
    raise typer.Exit(int(not report.is_good))


def _draw(robot: Robot, path: Path) -> None:
    from PIL import Image

    from rotoscope.pipeline.files.atomic import atomic_path
    from rotoscope.retarget.rendering.named_frames import named_frames_picture

    with atomic_path(path) as temporary:
        Image.fromarray(named_frames_picture(robot)).save(temporary, format="PNG")
    _print(f"drawn with its frames: {path}")


def _show_proposal(proposal: Proposal) -> None:
    console.table(
        ("decided", "as", "because"),
        [(".".join(fact.key), _short(fact.value), fact.reason) for fact in proposal.facts],
    )
    for remark in proposal.remarks:
        _print(f"- {remark}")
    for title, is_needed in (("could not decide:", True), ("assumed, look at it:", False)):
        items = [item for item in proposal.open if item.is_needed == is_needed]
        if items:
            _print(f"\n{title}", style="bold")
        for item in items:
            _print(f"- {item.key}: {item.why}")
            _print(f"    write {item.write}")


def _show_check(report: RobotReport, found: SelfCheck) -> None:
    _print(
        f"kinematics agree with MuJoCo to {found.largest_difference:.1e} m in every joint; "
        f"{len(report.joints)} joints in an action: {', '.join(report.joints)}"
    )
    if found.idle_joints:
        _print(
            f"move none of the named points: {', '.join(found.idle_joints)}; hold them with "
            "joints.<name>.fixed",
            style="yellow",
        )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items() if k != "sole_m")
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_short(v) for v in value) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print(text: str, style: str | None = None) -> None:
    console.say(text, style=style)
