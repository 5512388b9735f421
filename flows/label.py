"""`label` as a Prefect flow: tasks of one long video or of several short ones, wherever they run.

Run it with `rotoscope label ... --prefect`, or with `--engine ray` or `dask`. Without
`PREFECT_API_URL` a server is started for the command; with it the runs appear on that server. The
flow runs in a process of its own. Each video has its own child process wherever its task is, so a
crash in native code never reaches the flow, nor the video's neighbors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

from prefect import Flow, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.context import FlowRunContext
from prefect.states import Failed

from rotoscope.flows.artifacts import Shown, ended, listener_of, result_of, show
from rotoscope.flows.engines import Engine
from rotoscope.flows.gpu import gpu_of
from rotoscope.flows.nodes import Common
from rotoscope.flows.spread import Spread
from rotoscope.pipeline.errors import EngineError
from rotoscope.pipeline.run.events import Event
from rotoscope.pipeline.run.label import (
    LabelResult,
    ledger_of,
    only_these,
    preload_of,
    publish,
    run_one,
    settle,
)
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.order import Shard
from rotoscope.pipeline.run.parts import Parts
from rotoscope.pipeline.run.plan import Work, prepare
from rotoscope.pipeline.run.request import LabelRequest, load_request
from rotoscope.pipeline.run.sharing import sharing_of

_engine: ContextVar[Engine] = ContextVar("engine", default=Engine())  # noqa: B039 (it is frozen)


@task(task_run_name="label {title}", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
def label_shard(
    title: str,
    key: str,
    works: list[Work],
    out: str,
    common: Common | None,
    allow_code: bool,
    run: str,
) -> list[Row] | State[list[Row]]:
    """Runs videos one after another, each in a child process; only paths cross the border.

    Each row is written as soon as its video is done, and those that a lost worker wrote of this
    shard are not made again. What is stored is found by our own keys: Prefect's cache would outlive
    the store.

    Raises:
        EngineError: This machine does not see what the run's does.
    """
    if common is not None and (problem := common.problem(allow_code=allow_code)):
        raise EngineError(f"a worker cannot work on this run: {problem}")
    request = load_request(Path(out), allow_code=allow_code)
    parts, preload = Parts(request.work), preload_of(request.recipe)
    rows = {row.name: row for row in parts.rows_of(key)}
    writer = parts.writer(key)
    todo = [work for work in works if work.found.display_name not in rows]
    sharing = sharing_of(request, run)
    sharing.plan(todo)
    try:
        for work in todo:
            with gpu_of(request.recipe):
                row = run_one(request, work, preload, sharing, listener_of(request.out))
            writer.append(row)
            rows[row.name] = row
    finally:
        sharing.release(todo)
    failed = [row for row in rows.values() if row.status == "failed"]
    if not failed:
        return list(rows.values())
    first = f"{failed[0].name}: {failed[0].error} in {failed[0].stage}: {failed[0].message}"
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    state: State[list[Row]] = Failed(message=first + others, data=list(rows.values()))
    return state


@flow(name="rotoscope-label", validate_parameters=True, persist_result=False)
def label_flow(
    videos: list[str],
    out: str,
    recipe: str = "hand-gripper",
    overrides: list[str] | None = None,
    only: str | None = None,
    limit: int | None = None,
    until: str = "",
    workers: int = 1,
    store: str | None = None,
    replace: bool = False,
) -> State[LabelResult]:
    """Labels videos and publishes a dataset; see `rotoscope label --help`."""
    request = LabelRequest.of(
        videos,
        out=out,
        recipe=recipe,
        overrides=overrides or (),
        store=store,
        only=only,
        limit=limit,
        until=until,
        workers=workers,
        replace=replace,
    )
    state = labeled(request)
    show(result_of(state), request)
    return state


@flow(name="rotoscope-retry", validate_parameters=True, persist_result=False)
def retry_flow(
    dataset: str, workers: int = 1, only: str | None = None, allow_code: bool = False
) -> State[LabelResult]:
    """Runs the failed videos of a dataset's run again; see `rotoscope retry --help`."""
    request = load_request(Path(dataset), allow_code=allow_code)
    request = dataclasses.replace(request, workers=workers)
    state = labeled(request, only)
    show(result_of(state), request)
    return state


