"""Tracks for somebody's dataset: a recipe's track stages on every episode, then new columns."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rotoscope.pipeline.add_tracks.columns import (
    choose_subjects,
    columns_of,
    seen_frames,
    stored_tracks,
)
from rotoscope.pipeline.add_tracks.frames import EpisodeFrames, find_frames
from rotoscope.pipeline.add_tracks.recipe import tracks_alone
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.errors import DatasetError, TrackError, UsageError, quoted
from rotoscope.pipeline.export.added_columns import AddedColumn, write_with_columns
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.run.before import check_assets, check_store
from rotoscope.pipeline.run.events import Event, Listener, ignore
from rotoscope.pipeline.run.keys import outcome_key, stage_tokens
from rotoscope.pipeline.run.label import run_all
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.outcome import VideoAnswer, stored_outcome
from rotoscope.pipeline.run.plan import Work
from rotoscope.pipeline.run.process import Part
from rotoscope.pipeline.run.publish import provenance_of
from rotoscope.pipeline.run.request import LabelRequest, read_provenance
from rotoscope.pipeline.run.rows import finished_row
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.store.store import Store, content_key, default_store
from rotoscope.pipeline.video.scan import Found

MADE_HERE = "tracks"
"""Key in `meta/rotoscope/provenance.json` of a dataset that was written here."""
Load = Callable[[EpisodeFrames], Tracks]
"""Gives an episode's tracks out of the store; `TrackError` where they are not there."""


@dataclass(frozen=True)
class TrackRequest:
    """Request for tracks: dataset, recipe, and where the new dataset goes."""

    data: Path
    """Folder of a LeRobot v3 dataset."""
    recipe: Recipe
    """Recipe whose track stages are run; its other stages are left out."""
    out: Path
    """Where the dataset with tracks is published."""
    camera: str = ""
    """Camera that is looked through; may be empty where there is only one."""
    subject: str = ""
    """Subject of the columns, such as `left`; empty for who is seen most, `each` for who is
    seen most in each episode."""
    store: Path = field(default_factory=default_store)
    """Root of the content-addressed store."""
    workers: int = 1
    """Episodes processed at the same time."""


@dataclass(frozen=True)
class TrackResult:
    """Rows, columns and subjects of a finished run."""

    rows: tuple[Row, ...]
    """One per episode, in their order."""
    columns: Mapping[str, AddedColumn]
    """The columns by name."""
    subjects: Mapping[int, str]
    """Subject of the columns by episode index; failed episodes have none."""
    replaced: tuple[str, ...]
    """Names of columns that the dataset had before and that were replaced."""

    @property
    def exit_code(self) -> int:
        """0 all good, 1 some episodes failed."""
        return int(any(row.status == "failed" for row in self.rows))


def track(request: TrackRequest, *, listener: Listener = ignore) -> TrackResult:
    """Runs the track stages on the frames of every episode and publishes a copy with columns.

    Finished episodes are taken from the store. One that fails holds NaN in the new columns; the
    same call tries it again.

    Raises:
        UsageError: A recipe without track stages, a camera that is not there, or an `out` that
            holds something else.
        DatasetError: Video and table do not fit together, or no episode could be tracked.
        AssetError: A weight that a stage needs was not fetched.
    """
    recipe = tracks_alone(request.recipe)
    dataset = open_dataset(request.data)
    _check_out(request)
    camera = _camera(dataset, request.camera)
    check_assets(recipe)
    load = partial(stored_tracks, Store(request.store), recipe, stage_tokens(recipe))
    episodes = find_frames(dataset, camera)
    check_store(request.store)
    rows, seen = _look(load, episodes, _run(request, recipe, episodes, load, listener))
    known = [e for e, row in zip(episodes, rows, strict=True) if row.status != "failed"]
    if not known:
        first = rows[0]
        raise DatasetError(
            f"none of {len(rows)} episodes could be tracked, nothing was written; {first.name} "
            f"failed in {first.stage}: {first.error}: {first.message}"
        )
    subjects = choose_subjects(seen, request.subject)
    columns = columns_of(episodes, ((episode, load(episode)) for episode in known), subjects)
    listener(Event("publishing", total=len(episodes)))
    failed = {row.name: f"{row.error}: {row.message}" for row in rows if row.status == "failed"}
    about = {name: [i for i, s in subjects.items() if s == name] for name in subjects.values()}
    facts = {"camera": camera, "about": about, "columns": list(columns), "failed": failed}
    made = _provenance(dataset, recipe, episodes, facts)
    write_with_columns(dataset, columns, request.out, provenance=made)
    listener(Event("published"))
    replaced = tuple(name for name in columns if name in dataset.info["features"])
    return TrackResult(tuple(rows), columns, subjects, replaced)


