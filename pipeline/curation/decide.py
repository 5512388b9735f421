"""What is kept of a dataset, what is left out, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rotoscope.pipeline.curation.config import CurationConfig
from rotoscope.pipeline.curation.score import Score
from rotoscope.pipeline.export.pieces import Piece
from rotoscope.pipeline.tracks import runs

MIN_ROWS = 3
"""Shorter stretches are never kept: nothing is trained on them."""
TOO_SHORT = "too_short"
"""Why what is left between two cuts is left out, too."""


@dataclass(frozen=True)
class Dropped:
    """Rows that are left out."""

    episode: int
    """Episode index."""
    start: int
    """First row."""
    end: int
    """Row after the last one."""
    why: str
    """Name of the score; `too_short` for what was left between two cuts."""
    value: float
    """What the score is there: the episode's value, or the worst of the rows."""
    limit: float
    """What it may be."""

    def as_facts(self) -> dict[str, Any]:
        """What files say of it."""
        return asdict(self) | {"value": round(self.value, 6)}


@dataclass(frozen=True)
class Decision:
    """What becomes of every row of a dataset."""

    kept: tuple[Piece, ...]
    """Stretches that stay, in order."""
    dropped: tuple[Dropped, ...]
    """Stretches that do not; one may be left out for several reasons."""

    def episodes_by_reason(self) -> dict[str, int]:
        """Number of episodes of which something is left out, by why."""
        reasons = dict.fromkeys(one.why for one in self.dropped)
        return {w: len({d.episode for d in self.dropped if d.why == w}) for w in reasons}


def decide(
    scores: Sequence[Score],
    config: CurationConfig,
    lengths: Mapping[int, int],
    *,
    fps: float,
    keep: Collection[int] = (),
) -> Decision:
    """Leaves out what is worse than a limit, and what is too short between two cuts.

    Args:
        scores: What was measured.
        config: Which of them leave something out, and beyond which limits.
        lengths: Rows of each episode, by its index.
        fps: Rows per second.
        keep: Episodes that stay whole whatever the scores say.
    """
    filters = [s for s in scores if config.of(s.name).mode == "filter" and not s.untested]
    kept: list[Piece] = []
    dropped: list[Dropped] = []
    for episode, length in sorted(lengths.items()):
        is_out = np.zeros(length, bool)
        for score in filters if episode not in keep else ():
            limit = config.of(score.name).limit
            assert limit is not None
            for one in _beyond(score, episode, length, limit):
                is_out[one.start : one.end] = True
                dropped.append(one)
        for start, end in runs(~is_out):
            is_cut = (start, end) != (0, length)
            least = max(MIN_ROWS, config.min_piece_s * fps)
            if is_cut and end - start < least:
                seconds = (end - start) / fps
                dropped.append(Dropped(episode, start, end, TOO_SHORT, seconds, least / fps))
            else:
                kept.append(Piece(episode, start, end))
    return Decision(tuple(kept), tuple(dropped))


def _beyond(score: Score, episode: int, length: int, limit: float) -> list[Dropped]:
    """Rows of an episode that a score leaves out."""
    if score.by == "episode":
        value = score.of_episodes().get(episode, float("nan"))
        is_bad = bool(score.is_beyond(np.array(value), limit))
        return [Dropped(episode, 0, length, score.name, value, limit)] if is_bad else []
    values = score.values.get(episode)
    if values is None:
        return []
    worst = np.nanmax if score.worse == "high" else np.nanmin
    return [
        Dropped(episode, a, b, score.name, float(worst(values[a:b])), limit)
        for a, b in runs(score.is_beyond(values, limit))
    ]
