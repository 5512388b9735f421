"""Episodes that show nearly the same: to hold one of them out while another stays tells nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.distances import squared_distances

SHARE = 0.15
"""Episodes are alike that are nearer to each other than this share of how far a group usually is
from the one that is most like it; at least three groups are left, and half as many as episodes. Of
demonstrations whose start is drawn anew in two numbers, about one in sixty has such a twin by
chance. Chosen on Meta-World's push, door-open, window-open, peg-unplug-side, hand-insert,
push-back, pick-place and coffee-push, and on PushT."""
_MIN_GROUPS = 3
_SAME, _FAR = 1e-3, 1e6
"""Distance below which episodes are copies, however many, and one of those that have no row to
compare, in spreads."""
_NUM_ASKED, _MAX_ROWS = 40, 6000
"""Rows of an episode that look for theirs in the others, and of all episodes together."""
_AROUND_S = (-0.5, 0.0, 0.5)
"""What is seen around a row [s]: whoever passes the same place on another way is not alike."""
_SQUARES = 8
"""Pictures are compared by the mean grays of so many squares a side."""


def alike(episodes: Sequence[UnlabelledEpisode]) -> tuple[tuple[int, ...], ...]:
    """Which episodes belong together, by what is seen in them; most are alone.

    Copies, cuts that overlap for the most part, recordings of the same thing from the same start.
    The distance of two episodes is that between what is seen around a row and around the nearest of
    the other one, the median over the rows of the one that is further.

    Args:
        episodes: With features, pictures or both; rows of which something is not known are left.

    Returns:
        Indices of each group in order; groups by their first.
    """
    num, rows = len(episodes), _columns(episodes) if episodes else []
    if num < 2 or not rows[0].shape[1]:  # of what nothing is seen, nothing is known to be alike
        return tuple((i,) for i in range(num))
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    apart = _distances(rows)
    merges = linkage(squareform(np.where(np.isfinite(apart), apart, _FAR), checks=False), "single")
    heights = merges[:, 2]
    # How far a group is from the nearest other one is where it is merged next.
    left_at = np.full(2 * num - 1, np.inf)
    left_at[merges[:, :2].astype(int).ravel()] = np.repeat(heights, 2)
    groups: dict[int, list[int]] = {i: [i] for i in range(num)}
    found = list(groups.values())
    for k, (one, other) in enumerate(merges[:, :2].astype(int)):
        groups[num + k] = sorted(groups.pop(one) + groups.pop(other))
        usual = float(np.median(left_at[list(groups)]))
        is_many = len(groups) >= max(_MIN_GROUPS, num / 2)
        if heights[k] <= _SAME or (is_many and heights[k] <= SHARE * usual and usual < _FAR):
            found = list(groups.values())
    return tuple(sorted(tuple(group) for group in found))


def alike_names(episodes: Sequence[UnlabelledEpisode]) -> list[list[str]]:
    """Names of episodes that are not alone, by group."""
    return [[episodes[i].name for i in group] for group in alike(episodes) if len(group) > 1]


def _columns(episodes: Sequence[UnlabelledEpisode]) -> list[Float[np.ndarray, "row column"]]:
    """Rows of each episode of which all is known; features and grays spread and count the same."""
    step = -(-sum(len(e.time_s) for e in episodes) // _MAX_ROWS)
    features = [e.features[::step] for e in episodes]
    known = [np.isfinite(rows).all(axis=1) for rows in features]
    seen = [rows[keep] for rows, keep in zip(features, known, strict=True)]
    parts = [_scaled(seen, by_column=True)]
    if all(e.images is not None for e in episodes):
        grays = [
            _grays(e.images[::step][keep])
            for e, keep in zip(episodes, known, strict=True)
            if e.images is not None
        ]
        parts.append(_scaled(grays, by_column=False))
    times_s = [e.time_s[::step][keep] for e, keep in zip(episodes, known, strict=True)]
    return [
        _around(time_s, np.concatenate(rows, axis=1))
        for time_s, *rows in zip(times_s, *parts, strict=True)
    ]


def _around(time_s: np.ndarray, rows: np.ndarray) -> Float[np.ndarray, "row column"]:
    """Each row with those before and after it; at an end, with what is there."""
    at = [np.searchsorted(time_s, time_s + offset_s - 1e-6) for offset_s in _AROUND_S]
    return np.concatenate([rows[np.clip(i, 0, len(rows) - 1)] for i in at], axis=1)


def _grays(images: np.ndarray) -> Float[np.ndarray, "row square"]:
    """Mean gray of squares, those of several cameras below each other."""
    side = images.shape[2]
    num = min(_SQUARES, side)
    edges = np.arange(num) * side // num
    wide = np.add.reduceat(images.mean(axis=3), edges, axis=2)
    rows = np.arange(num * images.shape[1] // side) * side // num
    return np.add.reduceat(wide, rows, axis=1).reshape(len(images), -1) / (side / num) ** 2


def _scaled(
    parts: Sequence[Float[np.ndarray, "row column"]], *, by_column: bool
) -> list[Float[np.ndarray, "row column"]]:
    """In spreads over all rows, so that all columns together have a variance of 1."""
    rows = np.concatenate(parts)
    if not rows.size:
        return list(parts)
    variance = rows.var(axis=0)
    scale = np.sqrt(variance if by_column else np.full(rows.shape[1], variance.mean()))
    scale = np.where(scale > 0, scale, 1.0) * np.sqrt(rows.shape[1])
    return [part / scale for part in parts]


def _distances(
    episodes: Sequence[Float[np.ndarray, "row column"]],
) -> Float[np.ndarray, "episode other"]:
    """Between all, infinite from one to itself and where there is no row."""
    num = len(episodes)
    out = np.full((num, num), np.inf)
    lengths = [len(e) for e in episodes]
    every = np.concatenate(episodes)
    starts = np.cumsum([0, *lengths[:-1]])
    there = np.flatnonzero(lengths)
    for i in there:
        asked = episodes[i][:: -(-lengths[i] // _NUM_ASKED)]
        squared = squared_distances(asked, every)
        nearest = np.minimum.reduceat(squared, starts[there], axis=1)
        out[i, there] = np.sqrt(np.median(nearest, axis=0))
        out[i, i] = np.inf
    return np.maximum(out, out.T)
