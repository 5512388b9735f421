"""Tasks of a flow and what comes of them: rows as videos end, and lost videos once more.

A worker that is lost takes a task with it. Ray and Dask run that task again by themselves; what
they give up is submitted anew here without what it had done. Nothing is ever run in the flow's own
process: a row says so where a video cannot be had.
"""

from __future__ import annotations

import logging
import queue
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rotoscope.flows.engines import Engine
from rotoscope.pipeline.errors import EngineLostError, RotoscopeError, WorkerCrashedError
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.order import Shard, shards
from rotoscope.pipeline.run.parts import Parts
from rotoscope.pipeline.run.plan import Work
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.run.rows import failed_row

log = logging.getLogger(__name__)

Submit = Callable[[str, Shard], Any]
"""Submits a shard under a key and returns Prefect's future."""
LOOK_EVERY_S = 1.0
"""How often rows of shards that are under way are looked for."""
TRIES = 2
"""How often an engine may give a video up before it counts as failed; Ray and Dask try four times
each."""
MOST_FRUITLESS = 12
"""Tasks lost in a row, none of which gave a row, after which the engine is given up."""


class Spread:
    """The videos of a run on their way through an engine."""

    def __init__(
        self,
        request: LabelRequest,
        todo: Sequence[Work],
        *,
        engine: Engine,
        submit: Submit,
        check: Callable[[], None],
    ) -> None:
        self.request, self.engine = request, engine
        self._submit, self._check = submit, check
        self.parts = Parts(request.work)
        self.unstarted = deque(shards(todo, request.workers))
        self.under_way: dict[str, Shard] = {}
        self.ended: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.seen: set[str] = set()
        self.lost: Counter[str] = Counter()
        self.fruitless = 0

    def rows(self) -> Iterator[Row]:
        """One row per video, as they end.

        Raises:
            EngineLostError: The engine is gone, or loses whatever it is given.
            RotoscopeError: What a task says of all videos alike, such as a full disk.
        """
        most = self.engine.in_flight(self.request.workers)
        while self.unstarted or self.under_way:
            while self.unstarted and len(self.under_way) < most:
                self._start(self.unstarted.popleft())
            try:
                key, future = self.ended.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                yield from self._new(self.parts.new())
            else:
                yield from self._end(key, future)
        self.parts.tidy()

    def _start(self, shard: Shard) -> None:
        key = uuid.uuid4().hex
        self.under_way[key] = shard
        future = self._submit(key, shard)
        # The future that is called back with may be another object.
        future.add_done_callback(lambda _: self.ended.put((key, future)))

    def _new(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if row.name not in self.seen:
                self.seen.add(row.name)
                yield row

    def _end(self, key: str, future: Any) -> Iterator[Row]:
        shard = self.under_way.pop(key)
        answer = _answer_of(future)
        if isinstance(answer, RotoscopeError):
            raise answer
        yield from self._new(self.parts.new())
        yield from self._new(answer if isinstance(answer, list) else ())
        missing = [w for w in shard.works if w.found.display_name not in self.seen]
        self.fruitless = self.fruitless + 1 if len(missing) == len(shard.works) else 0
        if missing:
            yield from self._lose(missing, answer)
        # Its rows are on record, for whoever took them has come back for more.
        self.parts.remove(key)

    def _lose(self, missing: list[Work], why: object) -> Iterator[Row]:
        self._check()
        reason = f"{type(why).__name__}: {str(why).partition(chr(10))[0]}"
        if self.fruitless > MOST_FRUITLESS:
            raise EngineLostError(
                f"the engine {self.engine.name!r} loses all that it is given, last with {reason}"
            )
        # They go one after another: the first is where it happened.
        first, *others = missing
        name = first.found.display_name
        self.lost[name] += 1
        log.warning("the worker that had %s is lost (%s)", name, reason)
        if others:
            self.unstarted.appendleft(Shard(tuple(others)))
        if self.lost[name] < TRIES:
            self.unstarted.appendleft(Shard((first,)))
            return
        error = WorkerCrashedError(f"every worker that had it was lost, last with {reason}")
        self.seen.add(name)
        yield failed_row(self.request, first.found, "start", error)


def _answer_of(future: Any) -> object:
    """What a task gave, or what it or its engine raised."""
    try:
        return future.result(raise_on_failure=False)
    except Exception as error:
        # Every engine has its own ways to say that a worker is lost.
        return error
