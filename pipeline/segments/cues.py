"""What of an episode says where a skill ends: what is held, what moves, how the hand moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.datasets.read import EpisodeRows
from rotoscope.pipeline.segments.roles import Numbers, Roles
from rotoscope.pipeline.tracks import runs

_SPAN_S = 0.03
"""Speeds are taken from so long before a row to so long behind it [s]."""
_MOVES, _RESTS = 0.05, 0.2
"""Share of the usual highest speed from which on a thing moves, and the hand."""
_NOISE, _AT, _MOST = 5.0, 0.2, 0.2
"""That many times the speed that this share of the rows stay below is noise, too, up to this share
of the usual highest speed."""
_NEAR_AT, _NEAR = 0.9, 1.25
"""A hand is at a thing within the distance that it has in this share of the rows in which that
moves, times this."""
_CLOSES = 0.3
"""Share of a gripper's whole range by which it closes for more than a moment."""
_ONSET = 0.1
"""Share of the speed of closing from which on it closes."""
_PAUSE_S = 0.15
"""A thing that rests for less has not stopped [s]."""
_BEGUN = 5
"""Rows in which a thing begins to move."""
_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Cues:
    """What is known of each row of an episode."""

    episode: int
    """Episode index."""
    holds: Bool[np.ndarray, " row"] | None
    """The hand has hold of something, or is at it; `None` where nothing says so."""
    moves: Bool[np.ndarray, " row"] | None
    """Something is moved; `None` where nothing says so."""
    velocity: Float[np.ndarray, "row number"]
    """How the demonstrator moves itself, each group in its own usual speed."""


@dataclass(frozen=True, eq=False)
class _Raw:
    """Numbers of an episode, by role."""

    index: int
    own: list[np.ndarray]
    grippers: list[np.ndarray]
    things: list[np.ndarray]
    held: np.ndarray | None


def cues_of(episodes: Sequence[EpisodeRows], roles: Roles, fps: float) -> list[Cues]:
    """The cues of all episodes of a dataset, in units that they share.

    Args:
        episodes: All of them: what is fast and what is near is told from all.
        roles: Which numbers are what.
        fps: Rows per second.
    """
    raw = [_raw(episode, roles) for episode in episodes]
    span = max(1, round(_SPAN_S * fps))
    thing_moves = _together([
        _faster([speed(one.things[k], span) for one in raw], _MOVES)
        for k in range(len(roles.things))
    ])  # fmt: skip
    own_speeds = [[speed(one.own[k], span) for one in raw] for k in range(len(roles.own))]
    own_moves = _together([_faster(speeds, _RESTS) for speeds in own_speeds])
    engaged = _together([_engaged([one.grippers[k] for one in raw], span)
                         for k in range(len(roles.grippers))])  # fmt: skip
    near = _near(raw, roles, thing_moves)
    out = []
    for n, one in enumerate(raw):
        moves = None if thing_moves is None else thing_moves[n]
        holds = _holds(
            one, *(None if flags is None else flags[n] for flags in (engaged, near, thing_moves))
        )
        if moves is None and holds is not None and own_moves is not None:
            moves = holds & own_moves[n]
        if moves is not None:
            moves = carried(moves, holds, round(_PAUSE_S * fps))
        out.append(Cues(one.index, holds, moves, _velocity(raw, n, span)))
    return _told(out)


def _told(cues: Sequence[Cues]) -> list[Cues]:
    """Cues without flags that are never set, which tell nothing."""
    has_holds = any(c.holds is not None and c.holds.any() for c in cues)
    has_moves = any(c.moves is not None and c.moves.any() for c in cues)
    return [
        replace(c, holds=c.holds if has_holds else None, moves=c.moves if has_moves else None)
        for c in cues
    ]


def carried(
    moves: Bool[np.ndarray, " row"], holds: Bool[np.ndarray, " row"] | None, pause: int
) -> Bool[np.ndarray, " row"]:
    """Rows from a thing's first motion until it is let go, or comes to rest where nothing holds it.

    What moves before it is held, or goes on without the hand, is not carried, unless nothing is
    held in the whole episode.

    Args:
        moves: It moves.
        holds: The hand has hold of it; `None` where that is not known.
        pause: Rows that it may rest on the way.
    """
    out = moves.copy()
    if holds is not None and holds.any():
        for start, end in runs(moves):
            held = np.flatnonzero(holds[start:end])
            out[start + (int(held[-1]) + 1 if len(held) else 0) : end] = False
    moves = out.copy()
    for start, end in runs(~moves):
        if start == 0:
            continue
        is_held = holds is not None and holds[start:end].all()
        if is_held or (end < len(moves) and end - start < pause):
            out[start:end] = True
        elif holds is not None:
            let_go = start + int(np.argmin(holds[start:end]))
            out[start:let_go] = True
    return out


def _raw(episode: EpisodeRows, roles: Roles) -> _Raw:
    held: np.ndarray | None = None
    if roles.held:
        said = np.asarray(episode.columns[roles.held], float).reshape(episode.num_rows, -1)
        held = np.asarray((np.nan_to_num(said) > 0.5).any(axis=1))

    def values(some: Sequence[Numbers]) -> list[np.ndarray]:
        return [_filled(numbers.of(episode)) for numbers in some]

    return _Raw(
        episode.index, values(roles.own), values(roles.grippers), values(roles.things), held
    )


