"""What `rotoscope replay` found of the episodes of a dataset, kept in `meta/rotoscope`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.layout import meta_file
from rotoscope.pipeline.datasets.read import EpisodeRows
from rotoscope.pipeline.datasets.sidecars import read_sidecar_lines

FILE = "meta/rotoscope/replay.jsonl"
PREFIX = "replay_"
"""What the numbers of a score begin with."""


def read_replayed(root: Path) -> list[dict[str, Any]]:
    """The lines of `meta/rotoscope/replay.jsonl`; none where nothing was played.

    Raises:
        DatasetError: The file is damaged.
    """
    return read_sidecar_lines(meta_file(root, "rotoscope/replay.jsonl"))


def digest_of(actions: np.ndarray) -> str:
    """Sixteen hex digits that stand for the actions of an episode."""
    return hashlib.sha256(np.ascontiguousarray(actions, np.float32).tobytes()).hexdigest()[:16]


def replay_facts(root: Path, episode: EpisodeRows) -> dict[str, float]:
    """Numbers of an episode's score by name; empty where other actions were played, or none."""
    for line in read_replayed(root):
        actions = episode.columns.get(str(line.get("column", "action")))
        if line["episode"] != episode.index or actions is None:
            continue
        if line.get("digest") == digest_of(actions):
            found = {k: v for k, v in line.items() if k.startswith(PREFIX)}
            return {k: float(v) for k, v in found.items() if isinstance(v, int | float)}
    return {}
