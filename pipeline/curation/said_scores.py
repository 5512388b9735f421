"""Scores that a dataset's own columns say: familiarity, success, agreement of labelers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rotoscope.pipeline.curation.score import Score, by_episode
from rotoscope.pipeline.datasets.label_columns import ACTION, LabelColumn
from rotoscope.pipeline.datasets.read import EpisodeRows

FAMILIARITY, SUCCESS, DISAGREEMENT = "familiarity", "success", "disagreement"
_COLUMNS = {FAMILIARITY: "label.familiarity", SUCCESS: "next.success"}


def familiarity(episodes: Sequence[EpisodeRows]) -> Score:
    """`familiarity` by row: what the learned labeler says of how well it knew the row."""
    name = _COLUMNS[FAMILIARITY]
    values = {
        e.index: np.asarray(e.columns[name], float).ravel() for e in episodes if name in e.columns
    }
    return Score(
        FAMILIARITY,
        "1",
        f"How much the row is like what its labeler was trained on, from {name}.",
        "low",
        "episode",
        values,
        untested="" if values else f"no column {name}",
    )


def success(episodes: Sequence[EpisodeRows]) -> Score:
    """`success` by episode: 1 where the task was solved in some row, 0 where in none."""
    name = _COLUMNS[SUCCESS]
    found = {
        e.index: float(np.asarray(e.columns[name], bool).any())
        for e in episodes
        if name in e.columns
    }
    return Score(
        SUCCESS,
        "1",
        f"1 where some row of the episode is solved, from {name}.",
        "low",
        "episode",
        by_episode(found, {e.index: e.num_rows for e in episodes}),
        untested="" if found else f"no column {name}",
    )


def disagreement(columns: Sequence[LabelColumn], episodes: Sequence[EpisodeRows]) -> Score:
    """`disagreement` by row: how far other labelers of the same contract are from the action.

    The mean over labelers and numbers of the difference over the number's spread; NaN where nobody
    else says anything valid.

    Args:
        columns: What `label_columns` finds in the dataset.
        episodes: All of its episodes.
    """
    own = next((c for c in columns if c.name == ACTION), None)
    named = [c for c in columns if own is not None and c.names == own.names and c is not own]
    values: dict[int, np.ndarray] = {}
    if own is not None and named:
        chosen = {e.index: own.read(e) for e in episodes}
        spread = np.nanstd(np.concatenate([c.values for c in chosen.values()]), axis=0)
        for episode in episodes:
            mine = chosen[episode.index]
            parts = []
            for labeler in named:
                rows = labeler.read(episode)
                known = mine.known & rows.known & (spread > 0)
                off = np.abs(rows.values - mine.values) / np.where(spread > 0, spread, 1)
                parts.append(np.where(known, off, np.nan).reshape(len(off), -1))
            values[episode.index] = _row_means(np.concatenate(parts, axis=1))
    return Score(
        DISAGREEMENT,
        "standard deviations",
        "How far other labelers' numbers are from the action, from label.<labeler>.",
        "high",
        "episode",
        values,
        untested="" if values else "no labeler beside the chosen one has the same numbers",
    )


def _row_means(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
