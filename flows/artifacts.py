"""What Prefect's pages show of a run: how far it is while it goes on, and what came of it.

Showing never costs the work: where the server does not take it, one line of the log says so.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import logging
import re
import threading
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.objects import State
from prefect.exceptions import MissingContextError, PrefectException
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from rotoscope.pipeline.run.events import Event, Listener, ignore
from rotoscope.pipeline.run.label import LabelResult
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.run.tally import Tally
from rotoscope.pipeline.sources import NOUNS

WITH_FAILURES = "Completed with failures"
"""Name of the state of a run whose dataset stands, but of which videos failed. It is of Prefect's
type `FAILED`: a badge's color follows the type, and green would hide them."""
PAUSE_S = 2.0
"""Between two updates of the progress [s]: each is a request to the server."""
_LONGEST_WAIT_S = 5.0
"""For the last of them [s]."""
MOST_SHOWN = 1000
"""Rows of a table at most: it stands in the server's database, the ledger holds all."""


def key_of(out: Path, what: str) -> str:
    """The key of an artifact of a dataset, of the letters that Prefect allows."""
    name = re.sub(r"[^a-z0-9]+", "-", out.name.lower()).strip("-")
    return f"{name or 'dataset'}-{what}"


@contextlib.contextmanager
def only_shown() -> Iterator[None]:
    """What fails in here because of Prefect or its server costs a line of the log."""
    try:
        yield
    except (httpx.HTTPError, PrefectException, OSError) as error:
        first = str(error).partition("\n")[0] or type(error).__name__
        logger().warning("not shown: %s", first)


def logger() -> Any:
    """The log of the run, or this module's where no run goes on."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger(__name__)


_SHOWN: dict[Path, Shown] = {}
"""What is watched in this process, by where its dataset goes."""


def listener_of(out: Path) -> Listener:
    """Who is told of the stages of a run's videos; nobody where its flow is another process."""
    return _SHOWN.get(out, ignore)


