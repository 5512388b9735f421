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
Arm = Annotated[
    str | None,
    typer.Option(help="Which of several arms: left, right, or the link at its end.", metavar="ARM"),
]
Gripper = Annotated[
    Path | None,
    path_option("URDF file of a gripper for an arm that ends in a flange.", metavar="FILE.urdf"),
]
Picture = Annotated[
    Path | None,
    path_option("Draw the robot with the frames of its file here.", metavar="FILE.png"),
]
Write = Annotated[
    Path | None, path_option("Write the proposed YAML file here.", metavar="FILE.yaml")
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
def check(
    robot: Source,
    kind: Kind = None,
    write: Write = None,
    arm: Arm = None,
    gripper: Gripper = None,
    picture: Picture = None,
) -> None:
    """Check a robot's files, or propose a YAML file for a robot that has none.

    Every joint is moved and compared with MuJoCo. What a URDF or MJCF file cannot tell is listed
    with what to write where. Exit code 1 if the robot cannot be used as it is.
    """
    from rotoscope.retarget.onboarding.check import check as check_robot

    report = check_robot(robot, kind=kind, write=write, arm=arm, gripper=gripper)
    _show(report, write)
    if picture is not None and report.robot is not None:
        _draw(report.robot, picture)
    raise typer.Exit(int(not report.is_good))


@app.command()
def add(
    robot: Source,
    name: Annotated[
        str | None, typer.Option(help="What to call it [the file's name].", metavar="NAME")
    ] = None,
    kind: Kind = None,
    arm: Arm = None,
    gripper: Gripper = None,
) -> None:
    """Make a robot of your own usable by name, from its URDF or MJCF file.

    Its YAML file is proposed as by `check` and kept in a folder of yours ($ROTOSCOPE_ROBOTS, or
    one of the user's settings). Look at every guess in it. Its own files stay where they are.
    """
    from rotoscope.retarget.onboarding.add import add_robot

    added = add_robot(robot, name=name, kind=kind, arm=arm, gripper=gripper)
    _show(added.report, added.file)
    _print(f"recipes can name it now: {added.name}")


def _show(report: RobotReport, write: Path | None) -> None:
    _print(f"{report.source}: {'an' if report.kind == 'arm' else 'a'} {report.kind}")
    if report.proposal is not None:
        _show_proposal(report.proposal)
        _print("\nproposed YAML file" + (f", written to {write}:" if write else ":"))
        _print(report.text or "")
    if report.self_check is not None:
        _show_check(report, report.self_check)
    if report.fault is not None:
        _print(f"NOT USABLE YET: {report.fault}", style="red")


def _draw(robot: Robot, path: Path) -> None:
    from PIL import Image

    from rotoscope.pipeline.files.atomic import atomic_path
    from rotoscope.retarget.rendering.frames_picture import arm_picture
    from rotoscope.retarget.rendering.named_frames import named_frames_picture
    from rotoscope.retarget.robots.arm import ArmRobot

    picture = arm_picture(robot) if isinstance(robot, ArmRobot) else named_frames_picture(robot)
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")
    _print(f"drawn with its frames: {path}")


def _show_proposal(proposal: Proposal) -> None:
    console.table(
        ("decided", "as", "because"),
        [(".".join(fact.key), _short(fact.value), fact.reason) for fact in proposal.facts],
    )
    for remark in proposal.remarks:
        _print(f"- {remark}")
    groups = {
        "could not decide:": [item for item in proposal.open if item.is_needed],
        "GUESSED, put your own numbers there:": [item for item in proposal.open if item.is_guess],
        "assumed, look at it:": [i for i in proposal.open if not i.is_needed and not i.is_guess],
    }
    for title, items in groups.items():
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
