"""`rotoscope segment`: episodes cut into skills."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import Data, path_option
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import UsageError

if TYPE_CHECKING:
    from rotoscope.pipeline.segments.run import Segmented

_HEADER = ("skill", "segments", "episodes", "median", "what")


def segment(
    data: Data,
    out: Annotated[
        Path | None,
        path_option("Where the dataset with skills is published, whole [only show].", "--out"),
    ] = None,
    things: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBERS",
            help="Where things are: `observation.state:puck.*` [numbers of the state named "
            "`object...`]. May be repeated.",
        ),
    ] = None,
    gripper: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBERS",
            help="How far a gripper is open: `observation.state:motor_6` [numbers of the state "
            "named `gripper`, `finger`, `jaw`, `claw` or `aperture`]. May be repeated.",
        ),
    ] = None,
    language: Annotated[
        bool,
        typer.Option(
            "--language", help="Write skills as `subtask` lines of LeRobot's language columns, too."
        ),
    ] = False,
    skill: Annotated[
        str, typer.Option(help="Write the segments of this skill alone, each as an episode.")
    ] = "",
) -> None:
    """Cut the episodes of a LeRobot v3 dataset into skills that they share.

    Cuts are where the hand takes hold of something, where that begins to move, and where it is let
    go, as far as the dataset says so; else where the motion changes. `--out` writes a copy with
    the column `label.skill`, segments by skill in `meta/rotoscope/segments.json`, and a contact
    sheet a skill. torch's own collate cannot join language columns: give a DataLoader LeRobot's.
    """
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.segments.run import segment as cut
    from rotoscope.pipeline.segments.run import write_segments, write_skill

    if out is None and (skill or language):
        raise UsageError("--skill and --language say what is written; name --out, too")
    if skill and language:
        raise UsageError(
            "--skill writes one skill alone, without --language; leave one of them out"
        )
    dataset = open_dataset(data)
    found = cut(dataset, things=things or (), grippers=gripper or ())
    _show(found, dataset.fps)
    if out is None:
        return
    if skill:
        console.say(f"{write_skill(dataset, found, skill, out)} segments of {skill}")
    else:
        write_segments(dataset, found, out, has_language=language)
    console.say(f"dataset: {out}")


def _show(found: Segmented, fps: float) -> None:
    import numpy as np

    from rotoscope.pipeline.segments.run import TEXTS

    console.say(f"told by {found.roles.said()}")
    lines = []
    for name in found.skills:
        some = found.of(name)
        median_s = float(np.median([one.end - one.start for one in some])) / fps
        episodes = len({one.episode for one in some})
        lines.append(
            (name, str(len(some)), str(episodes), f"{median_s:.2f} s", TEXTS.get(name, ""))
        )
    console.table(_HEADER, lines)
