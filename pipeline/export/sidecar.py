"""What LeRobot's format has no place for: `meta/rotoscope/`, all JSON, without times or paths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.facts import TEXTS, EpisodeFacts
from rotoscope.pipeline.episodes.episode import Episode
from rotoscope.pipeline.export.schema import Schema
from rotoscope.pipeline.export.stored_episode import StoredEpisode
from rotoscope.pipeline.tracks import NO_ROWS

FOLDER = Path("meta") / "rotoscope"
CONFIDENCE_BINS = 20
CLOCK_COLUMNS = {
    "timestamp": ("s", "Time of the row since its episode began."),
    "frame_index": ("1", "Row within its episode."),
    "episode_index": ("1", "Which episode the row belongs to."),
    "index": ("1", "Row within the dataset."),
    "task_index": ("1", "Which text of meta/tasks.parquet says what is being done."),
}
"""Unit and meaning of the columns that LeRobot adds itself."""


def write_sidecar(
    root: Path,
    stored: Sequence[StoredEpisode],
    *,
    facts: Sequence[EpisodeFacts],
    schema: Schema,
    provenance: Mapping[str, Any],
    ledger: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """Writes all files of `meta/rotoscope/` and returns the content of `quality.json`.

    Args:
        root: The dataset's folder.
        stored: Its episodes in order.
        facts: Where each episode comes from.
        schema: Its columns.
        provenance: What made it.
        ledger: What became of every video.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True)
    gathered = _Quality(schema)
    lines = []
    for index, (episode, said) in enumerate(zip(stored, facts, strict=True)):
        gathered.add(episode.load())
        lines.append(_episode_line(index, said, episode))
    quality = gathered.summary()
    _write(folder / "contract.json", schema.contract.model_dump(mode="json"))
    _write(folder / "features.json", describe_features(schema))
    _write(folder / "provenance.json", provenance)
    _write(folder / "quality.json", quality)
    _write_lines(folder / "episodes.jsonl", lines)
    _write_lines(folder / "ledger.jsonl", ledger)
    return quality


def describe_features(schema: Schema) -> dict[str, dict[str, Any]]:
    """Names, unit and meaning of every feature of the dataset, by feature name."""
    contract = schema.contract
    units = ", ".join(dict.fromkeys(d.unit for d in contract.dimensions))
    own: dict[str, tuple[list[str], str, str]] = {}
    for key in schema.videos:
        own[key] = ([], "1", "The video on the dataset's clock.")
    if schema.state is not None:
        state = schema.state
        own["observation.state"] = (list(state.names), state.unit, state.description)
    meaning = "What is done at the row: a command or a step."
    if contract.reaches_states:
        meaning = f"The state {contract.shift_s:.6g} s after the row."
    own["action"] = (contract.names, units, meaning)
    own |= {name: ([], unit, text) for name, (unit, text) in CLOCK_COLUMNS.items()}
    own |= {n: (list(f.names), f.unit, f.description) for n, f in schema.features.items()}
    own |= {name: ([], "1", text) for name, text in TEXTS.items()}
    described: dict[str, dict[str, Any]] = {
        name: {"names": names, "unit": unit, "description": text}
        for name, (names, unit, text) in own.items()
    }
    for name, facts in schema.features.items():
        if facts.contract is not None:
            described[name]["contract"] = facts.contract.model_dump(mode="json")
    return described


def _episode_line(index: int, facts: EpisodeFacts, episode: StoredEpisode) -> dict[str, Any]:
    return dict(facts.line) | {
        "episode_index": index,
        "length": episode.num_rows,
        "task": episode.task,
        "provenance": facts.digest,
    }


class _Quality:
    """Sums over all rows, one episode in memory at a time."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.lengths: list[int] = []
        self.count = NO_ROWS
        self.confidence = np.zeros(CONFIDENCE_BINS, np.int64)
        self.moments = {"action": _Moments(schema.contract.names)}
        if schema.state is not None:
            self.moments = {"state": _Moments(schema.state.names)} | self.moments

    def add(self, episode: Episode) -> None:
        self.lengths.append(episode.num_rows)
        self.count += episode.row_count
        bins = np.histogram(episode.confidence, bins=CONFIDENCE_BINS, range=(0.0, 1.0))[0]
        self.confidence += bins
        for name, moments in self.moments.items():
            moments.add(getattr(episode, name))

    def summary(self) -> dict[str, Any]:
        return {
            "episodes": len(self.lengths),
            **self.count.as_facts(),
            "seconds": round(self.count.rows / self.schema.fps, 3),
            "episode_rows": {"shortest": min(self.lengths), "longest": max(self.lengths)},
            "confidence_histogram": {
                "low": 0.0,
                "high": 1.0,
                "counts": self.confidence.tolist(),
            },
            "dimensions": {name: m.summary() for name, m in self.moments.items()},
        }


class _Moments:
    """Smallest, largest, mean and standard deviation of each dimension."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.count = 0
        self.low, self.high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
        self.total, self.squares = np.zeros(len(names)), np.zeros(len(names))

    def add(self, values: Float[np.ndarray, "time action"]) -> None:
        self.count += len(values)
        self.low = np.minimum(self.low, values.min(axis=0))
        self.high = np.maximum(self.high, values.max(axis=0))
        self.total += values.sum(axis=0)
        self.squares += (values**2).sum(axis=0)

    def summary(self) -> dict[str, dict[str, float]]:
        mean = self.total / self.count
        std = np.sqrt(np.maximum(self.squares / self.count - mean**2, 0.0))
        columns = zip(self.names, self.low, self.high, mean, std, strict=True)
        return {
            name: {
                key: round(float(value), 6)
                for key, value in zip(("min", "max", "mean", "std"), values, strict=True)
            }
            for name, *values in columns
        }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n")


def _write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))
