"""What a check says: a verdict, a sentence and the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["PASS", "WARN", "FAIL"]
SHOWN = 3
"""How many findings of a check are spelt out."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    """Name of the check, such as `clock`."""
    verdict: Verdict
    """`FAIL`: wrong, do not train on it. `WARN`: look at it. `PASS`: nothing was found."""
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


def _several(found: Sequence[str]) -> str:
    text = "; ".join(found[:SHOWN])
    return text if len(found) <= SHOWN else f"{text}; and {len(found) - SHOWN} more"


def exit_code(checks: Sequence[Check]) -> int:
    """0 where no check fails, else 1."""
    return int(any(check.verdict == "FAIL" for check in checks))


def table(checks: Sequence[Check]) -> str:
    """The checks as lines of text, with a line of counts at the end."""
    width = max((len(check.name) for check in checks), default=0)
    lines = [f"{check.verdict}  {check.name:<{width}}  {check.message}" for check in checks]
    verdicts: tuple[Verdict, ...] = ("PASS", "WARN", "FAIL")
    counts = ", ".join(f"{sum(c.verdict == v for c in checks)} {v}" for v in verdicts)
    return "\n".join([*lines, counts])
