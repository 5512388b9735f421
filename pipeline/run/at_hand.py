"""Files of object stores, here while they are worked on: children that decode have no network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from rotoscope.pipeline.remote.cache import cache
from rotoscope.pipeline.run.isolation import Progress
from rotoscope.pipeline.run.outcome import VideoAnswer
from rotoscope.pipeline.video.found import Found

FETCH = "fetch"
"""What a file of an object store goes through before its first stage."""


@contextlib.contextmanager
def at_hand(found: Found, report: Progress) -> Iterator[None]:
    """The file lies at its path, with what belongs beside it, until this is left.

    Raises:
        FileChangedError: It is no longer the object that was listed.
        RemoteError: The store is away, or does not let us in.
        DiskFullError: No space is left.
    """
    if found.remote is None:
        yield
        return
    report(FETCH, 0, 0)
    with cache().held(found.remote):
        report("start", 0, 0)
        yield


def as_listed(found: Found, answer: VideoAnswer) -> VideoAnswer:
    """The answer about the object as it was listed: the next run need not read it again."""
    if found.remote is None:
        return answer
    return replace(answer, identity=replace(answer.identity, states=found.remote.states))
