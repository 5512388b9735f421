"""What an attack is, what can come of it, and the list of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from benchmarks.attacks.ground import Ground

Verdict = Literal["held", "executed", "outside", "lost", "wrong", "traceback"]
"""Nothing came of it; code ran that should not; a file outside of the roots was read into what is
written, changed or removed; a user's file, a video or finished work was lost, or the run never
ended; what was written is wrong and nobody said so; a raw traceback."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Finding:
    """What came of one input."""

    name: str
    """The input."""
    verdict: Verdict
    """What came of it."""
    why: str = ""
    """What was seen, where it did not hold."""


Attack = Callable[["Ground"], Iterator[Finding]]
"""Makes inputs on a ground of its own, runs the product as a user does, and judges each."""

ATTACKS: dict[str, list[Attack]] = {}
"""Every attack, by kind."""


def attack(kind: str) -> Callable[[Attack], Attack]:
    """Puts an attack into the list."""

    def put(made: Attack) -> Attack:
        ATTACKS.setdefault(kind, []).append(made)
        return made

    return put
