"""`label` as a Prefect flow: one task per video.

Run it with `rotoscope label ... --prefect` or
`python -m rotoscope.flows.label VIDEOS --out DATASET`. Without
`PREFECT_API_URL` a server is started for the command; with it the runs appear on that server. Both
ways run the flow in a process of its own and go on without Prefect where that fails. Tasks run in
threads; each starts its own child process, so a crash in native code never reaches the flow.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
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

from rotoscope.flows.supervise import supervised
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import LabelResult, label, preload_of, publish, run_one, settle
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.plan import Work, prepare
from rotoscope.pipeline.run.request import LabelRequest, load_request
from rotoscope.pipeline.store.store import default_store
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
        VideoFailedError: The video could not be labelled.
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
    more: dict[str, Any] = {"only": only, "limit": limit, "until": until, "workers": workers}
    request = requested(videos, out, recipe, overrides, store, replace=replace, **more)
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


def requested(
    videos: list[str],
    out: str,
    recipe: str = "hand-gripper",
    overrides: list[str] | None = None,
    store: str | None = None,
    **more: Any,
) -> LabelRequest:
    """What the flow is asked to do; `more` are fields of the request that need no reading."""
    return LabelRequest(
        inputs=tuple(Path(v) for v in videos),
        recipe=load_recipe(recipe, overrides or ()),
        out=Path(out),
        store=Path(store) if store else default_store(),
        **more,
    )


def run(videos: list[str], *, workers: int = 1, **parameters: Any) -> LabelResult:
    """Runs the flow here, `workers` videos at a time; arguments as `label_flow`."""
    runner: Any = ThreadPoolTaskRunner(max_workers=workers)
    configured = label_flow.with_options(task_runner=runner)
    result: LabelResult = configured(videos, workers=workers, **parameters)
    return result


def run_plainly(videos: list[str], **parameters: Any) -> LabelResult:
    """Does what `run` does, without Prefect."""
    return label(requested(videos, **parameters))


PLAIN = {"run": run_plainly}
"""What each way of running the flow does, without Prefect."""


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


def main(arguments: list[str] | None = None) -> int:
    """`python -m rotoscope.flows.label`."""
    parser = argparse.ArgumentParser(
        prog="python -m rotoscope.flows.label", description=label_flow.__doc__
    )
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--recipe", default="hand-gripper")
    parser.add_argument("-o", "--override", action="append", default=[], dest="overrides")
    parser.add_argument("--only")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--until", default="")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--store")
    parser.add_argument("--replace", action="store_true")
    result: LabelResult = supervised("label", "run", **vars(parser.parse_args(arguments)))
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
