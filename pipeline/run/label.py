"""The main job: a recipe on many videos, then one dataset. No server, no Prefect."""

from __future__ import annotations

import fnmatch
import json
import logging
import shlex
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.atomic import write_text_atomic
from pipeline.errors import RotoscopeError, UsageError, VideoError, WorkerError, one_of
from pipeline.recipe import Recipe, build_recipe
from pipeline.run.events import Event, Listener, ignore
from pipeline.run.isolation import Answer, Limits, run_isolated
from pipeline.run.keys import stage_tokens
from pipeline.run.ledger import Ledger, Row
from pipeline.run.process import VideoJob, VideoOutcome
from pipeline.run.store import Store, content_key, default_store
from pipeline.video.scan import Found, scan, sha256_file

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelRequest:
    """Everything a run needs to know; kept beside the dataset so that `retry` can repeat it."""

    inputs: tuple[Path, ...]
    """Folders and files with videos."""
    recipe: Recipe
    """What to run."""
    out: Path
    """Where the dataset is published."""
    store: Path = field(default_factory=default_store)
    """Root of the content-addressed store."""
    workers: int = 1
    """Videos processed at the same time."""
    only: str | None = None
    """Glob on names; other videos are not part of this run."""
    limit: int | None = None
    """Take only so many videos."""
    until: str = ""
    """Stop after this stage; no dataset is written then."""
    replace: bool = False
    """Replace a dataset at `out` that was made by another recipe."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers must be at least 1, got {self.workers}")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"limit must be at least 1, got {self.limit}")
        names = [s.name for s in self.recipe.stages]
        if self.until and self.until not in names:
            raise UsageError(f"there is no stage {self.until!r} to stop after; {one_of(names)}")

    @property
    def work(self) -> Path:
        """Folder beside the dataset that holds the ledger and the request."""
        return self.out.with_name(self.out.name + ".rotoscope")


@dataclass(frozen=True)
class Work:
    """One video of a run: where it is and what identifies its result."""

    found: Found
    """The file."""
    sha256: str
    """Hash of its bytes."""
    key: str
    """Store key of its outcome under this recipe."""


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
    check_out(request)
    save_request(request)
    ledger = Ledger(request.work / "ledger.jsonl")
    rows: dict[str, Row] = {}
    todo: list[Work] = []
    for item in plan(request):
        if isinstance(item, Row):
            rows[item.name] = item
        elif (row := stored_row(request, item)) is not None:
            rows[row.name] = row
        else:
            todo.append(item)
    if not rows and not todo:
        raise UsageError(_nothing_found(request))
    listener(Event("planned", total=len(rows) + len(todo)))
    known = {r.name: r for r in ledger.rows()}
    for row in rows.values():
        if known.get(row.name) != replace(row, cpu_s=getattr(known.get(row.name), "cpu_s", 0.0)):
            ledger.append(row)
        listener(Event("finished", name=row.name, row=row))
    if retry_only is not None:
        todo, kept = _split_by_glob(todo, retry_only)
        rows |= {
            w.found.display_name: known[w.found.display_name]
            for w in kept
            if w.found.display_name in known
        }
    for row in _run_all(request, todo, listener, stop or threading.Event()):
        ledger.append(row)
        rows[row.name] = row
        listener(Event("finished", name=row.name, row=row))
    ordered = tuple(rows[name] for name in sorted(rows))
    if request.until or not request.recipe.action or (stop is not None and stop.is_set()):
        return LabelResult(ordered, None, False)
    return _publish(request, ordered, listener)


def plan(request: LabelRequest) -> Iterator[Row | Work]:
    """Every video of the request: work to do, or a row that is final already."""
    tokens = stage_tokens(request.recipe)
    seen: dict[str, str] = {}
    found = scan(list(request.inputs), only=request.only)
    for item in found[: request.limit]:
        try:
            sha256 = sha256_file(item.path) if not item.problem else ""
            if item.problem:
                raise VideoError(item.problem)
        except VideoError as error:
            yield _failed(request, item, "scan", type(error).__name__, str(error))
            continue
        if sha256 in seen:
            message = f"holds the same bytes as {seen[sha256]}; it is labelled once"
            yield Row(item.display_name, "duplicate", sha256, message=message)
            continue
        seen[sha256] = item.display_name
        facts = {
            "kind": "outcome",
            "video": sha256,
            "recipe": request.recipe.digest(),
            "tokens": tokens,
            "until": request.until,
        }
        yield Work(item, sha256, content_key(facts))


def stored_row(request: LabelRequest, work: Work) -> Row | None:
    """The row of a video whose outcome is in the store, else `None`."""
    record = Store(request.store).load_record(work.key)
    if record is None:
        return None
    store = Store(request.store)
    if not all(store.path(key, "").is_dir() for key in record["episodes"]):
        return None
    return _row(work, VideoOutcome(**record | {"episodes": tuple(record["episodes"])}), None)


def _run_all(
    request: LabelRequest, todo: Sequence[Work], listener: Listener, stop: threading.Event
) -> Iterator[Row]:
    """Rows of the videos as they finish; `workers` at a time."""
    preload = sorted({m for s in request.recipe.stages for m in s.stage_class.preload})
    pool = ThreadPoolExecutor(request.workers, thread_name_prefix="rotoscope")
    waiting: set[Future[Row]] = {
        pool.submit(run_one, request, work, preload, listener, stop) for work in todo
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


def _publish(request: LabelRequest, rows: tuple[Row, ...], listener: Listener) -> LabelResult:
    from pipeline.run.publish import dataset_key_of, publish_rows

    if not any(row.episodes for row in rows):
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


def check_out(request: LabelRequest) -> None:
    """Raises `UsageError` where `out` holds something that must not be replaced."""
    out = request.out
    if request.until or not out.exists():
        return
    provenance = read_provenance(out)
    if provenance is None:
        if out.is_dir() and not any(out.iterdir()):
            return
        raise UsageError(
            f"{out} exists and was not written by rotoscope; name another --out or move it away"
        )
    made_by = provenance.get("recipe_digest")
    if made_by != request.recipe.digest() and not request.replace:
        raise UsageError(
            f"{out} was made by another recipe or other settings ({provenance.get('recipe')}); "
            "name another --out, or say --replace to replace it"
        )


def read_provenance(dataset: Path) -> dict[str, Any] | None:
    """`meta/rotoscope/provenance.json` of a dataset, or `None` where there is none."""
    try:
        found = json.loads((dataset / "meta" / "rotoscope" / "provenance.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def published_key(dataset: Path) -> str:
    """Key of the dataset that stands there, empty where none does."""
    provenance = read_provenance(dataset)
    is_whole = (dataset / "meta" / "info.json").is_file()
    return str(provenance.get("dataset_key", "")) if provenance and is_whole else ""


def save_request(request: LabelRequest) -> None:
    """Writes the request beside the dataset, so that `retry` and `status` find it."""
    facts = {
        "inputs": [str(Path(p).absolute()) for p in request.inputs],
        "recipe": request.recipe.as_raw(),
        "folder": str(request.recipe.folder) if request.recipe.folder else None,
        "store": str(request.store.absolute()),
        "workers": request.workers,
        "only": request.only,
        "limit": request.limit,
        "until": request.until,
    }
    text = json.dumps(facts, indent=1, sort_keys=True)
    path = request.work / "run.json"
    if not path.is_file() or path.read_text() != text:
        write_text_atomic(path, text)


def load_request(out: Path) -> LabelRequest:
    """The request that made, or was to make, the dataset at `out`.

    Raises:
        UsageError: No run was ever started for this path.
    """
    path = out.with_name(out.name + ".rotoscope") / "run.json"
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no run is recorded for {out} ({path} is not there or not readable); start one with "
            "rotoscope label VIDEOS --out DATASET"
        ) from error
    return LabelRequest(
        inputs=tuple(Path(p) for p in facts["inputs"]),
        recipe=build_recipe(
            facts["recipe"], folder=Path(facts["folder"]) if facts["folder"] else None
        ),
        out=out,
        store=Path(facts["store"]),
        workers=facts["workers"],
        only=facts["only"],
        limit=facts["limit"],
        until=facts["until"],
    )


def _nothing_found(request: LabelRequest) -> str:
    places = ", ".join(str(p) for p in request.inputs)
    glob = f" that match {request.only!r}" if request.only else ""
    return f"no videos{glob} in {places}; give a folder with videos, or video files"
