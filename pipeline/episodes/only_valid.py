"""Episodes cut at what is not valid: nothing is left that a training would have to leave out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rotoscope.pipeline.episodes.episode import Episode
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.tracks import runs


@dataclass(frozen=True, eq=False)
class CutEpisodes:
    """What is left of some episodes."""

    episodes: tuple[Episode, ...]
    """Unbroken stretches of valid rows, in order."""
    short_frames: int
    """Frames of the source that valid stretches show which are shorter than a policy's chunk."""


def cut_at_invalid(episodes: Iterable[Episode], export: ExportSection) -> CutEpisodes:
    """The valid stretches of episodes, each an episode; all as they are unless `only_valid`.

    Args:
        episodes: Of one video.
        export: Whether to cut, and how many rows a stretch must have.
    """
    if not export.only_valid:
        return CutEpisodes(tuple(episodes), 0)
    kept, short = [], 0
    for episode in episodes:
        for number, (start, end) in enumerate(runs(episode.valid)):
            part = part_of(episode, start, end, number)
            if part.num_rows >= export.chunk_rows:
                kept.append(part)
            else:
                short += len(np.unique(part.source_frame))
    return CutEpisodes(tuple(kept), short)


def part_of(episode: Episode, start: int, end: int, number: int) -> Episode:
    """Rows `[start, end)` as an episode; an action is where the robot is some rows later."""
    rows = slice(start, end)
    fields: dict[str, Any] = {
        name: getattr(episode, name)[rows]
        for name in ("source_frame", "source_time_s", "action", "valid", "confidence", "reason")
    }
    features = {name: replace(f, values=f.values[rows]) for name, f in episode.features.items()}
    part = replace(
        episode,
        **fields,
        state=None if episode.state is None else episode.state[rows],
        features=features,
        episode_id=f"{episode.episode_id}-{number:03d}",
    )
    return replace(part, source=_source(part), quality=_quality(part))


def _source(part: Episode) -> dict[str, Any]:
    return part.source | {
        "first_frame": int(part.source_frame[0]),
        "end_frame": int(part.source_frame[-1]) + 1,
        "start_s": round(float(part.source_time_s[0]), 6),
    }


def _quality(part: Episode) -> dict[str, Any]:
    """The facts that count rows, of the part alone; medians stay those of the whole stretch."""
    facts = part.row_count.as_facts()
    known = part.confidence[part.valid]
    counts: dict[str, Any] = facts | {
        "frames_by_reason": facts["rows_by_reason"],
        "mean_confidence": round(float(known.mean()), 4) if len(known) else 0.0,
    }
    return part.quality | {name: fact for name, fact in counts.items() if name in part.quality}
