"""Pieces of all episodes joined to skills that they share, and what each skill is called."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.segments.changes import change_points
from rotoscope.pipeline.segments.cues import Cues

SHORTEST_S = 0.1
"""Shortest segment [s]."""
ALIKE = 0.6
"""Mean distance up to which pieces are one skill: 1 is a thing that is held, or moves, in all rows
of one piece and in none of the other."""
RARE = 0.1
"""A skill in a smaller share of the episodes is none; its rows go to the neighbors."""
_OF_VELOCITY = 1.0
"""What the hand's own usual speed counts where nothing says what it holds or moves."""
_MOST_PIECES = 3000
"""Pieces that are joined; of more, this many are drawn and the others go to the nearest skill."""


@dataclass(frozen=True, order=True)
class Segment:
    """Rows of an episode in which one skill is at work."""

    episode: int
    """Episode index."""
    start: int
    """First row."""
    end: int
    """Row after the last one."""
    skill: str
    """Which skill."""


def segments_of(episodes: Sequence[Cues], fps: float) -> list[Segment]:
    """Cuts all episodes of a dataset into skills.

    Each episode is cut where its cues change (`change_points`); pieces of all episodes whose cues
    are alike on average are one skill (average linkage); what is next to its like is joined.

    Args:
        episodes: Cues of all episodes, with the same things known of each.
        fps: Rows per second.
    """
    shortest = max(1, round(SHORTEST_S * fps))
    tables = [_table(one) for one in episodes]
    cuts = [
        [0, *change_points(table, penalty=shortest / 4, shortest=shortest), len(table)]
        for table in tables
    ]
    pieces = [
        (number, a, b)
        for number, rows in enumerate(cuts)
        for a, b in itertools.pairwise(rows)
        if b > a
    ]
    if not pieces:
        return []
    means = np.array([tables[n][a:b].mean(axis=0) for n, a, b in pieces])
    skill = joined(means)
    skill = _without_rare(skill, means, [n for n, _, _ in pieces], len(episodes))
    runs = _runs(pieces, skill)
    out: list[Segment] = []
    for (number, start, end, _), name in zip(
        runs, _names(runs, episodes[0], means, skill), strict=True
    ):
        episode = episodes[number].episode
        if out and (out[-1].episode, out[-1].skill) == (episode, name):
            out[-1] = replace(out[-1], end=end)
        else:
            out.append(Segment(episode, start, end, name))
    return out


def _table(one: Cues) -> Float[np.ndarray, "row number"]:
    """What pieces are told apart by."""
    known = [flags.astype(float) for flags in (one.holds, one.moves) if flags is not None]
    if known:
        return np.column_stack(known)
    return _OF_VELOCITY * one.velocity


def joined(means: Float[np.ndarray, "piece number"]) -> Int[np.ndarray, " piece"]:
    """Which skill each piece belongs to, from 0, by what it is like on average."""
    if len(means) < 2:
        return np.zeros(len(means), int)
    from scipy.cluster.hierarchy import fcluster, linkage

    some: np.ndarray = np.arange(len(means))
    if len(means) > _MOST_PIECES:
        some = np.sort(np.random.default_rng(0).permutation(len(means))[:_MOST_PIECES])
    found = fcluster(linkage(means[some], "average"), ALIKE, "distance") - 1
    centers = np.array([means[some][found == k].mean(axis=0) for k in range(found.max() + 1)])
    return nearest_center(means, centers)


def nearest_center(
    means: Float[np.ndarray, "piece number"], centers: Float[np.ndarray, "skill number"]
) -> Int[np.ndarray, " piece"]:
    """The nearest of some centers."""
    away = np.linalg.norm(means[:, None] - centers[None], axis=2)
    return np.asarray(away.argmin(axis=1))


def _without_rare(
    skill: Int[np.ndarray, " piece"],
    means: Float[np.ndarray, "piece number"],
    episode: Sequence[int],
    num_episodes: int,
) -> Int[np.ndarray, " piece"]:
    """Pieces of skills that few episodes have, in the common skill that they are most like."""
    has = [len(set(np.array(episode)[skill == k].tolist())) for k in range(skill.max() + 1)]
    common = [k for k, count in enumerate(has) if count >= RARE * num_episodes]
    if not common:
        return skill
    centers = np.array([means[skill == k].mean(axis=0) for k in common])
    near = np.array(common)[nearest_center(means, centers)]
    return np.where(np.isin(skill, common), skill, near)


Run = tuple[int, int, int, int]
"""Number of the episode, first row, row after the last one, skill."""


def _runs(pieces: Sequence[tuple[int, int, int]], skill: Int[np.ndarray, " piece"]) -> list[Run]:
    """Pieces in order, neighbors of one skill as one."""
    out: list[Run] = []
    for (number, start, end), one in zip(pieces, skill.tolist(), strict=True):
        if out and out[-1][0] == number and out[-1][3] == one:
            out[-1] = (number, out[-1][1], end, one)
        else:
            out.append((number, start, end, one))
    return out


def _names(
    runs: Sequence[Run],
    first: Cues,
    means: Float[np.ndarray, "piece number"],
    skill: Int[np.ndarray, " piece"],
) -> list[str]:
    """What each run is called: by what is held and moved, or by number where that is not known."""
    flags = [
        name
        for name, known in (("holds", first.holds), ("moves", first.moves))
        if known is not None
    ]
    if not flags:
        order = [k for k, _ in Counter(run[3] for run in runs).most_common()]
        return [f"skill {order.index(run[3]) + 1}" for run in runs]
    has = {
        k: {
            name
            for name, share in zip(flags, means[skill == k].mean(axis=0), strict=True)
            if share > 0.5
        }
        for k in set(skill.tolist())
    }
    out = []
    for _, some in itertools.groupby(runs, key=lambda run: run[0]):
        found = [has[run[3]] for run in some]
        at_work = [flags[-1] in one for one in found]
        for place, one in enumerate(found):
            out.append(_name(one, before=any(at_work[:place]), after=any(at_work[place + 1 :])))
    return out


def _name(has: set[str], *, before: bool, after: bool) -> str:
    """What a run is called, by whether something is moved before it and after it."""
    if "moves" in has:
        return "move"
    if "holds" in has:
        return "hold" if before and not after else "grasp"
    return "reach" if after or not before else "release"
