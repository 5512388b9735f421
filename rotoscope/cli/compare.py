"""`rotoscope compare`: two datasets, or two labelers of one, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import path_option
from rotoscope.cli.paths import dataset_named, named_place
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.pipeline.compare.run import Comparison

MOST_CHANGES = 12
"""Changes of either kind that the terminal names; the page has them all."""


def compare(
    a: Annotated[
        Path, typer.Argument(parser=named_place, metavar="A", help="Folder or URL of a dataset.")
    ],
    b: Annotated[
        Path | None,
        typer.Argument(
            parser=named_place, metavar="[B]", help="Another; left out: two labelers of A."
        ),
    ] = None,
    of: Annotated[
        str,
        typer.Option(
            metavar="COLUMN|LABELER", help="Column of A, or a trained labeler that labels it."
        ),
    ] = "action",
    to: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="COLUMN|LABELER",
            help="Column of B, such as `label.kernel`, or a trained labeler that labels it: its "
            "folder, of your own class `./file.py:Class@FOLDER` [as of A].",
        ),
    ] = "",
    truth: Annotated[
        str,
        typer.Option(
            metavar="COLUMN|DATASET", help="True actions: a column of A, or a dataset's `action`."
        ),
    ] = "",
    html: Annotated[Path | None, path_option("File to write [A.compare.html].", "--html")] = None,
    robot: Annotated[
        list[Path] | None, typer.Option(help="YAML file of a robot of your own.")
    ] = None,
) -> None:
    """Compare two datasets, or two labelers of one: agreement, lag, where and why they differ.

    Rows are matched by the video that they come from, whom they are about and when, so that other
    cuts and rates do not matter; datasets of other tools by the number of the episode.
    """
    from rotoscope import comparing

    target = html or a.with_name(a.name + ".compare.html")
    found = comparing.compare(
        a, b, of=of, to=to, truth=dataset_named(truth), out=target, robots=robot or ()
    )
    show(found)
    console.say(f"page: {target}")


def show(found: Comparison) -> None:
    """The comparison as tables and sentences."""
    from rotoscope.pipeline.compare.page import cards, header, table_row

    console.say(f"A: {found.title(found.a)}")
    console.say(f"B: {found.title(found.b)}")
    if found.truth is not None:
        console.say(f"true actions: {found.title(found.truth)}")
    facts = ", ".join(f"{value} {name}" for value, name in cards(found))
    console.say(f"matched {found.matching.how}: {facts}")
    console.table(header(found), [table_row(found, line) for line in found.agreements])
    console.say(f"{found.lag}", style="yellow" if found.lag.rows else None)
    for moment in found.moments[:3]:
        name, one, other = moment.values[0]
        index = found.a.dataset.table[moment.pair.a]["episode_index"]
        text = f"episode {index}, row {moment.row}: {name} {one:.4g} and {other:.4g}"
        console.say(f"differ most in {text}")
    for note in found.notes:
        console.say(note)
    for what, changes in (("changed", found.settings), ("episodes", found.episodes)):
        if changes:
            console.table((what, "A", "B"), [(c.what, c.a, c.b) for c in changes[:MOST_CHANGES]])
        if len(changes) > MOST_CHANGES:
            console.say(f"and {len(changes) - MOST_CHANGES} more, see the page")
