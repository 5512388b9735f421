"""How far along an episode's rows are, and what they are worth, in the report."""

from __future__ import annotations

import numpy as np

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.report import charts
from rotoscope.pipeline.report.timeline import column, times
from rotoscope.pipeline.rewards.columns import OFF, PROGRESS, REWARD, SIGMA

_OFF = 0.5
"""Rows of a higher `label.progress_off` are shaded."""


def progress_curves(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """Progress within its sigma, rows off the demonstration shaded; then a chart a reward."""
    if PROGRESS not in episode.columns:
        return []
    time_s = times(dataset, episode)
    values = column(episode, PROGRESS)[:, 0]
    sigma = column(episode, SIGMA)[:, 0] if SIGMA in episode.columns else np.zeros(len(values))
    is_off: np.ndarray = np.zeros(len(values), bool)
    if OFF in episode.columns:
        is_off = column(episode, OFF)[:, 0] > _OFF
    out = []
    if np.isfinite(values).any():
        band = np.column_stack(
            [values, np.clip(values - sigma, 0, 1), np.clip(values + sigma, 0, 1)]
        )
        names = ("progress", "less its sigma", "more")
        title = "progress along the demonstration (shaded: shows something else)"
        out.append(
            charts.curves(
                time_s, band, names, title=title, unit="1", invalid=is_off, limits=(0.0, 1.0),
                height=130,
            )
        )  # fmt: skip
    for name in (n for n in episode.columns if n.startswith(REWARD)):
        reward = column(episode, name)
        if np.isfinite(reward).any():
            said = name.removeprefix(REWARD)
            title = f"reward by {said.replace('_', ' ')}"
            out.append(
                charts.curves(
                    time_s, reward, (said,), title=title, unit="1", invalid=is_off, height=90
                )
            )
    return out
