"""A live line of progress: videos, frames, rates, what runs now, failures so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.live import Live
from rich.text import Text

from rotoscope.cli.terminal import Terminal, printable
from rotoscope.pipeline.run.tally import Tally

if TYPE_CHECKING:
    from rotoscope.pipeline.run.events import Event


class Progress:
    """Listens to a run; draws one live line on a terminal, plain lines elsewhere."""

    def __init__(self, console: Terminal, *, noun: str = "videos") -> None:
        self.console = console
        self.tally = Tally(noun)
        self.lock = threading.Lock()
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
            self.tally.count(event)
            if event.kind == "left_out":
                self.console.print(Text(event.name))
            elif event.kind == "finished":
                self._finish(event)
            elif event.kind == "publishing":
                self.console.say(f"writing the dataset: {event.total} episode source(s)")

    def _finish(self, event: Event) -> None:
        row = event.row
        assert row is not None
        count = f"[{self.tally.finished}/{self.tally.total}]"
        if row.status == "failed":
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
        return Text(printable(self.tally.line()), no_wrap=True, overflow="crop")


def tell_training(console: Terminal) -> Callable[[Any], None]:
    """A listener that prints a line for every look at how a training goes."""

    def tell(event: Any) -> None:
        rates = ", ".join(f"{part} {rate:.0f}" for part, rate in event.frames_per_s.items())
        console.say(
            f"{event.name}: step {event.step}/{event.num_steps}  loss {event.loss:.4f}  "
            f"held out {event.validation:.4f}  best {event.best:.4f}"
            + (f"  frames/s: {rates}" if rates else ""),
        )

    return tell
