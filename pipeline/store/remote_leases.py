"""Leases on a store in object storage: one object per run names all that it is at.

Taking is writing one's own object with the new names, then reading those of the others: of two runs
that want the same, at least one sees the other and withdraws, since what was written before a
listing is in it. A run writes its object anew every few seconds; one that did not change for
`EXPIRY_S` of our own monotonic clock is of a dead run. No two clocks are ever compared.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from rotoscope.pipeline.errors import RemoteError
from rotoscope.pipeline.files.owners import has_ended, owner
from rotoscope.pipeline.remote.objects import ObjectFacts, Objects

log = logging.getLogger(__name__)

BEAT_S = 30.0
"""Longest time between two signs of life [s]; each is a request."""
EXPIRY_S = 150.0
"""Without a sign of life for so long [s] a run counts as dead: five beats."""
AHEAD = 8
"""Names that are taken together: two requests for all of them."""


@dataclass(frozen=True)
class _Other:
    """What another run's object said, and since when it says so."""

    tag: str
    since_s: float
    whose: str
    run: str
    names: frozenset[str]


class RemoteLeases:
    """The leases of one run."""

    def __init__(
        self,
        objects: Objects,
        folder: str,
        run: str = "",
        *,
        beat_s: float = BEAT_S,
        expiry_s: float = EXPIRY_S,
    ) -> None:
        """Nothing is written before something is taken.

        `run`: stands for a run that works in several processes, which are no company to each other.
        """
        self.objects, self.folder, self.run = objects, folder, run
        self.beat_s, self.expiry_s = beat_s, expiry_s
        self.key = f"{folder}/{uuid.uuid4().hex}"
        self.has_company = False
        self._held: set[str] = set()
        self._working: set[str] = set()
        self._planned: dict[str, None] = {}
        self._busy: dict[str, float] = {}
        self._others: dict[str, _Other] = {}
        self._written: set[str] = set()
        self._beats, self._written_s = 0, 0.0
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def plan(self, names: Sequence[str]) -> None:
        """Says what will be asked for, in this order: it is taken several at a time."""
        with self._lock:
            self._planned = dict.fromkeys(names)

    def take(self, name: str) -> bool:
        """Whether the lease is ours now; `False` while another run, or thread, has it."""
        with self._lock:
            if name in self._working:
                return False
            if name not in self._held and not self._is_busy(name):
                self._take([name, *self._next(name)])
            if name not in self._held:
                return False
            self._working.add(name)
            self._planned.pop(name, None)
            return True

    def drop(self, name: str) -> None:
        """Lets go of it; the others see that at the next sign of life."""
        with self._lock:
            self._working.discard(name)
            self._held.discard(name)

    def close(self) -> None:
        """Lets go of all."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            with contextlib.suppress(RemoteError):
                self.objects.delete([self.key])

    def _is_busy(self, name: str) -> bool:
        """Whether another run had it a moment ago; it is not asked again at once."""
        return time.monotonic() - self._busy.get(name, float("-inf")) < self.beat_s

    def _next(self, name: str) -> list[str]:
        free = [n for n in self._planned if n != name and n not in self._held]
        return [n for n in free if not self._is_busy(n)][: AHEAD - 1]

    def _take(self, names: Sequence[str]) -> None:
        self._write({*self._held, *names})
        taken = self._names_of_others()
        now_s = time.monotonic()
        self._busy |= {n: now_s for n in names if n in taken}
        self._held |= set(names) - taken
        if taken & set(names):
            self._write(self._held)

    def _write(self, names: set[str]) -> None:
        self._beats += 1
        body = {"owner": owner(), "run": self.run, "beat": self._beats, "names": sorted(names)}
        self.objects.put(self.key, json.dumps(body).encode())
        self._written, self._written_s = set(names), time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        while not self._ended.wait(self.beat_s - self._silent_s() % self.beat_s):
            try:
                with self._lock:
                    # What was taken meanwhile was a sign of life, too.
                    if self._silent_s() >= self.beat_s and (self._held or self._written):
                        self._write(self._held)
            except RemoteError as error:
                log.warning("signs of life do not reach the store: %s", error)

    def _silent_s(self) -> float:
        return time.monotonic() - self._written_s

    def _names_of_others(self) -> set[str]:
        taken, seen = set[str](), set[str]()
        for facts in self.objects.listed(self.folder):
            if facts.key == self.key:
                continue
            other = self._look_at(facts)
            if other is None or self._is_dead(other):
                self.objects.delete([facts.key])
                continue
            seen.add(facts.key)
            taken |= other.names
        self._others = {key: self._others[key] for key in seen}
        is_other = [not self.run or self._others[key].run != self.run for key in seen]
        self.has_company = self.has_company or any(is_other)
        return taken

    def _look_at(self, facts: ObjectFacts) -> _Other | None:
        known = self._others.get(facts.key)
        if known is not None and known.tag == facts.tag:
            return known
        try:
            body = json.loads(self.objects.read(facts.key) or b"{}")
            names = frozenset(map(str, body.get("names", ())))
            whose, run = str(body.get("owner", "")), str(body.get("run", ""))
            other = _Other(facts.tag, time.monotonic(), whose, run, names)
        except (ValueError, TypeError, AttributeError):
            return None
        self._others[facts.key] = other
        return other

    def _is_dead(self, other: _Other) -> bool:
        if has_ended(other.whose):
            return True
        return time.monotonic() - other.since_s > self.expiry_s
