"""One video in this process, for a debugger: no child, no limits, nothing taken from before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.atomic import remove
from pipeline.errors import UsageError
from pipeline.run.before import check_before
from pipeline.run.process import VideoJob, VideoOutcome, process_video
from pipeline.run.request import LabelRequest
from pipeline.sources import identity, nothing_found, scan


@dataclass(frozen=True)
class Debugged:
    """What became of the one video."""

    name: str
    """Which it was."""
    num_others: int
    """Files that would have been labelled besides."""
    store: Path
    """Where the results lie: tracks of every stage, and the episodes."""
    outcome: VideoOutcome
    """What it gave."""


def label_in_process(request: LabelRequest) -> Debugged:
    """Runs the recipe on the first file of a request as `label` would, but in this process.

    Every stage runs, whatever the store holds: results go into a store of their own, which the
    next call empties. No dataset is published, and the ledger is left alone. Exceptions of a stage
    come out as they are.

    Raises:
        UsageError: There is no file of the recipe's kind.
        VideoError: The file cannot be read.
        MotionError: The same of a motion file.
    """
    recipe = request.recipe
    found = scan(list(request.inputs), recipe.source, only=request.only)
    if not found:
        raise UsageError(
            nothing_found(request.inputs, recipe.source, recipe=recipe.name, only=request.only)
        )
    store = request.work / "debug"
    remove(store)
    check_before(recipe, store)
    first = found[0]
    job = VideoJob(
        path=first.path,
        sha256=identity(first.path, recipe.source),
        recipe=recipe.as_raw(),
        folder=recipe.folder,
        store=store,
        until=request.until,
    )
    outcome = process_video(job, lambda stage, done, total: None)
    return Debugged(first.display_name, len(found) - 1, store, outcome)
