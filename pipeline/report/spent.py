"""What a run took, by stage, where its ledger lies beside the dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.run.ledger import Ledger
from rotoscope.pipeline.run.request import work_of


@dataclass(frozen=True)
class StageTime:
    """CPU of one stage over all videos of a run."""

    name: str
    """The stage, or `start and rest` for what belongs to none."""
    cpu_s: float
    """CPU time [s]."""
    share: float
    """Share of the whole, 0..1."""
    frame_ms: float
    """Per frame of the videos [ms]."""


def stage_times(dataset: Path) -> list[StageTime]:
    """Stages, most first; none where no ledger is there, or all was in the store already."""
    try:
        rows = Ledger(work_of(dataset) / "ledger.jsonl").rows()
    except UsageError:
        return []
    cpu_s: Counter[str] = Counter()
    frames = 0
    for row in rows:
        parts = row.detail.get("cpu_s", {})
        if parts:
            cpu_s.update(parts)
            cpu_s["start and rest"] += max(row.cpu_s - sum(parts.values()), 0.0)
            frames += row.frames
    total = sum(cpu_s.values())
    return [
        StageTime(name, seconds, seconds / total, 1e3 * seconds / max(frames, 1))
        for name, seconds in cpu_s.most_common()
        if seconds >= 0.005
    ]
