"""The main job: a recipe on many videos, then one dataset. No server, no Prefect."""

from __future__ import annotations

import fnmatch
import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from rotoscope.pipeline.errors import (
    DiskFullError,
    FileChangedError,
    RemoteError,
    RotoscopeError,
    WorkerError,
)
from rotoscope.pipeline.files.atomic import remove_leftovers
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.run.at_hand import as_listed, at_hand
from rotoscope.pipeline.run.costs import remember, seen_of
from rotoscope.pipeline.run.events import Event, Listener, ignore
from rotoscope.pipeline.run.isolation import Answer, Limits, Progress, run_isolated
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.order import queues
from rotoscope.pipeline.run.outcome import VideoAnswer
from rotoscope.pipeline.run.parts import Parts
from rotoscope.pipeline.run.places import keep_run, send
from rotoscope.pipeline.run.plan import Prepared, Work, prepare
from rotoscope.pipeline.run.process import VideoJob
from rotoscope.pipeline.run.publish import dataset_key_of, publish_rows
from rotoscope.pipeline.run.request import LabelRequest, published_key
from rotoscope.pipeline.run.rows import duplicate_row, failed_row, finished_row, without_duplicates
from rotoscope.pipeline.run.sharing import RETRY_S, Sharing

log = logging.getLogger(__name__)

PRELOAD = (
    "array_api_compat.numpy",
    "platformdirs",
    "rotoscope.pipeline.run.process",
    "rotoscope.pipeline.episodes.assemble",
    "rotoscope.pipeline.episodes.only_valid",
    "rotoscope.pipeline.export.render",
    "rotoscope.pipeline.video.probe",
    "rotoscope.pipeline.video.read",
    "scipy.linalg",
    "scipy.sparse",
)
"""What every child needs whatever its recipe; none of these starts a thread on import."""


@dataclass(frozen=True)
class LabelResult:
    """What a run did."""

    rows: tuple[Row, ...]
    """One per video, in order of name."""
    dataset: Path | None
    """The published dataset; `None` where there was nothing to publish."""
    is_new: bool
    """Whether the dataset was written by this run; otherwise it was already there."""
    publish_error: str = ""
    """Why no dataset could be written, if so."""
    left_out: tuple[str, ...] = ()
    """Sentences about folders and files among the inputs that were not looked into."""

    @property
    def exit_code(self) -> int:
        """0 all good, 1 some videos failed or the dataset could not be written."""
        has_failed = any(r.status == "failed" for r in self.rows) or bool(self.publish_error)
        return int(has_failed)


def label(
    request: LabelRequest,
    *,
    listener: Listener = ignore,
    retry_only: str | None = None,
    stop: threading.Event | None = None,
) -> LabelResult:
    """Runs the recipe on every video and publishes the dataset.

    Finished work is taken from the store; a video that fails becomes a row and the others go on.

    Args:
        request: What to do.
        listener: Told about every step, from this thread and from worker threads.
        retry_only: Glob: of the videos without a result, run only these.
        stop: When set, running children are killed and the call returns early.

    Raises:
        UsageError: The request cannot be carried out at all.
    """
    ledger = ledger_of(request)
    prepared = prepare(request, ledger)
    rows, todo = prepared.rows, prepared.todo
    listener(Event("planned", total=len(rows) + len(todo)))
    for sentence in prepared.left_out:
        listener(Event("left_out", name=sentence))
    for row in rows.values():
        listener(Event("finished", name=row.name, row=row))
    if retry_only is not None:
        todo = only_these(prepared, ledger, retry_only)
    first = {r.sha256: r.name for r in without_duplicates(rows.values()) if r.is_first}
    for row in run_all(request, todo, listener, stop or threading.Event()):
        if row.is_first and first.setdefault(row.sha256, row.name) < row.name:
            row = duplicate_row(row, first[row.sha256])
        ledger.append(row)
        rows[row.name] = row
        listener(Event("finished", name=row.name, row=row))
    ordered = settle(rows, ledger)
    left_out = prepared.left_out
    if stop is not None and stop.is_set():
        return LabelResult(ordered, None, False, left_out=left_out)
    return replace(publish(request, ordered, listener), left_out=left_out)


def ledger_of(request: LabelRequest) -> Ledger:
    """The ledger of a run, with all that an earlier one was told."""
    ledger = Ledger(request.work / "ledger.jsonl")
    Parts(request.work).collect(ledger)
    return ledger


def settle(rows: dict[str, Row], ledger: Ledger) -> tuple[Row, ...]:
    """All rows in order of name, duplicates told; those that this changes go on record."""
    ordered = without_duplicates(rows.values())
    for row in ordered:
        if row != rows[row.name]:
            ledger.append(row)
    return tuple(ordered)


def run_all(
    request: LabelRequest, todo: Sequence[Work], listener: Listener, stop: threading.Event
) -> Iterator[Row]:
    """Rows of the videos as they finish; `workers` at a time.

    Rows and dataset are sorted by name, whatever comes first here.
    """
    preload = preload_of(request.recipe)
    pool = ThreadPoolExecutor(request.workers, thread_name_prefix="rotoscope")
    sharing = Sharing(request)
    unstarted = deque(queues(todo))
    sharing.plan([work for queue in unstarted for work in queue])
    waiting: dict[Future[Row | None], deque[Work]] = {}
    busy: list[deque[Work]] = []

    def submit(queue: deque[Work]) -> None:
        future = pool.submit(run_if_free, request, queue[0], preload, listener, stop, sharing)
        waiting[future] = queue

    try:
        while waiting or unstarted or busy:
            if not (waiting or unstarted):
                # All that is left is being worked on by another run.
                if stop.wait(RETRY_S):
                    return
                unstarted.extend(busy)
                busy.clear()
            # One more for each worker, so that none waits; not all, which costs their square.
            while unstarted and len(waiting) < 2 * request.workers:
                submit(unstarted.popleft())
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                queue, row = waiting.pop(future), future.result()
                if row is None:
                    busy.append(queue)
                    continue
                queue.popleft()
                if queue:
                    submit(queue)
                yield row
    except BaseException:
        stop.set()
        for future in waiting:
            future.cancel()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        sharing.close()


