"""In which order videos are worked on, and which of them go together."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.run.plan import Work
from rotoscope.pipeline.sources import size_of

END_BYTES = 1 << 16
"""How much of the end of a file tells whether it may hold the same bytes as another."""
MOST_TOGETHER = 50
"""Videos of a shard at most: with Ray, the dearest engine, a task costs 70 ms of CPU beside the
videos, against some 20 s for 50 of the shortest."""
SHARDS_A_WORKER = 8
"""So many at least, where there are as many videos: the workers then end together."""


@dataclass(frozen=True)
class Shard:
    """Videos that one task works on, one after another."""

    works: tuple[Work, ...]
    """At least one."""

    @property
    def title(self) -> str:
        """How people call it."""
        first, others = self.works[0].found.display_name, len(self.works) - 1
        return f"{first} and {others} more" if others else first


def queues(todo: Sequence[Work]) -> list[deque[Work]]:
    """The videos, the largest first: the workers then end together.

    Those of one queue may hold the same bytes: they are to follow one another, so that the second
    finds what the first gave.
    """
    sizes = {work.found.path: size_of(work.found) for work in todo}
    sharing = Counter(sizes[work.found.path] for work in todo if work.part is None)
    made: dict[object, deque[Work]] = {}
    for work in sorted(todo, key=lambda w: sizes[w.found.path], reverse=True):
        size = sizes[work.found.path]
        same: object = size
        if work.part is not None:
            same = work.part.sha256
        elif sharing[size] > 1:
            same = size, _end_of(work.found.path)
        made.setdefault(same, deque()).append(work)
    return list(made.values())


def shards(todo: Sequence[Work], workers: int) -> list[Shard]:
    """The videos in shards: large ones alone, short ones together.

    Videos that may hold the same bytes are in one shard.
    """
    found = queues(todo)
    sizes = [sum(size_of(work.found) for work in queue) for queue in found]
    share = workers * SHARDS_A_WORKER
    most = min(MOST_TOGETHER, -(-len(todo) // share))
    most_bytes = sum(sizes) / share
    made: list[Shard] = []
    together: list[Work] = []
    num_bytes = 0
    for queue, size in zip(found, sizes, strict=True):
        is_full = len(together) + len(queue) > most or num_bytes + size > most_bytes
        if together and is_full:
            made.append(Shard(tuple(together)))
            together, num_bytes = [], 0
        together += queue
        num_bytes += size
    return [*made, Shard(tuple(together))] if together else made


def _end_of(path: Path) -> bytes:
    """Hash of the last bytes of a file; the same for all that is none."""
    try:
        # A pipe in the place of a file would wait for someone who writes to it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                return b""
            file.seek(max(0, state.st_size - END_BYTES))
            return hashlib.sha256(file.read(END_BYTES)).digest()
    except OSError:
        return b""  # its child will say so
