"""The main job: a recipe on many videos, then one dataset. No server, no Prefect."""

from __future__ import annotations

import fnmatch
import logging
import shlex
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.errors import MotionError, RotoscopeError, UsageError, VideoError, WorkerError
from pipeline.recipe import Recipe
from pipeline.run.events import Event, Listener, ignore
from pipeline.run.isolation import Answer, Limits, run_isolated
from pipeline.run.keys import outcome_key, stage_tokens
from pipeline.run.ledger import Ledger, Row
from pipeline.run.process import VideoJob, VideoOutcome
from pipeline.run.publish import dataset_key_of, publish_rows
from pipeline.run.request import LabelRequest, check_out, published_key, save_request
from pipeline.run.store import Store
from pipeline.sources import identity, nothing_found, scan
from pipeline.video.scan import Found

log = logging.getLogger(__name__)

PRELOAD = (
    "pipeline.run.process",
    "pipeline.assemble",
    "pipeline.export.render",
    "pipeline.video.read",
    "scipy.linalg",
    "scipy.sparse",
)
"""What every child needs whatever its recipe; none of these starts a thread on import."""


@dataclass(frozen=True)
class Work:
    """One video of a run: where it is and what identifies its result."""

    found: Found
    """The file."""
    sha256: str
    """Hash of its bytes."""
    key: str
    """Store key of its outcome under this recipe."""
    frames: tuple[int, int] | None = None
    """Frames `[start, end)` that the work is about; all where `None`."""


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
    ledger = Ledger(request.work / "ledger.jsonl")
    rows, todo = prepare(request, ledger)
    listener(Event("planned", total=len(rows) + len(todo)))
    for row in rows.values():
        listener(Event("finished", name=row.name, row=row))
    if retry_only is not None:
        todo, others = _split_by_glob(todo, retry_only)
        before = {row.name: row for row in ledger.rows()}
        names = [work.found.display_name for work in others]
        rows |= {name: before[name] for name in names if name in before}
    for row in run_all(request, todo, listener, stop or threading.Event()):
        ledger.append(row)
        rows[row.name] = row
        listener(Event("finished", name=row.name, row=row))
    ordered = tuple(rows[name] for name in sorted(rows))
    if stop is not None and stop.is_set():
        return LabelResult(ordered, None, False)
    return publish(request, ordered, listener)


def prepare(request: LabelRequest, ledger: Ledger) -> tuple[dict[str, Row], list[Work]]:
    """Rows that are final already, by name, and the work that is left; both go on record.

    Raises:
        UsageError: There is no file of the recipe's kind, or `out` holds something else.
    """
    check_out(request)
    save_request(request)
    before = {row.name: row for row in ledger.rows()}
    rows: dict[str, Row] = {}
    todo: list[Work] = []
    for item in plan(request):
        row = item if isinstance(item, Row) else stored_row(request, item)
        if row is None:
            assert isinstance(item, Work)
            todo.append(item)
            continue
        rows[row.name] = row
        old = before.get(row.name)
        if old is None or (old.status, old.sha256) != (row.status, row.sha256):
            ledger.append(row)
    if not rows and not todo:
        recipe = request.recipe
        raise UsageError(
            nothing_found(request.inputs, recipe.source, recipe=recipe.name, only=request.only)
        )
    return rows, todo


def plan(request: LabelRequest) -> Iterator[Row | Work]:
    """Every video of the request: work to do, or a row that is final already."""
    tokens = stage_tokens(request.recipe)
    seen: dict[str, str] = {}
    kind = request.recipe.source
    found = scan(list(request.inputs), kind, only=request.only)
    for item in found[: request.limit]:
        try:
            if item.problem:
                raise (VideoError if kind == "video" else MotionError)(item.problem)
            sha256 = identity(item.path, kind)
        except (VideoError, MotionError) as error:
            yield _failed(request, item, "scan", type(error).__name__, str(error))
            continue
        if sha256 in seen:
            message = f"holds the same bytes as {seen[sha256]}; it is labelled once"
            yield Row(item.display_name, "duplicate", sha256, message=message)
            continue
        seen[sha256] = item.display_name
        yield Work(item, sha256, outcome_key(request.recipe, sha256, tokens, request.until))


def stored_row(request: LabelRequest, work: Work) -> Row | None:
    """The row of a video whose outcome is in the store, else `None`."""
    record = Store(request.store).load_record(work.key)
    if record is None:
        return None
    store = Store(request.store)
    if not all(store.path(key, "").is_dir() for key in record["episodes"]):
        return None
    return _row(work, VideoOutcome(**record | {"episodes": tuple(record["episodes"])}), None)


