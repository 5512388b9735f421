"""Every labeler on every task, scored against the actions that were executed."""

from __future__ import annotations

from benchmarks.figure import Figure


def run() -> list[Figure]:
    """The full table; resumed where an earlier run stopped."""
    from benchmarks.labelers.table import Choice, figures  # simulators are loaded when asked for

    return figures(Choice())
