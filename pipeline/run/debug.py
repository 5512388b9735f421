"""One video in this process, for a debugger: no child, no limits, nothing taken from before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from rotoscope.pipeline.files.atomic import remove
from rotoscope.pipeline.run.at_hand import at_hand
from rotoscope.pipeline.run.before import check_store
from rotoscope.pipeline.run.label import job_of
from rotoscope.pipeline.run.outcome import VideoOutcome
from rotoscope.pipeline.run.plan import Work, look
from rotoscope.pipeline.run.process import process_video
from rotoscope.pipeline.run.request import LabelRequest


@dataclass(frozen=True)
class Debugged:
    """Result of a single video, run in this process."""

    name: str
    """Name of the video."""
    num_others: int
    """Files that would have been labeled besides."""
    store: Path
    """Where the results lie: tracks of every stage, and the episodes."""
    outcome: VideoOutcome
    """Episodes of the video, or the error."""


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
    store = request.work / "debug"
    remove(store)
    request = replace(request, store=store, limit=None)
    files = look(request).files
    check_store(store)
    first, _ = files[0]
    with at_hand(first, lambda stage, done, total: None):
        answer = process_video(job_of(request, Work(first)), lambda stage, done, total: None)
    return Debugged(first.display_name, len(files) - 1, store, answer.outcome)
