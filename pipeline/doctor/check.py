"""What a check says: a verdict, a sentence and the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Verdict = Literal["PASS", "WARN", "FAIL", "UNTESTED"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SHOWN = 3
"""How many findings of a check are spelt out."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    """Name of the check, such as `clock`."""
    verdict: Verdict
    """`FAIL`: wrong, do not train on it. `WARN`: look at it. `PASS`: it was looked for, and nothing
    was found. `UNTESTED`: there was nothing to look at; nobody knows."""
    message: str
    """What was found, where (episode, frame, value), and what to do about it."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Numbers behind it, as JSON values."""


class Findings:
    """Gathers what one check finds."""

    def __init__(self, name: str, *, advice: str) -> None:
        self.name, self.advice = name, advice
        self.failures: list[str] = []
        self.warnings: list[str] = []

    def fail(self, text: str) -> None:
        """Something is wrong."""
        self.failures.append(text)

    def warn(self, text: str) -> None:
        """Something may be wrong."""
        self.warnings.append(text)

    def check(self, passed: str, **detail: Any) -> Check:
        """The check: failures first, `passed` where nothing was found."""
        found = self.failures + self.warnings
        if not found:
            return Check(self.name, "PASS", passed, detail)
        verdict: Verdict = "FAIL" if self.failures else "WARN"
        return Check(self.name, verdict, f"{_several(found)}; {self.advice}", detail)

    def untested(self, why: str, **detail: Any) -> Check:
        """The check where what it looks at is not there; what was found before still counts."""
        if self.failures or self.warnings:
            return self.check("", **detail)
        return Check(self.name, "UNTESTED", why, detail)


def _several(found: Sequence[str]) -> str:
    text = "; ".join(found[:SHOWN])
    return text if len(found) <= SHOWN else f"{text}; and {len(found) - SHOWN} more"


def exit_code(checks: Sequence[Check]) -> int:
    """0 where no check fails, else 1."""
    return int(any(check.verdict == "FAIL" for check in checks))


def counts(checks: Sequence[Check]) -> str:
    """How many checks say what: `12 PASS, 1 WARN, 0 FAIL, 2 UNTESTED`."""
    return ", ".join(f"{sum(c.verdict == v for c in checks)} {v}" for v in VERDICTS)


def table(checks: Sequence[Check]) -> str:
    """The checks as lines of text, with a line of counts at the end."""
    name = max((len(check.name) for check in checks), default=0)
    word = max((len(check.verdict) for check in checks), default=0)
    lines = [f"{c.verdict:<{word}}  {c.name:<{name}}  {c.message}" for c in checks]
    return "\n".join([*lines, counts(checks)])