def preload_of(recipe: Recipe) -> list[str]:
    """Modules that every child of a run needs, imported once by the fork server."""
    wanted = {m for s in recipe.stages for m in s.stage_class.preload}
    installed = {s.stage_class.__module__ for s in recipe.stages if s.source_file is None}
    return [*PRELOAD, *sorted(wanted | installed)]


def run_one(
    request: LabelRequest,
    work: Work,
    preload: Sequence[str],
    sharing: Sharing,
    listener: Listener = ignore,
) -> Row:
    """Runs one video in a child of its own; whatever happens there becomes a row.

    Where another run on the same store is at it, that is waited for.
    """
    row = run_if_free(request, work, preload, listener, threading.Event(), sharing, waits=True)
    assert row is not None
    return row


def run_if_free(
    request: LabelRequest,
    work: Work,
    preload: Sequence[str],
    listener: Listener,
    stop: threading.Event,
    sharing: Sharing,
    *,
    waits: bool = False,
) -> Row | None:
    """The row of a video; `None` where another run is at it and is not to be waited for."""
    name = work.found.display_name
    where = {"stage": "start"}

    def on_progress(stage: str, done: int, total: int) -> None:
        where["stage"] = stage
        listener(
            Event("probed" if total else "progress", name, stage=stage, frame=done, total=total)
        )

    try:
        with sharing.lease(work, stop, waits=waits) as is_ours:
            if not (is_ours or waits):
                return None
            with at_hand(work.found, on_progress):
                known = sharing.known(work)
                if known is not None:
                    return finished_row(work.found, as_listed(work.found, known), None)
                answer = _in_child(request, work, preload, on_progress, stop)
                if answer.error is None:
                    sharing.share(answer.value)
    except (WorkerError, RemoteError, FileChangedError, DiskFullError) as error:
        return failed_row(request, work.found, where["stage"], error)
    if answer.error is not None:
        row = failed_row(request, work.found, where["stage"], answer.error)
        return replace(row, cpu_s=round(answer.cpu_s, 3))
    made: VideoAnswer = as_listed(work.found, answer.value)
    if not made.is_stored:
        remember(request.store, seen_of(request.recipe, made, answer.cpu_s))
    return finished_row(work.found, made, answer)


def _in_child(
    request: LabelRequest,
    work: Work,
    preload: Sequence[str],
    on_progress: Progress,
    stop: threading.Event,
) -> Answer:
    limits = request.recipe.limits
    return run_isolated(
        "rotoscope.pipeline.run.process:process_video",
        job_of(request, work),
        limits=Limits.of(limits),
        preload=preload,
        on_message=on_progress,
        stop=stop,
        has_network=limits.network,
    )


def job_of(request: LabelRequest, work: Work) -> VideoJob:
    """What a child is told about a video."""
    return VideoJob(
        path=work.found.path,
        name=work.found.display_name,
        recipe=request.recipe.as_raw(),
        folder=request.recipe.folder,
        store=request.store,
        until=request.until,
        part=work.part,
    )


def only_these(prepared: Prepared, ledger: Ledger, glob: str) -> list[Work]:
    """Of the videos to do those that a glob matches; the others get the rows they had before."""
    todo, others = _split_by_glob(prepared.todo, glob)
    before = {row.name: row for row in ledger.rows()}
    names = [work.found.display_name for work in others]
    prepared.rows.update({name: before[name] for name in names if name in before})
    return todo


def _split_by_glob(todo: list[Work], glob: str) -> tuple[list[Work], list[Work]]:
    # A name can hold glob characters itself, as a copied retry command does.
    chosen = [
        w
        for w in todo
        if w.found.display_name == glob or fnmatch.fnmatchcase(w.found.display_name, glob)
    ]
    return chosen, [w for w in todo if w not in chosen]


def publish(
    request: LabelRequest, rows: tuple[Row, ...], listener: Listener = ignore
) -> LabelResult:
    """Writes the dataset of these rows, unless exactly that one stands there already."""
    try:
        keep_run(request)
    except RemoteError as error:
        return LabelResult(rows, None, False, f"{type(error).__name__}: {error}")
    if request.until or not any(row.episodes for row in rows):
        return LabelResult(rows, None, False)
    # A kill just after the new dataset took its place leaves the old one beside it.
    remove_leftovers(request.out.parent, request.out.name)
    key = dataset_key_of(request, rows)
    is_new = published_key(request.out) != key
    try:
        if is_new:
            listener(Event("publishing", total=sum(len(r.episodes) for r in rows)))
            publish_rows(request, rows, key)
        sent = send(request)
    except RotoscopeError as error:
        return LabelResult(rows, None, False, f"{type(error).__name__}: {error}")
    if is_new:
        listener(Event("published"))
    return LabelResult(rows, request.out, is_new or bool(sent and sent.sent))
