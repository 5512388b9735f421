"""Statistics of stretches of episodes, and of all of them, as LeRobot keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.info import NO_ROWS
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.datasets.tables import read_episodes
from rotoscope.pipeline.export.added_columns import AddedColumn, statistics

_BEFORE = "stats/"


class PieceStatistics:
    """Statistics of pieces of a dataset, one episode in memory at a time."""

    def __init__(self, dataset: Dataset, columns: Mapping[str, AddedColumn]) -> None:
        self._dataset, self._columns = dataset, columns
        rows = read_episodes(dataset.root, dataset.info, with_statistics=True)
        self._stated = {int(row["episode_index"]): _stated(row) for row in rows}
        self._numbers = {int(row["episode_index"]): n for n, row in enumerate(dataset.table)}
        self._held: tuple[int, dict[str, np.ndarray]] = (-1, {})

    def of(
        self, episode: int, start: int, end: int, *, number: int, first: int
    ) -> dict[str, dict[str, Any]]:
        """Statistics by feature: of the rows where they are numbers, of pictures as stated.

        Args:
            episode: Episode index.
            start: First row.
            end: Row after the last one.
            number: Episode index of the piece.
            first: Row of the new dataset at which it begins.
        """
        rows = np.arange(end - start)
        clock = {
            "episode_index": np.full(len(rows), number),
            "frame_index": rows,
            "timestamp": rows / self._dataset.fps,
            "index": first + rows,
        }
        values = self._rows(episode) | {n: c.values[episode] for n, c in self._columns.items()}
        out = dict(self._stated[episode])
        for name in {*out, *self._columns}:
            found = clock.get(name, values[name][start:end] if name in values else None)
            if found is not None and found.ndim <= 2:
                new = statistics(found.reshape(len(rows), -1))
                out[name] = {k: new[k] for k in out.get(name, new) if k in new}
        return out

    def _rows(self, episode: int) -> dict[str, np.ndarray]:
        if self._held[0] != episode:
            columns = self._dataset.episode(self._numbers[episode]).columns
            features = self._dataset.info["features"]
            numbers = {n: c for n, c in columns.items() if features[n]["dtype"] not in NO_ROWS}
            self._held = episode, numbers
        return self._held[1]


def joined_statistics(
    found: Sequence[Mapping[str, Mapping[str, Any]]],
) -> dict[str, dict[str, Any]]:
    """Statistics of all pieces together, of the features that all of them have.

    Mean and deviation are exact; quantiles are means of the pieces' own, as LeRobot makes them.
    """
    names = [name for name in found[0] if all(name in one for one in found)]
    return {name: _joined([one[name] for one in found]) for name in names}


def _joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    shape = np.shape(parts[0]["mean"])
    count = np.array([np.ravel(part["count"])[0] for part in parts], float)
    weight = count.reshape(-1, *[1] * len(shape))
    out: dict[str, Any] = {}
    values = {key: np.array([p[key] for p in parts], float) for key in parts[0] if key != "count"}
    mean = (values["mean"] * weight).sum(0) / count.sum()
    for key, several in values.items():
        if key in ("min", "max"):
            out[key] = getattr(several, key)(axis=0).tolist()
        elif key == "std":
            spread = several**2 + (values["mean"] - mean) ** 2
            out[key] = np.sqrt((spread * weight).sum(0) / count.sum()).tolist()
        else:
            out[key] = ((several * weight).sum(0) / count.sum()).tolist()
    return out | {"count": [int(count.sum())]}


def _stated(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `meta/episodes` says of an episode, by feature."""
    out: dict[str, dict[str, Any]] = {}
    for label, value in row.items():
        if label.startswith(_BEFORE) and value is not None:
            name, _, key = label.removeprefix(_BEFORE).rpartition("/")
            out.setdefault(name, {})[key] = value
    return out
