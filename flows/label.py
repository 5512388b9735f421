"""`label` as a Prefect flow: one task per video.

Run it with `rotoscope label ... --prefect`. Without `PREFECT_API_URL` a server is started for the
command; with it the runs appear on that server. The flow runs in a process of its own, and the work
goes on without Prefect where that fails. Tasks run in threads; each starts its own child process,
so a crash in native code never reaches the flow.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.run.label import LabelResult, preload_of, publish, run_one, settle
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.plan import Work, prepare
from rotoscope.pipeline.run.request import LabelRequest, load_request
from rotoscope.pipeline.video.scan import Found


class VideoFailedError(RotoscopeError):
    """A video failed: its task shows red in Prefect, the flow goes on. Holds the row."""

    def __init__(self, row: Row) -> None:
        super().__init__(f"{row.name}: {row.error} in {row.stage}: {row.message}")
        self.row = row


@task(task_run_name="label {name}", persist_result=False, log_prints=False)
def label_video(path: str, name: str, out: str, allow_code: bool) -> Row:
    """Runs one video in a child process; only paths cross the task's border.

    What is stored is found by our own keys: Prefect's cache would outlive the store.

    Raises:
        VideoFailedError: The video could not be labeled.
    """
    request = load_request(Path(out), allow_code=allow_code)
    work = Work(Found(path=Path(path), name=name))
    row = run_one(request, work, preload_of(request.recipe))
    if row.status == "failed":
        raise VideoFailedError(row)
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
) -> LabelResult:
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
    ledger = Ledger(request.work / "ledger.jsonl")
    prepared = prepare(request, ledger)
    rows = prepared.rows
    total = len(rows) + len(prepared.todo)
    # Called from a plain function, Prefect's calls run at once and give the identifier itself.
    progress = cast(
        UUID, create_progress_artifact(progress=100.0 * len(rows) / total, description="videos")
    )
    futures = [_submit(request, work) for work in prepared.todo]
    for future in as_completed(futures):
        row = _row_of(future)
        ledger.append(row)
        rows[row.name] = row
        update_progress_artifact(progress, progress=100.0 * len(rows) / total)
    result = publish(request, settle(rows, ledger))
    result = dataclasses.replace(result, left_out=prepared.left_out)
    _show(result, request)
    return result


@functools.wraps(label_flow.fn)
def run(videos: list[str], *, workers: int = 1, **parameters: Any) -> LabelResult:
    """Runs the flow here, `workers` videos at a time; arguments as `label_flow`."""
    runner: Any = ThreadPoolTaskRunner(max_workers=workers)
    configured = label_flow.with_options(task_runner=runner)
    result: LabelResult = configured(videos, workers=workers, **parameters)
    return result


def _submit(request: LabelRequest, work: Work) -> PrefectFuture[Row]:
    # The flow was given the recipe: what it names may run in its tasks.
    allow_code = request.recipe.has_code
    return label_video.submit(str(work.found.path), work.found.name, str(request.out), allow_code)


def _row_of(future: PrefectFuture[Row]) -> Row:
    answer = future.result(raise_on_failure=False)
    return answer.row if isinstance(answer, VideoFailedError) else answer


def _show(result: LabelResult, request: LabelRequest) -> None:
    counts = Counter(row.status for row in result.rows)
    lines = [f"| {status} | {count} |" for status, count in sorted(counts.items())]
    dataset = f"`{result.dataset}`" if result.dataset else result.publish_error or "not written"
    text = "\n".join(["| videos | count |", "|---|---|", *lines, "", f"dataset: {dataset}"])
    create_markdown_artifact(markdown=f"# {request.recipe.name}\n\n{text}", key="label-summary")
    failed = [
        {
            "video": r.name,
            "stage": r.stage,
            "error": r.error,
            "message": r.message,
            "retry": r.retry,
        }
        for r in result.rows
        if r.status == "failed"
    ]
    create_table_artifact(table=failed, key="label-failures", description="Failed videos")
