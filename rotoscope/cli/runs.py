"""Runs of `label` and `retry`: here or as a flow, what is shown of them, how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from rotoscope.cli.familiar import tell_unfamiliar
from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotoscope.flows.engines import Engine
    from rotoscope.pipeline.run.label import LabelResult
    from rotoscope.pipeline.run.request import LabelRequest


def run_here(
    request: LabelRequest, retry_only: str | None = None, *, is_strict: bool = False
) -> None:
    """Labels by processes of this machine, shows what came of it and leaves."""
    from rotoscope.cli.progress import Progress
    from rotoscope.cli.show import show_result
    from rotoscope.pipeline.run.label import label as run_label

    when_stopped(_go_on(request))
    with Progress(console) as progress:
        result = run_label(request, listener=progress, retry_only=retry_only)
    show_result(console, request, result)
    tell_unfamiliar(result.dataset)
    raise typer.Exit(_exit_code(result, is_strict))


def _exit_code(result: LabelResult, is_strict: bool) -> int:
    has_empty = any(row.status == "empty" for row in result.rows)
    return max(result.exit_code, int(is_strict and has_empty))


def _go_on(request: LabelRequest) -> str:
    from rotoscope.cli.show import retry_command

    return f"{SAME_COMMAND}; or: {retry_command(request)}"


def job_of(request: LabelRequest, recipe: str, overrides: list[str]) -> dict[str, Any]:
    """What the flow of `label` is told."""
    return {
        "videos": list(map(str, request.inputs)),
        "out": request.shown_out,
        "recipe": recipe,
        "overrides": overrides,
        "store": str(request.store_url or request.store),
        "only": request.only,
        "limit": request.limit,
        "until": request.until,
        "workers": request.workers,
        "replace": request.replace,
    }


def run_flow(
    request: LabelRequest,
    engine: Engine,
    work: Callable[..., LabelResult],
    *told: Any,
    is_strict: bool = False,
    **job: Any,
) -> None:
    """Labels as a flow under Prefect, on an engine, shows what came of it and leaves."""
    from rotoscope.cli.show import show_result
    from rotoscope.flows.supervise import on_engine, supervised

    when_stopped(_go_on(request))
    if engine.name == "local":
        result = supervised(work, *told, **job)
    else:
        result = on_engine(engine, work, *told, **job)
    for sentence in result.left_out:
        console.say(sentence)
    show_result(console, request, result)
    tell_unfamiliar(result.dataset)
    raise typer.Exit(_exit_code(result, is_strict))