def _filled(values: Float[np.ndarray, "row number"]) -> Float[np.ndarray, "row number"]:
    """Rows that are not known between those that are: what is not seen has not moved on its own."""
    known = np.isfinite(values).all(axis=1)
    if known.all() or not known.any():
        return np.nan_to_num(values)
    rows = np.arange(len(values))
    return np.column_stack([np.interp(rows, rows[known], v[known]) for v in values.T])


def speed(values: Float[np.ndarray, "row number"], span: int) -> Float[np.ndarray, " row"]:
    """How fast numbers that belong together change around each row [their unit a row]."""
    return np.asarray(np.linalg.norm(_steps(values, span), axis=1))


def _steps(values: Float[np.ndarray, "row number"], span: int) -> Float[np.ndarray, "row number"]:
    rows = np.arange(len(values))
    before, after = np.maximum(rows - span, 0), np.minimum(rows + span, len(values) - 1)
    found: np.ndarray = (values[after] - values[before]) / np.maximum(after - before, 1)[:, None]
    return found


def _faster(speeds: Sequence[np.ndarray], share: float) -> list[np.ndarray]:
    """Rows faster than a share of the usual highest speed."""
    usual = float(np.median([np.quantile(s, 0.95) for s in speeds]))
    usual = max(usual, 0.2 * float(max(s.max() for s in speeds)), _TINY)
    noise = _NOISE * float(np.quantile(np.concatenate(speeds), _AT))
    limit = max(share * usual, min(noise, _MOST * usual))
    return [s > limit for s in speeds]


def _together(parts: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray] | None:
    """Rows in which any of several is true, by episode; `None` where there is none."""
    if not parts:
        return None
    return [np.logical_or.reduce(of_episode) for of_episode in zip(*parts, strict=True)]


def _engaged(values: Sequence[np.ndarray], span: int) -> list[np.ndarray]:
    """Rows from when a gripper begins to leave the state that it is free in, until it goes back.

    Which of open and closed that is says the first part of the episodes.
    """
    flat = [v.mean(axis=1) for v in values]
    low, high = np.quantile(np.concatenate(flat), [0.02, 0.98])
    if high - low < _TINY:
        return [np.zeros(len(v), bool) for v in flat]
    scaled = [(v - low) / (high - low) for v in flat]
    free = float(np.median(np.concatenate([v[len(v) // 20 : len(v) // 4 + 1] for v in scaled])))
    out = []
    for v in scaled:
        off = np.abs(v - free) > _CLOSES
        pace = _steps(v[:, None], span)[:, 0]
        out.append(_from_onsets(off, pace))
    return out


def _from_onsets(
    off: Bool[np.ndarray, " row"], pace: Float[np.ndarray, " row"]
) -> Bool[np.ndarray, " row"]:
    """Runs of `off`, begun and ended where the change that led there begins."""
    out = np.zeros(len(off), bool)
    for start, end in runs(off):
        out[_onset(pace, start) : _onset(pace, end) if end < len(off) else end] = True
    return out


def _onset(pace: Float[np.ndarray, " row"], row: int) -> int:
    """The row from which on a number went where it is at `row`."""
    least = _ONSET * float(np.abs(pace).max())
    sign = np.sign(pace[min(row, len(pace) - 1)])
    while row > 0 and sign * pace[row - 1] > least:
        row -= 1
    return row


def _near(
    raw: Sequence[_Raw], roles: Roles, thing_moves: Sequence[np.ndarray] | None
) -> list[np.ndarray] | None:
    """Rows in which a point of the hand is as near to a thing as when it moves that."""
    points = [k for k, numbers in enumerate(roles.own) if numbers.is_point]
    things = [k for k, numbers in enumerate(roles.things) if numbers.is_point]
    if thing_moves is None or not points or not things:
        return None
    parts = []
    for thing in things:
        away = [
            np.min([np.linalg.norm(one.own[k] - one.things[thing], axis=1) for k in points], axis=0)
            for one in raw
        ]
        moved = np.concatenate([a[m] for a, m in zip(away, thing_moves, strict=True)])
        if len(moved):
            limit = _NEAR * float(np.quantile(moved, _NEAR_AT))
            parts.append([a <= limit for a in away])
    return _together(parts)


def _holds(
    one: _Raw,
    engaged: np.ndarray | None,
    near: np.ndarray | None,
    moves: np.ndarray | None,
) -> np.ndarray | None:
    """Whether the hand has hold of something, by the best that is known.

    A gripper says so where it is engaged when something begins to move; some things are pushed by
    an open one.
    """
    if one.held is not None:
        return one.held
    if engaged is None or moves is None or near is None:
        return near if near is not None else engaged
    begun = np.flatnonzero(moves & near)[:_BEGUN]
    does_grip = len(begun) > 0 and engaged[begun].mean() > 0.5
    return engaged & near if does_grip else near


def _velocity(raw: Sequence[_Raw], number: int, span: int) -> Float[np.ndarray, "row number"]:
    """Velocity of each own group over its usual speed."""
    parts: list[np.ndarray] = [np.zeros((len(_first(raw[number])), 0))]
    for k in range(len(raw[number].own)):
        usual = float(np.median([np.quantile(speed(one.own[k], span), 0.95) for one in raw]))
        if usual > _TINY:
            parts.append(_steps(raw[number].own[k], span) / usual)
    return np.concatenate(parts, axis=1)


def _first(one: _Raw) -> np.ndarray:
    """Anything of it that has a row for each row."""
    return next(v for v in (*one.own, *one.grippers, *one.things, one.held) if v is not None)
