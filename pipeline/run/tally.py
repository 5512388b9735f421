"""What is known of a run while it goes on: the one line that every way of watching it shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotoscope.pipeline.run.events import Event


class Tally:
    """Counts the events of a run; `line` says how far it is and how fast."""

    def __init__(self, noun: str = "videos", now: Callable[[], float] = time.monotonic) -> None:
        self.noun, self._now = noun, now
        self.started = now()
        self.total = self.finished = self.failed = self.worked = 0
        self.frames_done = 0
        self.running: dict[str, tuple[str, int, int]] = {}

    def count(self, event: Event) -> None:
        """Takes an event; the caller sees to it that one comes after the other."""
        if event.kind == "planned":
            self.total = event.total
        elif event.kind == "probed":
            self.running[event.name] = ("decode", 0, event.total)
        elif event.kind == "progress":
            total = self.running.get(event.name, ("", 0, 0))[2]
            self.running[event.name] = (event.stage, event.frame, total)
        elif event.kind == "finished" and event.row is not None:
            self.running.pop(event.name, None)
            self.finished += 1
            self.failed += event.row.status == "failed"
            if event.row.cpu_s:
                self.worked += 1
                self.frames_done += event.row.frames

    @property
    def percent(self) -> float:
        """How many of the videos have a row [%]."""
        return 100 * self.finished / self.total if self.total else 0.0

    def line(self) -> str:
        """`3/8 videos  0.20 videos/s  31 frames/s  ETA 25 s  failures 0  cup.mp4 hands 40/90`."""
        elapsed = max(self._now() - self.started, 1e-3)
        now = [f"{n} {stage} {done}/{total}" for n, (stage, done, total) in self.running.items()]
        frames = self.frames_done + sum(done for _, done, _ in self.running.values())
        left = self.total - self.finished
        eta = f"{elapsed / self.worked * left:.0f} s" if self.worked else "?"
        return (
            f"{self.finished}/{self.total} {self.noun}  "
            f"{self.worked / elapsed:.2f} {self.noun}/s  "
            f"{frames / elapsed:.0f} frames/s  ETA {eta}  failures {self.failed}  " + "  ".join(now)
        )
