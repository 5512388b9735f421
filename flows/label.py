"""`label` as a Prefect flow: one task per video, cached by our own content keys.

Run it with `rotoscope label ... --prefect` or `python -m flows.label VIDEOS --out DATASET`. Without
`PREFECT_API_URL` a server is started for the command; with it the runs appear on that server. Both
ways run the flow in a process of its own and go on without Prefect where that fails. Tasks run in
threads; each starts its own child process, so a crash in native code never reaches the flow.
"""

from __future__ import annotations

import argparse
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
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.supervise import supervised
from pipeline.errors import RotoscopeError
from pipeline.recipe import load_recipe
from pipeline.run.label import (
    LabelResult,
    Work,
    label,
    preload_of,
    prepare,
    publish,
    run_one,
    stored_row,
)
from pipeline.run.ledger import Ledger, Row
from pipeline.run.request import LabelRequest, load_request
from pipeline.run.store import default_store
from pipeline.video.scan import Found


class VideoFailedError(RotoscopeError):
    """A video failed: its task shows red in Prefect, the flow goes on. Holds the row."""

    def __init__(self, row: Row) -> None:
        super().__init__(f"{row.name}: {row.error} in {row.stage}: {row.message}")
        self.row = row


def _content_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    # Prefect's own input hash would not see that a file's bytes changed; our key does.
    return f"rotoscope-{parameters['key']}-{parameters['store']}"


@task(
    task_run_name="label {name}",
    cache_key_fn=_content_key,
    persist_result=True,
    log_prints=False,
)
def label_video(
    path: str, name: str, sha256: str, key: str, out: str, store: str
) -> dict[str, Any]:
    """Runs one video in a child process; only paths and keys cross the task's border.

    Raises:
        VideoFailedError: The video could not be labelled; failures are never cached.
    """
    request = load_request(Path(out))
    row = run_one(request, _work(path, name, sha256, key), preload_of(request.recipe))
    if row.status == "failed":
        raise VideoFailedError(row)
    return {"name": row.name, "cpu_s": row.cpu_s, "peak_memory_gib": row.peak_memory_gib}


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
    request = requested(videos, out, recipe, overrides, only, limit, until, workers, store, replace)
    ledger = Ledger(request.work / "ledger.jsonl")
    rows, todo = prepare(request, ledger)
    total = len(rows) + len(todo)
    # Called from a plain function, Prefect's calls run at once and give the identifier itself.
    progress = cast(
        UUID, create_progress_artifact(progress=100.0 * len(rows) / total, description="videos")
    )
    futures = {_submit(request, work): work for work in todo}
    for future in as_completed(list(futures)):
        row = _row_of(request, futures[future], future)
        ledger.append(row)
        rows[row.name] = row
        update_progress_artifact(progress, progress=100.0 * len(rows) / total)
    result = publish(request, tuple(rows[name] for name in sorted(rows)))
    _show(result, request)
    return result


def requested(
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
) -> LabelRequest:
    """What the flow is asked to do."""
    return LabelRequest(
        inputs=tuple(Path(v) for v in videos),
        recipe=load_recipe(recipe, overrides or ()),
        out=Path(out),
        store=Path(store) if store else default_store(),
        workers=workers,
        only=only,
        limit=limit,
        until=until,
        replace=replace,
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


def _submit(request: LabelRequest, work: Work) -> PrefectFuture[dict[str, Any]]:
    return label_video.submit(
        str(work.found.path),
        work.found.name,
        work.sha256,
        work.key,
        str(request.out),
        str(request.store),
    )


def _work(path: str, name: str, sha256: str, key: str) -> Work:
    return Work(Found(path=Path(path), name=name), sha256, key)


def _row_of(request: LabelRequest, work: Work, future: PrefectFuture[dict[str, Any]]) -> Row:
    """The row of a finished task; the store says what is true, Prefect's cache may be stale."""
    answer = future.result(raise_on_failure=False)
    if isinstance(answer, VideoFailedError):
        return answer.row
    return stored_row(request, work) or run_one(request, work)


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
    """`python -m flows.label`."""
    parser = argparse.ArgumentParser(prog="python -m flows.label", description=label_flow.__doc__)
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
