"""Phases of what a hand does with things, from when it holds one: reach, grasp, move, release.

Rows that are not valid say nothing: no phase begins or ends by them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.datasets.read import EpisodeRows
from rotoscope.pipeline.tracks import runs

GRASP, WRIST, VALID = "track.grasp", "track.hand.wrist", "label.valid"
_GRASPING_S, _RELEASING_S = 0.25, 0.3
"""How long closing on a thing, and letting it go, are said to take [s]."""
_BRIDGED_S = 0.5
"""Longest stretch of rows that are not valid over which a phase goes on, where the hand holds
something on both sides of it, or nothing on both [s]: to let go and take again takes longer than
`_RELEASING_S` and `_GRASPING_S` together."""
_MOVED_M = 0.03
"""Shorter ways are not told in centimeters: a hand's place in a clip is known to about that."""


@dataclass(frozen=True)
class Phase:
    """What is done from a row on, until the next phase begins."""

    start: int
    """First row."""
    name: str
    """`reach`, `grasp`, `move`, `release` or `withdraw`; `unknown` where rows are not valid."""
    text: str
    """In words."""


def phases(
    held: Bool[np.ndarray, " row"],
    wrist_m: Float[np.ndarray, "row 3"] | None,
    *,
    fps: float,
    who: str,
    valid: Bool[np.ndarray, " row"] | None = None,
) -> list[Phase]:
    """Phases of one hand, from whether it holds something.

    Args:
        held: Something is held.
        wrist_m: Where the hand is [m]; `None` where unknown.
        fps: Rows per second.
        who: `the right hand`.
        valid: Rows that say whether something is held; `None` for all.
    """
    known = np.ones(len(held), bool) if valid is None else valid.copy()
    for start, end in runs(~known):
        is_inside = start > 0 and end < len(held)
        if is_inside and end - start <= _BRIDGED_S * fps and held[start - 1] == held[end]:
            held = np.concatenate([held[:start], np.full(end - start, held[end]), held[end:]])
            known[start:end] = True
    found: dict[int, Phase] = {}
    for start, _ in runs(~known):
        found[start] = Phase(start, "unknown", f"what {who} does is not known")
    has_held = False
    for start, end in runs(known):
        part = _known_phases(held[:end], start, wrist_m, fps, who, has_held=has_held)
        found |= {phase.start: phase for phase in part}
        has_held = has_held or bool(held[start:end].any())
    return [found[start] for start in sorted(found)]


def _known_phases(
    held: Bool[np.ndarray, " row"],
    first: int,
    wrist_m: Float[np.ndarray, "all_rows 3"] | None,
    fps: float,
    who: str,
    *,
    has_held: bool,
) -> list[Phase]:
    """Phases from a row to the end of `held`, all of whose rows are known.

    A thing that is held from the first row on, with unknown rows before, is moved: nobody saw it
    being grasped.
    """
    out: list[Phase] = []
    spans = [(first + start, first + end) for start, end in runs(held[first:])]
    free_from = first
    for number, (start, end) in enumerate(spans):
        if start > free_from:
            out.append(Phase(free_from, "reach", f"{who} reaches for a thing"))
        grasped = start
        if start > first or first == 0:
            grasped = min(start + max(1, round(_GRASPING_S * fps)), end)
            out.append(Phase(start, "grasp", f"{who} grasps a thing"))
        if grasped < end:
            out.append(Phase(grasped, "move", _moved(who, wrist_m, grasped, end)))
        if end == len(held):
            return out
        until = spans[number + 1][0] if number + 1 < len(spans) else len(held)
        out.append(Phase(end, "release", f"{who} lets it go"))
        free_from = min(end + max(1, round(_RELEASING_S * fps)), until)
    if free_from < len(held):
        is_over = has_held or bool(spans)
        text = f"{who} withdraws" if is_over else f"{who} moves without holding anything"
        out.append(Phase(free_from, "withdraw" if is_over else "reach", text))
    return out


def _moved(who: str, wrist_m: np.ndarray | None, start: int, end: int) -> str:
    known = np.zeros((0, 3)) if wrist_m is None else wrist_m[start:end]
    known = known[np.isfinite(known).all(axis=1)]
    if len(known) < 2:
        return f"{who} moves what it holds"
    away_m = float(np.linalg.norm(known[-1] - known[0]))
    if away_m < _MOVED_M:
        return f"{who} holds a thing about where it was"
    return f"{who} moves what it holds by {100 * away_m:.0f} cm"


def valid_rows(episode: EpisodeRows) -> Bool[np.ndarray, " row"]:
    """Rows that count; all where nothing says which."""
    said = episode.columns.get(VALID)
    return np.ones(episode.num_rows, bool) if said is None else np.asarray(said, bool).ravel()


def phases_of(episode: EpisodeRows, fps: float) -> list[Phase]:
    """Phases of an episode that has `track.grasp`, by its valid rows."""
    grasp = np.asarray(episode.columns[GRASP], float).reshape(episode.num_rows, -1)[:, 0]
    held, valid = grasp > 0.5, np.isfinite(grasp) & valid_rows(episode)
    wrist = episode.columns.get(WRIST)
    subject = str((episode.meta.get("source") or {}).get("subject", ""))
    who = f"the {subject} hand" if subject in ("left", "right") else "the hand"
    wrist_m = None if wrist is None else np.array(wrist, float)[:, :3]
    if wrist_m is not None:
        wrist_m[~valid] = np.nan
    return phases(held, wrist_m, fps=fps, who=who, valid=valid)
