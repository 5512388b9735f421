"""The episodes of a dataset, each worked on in a child process; what is finished is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import UsageError, WorkerError
from rotoscope.pipeline.recipe_sections import LimitsSection
from rotoscope.pipeline.run.before import check_store
from rotoscope.pipeline.run.events import Event, Listener, ignore
from rotoscope.pipeline.run.isolation import Limits, run_isolated
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.store.store import Store, content_key, default_store

BATCH = 8
"""Episodes at most that share a child, which takes a second or two to load what it needs. Where one
of them fails, each is worked on once more by itself."""


Outcome = tuple["EpisodeWork", Tracks | Row, float]
"""An episode, what was made of it or the row of its failure, and CPU seconds."""


@dataclass(frozen=True)
class EpisodeWork:
    """An episode that is to be worked on."""

    name: str
    """What messages call it: `episode 3`."""
    num_rows: int
    """Rows in it."""
    facts: Mapping[str, Any]
    """All that its tracks hang on, as JSON: equal facts, equal tracks."""
    argument: Any
    """What the child's function is told of it; anything that pickles."""

    @property
    def key(self) -> str:
        """Where its tracks are kept."""
        return content_key({"kind": "episode tracks", **self.facts})


@dataclass(frozen=True)
class Running:
    """How a run goes on; none of it changes what comes out."""

    store: Path = field(default_factory=default_store)
    """Where finished episodes are kept."""
    workers: int = 1
    """Children at the same time."""
    listener: Listener = ignore
    """Told of every row."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers must be at least 1, got {self.workers}")


@dataclass(frozen=True, eq=False)
class EpisodesResult:
    """What became of the episodes."""

    rows: tuple[Row, ...]
    """One per episode, in order."""
    tracks: dict[str, Tracks] = field(default_factory=dict)
    """What was made of each that did not fail, by name."""


def run_episodes(function: str, todo: Sequence[EpisodeWork], running: Running) -> EpisodesResult:
    """Calls `function(arguments, report)` in children for what is not in the store yet.

    An error, a crash, a hang or a leak costs one episode its row; the others go on. A kill loses
    at most the episodes that were being worked on.

    Args:
        function: `"module:attr"`; is given a list of arguments, and returns tracks for each.
        todo: The episodes, names all different.
        running: How to.
    """
    store, listener = Store(running.store), running.listener
    check_store(store.root)
    listener(Event("planned", total=len(todo)))
    rows: dict[str, Row] = {}
    tracks: dict[str, Tracks] = {}
    waiting = []
    for work in todo:
        found = store.load_tracks(work.key)
        if found is None:
            waiting.append(work)
            continue
        tracks[work.name] = found[0]
        rows[work.name] = _done(work, listener, 0.0)
    # As many to each worker: sixteen episodes in two batches of eight, three in two of two and one.
    size = max(1, min(BATCH, -(-len(waiting) // running.workers)))
    batches = [waiting[i : i + size] for i in range(0, len(waiting), size)]
    for work, made, cpu_s in _run_all(function, batches, running.workers):
        if isinstance(made, Row):
            rows[work.name] = made
            listener(Event("finished", name=work.name, row=made))
            continue
        store.save_tracks(work.key, [made])
        tracks[work.name] = made
        rows[work.name] = _done(work, listener, cpu_s)
    return EpisodesResult(tuple(rows[work.name] for work in todo), tracks)


def _done(work: EpisodeWork, listener: Listener, cpu_s: float) -> Row:
    row = Row(name=work.name, status="done", frames=work.num_rows, cpu_s=cpu_s)
    listener(Event("finished", name=work.name, row=row))
    return row


def _run_all(
    function: str, batches: Sequence[Sequence[EpisodeWork]], workers: int
) -> Iterator[Outcome]:
    stop = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rotoscope")
    try:
        running = {pool.submit(_run_batch, function, batch, stop) for batch in batches}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _run_batch(function: str, batch: Sequence[EpisodeWork], stop: threading.Event) -> list[Outcome]:
    try:
        answer = run_isolated(
            function,
            [work.argument for work in batch],
            limits=Limits.of(LimitsSection()),
            stop=stop,
        )
        error: Any = answer.error
    except WorkerError as raised:
        error = raised
    if error is None:
        cpu_s = round(answer.cpu_s / len(batch), 3)
        return [(work, made, cpu_s) for work, made in zip(batch, answer.value, strict=True)]
    if len(batch) > 1:
        return [made for work in batch for made in _run_batch(function, [work], stop)]
    kind = getattr(error, "kind", type(error).__name__)
    message = str(getattr(error, "message", error))
    row = Row(name=batch[0].name, status="failed", stage="label", error=kind, message=message)
    return [(batch[0], row, 0.0)]