class Shown:
    """Listens to a run of `label`; one progress artifact says what the command's line says.

    A thread of its own tells the server, so that one that is away keeps no video waiting.
    """

    def __init__(self, request: LabelRequest) -> None:
        self.request = request
        self.tally = Tally(NOUNS[request.recipe.source])
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._doing = ""
        _SHOWN[request.out] = self

    def __call__(self, event: Event) -> None:
        """Takes an event; may come from any thread."""
        with self._lock:
            self.tally.count(event)
            self._doing = "writing the dataset  " if event.kind == "publishing" else ""
        if event.kind == "planned":
            self._begin()
        elif event.kind == "left_out":
            logger().warning(event.name)
        elif event.kind == "finished" and event.row is not None:
            tell(event.row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        """Shows the last of what was counted."""
        _SHOWN.pop(self.request.out, None)
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(_LONGEST_WAIT_S)

    def _begin(self) -> None:
        key = key_of(self.request.out, "progress")
        with only_shown():
            # Called from a plain function, Prefect's calls run at once and give what they made.
            made = cast(
                UUID,
                create_progress_artifact(
                    progress=self.tally.percent, key=key, description=self.tally.line()
                ),
            )
            # Settings, such as a server's address, belong to Python's context.
            context = contextvars.copy_context()
            keep = functools.partial(context.run, self._keep_up, made)
            self._thread = threading.Thread(target=keep, daemon=True)
            self._thread.start()

    def _keep_up(self, artifact: UUID) -> None:
        is_last = False
        while not is_last:
            is_last = self._is_over.wait(PAUSE_S)
            with self._lock:
                percent, line = self.tally.percent, self._doing + self.tally.line()
            with only_shown():
                update_progress_artifact(artifact, percent, description=line)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a task's line says more than the flow's own line about the video does."""
    text = str(record.msg)
    is_told = text.startswith("Task run failed with state") or "Finished in state" in text
    return not (is_told and record.levelno == logging.ERROR)


logging.getLogger("prefect.task_runs").addFilter(_is_news)


def tell(row: Row) -> None:
    """One line of the log about a video, whatever became of it."""
    if row.status == "failed":
        logger().error("%s: %s in %s: %s", row.name, row.error, row.stage, _line(row.message))
    else:
        how = f"{row.frames} frames, {row.cpu_s:.1f} s CPU" if row.cpu_s else "stored"
        logger().info("%s: %s, %s", row.name, row.status, _line(row.message) or how)


def show(result: LabelResult, request: LabelRequest) -> None:
    """Summary, a table of all videos, and one of those that failed with the command for each."""
    out = request.out
    description = f"{request.recipe.name}: {request.recipe.description}"
    with only_shown():
        create_markdown_artifact(
            markdown=summary(result, request),
            key=key_of(out, "summary"),
            description=description,
        )
        create_table_artifact(
            table=[_measured(row) for row in result.rows[:MOST_SHOWN]],
            key=key_of(out, "videos"),
            description=_caption("Every video as it was measured", len(result.rows)),
        )
        failed = [row for row in result.rows if row.status == "failed"]
        create_table_artifact(
            table=[_failure(row) for row in failed[:MOST_SHOWN]],
            key=key_of(out, "failures"),
            description=_caption(
                "Failed videos, and the command that tries each again", len(failed)
            ),
        )


def ended(result: LabelResult) -> State[Any]:
    """The state that a run ends in; what it did is the state's data."""
    failed = sum(row.status == "failed" for row in result.rows)
    said = f"{failed} of {len(result.rows)} failed; dataset: {_dataset(result)}"
    if result.publish_error:
        return Failed(name="Dataset not written", message=said, data=result)
    if failed:
        return Failed(name=WITH_FAILURES, message=said, data=result)
    return Completed(
        message=f"{len(result.rows)} labeled; dataset: {_dataset(result)}", data=result
    )


def result_of(state: State[Any]) -> LabelResult:
    """What a run did, out of the state that it ended in."""
    return cast(LabelResult, state.data)


def summary(result: LabelResult, request: LabelRequest) -> str:
    """Counts, rows, CPU time and the place of the dataset, as Markdown."""
    rows = result.rows
    counts = Counter(row.status for row in rows)
    count = sum(row.detail.get("rows", 0) for row in rows)
    valid = sum(row.detail.get("valid_rows", 0) for row in rows)
    lines = [
        *((status, str(count)) for status, count in sorted(counts.items())),
        ("frames", str(sum(row.frames for row in rows))),
        ("rows, valid", f"{count}, {valid / count:.0%}" if count else "0"),
        ("CPU of this run", f"{sum(row.cpu_s for row in rows):.1f} s"),
        ("most memory of a video", f"{max((r.peak_memory_gib for r in rows), default=0):.2f} GiB"),
    ]
    table = ["| videos | count |", "|---|---|", *(f"| {a} | {b} |" for a, b in lines)]
    notes = [f"- {text}" for text in result.left_out]
    head = [f"# {request.recipe.name}", "", f"dataset: {_dataset(result)}", ""]
    return "\n".join([*head, *table, "", *notes])


def _dataset(result: LabelResult) -> str:
    return f"`{result.dataset}`" if result.dataset else result.publish_error or "not written"


def _measured(row: Row) -> dict[str, Any]:
    count = row.detail.get("rows", 0)
    return {
        "video": row.name,
        "status": row.status,
        "frames": row.frames,
        "CPU [s]": row.cpu_s,
        "memory [GiB]": row.peak_memory_gib,
        "valid": f"{row.detail.get('valid_rows', 0) / count:.0%}" if count else "",
        "episodes": len(row.episodes),
        "message": row.message,
    }


def _failure(row: Row) -> dict[str, str]:
    return {
        "video": row.name,
        "stage": row.stage,
        "error": row.error,
        "message": row.message,
        "retry": row.retry,
    }


def _caption(text: str, count: int) -> str:
    return text if count <= MOST_SHOWN else f"{text}; the first {MOST_SHOWN} of {count}"


def _line(text: str) -> str:
    return " ".join(text.split())
