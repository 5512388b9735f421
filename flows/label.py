"""`label` as a Prefect flow: one task per video.

Run it with `rotoscope label ... --prefect`. Without `PREFECT_API_URL` a server is started for the
command; with it the runs appear on that server. The flow runs in a process of its own, and the work
goes on without Prefect where that fails. Tasks run in threads; each starts its own child process,
so a crash in native code never reaches the flow.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, cast

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Failed
from prefect.task_runners import ThreadPoolTaskRunner

from rotoscope.flows.artifacts import Shown, ended, listener_of, result_of, show
from rotoscope.flows.gpu import gpu_of
from rotoscope.pipeline.run.events import Event
from rotoscope.pipeline.run.label import LabelResult, preload_of, publish, run_one, settle
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.plan import Work, prepare
from rotoscope.pipeline.run.request import LabelRequest, load_request
from rotoscope.pipeline.video.scan import Found


@task(task_run_name="label {name}", persist_result=False, log_prints=False)
def label_video(path: str, name: str, out: str, allow_code: bool) -> Row | State[Row]:
    """Runs one video in a child process; only paths cross the task's border.

    What is stored is found by our own keys: Prefect's cache would outlive the store. A video that
    failed is red in Prefect; that it is no exception saves its log a traceback.
    """
    request = load_request(Path(out), allow_code=allow_code)
    work = Work(Found(path=Path(path), name=name))
    with gpu_of(request.recipe):
        row = run_one(request, work, preload_of(request.recipe), listener_of(request.out))
    if row.status == "failed":
        return Failed(message=f"{row.error} in {row.stage}: {row.message}", data=row)
    return row


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


def labeled(request: LabelRequest) -> State[LabelResult]:
    """The body of the flow: its tasks go to the task runner of the flow that goes on."""
    ledger = Ledger(request.work / "ledger.jsonl")
    prepared = prepare(request, ledger)
    rows = prepared.rows
    with Shown(request) as shown:
        shown(Event("planned", total=len(rows) + len(prepared.todo)))
        for row in rows.values():
            shown(Event("finished", name=row.name, row=row))
        futures = [_submit(request, work) for work in prepared.todo]
        for future in as_completed(futures):
            row = future.result(raise_on_failure=False)
            if isinstance(row, BaseException):
                raise row
            ledger.append(row)
            rows[row.name] = row
            shown(Event("finished", name=row.name, row=row))
        result = publish(request, settle(rows, ledger), shown)
    result = dataclasses.replace(result, left_out=prepared.left_out)
    return ended(result)


@functools.wraps(label_flow.fn)
def run(videos: list[str], *, workers: int = 1, **parameters: Any) -> LabelResult:
    """Runs the flow here, `workers` videos at a time; arguments as `label_flow`."""
    runner: Any = ThreadPoolTaskRunner(max_workers=workers)
    configured = label_flow.with_options(task_runner=runner)
    state = configured(videos, workers=workers, **parameters, return_state=True)
    if not isinstance(result := state.result(raise_on_failure=False), BaseException):
        return cast(LabelResult, result)
    raise result


def _submit(request: LabelRequest, work: Work) -> PrefectFuture[Any]:
    # The flow was given the recipe: what it names may run in its tasks.
    allow_code = request.recipe.has_code
    return label_video.submit(str(work.found.path), work.found.name, str(request.out), allow_code)
