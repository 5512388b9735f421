"""Rows of an episode as commands for a robot: a ramp to the first, invalid rows held or skipped.

LeRobot's own replay does neither: it sends the first row whatever the arm's posture is, and rows
that are not valid like all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.tracks import runs

Invalid = Literal["hold", "skip"]
"""What is commanded in rows that are not valid: the last valid row, for as long as they last; or
nothing, so that the rows behind them come sooner."""
RAMP_SHARE = 0.25
"""A ramp goes at this share of each number's largest rate: a robot that stands somewhere else than
it was thought to is seen to move before it is there."""
RAMP_S = 2.0
"""What the first ramp lasts at least [s], and any where a contract states no rates."""
RUN_UP_S = 0.3
"""What it takes to come from rest to the speed of the row that a ramp leads to [s]: at the largest
rates of a Panda 7.2 and 8.7 rad/s^2, where its maker allows 7.5 to 20 by joint."""
NONE = -1
"""Row of a command that belongs to no row."""


@dataclass(frozen=True, eq=False)
class Commands:
    """What a robot is told, at the contract's rate."""

    values: Float[np.ndarray, "command action"]
    """In the form of the contract."""
    row: Int[np.ndarray, " command"]
    """Row of the episode that each is about; -1 on a ramp."""
    is_held: Bool[np.ndarray, " command"]
    """The row is not valid, and the last valid one is commanded."""

    def __len__(self) -> int:
        return len(self.row)

    @property
    def is_own(self) -> Bool[np.ndarray, " command"]:
        """Whether a command is what a valid row says."""
        return (self.row != NONE) & ~self.is_held

    def outruns(self, contract: ActionContract) -> Bool[np.ndarray, " command"]:
        """Which steps ask for more than a number's largest rate."""
        return contract.rate_violations(self.values, tolerance=1e-3)


def commands_of(
    values: Float[np.ndarray, "row action"],
    valid: Bool[np.ndarray, " row"],
    contract: ActionContract,
    *,
    start: Float[np.ndarray, " action"] | None,
    invalid: Invalid = "hold",
) -> Commands:
    """The commands of an episode; its leading and trailing invalid rows are left out.

    Where the row behind a gap is further away than the largest rate lets it be reached in one
    step, a ramp leads there. A ramp ends with a run-up, so that it arrives at the speed that the
    rows go on with: from one step to the next no robot gets to it.

    Args:
        values: Absolute actions.
        valid: Rows that can be believed.
        contract: What they mean: rate, limits, largest rates.
        start: Where the robot stands; no ramp leads to the first command when absent.
        invalid: What is done where rows are not valid.

    Raises:
        UsageError: No row is valid.
    """
    is_known = valid & np.isfinite(values).all(axis=1)
    if not is_known.any():
        raise UsageError("no row of the episode is valid: there is nothing to play")
    parts: list[tuple[np.ndarray, int, bool]] = []
    last = start
    spans = runs(is_known)
    for number, (a, b) in enumerate(spans):
        if number and invalid == "hold":
            parts += [(values[spans[number - 1][1] - 1], row, True) for row in _gap(spans, number)]
        if last is not None:
            first_s = RAMP_S if number == 0 else 0.0
            steps = ramp_between(last, values[a], contract, at_least_s=first_s)
            if len(steps):
                run_up = run_up_to(values[a:b], contract)
                steps = ramp_between(last, run_up[0], contract, at_least_s=first_s)
                steps = np.concatenate([steps, run_up])
            parts += [(step, NONE, False) for step in steps]
        parts += [(values[row], row, False) for row in range(a, b)]
        last = values[b - 1]
    found, row, is_held = zip(*parts, strict=True)
    return Commands(np.array(found, float), np.array(row, int), np.array(is_held, bool))


def _gap(spans: list[tuple[int, int]], number: int) -> range:
    return range(spans[number - 1][1], spans[number][0])


def ramp_between(
    start: Float[np.ndarray, " action"],
    end: Float[np.ndarray, " action"],
    contract: ActionContract,
    *,
    at_least_s: float = 0.0,
) -> Float[np.ndarray, "step action"]:
    """Commands that lead smoothly from one to another, both left out; none where one step will do.

    Every number follows 3 s^2 - 2 s^3, which begins and ends at rest, and goes at most at
    `RAMP_SHARE` of its largest rate.
    """
    way = np.abs(end - start)
    rates = [np.nan if d.max_rate is None else d.max_rate for d in contract.dimensions]
    known = np.isfinite(rates)
    if not at_least_s:
        steps_s = way[known] / np.array(rates)[known]
        if not (steps_s > (1 + 1e-3) / contract.rate_hz).any() and known.all():
            return np.zeros((0, len(start)))
    # The steepest slope of 3 s^2 - 2 s^3 is 1.5.
    needed_s = 1.5 * way[known] / (RAMP_SHARE * np.array(rates)[known])
    least_s = at_least_s if known.all() else max(at_least_s, RAMP_S)
    duration_s = max(float(needed_s.max(initial=0.0)), least_s)
    count = int(np.ceil(duration_s * contract.rate_hz))
    s = np.arange(count)[:, None] / max(count, 1)
    skip = 0 if at_least_s else 1
    ramp: np.ndarray = start + (end - start) * (3 * s**2 - 2 * s**3)
    return ramp[skip:]


def run_up_to(
    rows: Float[np.ndarray, "row action"], contract: ActionContract
) -> Float[np.ndarray, "step action"]:
    """Commands that come from rest to the first row at the speed of the first step between rows.

    Uniformly accelerated, and inside the limits of the contract; the row itself is left out.
    """
    count = max(int(np.ceil(RUN_UP_S * contract.rate_hz)), 1)
    step = rows[1] - rows[0] if len(rows) > 1 else np.zeros_like(rows[0])
    s = np.arange(count)[:, None] / count
    limits = [(d.lower, d.upper) for d in contract.dimensions]
    lower = [-np.inf if low is None else low for low, _ in limits]
    upper = [np.inf if high is None else high for _, high in limits]
    found: np.ndarray = np.clip(rows[0] - 0.5 * count * (1.0 - s**2) * step, lower, upper)
    return found
