"""`rotoscope track`: columns of tracks for a dataset that was recorded without them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import Data, Out, Overrides, RecipeName, StorePath, Workers
from rotoscope.cli.progress import Progress
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.pipeline.add_tracks.run import TrackResult


def track(
    data: Data,
    recipe: RecipeName,
    out: Out,
    camera: Annotated[
        str, typer.Option(help="Camera to look through: `observation.images.front` [the only one].")
    ] = "",
    subject: Annotated[
        str,
        typer.Option(
            help="Whom the columns are about: `left`, `right`, ..., or `each`: who is seen most in "
            "each episode [who is seen most in all]."
        ),
    ] = "",
    override: Overrides = None,
    workers: Workers = 1,
    store: StorePath = None,
) -> None:
    """Add columns of tracks (hands, bodies, colors) to a dataset, all else as it is.

    Runs the recipe's track stages on the frames of every episode, as `label` would; labelers can
    then be trained on the columns. Finished work is kept: run the same command again after a kill.
    An episode that fails holds NaN there; the same command tries it again.
    """
    from rotoscope import api

    when_stopped(SAME_COMMAND)
    with Progress(console, noun="episodes") as progress:
        result = api.track(
            data,
            recipe=recipe,
            out=out,
            overrides=override or (),
            camera=camera,
            subject=subject,
            workers=workers,
            store=store,
            listener=progress,
        )
    _show(result, out)
    raise typer.Exit(result.exit_code)


def _show(result: TrackResult, out: Path) -> None:
    import numpy as np

    counts = Counter(result.subjects.values()).most_common()
    about = ", ".join(f"{name} ({count} episodes)" for name, count in counts)
    console.say(f"columns about {about}:")
    for name, column in result.columns.items():
        num_rows = sum(map(len, column.values.values()))
        # Where an episode failed, numbers that cannot be NaN stand in for what is not known.
        tracked = [column.values[index].astype(float) for index in result.subjects]
        num_known = sum(int(np.isfinite(values).all(axis=1).sum()) for values in tracked)
        instead = ", instead of the one before" if name in result.replaced else ""
        size = next(iter(column.values.values())).shape[1]
        text = f"  {name}: {size} numbers, known in {num_known / num_rows:.1%} of rows{instead}"
        console.say(text)
    failed = sum(row.status == "failed" for row in result.rows)
    if failed:
        console.say(
            f"{failed} of {len(result.rows)} episodes failed, their rows are not known; the same "
            "command tries them again",
            style="red",
        )
    console.say(f"dataset: {out}")
