"""`rotoscope bench`: labelers scored against actions that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.bench import BenchRequest, CellDone, checked_folder, listing
from rotoscope.bench import labelers as measure
from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import path_option, place_option
from rotoscope.cli.terminal import console
from rotoscope.pipeline.datasets.far import fetch_tables

app = typer.Typer(no_args_is_help=True, help="Score labelers against actions that are known.")


@app.callback()
def group() -> None:
    """Keeps what is benched a subcommand."""


@app.command(name="labelers")
def labelers(
    labeler: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABELER",
            help="`NAME`, `./file.py:Class`, or either with settings behind it: "
            "`--labeler 'inverse-dynamics kind=ridge'`; may be repeated "
            "[inverse-dynamics, predictive-inverse-dynamics, unified-world-model, "
            "action-inference, differences, copy, previous, mean].",
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            help="Simulator, such as `metaworld:push-v3`, or of an installed package; may be "
            "repeated [tasks that tell labelers apart, and two for sanity]."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        place_option("Folder or URL of a LeRobot v3 dataset with true actions; may be repeated."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FEATURE",
            help="What labelers see that name nothing; may be repeated [observation.state].",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="How often, with other labeled episodes each time.")
    ] = 1,
    labeled: Annotated[int, typer.Option(min=1, help="Labeled episodes.")] = 5,
    hidden: Annotated[
        int, typer.Option(min=1, help="Episodes of a simulator whose actions are hidden.")
    ] = 35,
    starts: Annotated[
        int, typer.Option(min=0, help="Starts that policies are tried from; 0: labels alone.")
    ] = 50,
    jobs: Annotated[int, typer.Option(min=1, help="Cells measured at the same time.")] = 1,
    out: Annotated[Path, path_option("Where the table is written, and work is kept.")] = Path(
        "outputs/bench"
    ),
    list_only: Annotated[
        bool, typer.Option("--list", help="Name the cells and whether they are measured; no run.")
    ] = False,
) -> None:
    """Measure labelers beside each other: labels against true actions, policies on the labels.

    Each learns from a few labeled episodes and labels the others: of a simulator's scripted expert,
    and then a policy is cloned on the labels and tried; or of a dataset of your own. Beside them
    stand policies on all true actions (`true`) and on the labeled episodes alone (`alone`). Cells
    that an earlier run measured with the same code are not measured again; one that fails costs its
    row. Exit code 1 where a cell failed.
    """
    request = BenchRequest(
        out=checked_folder(out),
        labelers=tuple(labeler or ()),
        environments=tuple(env or ()),
        data=tuple(fetch_tables(str(place))[0] for place in data or ()),
        inputs=tuple(inputs or ()),
        num_seeds=seeds,
        num_labeled=labeled,
        num_hidden=hidden,
        num_starts=starts,
    )
    if list_only:
        for text in listing(request):
            console.say(text)
        return
    when_stopped(SAME_COMMAND)
    from rotoscope.models.labeler_bench.results import HEADER, cells_of

    with console.status("measuring"):
        found = measure(request, jobs=jobs, listener=_show)
    console.table(HEADER, [cells_of(line) for line in found])
    console.say(f"table: {out / 'labelers.md'}, with everything: {out / 'labelers.json'}")
    if any(line.failed for line in found):
        raise typer.Exit(1)


def _show(done: CellDone) -> None:
    if not done.is_new:
        return
    row = done.row
    said = f"failed: {row.failed}" if row.failed else f"{row.cpu_s:.0f} s"
    text = f"{done.number}/{done.total} {done.cell.place}, {done.cell.title}, seed "
    console.say(f"{text}{done.cell.seed}: {said}", style="red" if row.failed else None)
