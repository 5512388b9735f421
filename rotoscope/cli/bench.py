"""`rotoscope bench`: labelers scored against true actions, from a checkout of the repository."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rotoscope import pipeline
from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import path_option
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Score labelers against actions that are known.")


@app.callback()
def group() -> None:
    """Keeps what is benched a subcommand."""


@app.command(name="labelers")
def labelers(
    small: Annotated[
        bool, typer.Option("--small", help="One seed of what shows most: under ten minutes.")
    ] = False,
    task: Annotated[
        list[str] | None, typer.Option(help="Only this task, such as push-v3; may be repeated.")
    ] = None,
    labeler: Annotated[
        list[str] | None, typer.Option(help="Only this labeler, such as ridge; may be repeated.")
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(help="Only this family, such as metaworld; may be repeated."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cells measured at the same time.")] = 2,
    out: Annotated[Path, path_option("Where table and plots are written.")] = Path(
        "outputs/labelers"
    ),
    list_only: Annotated[
        bool, typer.Option("--list", help="Name the cells and whether they are measured; no run.")
    ] = False,
) -> None:
    """Measure every labeler on every task: labels against true actions, policies on the labels.

    Cells that an earlier run measured with the same code are not measured again; a cell that fails
    costs one row. Exit code 1 where a cell failed or a bar was missed.
    """
    table = _module("benchmarks.labelers.table")
    choice = table.Choice(
        small=small,
        tasks=tuple(task or ()),
        labelers=tuple(labeler or ()),
        families=tuple(family or ()),
    )
    if list_only:
        for line in table.listing(choice):
            console.say(line)
        return
    when_stopped(SAME_COMMAND)
    with console.status("measuring"):
        measured = table.measure_table(choice, out, jobs=jobs, listener=_show)
    for figure in [*measured.figures, table.failures(measured)]:
        console.say(figure.line(), style="yellow" if figure.passed is False else "")
    console.say(f"table: {out / 'labelers.md'}, plots and rows beside it")
    if not measured.is_good:
        raise typer.Exit(1)


def _show(done: Any) -> None:
    if done.is_new:
        line = _module("benchmarks.labelers.table").progress_line(done)
        console.say(line, style="red" if done.row.failed else None)


def _module(name: str) -> Any:
    """A module of `benchmarks`, which lies beside the packages in a checkout.

    Raises:
        UsageError: This is no checkout.
    """
    root = Path(pipeline.__file__).resolve().parents[1]
    if not (root / "benchmarks" / "labelers" / "__init__.py").is_file():
        raise UsageError(
            f"the bench is part of the repository, not of the installed package: {root} has no "
            "folder benchmarks/labelers; clone the repository, run 'make setup' there, and use its "
            "rotoscope"
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module(name)
