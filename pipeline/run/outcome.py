"""What a video gave, as its child says it and the store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.store.store import Store


@dataclass(frozen=True)
class VideoOutcome:
    """What a video gave; the same on every machine and every run."""

    frames: int
    """Frames decoded."""
    episodes: tuple[str, ...] = ()
    """Store keys of its episodes, in order."""
    why_empty: str = ""
    """Why it gave none."""
    dropped: Mapping[str, int] | None = None
    """Frames by the stage that took them and why, most first."""
    clips: int = 0
    """Clips that it was cut into."""
    rows: int = 0
    """Rows of its episodes."""
    valid_rows: int = 0
    """Those with `label.valid`."""
    warnings: tuple[str, ...] = ()
    """What its stages warned of, each sentence once. A stage whose result was stored before says
    nothing again, but what it said stays with the outcome of the run that it said it in."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> VideoOutcome | None:
        """The outcome that the store holds, `None` where another version wrote it."""
        known = {field.name for field in fields(cls)}
        if set(record) != known or not isinstance(record["episodes"], list):
            return None
        told = {"episodes": tuple(record["episodes"]), "warnings": tuple(record["warnings"])}
        return cls(**{**record, **told})


@dataclass(frozen=True)
class VideoAnswer:
    """What the child of a video answers."""

    outcome: VideoOutcome
    """Episodes of the video, or the error."""
    identity: Identity
    """The bytes that it was made of."""
    is_stored: bool
    """Whether all of it was in the store already."""
    cpu_s: Mapping[str, float]
    """CPU seconds by stage."""
    num_frames: int = 0
    """Frames that were looked at; 0 where that was not asked."""
    megapixels: float = 0.0
    """Size of each of them; 0 of a file without pictures."""


def stored_outcome(store: Store, key: str) -> VideoOutcome | None:
    """What a video gave before, where all of it is stored and whole."""
    record = store.load_record(key)
    outcome = None if record is None else VideoOutcome.from_record(record)
    if outcome is None or not all(map(store.has_episode, outcome.episodes)):
        return None
    return outcome
