"""`rotoscope label --debug`: one video in this process, where `breakpoint()` works."""

from __future__ import annotations

import bdb
from typing import TYPE_CHECKING

import typer

from rotoscope.cli.guard import show_tracebacks
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.pipeline.run.request import LabelRequest


def debug(request: LabelRequest) -> None:
    """Runs it and says where the results lie."""
    from rotoscope.pipeline.run.debug import label_in_process

    show_tracebacks()
    try:
        done = label_in_process(request)
    except bdb.BdbQuit:
        console.say("the debugger was left; nothing was published")
        raise typer.Exit(1) from None
    others = f", the first of {done.num_others + 1} (choose with --only)" if done.num_others else ""
    console.say(f"{done.name}{others}: {done.outcome.frames} frames")
    if done.outcome.why_empty:
        console.say(f"no episodes: {done.outcome.why_empty}")
    elif done.outcome.episodes:
        console.say(f"{len(done.outcome.episodes)} episodes; no dataset is written with --debug")
    console.say(f"results: {done.store}")
