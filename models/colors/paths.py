"""Which of a few blobs in every frame are one thing: the cheapest path through all frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

_MISSING_COST = 3.0
"""Cost of a frame in which the thing is not seen; that of a step at full speed is 1."""
_SIZE_COST = 1.0
"""Cost of a size that is off by a factor e, or changes by it from one frame to the next."""


class Blob(NamedTuple):
    """A connected patch of one color, in picture widths."""

    x: float
    """Centroid, from the left edge."""
    y: float
    """Centroid, from the top edge."""
    size: float
    """Root of the area."""
    spread_x: float = 0.0
    """Standard deviation of its pixels about the centroid, across."""
    spread_y: float = 0.0
    """The same, down."""
    lean: float = 0.0
    """Correlation of the two, -1..1: how it leans."""


def most_likely_path(
    time_s: Float[np.ndarray, " time"], frames: Sequence[Sequence[Blob]], *, max_speed: float
) -> Float[np.ndarray, "time 6"]:
    """The fields of `Blob` of the thing that moves through the frames; NaN where it is not seen.

    A path pays for fast steps, for sizes that jump, for being smaller than the largest blob around
    and for frames without a blob; the cheapest one is found by dynamic programming (Viterbi 1967).
    Steps faster than `max_speed` [picture widths / s] are not made: what reappears elsewhere after
    a gap had time to go there.
    """
    states: list[list[_State]] = []
    for time, blobs in zip(time_s, frames, strict=True):
        before = states[-1] if states else []
        states.append(_next_states(float(time), blobs, before, max_speed))
    values = np.full((len(frames), len(Blob._fields)), np.nan)
    state = min(states[-1], key=lambda s: s.cost, default=None) if states else None
    for index in range(len(frames) - 1, -1, -1):
        assert state is not None
        if state.is_seen:
            assert state.blob is not None
            values[index] = state.blob
        state = state.before
    return values


class _State(NamedTuple):
    cost: float
    """Cost of the cheapest path that ends here."""
    is_seen: bool
    """Whether the thing is one of this frame's blobs."""
    time_s: float
    """When it was last seen."""
    blob: Blob | None
    """What it looked like then; `None` before it was first seen."""
    before: _State | None
    """The state that the path comes from."""


def _next_states(
    time_s: float, blobs: Sequence[Blob], before: list[_State], max_speed: float
) -> list[_State]:
    largest = max((blob.size for blob in blobs), default=1.0)
    origins: list[_State | None] = list(before) if before else [None]
    states = []
    for blob in blobs:
        own = _SIZE_COST * float(np.log(largest / blob.size))
        costs = [own + _step_cost(origin, time_s, blob, max_speed) for origin in origins]
        best = int(np.argmin(costs))
        if np.isfinite(costs[best]):
            states.append(_State(costs[best], True, time_s, blob, origins[best]))
    # One state a last sighting: the thing is hidden, and it is remembered where it was.
    for origin in origins:
        cost = _MISSING_COST + (origin.cost if origin else 0.0)
        last = (origin.time_s, origin.blob) if origin else (time_s, None)
        states.append(_State(cost, False, *last, origin))
    states.sort(key=lambda s: s.cost)
    return states[:_MAX_STATES]


_MAX_STATES = 12
"""Paths that are followed at a time; far more expensive ones never become the cheapest."""


def _step_cost(origin: _State | None, time_s: float, blob: Blob, max_speed: float) -> float:
    if origin is None:
        return 0.0
    if origin.blob is None:
        return origin.cost
    allowed = max_speed * (time_s - origin.time_s)
    distance = float(np.hypot(blob.x - origin.blob.x, blob.y - origin.blob.y))
    if distance > allowed:
        return float("inf")
    change = abs(float(np.log(blob.size / origin.blob.size)))
    return origin.cost + (distance / allowed) ** 2 + _SIZE_COST * change
