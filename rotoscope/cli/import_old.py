"""`rotoscope import`: datasets of LeRobot v2.0 and v2.1 as v3."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.options import Out
from rotoscope.cli.paths import named_path
from rotoscope.cli.terminal import console

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
