"""What a run tells whoever watches it: the CLI's progress bar, a Prefect flow, a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rotoscope.pipeline.run.ledger import Row


@dataclass(frozen=True)
class Event:
    """One step of progress."""

    kind: Literal[
        "planned", "left_out", "probed", "progress", "finished", "publishing", "published"
    ]
    """`planned`: `total` videos. `left_out`: `name` says what was not looked into. `probed`: a
    video has `total` frames. `progress`: `frame` of it is reached in `stage`. `finished`: `row` is
    final. `publishing`, `published`: the dataset."""
    name: str = ""
    """Video that it is about."""
    stage: str = ""
    """Stage that is running."""
    frame: int = 0
    """Frames that have passed the stage."""
    total: int = 0
    """Videos planned, or frames in the video."""
    row: Row | None = None
    """The final row."""


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that listens to nothing."""
