"""How long a store that is away is waited for: one policy for every kind of request.

Busy servers, connections that break and answers that stop in the middle are tried again with
growing pauses. What another try cannot mend (no such name, no right to it) is said at once.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from rotoscope.pipeline.errors import RemoteError
from rotoscope.pipeline.quoting import redacted

log = logging.getLogger(__name__)

CONNECT_S = 5.0
"""Longest wait for a connection [s]."""
SILENCE_S = 10.0
"""Longest silence in the middle of a request [s]; the next try begins then. Stores answer within a
second; their own clients wait for 60 s."""
SEND_SILENCE_S = 30.0
"""The same of a request that sends a part of 8 MiB: 0.3 MB/s pass."""


class AwayError(Exception):
    """A request that failed in a way that passes. Never leaves this package."""


@dataclass(frozen=True)
class Patience:
    """How often a request is tried again."""

    total_s: float = 120.0
    """Longest time without any progress before the store counts as gone [s]: four times the 30 s
    of a restart or a failover."""
    first_s: float = 0.2
    """Pause after the first failure [s]; doubles each time."""
    longest_s: float = 5.0
    """Longest pause [s]."""


DEFAULT = Patience()


@dataclass
class Outage:
    """Since when nothing came from a store: its requests wait for it together, not in turn."""

    since_s: float | None = None
    """Monotonic time of the first failure after the last answer [s]."""
    last_s: float = 0.0
    """Monotonic time of the last failure [s]."""

    def failed(self, patience: Patience) -> float:
        """Notes a failure; how long the outage lasts by now [s]."""
        now_s = time.monotonic()
        if self.since_s is None or now_s - self.last_s > patience.total_s:
            self.since_s = now_s
        self.last_s = now_s
        return now_s - self.since_s

    def ended(self) -> None:
        """Notes an answer."""
        self.since_s = None


class Waiting:
    """A request that is tried again: how long it waited since it last got further."""

    def __init__(
        self, what: str, patience: Patience = DEFAULT, outage: Outage | None = None
    ) -> None:
        """`what` says what it is about, for messages."""
        self.what, self.patience = redacted(what), patience
        self.outage = outage or Outage()
        self._is_told = False
        self._failed_since_s: float | None = None
        self._pause_s = patience.first_s

    def moved(self) -> None:
        """It got further: the wait begins anew with the next failure."""
        self._failed_since_s = None
        self._pause_s = self.patience.first_s
        self.outage.ended()

    def failed(self, error: AwayError) -> None:
        """Pauses before the next try.

        Raises:
            RemoteError: The store was away for too long.
        """
        now_s = time.monotonic()
        if self._failed_since_s is None:
            self._failed_since_s = now_s
        waited_s, why = now_s - self._failed_since_s, redacted(str(error))
        waited_s = max(waited_s, self.outage.failed(self.patience))
        if waited_s + self._pause_s > self.patience.total_s:
            raise RemoteError(
                f"{self.what}: no answer for {waited_s:.0f} s ({why}); run the same command again "
                "when the store is back: finished work is kept"
            ) from error
        if not self._is_told and waited_s >= self.patience.longest_s:
            self._is_told = True
            total_s = self.patience.total_s
            log.warning("%s: no answer (%s); waiting for up to %.0f s", self.what, why, total_s)
        # Not all at once: many clients come back together.
        time.sleep(self._pause_s * random.uniform(0.75, 1.25))
        self._pause_s = min(2 * self._pause_s, self.patience.longest_s)


def patiently[Answer](
    call: Callable[[], Answer],
    *,
    what: str,
    patience: Patience = DEFAULT,
    outage: Outage | None = None,
) -> Answer:
    """The answer of a call that may raise `AwayError`, tried again until it comes.

    Raises:
        RemoteError: The store was away for too long.
    """
    waiting = Waiting(what, patience, outage)
    while True:
        try:
            answer = call()
        except AwayError as error:
            waiting.failed(error)
        else:
            waiting.moved()
            return answer