def _check_out(request: TrackRequest) -> None:
    out, data = (Path(os.path.realpath(p)) for p in (request.out, request.data))
    if out == data or data in out.parents or out in data.parents:
        raise UsageError(
            f"--out {request.out} is {request.data} itself, or one lies in the other; the dataset "
            "is left as it is: name another folder"
        )
    is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not is_free and MADE_HERE not in (read_provenance(out) or {}):
        raise UsageError(
            f"{request.out} exists and was not written by rotoscope track; name another --out or "
            "move it away"
        )


def _camera(dataset: Dataset, wanted: str) -> str:
    cameras = dataset.cameras
    if not cameras:
        raise UsageError(
            f"{dataset.root} has no video; tracks are seen in video: where its pictures are single "
            "images, convert it with LeRobot's convert_image_to_video_dataset"
        )
    if wanted and wanted not in cameras:
        raise UsageError(f"{dataset.root} has no camera {wanted!r}; it has {quoted(cameras)}")
    if not wanted and len(cameras) > 1:
        raise UsageError(f"{dataset.root} has several cameras; give --camera {quoted(cameras)}")
    return wanted or cameras[0]


def _run(
    request: TrackRequest,
    recipe: Recipe,
    episodes: Sequence[EpisodeFrames],
    load: Load,
    listener: Listener,
) -> list[Row]:
    """What became of every episode, in order."""
    run = LabelRequest(
        inputs=(), recipe=recipe, out=request.out, store=request.store, workers=request.workers
    )
    listener(Event("planned", total=len(episodes)))
    rows: dict[str, Row] = {}
    todo, tokens = [], stage_tokens(recipe)
    for episode in episodes:
        work = _work(episode)
        row = _stored_row(run, work, tokens)
        if row is None or not _is_stored(load, episode):
            todo.append(work)
        else:
            rows[row.name] = row
            listener(Event("finished", name=row.name, row=row))
    for row in run_all(run, todo, listener, threading.Event()):
        rows[row.name] = replace(row, retry="")
        listener(Event("finished", name=row.name, row=row))
    return [rows[episode.name] for episode in episodes]


def _work(episode: EpisodeFrames) -> Work:
    part = Part(episode.sha256, (episode.start, episode.end), episode.identity)
    return Work(Found(episode.file, episode.name), part)


def _stored_row(run: LabelRequest, work: Work, tokens: dict[str, str]) -> Row | None:
    assert work.part is not None
    key = outcome_key(run.recipe, work.part.sha256, tokens, run.until)
    outcome = stored_outcome(Store(run.store), key)
    if outcome is None:
        return None
    identity = replace(work.part.file, sha256=work.part.sha256)
    return finished_row(work.found, VideoAnswer(outcome, identity, True, {}), None)


def _is_stored(load: Load, episode: EpisodeFrames) -> bool:
    try:
        load(episode)
    except TrackError:
        return False
    return True


def _look(
    load: Load, episodes: Sequence[EpisodeFrames], rows: Sequence[Row]
) -> tuple[list[Row], dict[int, Counter[str]]]:
    """Which episodes failed, now that their tracks are there, and who was seen in the others."""
    final, seen = [], {}
    for episode, row in zip(episodes, rows, strict=True):
        if row.status != "failed":
            try:
                seen[episode.index] = seen_frames(load(episode))
            except TrackError as error:
                text = str(error)
                row = replace(row, status="failed", stage="read", error="TrackError", message=text)
        final.append(row)
    return final, seen


def _provenance(
    dataset: Dataset, recipe: Recipe, episodes: Sequence[EpisodeFrames], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What the dataset said of itself, and by which stages it got the columns."""
    before: dict[str, Any] = dataset.rotoscope("provenance.json")
    run = LabelRequest(inputs=(), recipe=recipe, out=dataset.root)
    made = provenance_of(run) | dict(facts)
    key = content_key(
        {
            "kind": "tracks added",
            "to": before.get("dataset_key", ""),
            "parts": [episode.sha256 for episode in episodes],
            "made": made,
        }
    )
    return before | {"dataset_key": key, MADE_HERE: [*before.get(MADE_HERE, []), made]}
