"""Hands that MediaPipe's plain loop follows for some frames, and how many of them a stage keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

Landmarks = Float[np.ndarray, "21 2"]
HandFrame = tuple[int, Landmarks]
"""A frame and a hand in it."""
_SAME_HAND = 0.5
"""Two fits whose landmarks differ by less, in hand sizes, are of one hand: palm taken for back is
as much as 0.46, and either may be the right one."""
_TWIN = 0.3
_MAX_STEP = 0.6


def distance(a: Landmarks, b: Landmarks) -> float:
    """Mean distance of the landmarks over the geometric mean of the sizes of both hands."""
    sizes = [max(float(np.linalg.norm(np.ptp(hand, axis=0))), 1e-6) for hand in (a, b)]
    return float(np.linalg.norm(a - b, axis=1).mean()) / float(np.sqrt(sizes[0] * sizes[1]))


def lasting(frames: Sequence[Sequence[Landmarks]], *, min_frames: int = 3) -> list[HandFrame]:
    """The hands that are followed for some frames; one that was found twice counts once."""
    done: list[list[HandFrame]] = []
    open_runs: list[list[HandFrame]] = []
    for frame, found in enumerate(frames):
        hands = _once(found)
        pairs = sorted(
            (distance(run[-1][1], hand), r, h)
            for r, run in enumerate(open_runs)
            for h, hand in enumerate(hands)
        )
        next_run: dict[int, list[HandFrame]] = {}
        used: set[int] = set()
        for apart, r, h in pairs:
            if apart < _MAX_STEP and h not in next_run and r not in used:
                next_run[h] = open_runs[r]
                used.add(r)
        done += [run for r, run in enumerate(open_runs) if r not in used]
        open_runs = []
        for h, hand in enumerate(hands):
            run = next_run.get(h, [])
            run.append((frame, hand))
            open_runs.append(run)
    return [one for run in done + open_runs if len(run) >= min_frames for one in run]


def num_kept(wanted: Sequence[HandFrame], frames: Sequence[Sequence[Landmarks]]) -> int:
    """How many of some hands are among those of the same frames."""
    return sum(
        any(distance(hand, other) < _SAME_HAND for other in frames[frame]) for frame, hand in wanted
    )


def _once(hands: Sequence[Landmarks]) -> list[Landmarks]:
    out: list[Landmarks] = []
    for hand in hands:
        if all(distance(hand, other) >= _TWIN for other in out):
            out.append(hand)
    return out
