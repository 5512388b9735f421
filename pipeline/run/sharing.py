"""What runs on one store do for each other: who works on what, and what is done already."""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rotoscope.pipeline.errors import MotionError, RemoteAccessError, RemoteError, VideoError
from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.run.keys import outcome_key, stage_tokens, video_keys
from rotoscope.pipeline.run.outcome import VideoAnswer, stored_outcome
from rotoscope.pipeline.run.plan import Work
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.sources import identify
from rotoscope.pipeline.stage import FrameStage
from rotoscope.pipeline.store.leases import Leases, LocalLeases
from rotoscope.pipeline.store.remote_store import BundleName, RemoteStore
from rotoscope.pipeline.store.store import EPISODE, RECORD, TRACKS, Store, content_key

log = logging.getLogger(__name__)

RETRY_S = 0.5
"""Time after which a video that another run is at is asked for again [s]."""
MOST_OPEN = 4
"""Runs whose sharing a worker of a cluster keeps: it may serve many, one after another."""


@dataclass(frozen=True)
class Sharing:
    """One run's side of a store that others may use too."""

    request: LabelRequest
    """The run."""
    run: str = ""
    """Stands for it where it works in several processes, which share no video."""

    @cached_property
    def remote(self) -> RemoteStore | None:
        """The store in object storage, where there is one."""
        url = self.request.store_url
        return None if url is None else RemoteStore(url, self.request.store, self.run)

    @cached_property
    def leases(self) -> Leases:
        """Who works on what."""
        return LocalLeases(self.request.store) if self.remote is None else self.remote.leases

    @cached_property
    def tokens(self) -> dict[str, str]:
        """See `stage_tokens`."""
        return stage_tokens(self.request.recipe)

    def plan(self, todo: Sequence[Work]) -> None:
        """Says what the run will work on, in this order."""
        self.leases.plan([lease_name(work) for work in todo])

    @contextlib.contextmanager
    def lease(self, work: Work, stop: threading.Event, *, waits: bool) -> Iterator[bool]:
        """Whether the video is ours to work on; waits for that where it is told to."""
        name = lease_name(work)
        is_ours = self.leases.take(name)
        while waits and not is_ours and not stop.wait(RETRY_S):
            is_ours = self.leases.take(name)
        try:
            yield is_ours
        finally:
            if is_ours:
                self.leases.drop(name)

    def known(self, work: Work) -> VideoAnswer | None:
        """What other runs made of a video, where they made all of it; the rest is fetched too.

        Raises:
            RemoteError: The store is away.
        """
        if self.remote is None or work.part is not None:
            return None
        recipe = self.request.recipe
        try:
            identity = identify(work.found.path, recipe.source, recipe.stage_classes)
        except (VideoError, MotionError):
            return None  # its child says so
        store, name = Store(self.request.store), self._name(identity)
        outcome = stored_outcome(store, name.outcome)
        if outcome is None and self.remote.pull(name):
            outcome = stored_outcome(store, name.outcome)
        return None if outcome is None else VideoAnswer(outcome, identity, True, {})

    def share(self, answer: VideoAnswer) -> None:
        """Sends what was made of a video.

        A store that is away costs nothing now: the next run sends what this one could not.

        Raises:
            RemoteAccessError: The store may not be written to.
        """
        if self.remote is None:
            return
        try:
            self.remote.push(self._name(answer.identity), self._entries(answer))
        except RemoteAccessError:
            raise
        except RemoteError as error:
            log.warning("results are kept here and not in the store yet: %s", error)

    def release(self, works: Sequence[Work]) -> None:
        """Lets go of videos that were taken ahead and not worked on."""
        for work in works:
            self.leases.drop(lease_name(work))

    def close(self) -> None:
        """Lets go of all leases."""
        if "leases" in self.__dict__:
            self.leases.close()

    def _name(self, identity: Identity) -> BundleName:
        recipe = self.request.recipe
        keys = video_keys(recipe, identity.sha256, self.tokens, identity)
        frames = [
            keys.stages[entry.name]
            for entry in recipe.stages
            if issubclass(entry.stage_class, FrameStage)
        ]
        until = self.request.until
        outcome = outcome_key(recipe, identity.sha256, self.tokens, until, identity)
        return BundleName(content_key({"kind": "frames", "keys": [keys.clock, *frames]}), outcome)

    def _entries(self, answer: VideoAnswer) -> list[Path]:
        """Everything that the store holds of a video."""
        store, recipe = Store(self.request.store), self.request.recipe
        keys = video_keys(recipe, answer.identity.sha256, self.tokens, answer.identity)
        paths = [store.path(key, TRACKS) for key in (keys.clock, *keys.stages.values())]
        records = (keys.episodes, self._name(answer.identity).outcome)
        paths += [store.path(key, RECORD) for key in records]
        paths += [store.path(key, EPISODE) for key in answer.outcome.episodes]
        return [path for path in paths if path.exists()]


_open: dict[str, Sharing] = {}
_lock = threading.Lock()


def sharing_of(request: LabelRequest, run: str) -> Sharing:
    """That of this process for a run, opened once: opening costs requests, each task would pay."""
    with _lock:
        if run not in _open:
            while len(_open) >= MOST_OPEN:
                _open.pop(next(iter(_open))).close()
            made = Sharing(request, run)
            _ = made.leases, made.tokens  # made here, where no other thread makes them too
            _open[run] = made
        return _open[run]


@atexit.register
def _close_all() -> None:
    with _lock:
        while _open:
            _open.popitem()[1].close()


def lease_name(work: Work) -> str:
    """Stands for a file without reading it: the same on all machines that see the same folder."""
    if work.part is not None:
        return content_key({"lease": work.part.sha256})
    if work.found.remote is not None:
        return content_key({"lease": work.found.remote.digest})
    try:
        facts = work.found.path.stat()
        state = [facts.st_size, facts.st_mtime_ns]
    except OSError:
        state = []
    return content_key({"lease": [work.found.path.name, *state]})
