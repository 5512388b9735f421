"""`rotoscope import` and `export`: datasets of LeRobot v2.0 and v2.1 as v3, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.options import Data, Out
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


def export_old(data: Data, out: Out) -> None:
    """Write a dataset as LeRobot v2.1 with `meta/modality.json`, as Isaac GR00T reads it.

    Videos are cut, not encoded again. The parts of state and action come from the contract.
    """
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.old_versions.write_v21 import write_v21

    dataset = open_dataset(data)
    write_v21(dataset, out.absolute())
    console.say(f"{len(dataset)} episodes as LeRobot v2.1: {out}")
