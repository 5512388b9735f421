"""What labelers beside the chosen one say, in the report: a table, and curves beside the action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.label_columns import LabelColumn, label_column, side_columns
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.report import charts
from rotoscope.pipeline.report.timeline import times

MAX_CURVES = 8
"""Numbers of an action that get a chart, those that differ most."""


def side_table(dataset: Dataset, episodes: Sequence[EpisodeRows]) -> list[dict[str, str]]:
    """A line per labeler: how much of it is valid, how sure it is, how far from the action."""
    return [_line(dataset, column, episodes) for column in side_columns(dataset)]


def side_curves(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """The numbers that a labeler shares with the action, both in one chart."""
    out = []
    time_s = times(dataset, episode)
    for column in side_columns(dataset):
        pairs, shared = _pairs(dataset, column, episode)
        if not shared:
            continue
        apart = np.nan_to_num(np.nanmean(np.abs(pairs[..., 0] - pairs[..., 1]), axis=0))
        for index in sorted(np.argsort(-apart, kind="stable")[:MAX_CURVES].tolist()):
            name = shared[index]
            out.append(
                charts.curves(
                    time_s,
                    pairs[:, index],
                    ("action", column.name),
                    title=f"{name}, action and {column.name}",
                    unit=column.unit(name) or "1",
                    invalid=~column.read(episode).valid,
                    height=130,
                )
            )
    return out


def _line(dataset: Dataset, column: LabelColumn, episodes: Sequence[EpisodeRows]) -> dict[str, str]:
    read = [column.read(episode) for episode in episodes]
    valid = np.concatenate([one.valid for one in read])
    told = [one.confidence for one in read if one.confidence is not None]
    sure = np.concatenate(told) if told else np.zeros(0)
    apart: dict[str, list[np.ndarray]] = {}
    for episode, one in zip(episodes, read, strict=True):
        pairs, shared = _pairs(dataset, column, episode)
        both = one.valid & label_column(dataset, "action").read(episode).valid
        for index, name in enumerate(shared):
            off = np.abs(pairs[both, index, 0] - pairs[both, index, 1])
            apart.setdefault(name, []).append(off)
    mean = {name: float(np.concatenate(parts).mean()) for name, parts in apart.items()
            if sum(map(len, parts))}  # fmt: skip
    return {
        "name": column.name,
        "robot": column.contract.robot if column.contract else "",
        "valid": f"{100 * valid.mean():.1f} %",
        "confidence": f"{sure[valid].mean():.2f}" if len(sure) and valid.any() else "-",
        "apart": ", ".join(f"{n} {v:.3g} {column.unit(n)}" for n, v in mean.items()) or "-",
    }


def _pairs(
    dataset: Dataset, column: LabelColumn, episode: EpisodeRows
) -> tuple[np.ndarray, list[str]]:
    """The numbers that both hold, shape (row, number, 2), and their names."""
    action: Any = label_column(dataset, "action")
    shared = [n for n in column.names if n in action.names]
    ours, theirs = action.read(episode).values, column.read(episode).values
    mine = [action.names.index(n) for n in shared]
    other = [column.names.index(n) for n in shared]
    return np.stack([ours[:, mine], theirs[:, other]], axis=-1), shared
