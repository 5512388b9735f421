"""`rotoscope import` and `export`: datasets of LeRobot v2.0 and v2.1, and for its robots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rotoscope.cli.options import Data, Out, path_option
from rotoscope.cli.paths import named_path
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.pipeline.datasets.read import Dataset

Old = Annotated[
    Path,
    typer.Argument(
        parser=named_path, help="Folder of a LeRobot v2.0 or v2.1 dataset.", metavar="DATA"
    ),
]


def import_old(data: Old, out: Out) -> None:
    """Write a dataset of LeRobot v2.0 or v2.1 as v3: a part of one too, or one with gaps.

    Episodes whose files are missing are left out and named; the others are numbered from 0, and
    `meta/rotoscope/imported.json` keeps their old numbers. Videos are copied, not encoded again.
    """
    from rotoscope.pipeline.old_versions.bring import import_dataset

    done = import_dataset(data, out)
    for sentence in done.left_out:
        console.say(sentence)
    console.say(f"{len(done.episodes)} episodes, {done.rows} rows")
    console.say(f"dataset: {out}")


def export_old(
    data: Data,
    out: Out,
    robot: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="ROBOT",
            help="Write what `lerobot-replay` sends to this robot of LeRobot instead: "
            "so101_follower, so100_follower, bi_so_follower, koch_follower, openarm_follower, "
            "unitree_g1, reachy2.",
        ),
    ] = "",
    calibration: Annotated[
        list[Path] | None,
        path_option(
            "With --for: LeRobot's calibration file of that very arm; of two arms the left one's "
            "first.",
            "--calibration",
        ),
    ] = None,
    side: Annotated[
        str, typer.Option(help="With --for: `left` or `right`, of an OpenArm or Reachy 2.")
    ] = "",
    invalid: Annotated[
        Literal["hold", "skip"],
        typer.Option(
            help="With --for: rows that are not valid or outside a limit: `hold` the last valid "
            "one, or `skip` them."
        ),
    ] = "hold",
    ramp: Annotated[
        bool,
        typer.Option(help="With --for: begin at the robot's rest posture, from there by a ramp."),
    ] = True,
    joint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MOTOR=JOINT",
            help="With --for: a motor whose joint has another name, `-JOINT` where it turns back.",
        ),
    ] = None,
    own: Annotated[
        str,
        typer.Option(
            "--robot", help="With --for: YAML file of the dataset's robot, if it is your own."
        ),
    ] = "",
) -> None:
    """Write a dataset as LeRobot v2.1 for Isaac GR00T, or as what LeRobot's robots are sent.

    v2.1: with `meta/modality.json`; videos are cut, not encoded again. With --for: LeRobot v3
    without pictures, in that robot's names and units, with a ramp to the first command.
    """
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.errors import UsageError
    from rotoscope.pipeline.old_versions.write_v21 import write_v21

    dataset = open_dataset(data)
    if robot:
        _export_for(dataset, out, robot, calibration or [], side, invalid, ramp, joint or [], own)
        return
    if calibration or side or joint or own:
        raise UsageError("--calibration, --side, --joint and --robot need --for ROBOT")
    write_v21(dataset, out.absolute())
    console.say(f"{len(dataset)} episodes as LeRobot v2.1: {out}")


def _export_for(
    dataset: Dataset,
    out: Path,
    robot: str,
    calibration: list[Path],
    side: str,
    invalid: Literal["hold", "skip"],
    has_ramp: bool,
    joint: list[str],
    own: str,
) -> None:
    from rotoscope.pipeline.converters.lerobot import LeRobotForm, wiring_of
    from rotoscope.pipeline.converters.lerobot_robots import lerobot_robot
    from rotoscope.pipeline.converters.motor_calibration import read_calibrations
    from rotoscope.pipeline.replay.for_robot import export_for_robot
    from rotoscope.pipeline.replay.run import robot_named_by
    from rotoscope.pipeline.robots import robots

    target = lerobot_robot(robot, side=side)
    joints = robots().joints(own or robot_named_by(dataset))
    form = LeRobotForm(target, joints, read_calibrations(calibration), wiring_of(joint))
    done = export_for_robot(dataset, out.absolute(), form, invalid=invalid, has_ramp=has_ramp)
    for sentence in done.left_out:
        console.say(f"left out: {sentence}")
    console.say(
        f"{len(done.episodes)} episodes, {done.rows} commands for {robot}: {done.played} say what "
        f"valid rows say, the others are ramps or held; {done.outside} valid rows were outside a "
        "limit"
    )
    if target.note:
        console.say(target.note)
    console.say(
        f"dataset: {out}; bring the robot to its rest posture, then: lerobot-replay "
        f"--robot.type={robot} --robot.port=PORT --robot.id=ID --dataset.repo_id=local/{out.name} "
        f"--dataset.root={out} --dataset.episode=0"
    )
