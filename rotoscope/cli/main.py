"""`rotoscope`: from a folder of videos to a dataset a robot policy can be trained on."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from rotoscope import __version__
from rotoscope.cli import debug as debug_command
from rotoscope.cli import streams
from rotoscope.cli.commands import add_commands
from rotoscope.cli.guard import run_guarded
from rotoscope.cli.options import (
    Dataset,
    EngineAddress,
    EngineName,
    Inputs,
    Limit,
    Only,
    OutPlace,
    Overrides,
    RecipeName,
    StorePlace,
    Until,
    WithPrefect,
    Workers,
    path_option,
)
from rotoscope.cli.paths import reads_dataset, reads_run
from rotoscope.cli.runs import job_of, run_flow, run_here
from rotoscope.cli.terminal import console
from rotoscope.models.training.processes import is_first, num_processes, refuse_several
from rotoscope.pipeline.errors import UsageError, quoted

app = typer.Typer(
    name="rotoscope",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Turns folders of ordinary video into LeRobot v3 datasets that robot policies can be
trained on.

**Start here:** `rotoscope label VIDEOS/ --recipe hand-gripper --out DATASET/`

Exit codes: 0 all good, 1 some videos failed or a check found a fault, 2 wrong use, 130 stopped by
Ctrl-C, 143 stopped by SIGTERM.""",
)
add_commands(app)


def _show_version(is_wanted: bool) -> bool:
    if is_wanted:
        console.say(f"rotoscope {__version__}")
        raise typer.Exit
    return is_wanted


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_show_version, is_eager=True, help="Say which, and leave."
        ),
    ] = False,
) -> None:
    """What stands before a command; the help text is the application's own."""


@app.command()
def label(
    videos: Inputs,
    out: OutPlace,
    recipe: RecipeName = "hand-gripper",
    override: Overrides = None,
    only: Only = None,
    limit: Limit = None,
    until: Until = "",
    workers: Workers = 1,
    store: StorePlace = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a dataset made by another recipe.")
    ] = False,
    only_valid: Annotated[
        bool,
        typer.Option(
            "--only-valid",
            help="Cut episodes wherever rows are not valid; stretches shorter than a policy's "
            "chunk (`-o export.chunk_rows=50`) are left out and counted.",
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            help="Run one video (the first, see `--only`) in this process, for a debugger: no "
            "child, no limits, no dataset; errors with their traceback.",
        ),
    ] = False,
    prefect: WithPrefect = False,
    engine: EngineName = "local",
    address: EngineAddress = "",
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit code 1 also where a video gave no episode."),
    ] = False,
) -> None:
    """Label videos, or motion files, and publish a LeRobot v3 dataset.

    Finished work is kept: run the same command again after a crash, a kill or a changed setting
    and only what is missing is computed. A video that fails costs one row; the others go on.
    """
    from rotoscope.flows.engines import Engine
    from rotoscope.pipeline.run.request import LabelRequest

    where = Engine(cast(Any, engine), address)
    is_flow = prefect or where.name != "local"
    if debug and is_flow:
        raise UsageError(
            "--debug runs in this process, --prefect and --engine elsewhere; leave one of them out"
        )
    override = [*(override or ()), *(["export.only_valid=true"] if only_valid else [])]
    request = LabelRequest.of(
        videos,
        out=out,
        recipe=recipe,
        overrides=override,
        store=store,
        only=only,
        limit=limit,
        until=until,
        workers=workers,
        replace=replace,
    )
    if debug:
        debug_command.debug(request)
    elif is_flow:
        from rotoscope.flows.plain import label as plain_label

        job = job_of(request, recipe, override)
        run_flow(request, where, plain_label, job.pop("videos"), is_strict=strict, **job)
    else:
        run_here(request, is_strict=strict)


@app.command()
def describe(
    videos: Inputs,
    out: OutPlace = Path("dataset"),
    recipe: RecipeName = "hand-gripper",
    override: Overrides = None,
    only: Only = None,
    limit: Limit = None,
    until: Until = "",
    store: StorePlace = None,
) -> None:
    """Say what `label` would do: stages, versions, what is stored, frames, time, disk."""
    from rotoscope.cli.show import show_plan
    from rotoscope.pipeline.run.describe import describe as make_plan
    from rotoscope.pipeline.run.request import LabelRequest

    request = LabelRequest.of(
        videos,
        out=out,
        recipe=recipe,
        overrides=override or (),
        store=store,
        only=only,
        limit=limit,
        until=until,
    )
    show_plan(console, request, make_plan(request))


@app.command()
@reads_run
def retry(
    dataset: Dataset,
    only: Only = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Videos at the same time.")] = None,
    allow_code: Annotated[
        bool,
        typer.Option(
            "--allow-code",
            help="Run the stage files that the record of the run names: they are programs. Only "
            "for a run of your own.",
        ),
    ] = False,
    prefect: WithPrefect = False,
    engine: EngineName = "local",
    address: EngineAddress = "",
) -> None:
    """Run the failed videos of a dataset's run again, then publish what is new."""
    from dataclasses import replace

    from rotoscope.flows.engines import Engine
    from rotoscope.pipeline.run.request import load_request

    where = Engine(cast(Any, engine), address)
    request = load_request(dataset, allow_code=allow_code)
    if workers is not None:
        request = replace(request, workers=workers)
    if prefect or where.name != "local":
        from rotoscope.flows.plain import retry as plain_retry

        job: dict[str, Any] = {"only": only, "allow_code": allow_code}
        job["workers"] = request.workers
        run_flow(request, where, plain_retry, str(dataset.absolute()), **job)
    else:
        run_here(request, retry_only=only)


