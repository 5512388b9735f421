"""A live line of progress: videos, frames, rates, what runs now, failures so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.live import Live
from rich.text import Text

from rotoscope.cli.terminal import Terminal, printable

if TYPE_CHECKING:
    from rotoscope.pipeline.run.events import Event


class Progress:
    """Listens to a run; draws one live line on a terminal, plain lines elsewhere."""

    def __init__(self, console: Terminal, *, noun: str = "videos") -> None:
        self.console, self.noun = console, noun
        self.started = time.monotonic()
        self.lock = threading.Lock()
        self.total = self.finished = self.failed = self.worked = 0
        self.frames_done = 0
        self.running: dict[str, tuple[str, int, int]] = {}
        self.live = Live(console=console, get_renderable=self._line, refresh_per_second=4)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def __call__(self, event: Event) -> None:
        """Takes an event; may come from any thread."""
        with self.lock:
            if event.kind == "planned":
                self.total = event.total
            elif event.kind == "left_out":
                self.console.print(Text(event.name))
            elif event.kind == "probed":
                self.running[event.name] = ("decode", 0, event.total)
            elif event.kind == "progress":
                total = self.running.get(event.name, ("", 0, 0))[2]
                self.running[event.name] = (event.stage, event.frame, total)
            elif event.kind == "finished":
                self._finish(event)
            elif event.kind == "publishing":
                self.console.say(f"writing the dataset: {event.total} episode source(s)")

    def _finish(self, event: Event) -> None:
        row = event.row
        assert row is not None
        self.running.pop(event.name, None)
        self.finished += 1
        if row.cpu_s:
            self.worked += 1
            self.frames_done += row.frames
        count = f"[{self.finished}/{self.total}]"
        if row.status == "failed":
            self.failed += 1
            text = f"{count} FAILED {row.name}: {row.error} in {row.stage}: {row.message}"
            self.console.say(text, style="red")
            if "traceback" in row.detail:
                self.console.say(row.detail["traceback"])
        elif row.status == "done":
            how = f"{row.frames} frames, {row.cpu_s:.1f} s CPU" if row.cpu_s else "stored"
            self.console.say(f"{count} done {row.name} ({how})")
        else:
            self.console.say(f"{count} {row.status} {row.name}: {row.message}", style="yellow")

    def _line(self) -> Text:
        elapsed = max(time.monotonic() - self.started, 1e-3)
        now = [f"{n} {stage} {done}/{total}" for n, (stage, done, total) in self.running.items()]
        frames = self.frames_done + sum(done for _, done, _ in self.running.values())
        left = self.total - self.finished
        eta = f"{elapsed / self.worked * left:.0f} s" if self.worked else "?"
        return Text(
            printable(
                f"{self.finished}/{self.total} {self.noun}  "
                f"{self.worked / elapsed:.2f} {self.noun}/s  "
                f"{frames / elapsed:.0f} frames/s  ETA {eta}  failures {self.failed}  "
                + "  ".join(now)
            ),
            no_wrap=True,
            overflow="crop",
        )


def tell_training(console: Terminal) -> Callable[[Any], None]:
    """A listener that prints a line for every look at how a training goes."""

    def tell(event: Any) -> None:
        console.say(
            f"{event.name}: step {event.step}/{event.num_steps}  loss {event.loss:.4f}  "
            f"held out {event.validation:.4f}  best {event.best:.4f}",
        )

    return tell