def run_all(
    request: LabelRequest, todo: Sequence[Work], listener: Listener, stop: threading.Event
) -> Iterator[Row]:
    """Rows of the videos as they finish; `workers` at a time."""
    preload = preload_of(request.recipe)
    pool = ThreadPoolExecutor(request.workers, thread_name_prefix="rotoscope")
    # The largest first: the workers then end together. Rows and dataset are sorted by name anyway.
    by_size = sorted(todo, key=_size_bytes, reverse=True)
    waiting: set[Future[Row]] = {
        pool.submit(run_one, request, work, preload, listener, stop) for work in by_size
    }
    try:
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                if not future.cancelled():
                    yield future.result()
    except BaseException:
        stop.set()
        for future in waiting:
            future.cancel()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _size_bytes(work: Work) -> int:
    try:
        return work.found.path.stat().st_size
    except OSError:
        return 0  # gone since it was hashed: its child will say so


def preload_of(recipe: Recipe) -> list[str]:
    """Modules that every child of a run needs, imported once by the fork server."""
    wanted = {m for s in recipe.stages for m in s.stage_class.preload}
    installed = {s.stage_class.__module__ for s in recipe.stages if not s.source_checksum}
    return [*PRELOAD, *sorted(wanted | installed)]


def run_one(
    request: LabelRequest,
    work: Work,
    preload: Sequence[str] = (),
    listener: Listener = ignore,
    stop: threading.Event | None = None,
) -> Row:
    """Runs one video in a child of its own; whatever happens there becomes a row."""
    name = work.found.display_name
    limits = request.recipe.limits
    where = {"stage": "start"}

    def hear(stage: str, done: int, total: int) -> None:
        where["stage"] = stage
        listener(
            Event("probed" if total else "progress", name, stage=stage, frame=done, total=total)
        )

    job = VideoJob(
        path=work.found.path,
        sha256=work.sha256,
        recipe=request.recipe.as_raw(),
        folder=request.recipe.folder,
        store=request.store,
        until=request.until,
        frames=work.frames,
    )
    try:
        answer = run_isolated(
            "pipeline.run.process:process_video",
            job,
            limits=Limits(
                memory_bytes=int(limits.memory_gib * 2**30),
                stall_s=limits.stall_s,
                base_s=limits.base_s,
                per_item_s=limits.per_frame_s,
            ),
            preload=preload,
            on_message=hear,
            stop=stop,
        )
    except WorkerError as error:
        return _failed(
            request, work.found, where["stage"], type(error).__name__, str(error), work.sha256
        )
    if answer.error is not None:
        return _failed_answer(request, work, where["stage"], answer)
    outcome: VideoOutcome = answer.value
    record = asdict(outcome)
    record["detail"] = {k: v for k, v in record["detail"].items() if k != "cpu_s"}
    Store(request.store).save_record(work.key, record)
    return _row(work, outcome, answer)


def _row(work: Work, outcome: VideoOutcome, answer: Answer | None) -> Row:
    return Row(
        name=work.found.display_name,
        status="empty" if outcome.why_empty else "done",
        sha256=work.sha256,
        message=outcome.why_empty,
        frames=outcome.frames,
        episodes=outcome.episodes,
        cpu_s=round(answer.cpu_s, 3) if answer else 0.0,
        peak_memory_gib=round(answer.peak_memory_bytes / 2**30, 3) if answer else 0.0,
        detail=outcome.detail if answer else {},
    )


def _failed(
    request: LabelRequest, found: Found, stage: str, error: str, message: str, sha256: str = ""
) -> Row:
    name = found.display_name
    retry = f"rotoscope retry {shlex.quote(str(request.out))} --only {shlex.quote(name)}"
    return Row(name, "failed", sha256, stage, error, message, retry=retry)


def _failed_answer(request: LabelRequest, work: Work, stage: str, answer: Answer) -> Row:
    error = answer.error
    assert error is not None
    message = error.message
    if not error.is_expected:
        message = f"unexpected {error.kind} ({error.message}); this is a defect, please report it"
    row = _failed(request, work.found, stage, error.kind, message, work.sha256)
    return replace(
        row,
        cpu_s=round(answer.cpu_s, 3),
        detail={"traceback": error.traceback} if error.traceback else {},
    )


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
    if request.until or not any(row.episodes for row in rows):
        return LabelResult(rows, None, False)
    key = dataset_key_of(request, rows)
    if published_key(request.out) == key:
        return LabelResult(rows, request.out, False)
    listener(Event("publishing", total=sum(len(r.episodes) for r in rows)))
    try:
        publish_rows(request, rows, key)
    except RotoscopeError as error:
        return LabelResult(rows, None, False, f"{type(error).__name__}: {error}")
    listener(Event("published"))
    return LabelResult(rows, request.out, True)