def labeled(request: LabelRequest, retry_only: str | None = None) -> State[LabelResult]:
    """The body of the flow: its tasks go to the task runner of the flow that goes on."""
    ledger = ledger_of(request)
    prepared = prepare(request, ledger)
    rows, todo = prepared.rows, prepared.todo
    if retry_only is not None:
        todo = only_these(prepared, ledger, retry_only)
    with Shown(request) as shown:
        shown(Event("planned", total=len(rows) + len(todo)))
        for row in rows.values():
            shown(Event("finished", name=row.name, row=row))
        for row in _rows_of(request, todo):
            ledger.append(row)
            rows[row.name] = row
            shown(Event("finished", name=row.name, row=row))
        result = publish(request, settle(rows, ledger), shown)
    result = dataclasses.replace(result, left_out=prepared.left_out)
    return ended(result)


@functools.wraps(label_flow.fn)
def run(
    videos: list[str],
    *,
    workers: int = 1,
    engine: str = "local",
    address: str = "",
    **parameters: Any,
) -> LabelResult:
    """Runs the flow, `workers` videos at a time; arguments as `label_flow`, and where it runs.

    Args:
        videos: Folders and files.
        workers: Videos at a time.
        engine: `local`, `ray` or `dask`.
        address: Of a cluster that runs already.
        **parameters: As `label_flow`.
    """
    return _run(label_flow, engine, address, videos=videos, workers=workers, **parameters)


@functools.wraps(retry_flow.fn)
def run_again(
    dataset: str,
    *,
    workers: int = 1,
    engine: str = "local",
    address: str = "",
    **parameters: Any,
) -> LabelResult:
    """Runs the flow of `rotoscope retry`; arguments as `run` and `retry_flow`."""
    return _run(retry_flow, engine, address, dataset=dataset, workers=workers, **parameters)


def _run(
    labels: Flow[..., Any], engine: str, address: str, *, workers: int, **parameters: Any
) -> LabelResult:
    where = Engine(cast(Any, engine), address)
    with where.prepared(workers) as runner, chosen(where):
        configured = labels.with_options(task_runner=runner)
        state = cast(State[Any], configured(workers=workers, **parameters, return_state=True))
    if not isinstance(result := state.result(raise_on_failure=False), BaseException):
        return cast(LabelResult, result)
    raise result


@contextlib.contextmanager
def chosen(engine: Engine) -> Iterator[None]:
    """Tasks of `labeled` go to this engine as long as the context."""
    token = _engine.set(engine)
    try:
        yield
    finally:
        _engine.reset(token)


def _rows_of(request: LabelRequest, todo: list[Work]) -> Iterator[Row]:
    """Rows of the videos as they end, wherever that is."""
    engine, context = _engine.get(), FlowRunContext.get()
    runner = context and context.task_runner
    # The flow was given the recipe: what it names may run in its tasks.
    allow_code = request.recipe.has_code
    common = Common.of(request) if engine.name != "local" and todo else None
    run = uuid.uuid4().hex

    def submit(key: str, shard: Shard) -> Any:
        out = str(request.out.absolute())
        works = _absolute(shard)
        return label_shard.submit(shard.title, key, works, out, common, allow_code, run)

    if common is not None:
        engine.check_nodes(runner, functools.partial(common.problem, allow_code=allow_code))
    check = functools.partial(engine.check, runner)
    yield from Spread(request, todo, engine=engine, submit=submit, check=check).rows()


def _absolute(shard: Shard) -> list[Work]:
    """The videos by paths that lead to the same place wherever a worker stands."""
    return [
        work
        if work.found.remote is not None
        else dataclasses.replace(
            work, found=dataclasses.replace(work.found, path=work.found.path.absolute())
        )
        for work in shard.works
    ]
