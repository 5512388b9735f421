"""How many rows there are, how many count, and why the others do not: counted in one way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from rotoscope.pipeline.tracks.action import REASONS


@dataclass(frozen=True)
class RowCount:
    """Rows of an episode, or of several: what `count_rows` gives is the only count there is."""

    rows: int
    """All of them."""
    valid: int
    """Those with `label.valid`."""
    by_reason: Mapping[str, int]
    """Rows by `label.reason`, `valid` included, in the order of `REASONS`; empty where nothing says
    why."""

    @property
    def invalid(self) -> int:
        """Rows that do not count."""
        return self.rows - self.valid

    @property
    def valid_share(self) -> float:
        """Share of the rows that count, 0..1; 0 where there are none."""
        return self.valid / self.rows if self.rows else 0.0

    @property
    def why_not(self) -> dict[str, int]:
        """Rows that do not count by their reason, most first; they add up to `invalid`."""
        known = {k: n for k, n in self.by_reason.items() if k != "valid"}
        return dict(sorted(known.items(), key=lambda item: -item[1]))

    def __add__(self, other: RowCount) -> RowCount:
        names = [n for n in REASONS if n in self.by_reason or n in other.by_reason]
        return RowCount(
            self.rows + other.rows,
            self.valid + other.valid,
            {n: self.by_reason.get(n, 0) + other.by_reason.get(n, 0) for n in names},
        )

    def as_facts(self) -> dict[str, int | float | dict[str, int]]:
        """What the files of a dataset say of it."""
        return {
            "rows": self.rows,
            "valid_rows": self.valid,
            "valid_share": round(self.valid_share, 6),
            "rows_by_reason": dict(self.by_reason),
        }


NO_ROWS = RowCount(0, 0, {})
"""The count of nothing, which others are added to."""


def count_rows(valid: Bool[np.ndarray, "row ..."], reason: np.ndarray | None = None) -> RowCount:
    """Counts rows.

    Args:
        valid: `label.valid`.
        reason: `label.reason`, indices into `REASONS`; what means nothing is counted as no reason.
    """
    flags = np.ravel(valid)
    by_reason: dict[str, int] = {}
    if reason is not None:
        codes = np.ravel(reason).astype(int)
        counts = {name: int((codes == code).sum()) for code, name in enumerate(REASONS)}
        by_reason = {name: count for name, count in counts.items() if count}
    return RowCount(len(flags), int(flags.sum()), by_reason)
