"""`rotoscope serve`: forms in a browser for what the commands do, and watched folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import Overrides, RecipeName, path_option


def serve(
    root: Annotated[
        list[Path],
        path_option("Folder that runs write below, and whose reports are shown. Repeat for more."),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others reach needs a password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page.")] = 4200,
    reports_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the reports.")
    ] = 4201,
    reports_url: Annotated[
        str,
        typer.Option(
            envvar="ROTOSCOPE_REPORTS_URL", help="Their address for browsers, behind a proxy."
        ),
    ] = "",
    workers: Annotated[
        int, typer.Option(min=1, help="Videos at the same time, where a run does not say.")
    ] = 1,
    runs: Annotated[int, typer.Option(min=1, help="Runs at the same time; more wait.")] = 4,
    gpus: Annotated[
        int, typer.Option(min=1, help="Tasks at the same time whose stages use a GPU.")
    ] = 1,
    watch: Annotated[
        list[Path] | None,
        path_option("Folder whose videos are labeled as they come. Repeat for more."),
    ] = None,
    every: Annotated[
        float, typer.Option(min=5, help="Seconds between two looks at watched folders.")
    ] = 60.0,
    recipe: RecipeName = "hand-gripper",
    override: Overrides = None,
) -> None:
    """Serve forms in a browser: label, retry, train, relabel, evaluate, report, doctor.

    Starts a Prefect server where PREFECT_API_URL names none. `--recipe` and `-o` are for watched
    folders: their datasets bear their names. It goes on until it is stopped, whatever ends its
    processes or its server.
    """
    from rotoscope.flows.serve_plan import Plan, Watch
    from rotoscope.flows.served import serve as run

    when_stopped(SAME_COMMAND)
    is_file = recipe.endswith((".yaml", ".yml"))
    watched = tuple(
        Watch(
            folder=str(folder.absolute()),
            out=folder.absolute().name,
            recipe="file" if is_file else recipe,
            recipe_file=str(Path(recipe).absolute()) if is_file else "",
            overrides="\n".join(override or ()),
        )
        for folder in watch or ()
    )
    run(
        Plan(
            roots=tuple(root),
            host=host,
            port=port,
            reports_port=reports_port,
            reports_url=reports_url,
            workers=workers,
            runs=runs,
            gpus=gpus,
            every_s=every,
            watched=watched,
        )
    )
