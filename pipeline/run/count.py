"""Frames of many files by their packets, many files to a child process: starting one costs more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import (
    FileChangedError,
    RemoteError,
    RotoscopeError,
    WorkerError,
)
from rotoscope.pipeline.files.identity import Identity, check_unchanged
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.recipe import Recipe, build_recipe
from rotoscope.pipeline.run.at_hand import at_hand
from rotoscope.pipeline.run.child import ChildError
from rotoscope.pipeline.run.isolation import Limits, Progress, run_isolated
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.run.rows import failed_row
from rotoscope.pipeline.sources import files_of, identify, open_motion, size_of
from rotoscope.pipeline.video.scan import Found

MOST_FILES, MOST_BYTES = 64, 256 << 20
"""Files that a child looks at, and their bytes together: time limits are meant for one file."""


@dataclass(frozen=True)
class Counted:
    """What a look at a file's packets says."""

    identity: Identity
    """Hash of its bytes."""
    num_frames: int
    """Frames that it holds."""
    megapixels: float = 0.0
    """Size of each; 0 of a file without pictures."""


@dataclass(frozen=True)
class CountJob:
    """Files to look at, in one child."""

    paths: tuple[Path, ...]
    """The files."""
    recipe: dict[str, Any]
    """`Recipe.as_raw()`; the user agreed to the programs that it names."""
    folder: Path | None
    """Folder of the recipe."""


def count_all(request: LabelRequest, files: Sequence[Found]) -> dict[str, Counted | Row]:
    """Frames of files by their displayed names, or the row of one that cannot be read.

    A file that ends its child costs one more child for those before it and one for those behind.
    """
    found: dict[str, Counted | Row] = {}
    waiting = list(_batches(files))
    while waiting:
        batch = waiting.pop()
        done, culprit = _count(request, batch)
        if culprit is None:
            found |= done
        elif len(batch) == 1:
            found[batch[0].display_name] = done[batch[0].display_name]
        else:
            parts = (batch[:culprit], batch[culprit : culprit + 1], batch[culprit + 1 :])
            waiting += [part for part in parts if part]
    return found


def count_frames(job: CountJob, report: Progress) -> list[Counted | ChildError]:
    """Frames of each file, or what is wrong with it; a damaged one can end the process."""
    recipe = build_recipe(job.recipe, folder=job.folder, allow_code=True)
    answers: list[Counted | ChildError] = []
    for number, path in enumerate(job.paths):
        report("probe", number, 0)
        try:
            answers.append(_look_at(path, recipe, report, number))
        except RotoscopeError as error:
            answers.append(ChildError(type(error).__name__, str(error), True, ""))
    return answers


def _look_at(path: Path, recipe: Recipe, report: Progress, number: int) -> Counted:
    kind, stages = recipe.source, recipe.stage_classes
    identity = identify(path, kind, stages, progress=lambda _: report("hash", number, 0))
    if kind == "motion":
        return Counted(identity, open_motion(path, sha256=identity.sha256)[0].num_frames)
    from rotoscope.pipeline.video.probe import probe

    rate_hz = recipe.video.image_rate_hz
    video = probe(path, sha256=identity.sha256, image_rate_hz=rate_hz)
    check_unchanged(identity, files_of(path, kind, stages), shown=display_name(path))
    return Counted(identity, video.num_frames, video.width * video.height / 1e6)


def _count(
    request: LabelRequest, batch: Sequence[Found]
) -> tuple[dict[str, Counted | Row], int | None]:
    """What a child says of some files; which of them ended it, if one did, alone or not."""
    recipe = request.recipe
    job = CountJob(tuple(f.path for f in batch), recipe.as_raw(), recipe.folder)
    last = [0]

    def heard(stage: str, number: int, total: int) -> None:
        last[0] = number

    error: RotoscopeError | ChildError
    try:
        with ExitStack() as held:
            for number, found in enumerate(batch):
                heard("fetch", number, 0)
                held.enter_context(at_hand(found, lambda stage, done, total: None))
            answer = run_isolated(
                "rotoscope.pipeline.run.count:count_frames",
                job,
                limits=Limits.of(recipe.limits),
                preload=("rotoscope.pipeline.video.probe",),
                on_message=heard,
            )
    except (WorkerError, RemoteError, FileChangedError) as ended:
        error = ended
    else:
        if answer.error is None:
            rows = zip(batch, answer.value, strict=True)
            return {f.display_name: _row_or_count(request, f, said) for f, said in rows}, None
        error = answer.error
    culprit = batch[last[0]]
    return {culprit.display_name: failed_row(request, culprit, "probe", error)}, last[0]


def _row_or_count(request: LabelRequest, found: Found, said: Counted | ChildError) -> Counted | Row:
    return failed_row(request, found, "probe", said) if isinstance(said, ChildError) else said


def _batches(files: Sequence[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    num_bytes = 0
    for found in files:
        size = size_of(found)
        if batch and (len(batch) == MOST_FILES or num_bytes + size > MOST_BYTES):
            yield batch
            batch, num_bytes = [], 0
        batch.append(found)
        num_bytes += size
    if batch:
        yield batch