@app.command()
@reads_run
def status(
    dataset: Dataset,
    failed: Annotated[
        bool, typer.Option("--failed", help="List only those that failed, with their tracebacks.")
    ] = False,
) -> None:
    """Show what became of every video of a run, and a summary. Exit code 1 if any failed."""
    from rotoscope.cli.show import show_status
    from rotoscope.pipeline.run.ledger import Ledger
    from rotoscope.pipeline.run.request import read_record, work_of

    record = read_record(dataset)
    rows = Ledger(work_of(dataset) / "ledger.jsonl").rows()
    show_status(console, dataset, record, rows, only_failed=failed)
    raise typer.Exit(int(any(row.status == "failed" for row in rows)))


@app.command()
@reads_dataset
def doctor(
    dataset: Dataset,
    verify: Annotated[
        bool, typer.Option("--verify", help="First: is every file as it was published?")
    ] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="First: write meta/rotoscope and the card anew from the dataset's own columns, as "
            "after an edit with LeRobot's tools.",
        ),
    ] = False,
) -> None:
    """Check a written LeRobot v3 dataset. Exit code 1 if any check fails."""
    if write:
        from rotoscope.pipeline.export.rebuild import rebuild

        console.say(f"card and meta/rotoscope of {rebuild(dataset)} episodes were written anew")
    from rotoscope.pipeline.doctor.files import check_files
    from rotoscope.pipeline.doctor.run import diagnose, exit_code, table

    checks = [check_files(dataset)] if verify else []
    # What was changed on its way need not be looked at further.
    if not exit_code(checks):
        checks += diagnose(dataset)
    console.say(table(checks))
    raise typer.Exit(exit_code(checks))


@app.command()
@reads_dataset
def report(
    dataset: Dataset,
    html: Annotated[
        Path | None, path_option("File to write [DATASET.report.html].", "--html")
    ] = None,
    rrd: Annotated[
        Path | None, path_option("Folder for one Rerun recording per episode.", "--rrd")
    ] = None,
    episodes: Annotated[
        int, typer.Option(min=1, help="Episodes shown in full; the rest are in the tables.")
    ] = 12,
    animation: Annotated[
        Path | None,
        path_option("Write only a .webp or .gif of one episode: the person and the robot."),
    ] = None,
    episode: Annotated[int, typer.Option(min=0, help="Which episode `--animation` shows.")] = 0,
    beside: Annotated[
        list[Path] | None,
        path_option("Dataset of the same source whose robot `--animation` shows too."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="How much `--animation` shows at most.")
    ] = 8.0,
    robot: Annotated[
        list[Path] | None,
        typer.Option(help="YAML file of a robot of your own that the dataset names."),
    ] = None,
) -> None:
    """Write one self-contained HTML page about a dataset, and Rerun recordings on demand."""
    if animation is not None:
        from rotoscope.pipeline.report.animations import write_animation

        notes = write_animation(
            dataset,
            animation,
            beside=beside or (),
            robots=robot or (),
            episode=episode,
            max_s=seconds,
        )
        for note in notes:
            console.say(note)
        console.say(f"animation: {animation}")
        return
    from rotoscope.pipeline.report.page import write_report

    target = html or dataset.with_name(dataset.name + ".report.html")
    write_report(dataset, target, max_episodes=episodes, robots=robot or ())
    console.say(f"report: {target}")
    if rrd is not None:
        from rotoscope.pipeline.report.rerun import write_recordings

        for path in write_recordings(dataset, rrd):
            console.say(f"recording: {path}")


def main() -> None:
    """Entry point of the console script."""
    streams.last()
    run_guarded(_command)


def _command() -> None:
    level = os.environ.get("ROTOSCOPE_LOG", "WARNING").upper()
    if level not in (levels := logging.getLevelNamesMapping()):
        raise UsageError(f"ROTOSCOPE_LOG is {level!r}, allowed are {quoted(levels)}")
    logging.basicConfig(level=level, format="%(message)s")
    _one_of_several(sys.argv[1:])
    app()


def _one_of_several(given: list[str]) -> None:
    """Where a launcher started several processes, the first speaks, and what they do is training.

    Raises:
        UsageError: They were given something else to do.
    """
    if given[:1] != ["train"] or "--prefect" in given:
        refuse_several(f"'rotoscope {' '.join(given[:1])}'" + " --prefect" * ("--prefect" in given))
    console.quiet = not is_first()
    if num_processes() > 1:
        # Each warns that no part of a network went unused, which could not be known before.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


if __name__ == "__main__":
    main()
