"""A dataset without actions, or with few, labeled by a trained labeler of any kind."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.labelers.label_tracks import label_tracks
from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.labelers.labels import STRANGE
from rotoscope.models.labelers.names import LabelerName, open_labeler
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.focus_points import check_focus, points_of
from rotoscope.models.training.frames import episode_images, focused_map
from rotoscope.models.training.read import input_of, numbers_of
from rotoscope.models.training.views import cameras_of
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.add_tracks.isolated import EpisodeWork, Running, run_episodes
from rotoscope.pipeline.add_tracks.labels import EpisodeLabels, check_out, write_labeled
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.errors import DatasetError, quoted
from rotoscope.pipeline.files.identity import identify
from rotoscope.pipeline.tracks import REASONS, SCENE, ActionTrack, FeatureTrack, Track

VERSION = "3"
"""Bump when the same episode and labeler give other labels."""
_ACTIONS, _INTERVAL, _FAMILIARITY = "actions.scene", "interval.scene", "familiarity.scene"
Say = Callable[[str], None]


@dataclass(frozen=True)
class EpisodeJob:
    """One episode that a child labels."""

    data: Path
    """Folder of the dataset."""
    row: int
    """Row of the dataset's table."""
    labeler: str
    """Name of the labeler, its folder included."""
    device: Device = "auto"
    """Where its networks run."""


@dataclass(frozen=True)
class RelabelResult:
    """What labeling a dataset did."""

    episodes: int
    """Episodes of the dataset."""
    rows: int
    """Rows in all of them."""
    valid_rows: int
    """Rows that are valid now."""
    failed: tuple[str, ...] = ()
    """Episodes that failed, each with why."""

    @property
    def exit_code(self) -> int:
        """0 all good, 1 some episodes failed."""
        return int(bool(self.failed))


def relabel_dataset(
    data: Path,
    labeler_name: str | os.PathLike[str],
    out: Path,
    *,
    keeps_known: bool = True,
    device: Device = "auto",
    running: Running | None = None,
    say: Say = lambda _: None,
) -> RelabelResult:
    """Writes a dataset whose actions are what a labeler infers from features and pictures.

    All columns and all cameras are kept, videos byte for byte. Every episode is labeled in a child
    process, labeled ones and others alike; what is finished is kept in the store. One that fails
    is a row of the ledger, its rows are not valid, and the same call tries it again. Rows whose
    window of features is not known are written as the nearest one and are not valid; so are all
    rows, as zeros, of an episode without any such window.

    Args:
        data: Folder of a LeRobot v3 dataset that has the features the labeler sees.
        labeler_name: `FOLDER` that `rotoscope train` wrote, or `NAME@FOLDER`.
        out: Where the new dataset appears, whole.
        keeps_known: Whether rows with `label.valid` keep their own actions, with confidence 1.
        device: Where its networks run.
        running: Store, workers and listener; one worker and the user's store where `None`.
        say: Told of episodes that could not be labeled.

    Raises:
        DatasetError: A feature or camera is missing, another rate, or nothing could be labeled.
        UsageError: There is no such labeler or device, or `out` holds something else.
    """
    check_out(data, out)
    named = LabelerName.of(os.fspath(labeler_name))
    labeler, dataset = named.open(), open_dataset(data)
    facts = labeler.trained
    torch_device(device)
    _check(dataset, labeler)
    token = {"labeler": labeler.digest(named.trained_folder), "version": VERSION}
    files: dict[Path, str] = {}
    todo = [
        _work(dataset, row, labeler, EpisodeJob(data, row, str(named), device), token, files)
        for row in range(len(dataset.table))
    ]
    done = run_episodes(f"{__name__}:label_episodes", todo, running or Running())
    failed = [row for row in done.rows if row.status == "failed"]
    if len(failed) == len(done.rows):
        first = failed[0]
        raise DatasetError(
            f"none of {len(failed)} episodes could be labeled, nothing was written; {first.name} "
            f"failed: {first.error}: {first.message}"
        )
    labels: dict[int, EpisodeLabels] = {}
    num_blind = 0
    for row, work in enumerate(todo):
        rows = dataset.episode(row)
        tracks = done.tracks.get(work.name)
        track = None if tracks is None else tracks[_ACTIONS]
        if isinstance(track, ActionTrack) and np.isnan(track.values).any(axis=1).all():
            num_blind += 1
            say(f"{work.name}: no window of its {rows.num_rows} rows is known: not labeled")
        labels[rows.index] = _labels(labeler, rows, tracks, keeps_known=keeps_known)
    if num_blind + len(failed) == len(todo):
        raise DatasetError(
            f"{quoted(facts.inputs)} are known in no window of any episode, or all "
            "episodes are shorter than the labeler's window: there is nothing to label"
        )
    made = {
        "labeler": named.title,
        "sha256": token["labeler"],
        "family": facts.family,
        "inputs": [*facts.inputs, *cameras_of(facts.camera)],
        "keeps_known": keeps_known,
        "episodes": [work.key for work in todo],
        "failed": {row.name: f"{row.error}: {row.message}" for row in failed},
    }
    write_labeled(dataset, labels, out, contract=facts.contract, made=made, failed=failed)
    return RelabelResult(
        episodes=len(todo),
        rows=sum(len(one.valid) for one in labels.values()),
        valid_rows=sum(int(one.valid.sum()) for one in labels.values()),
        failed=tuple(f"{row.name}: {row.error}: {row.message}" for row in failed),
    )


def label_episodes(
    jobs: Sequence[EpisodeJob], report: Callable[[str, int, int], None]
) -> list[dict[str, Track]]:
    """In a child: what a labeler says of some episodes, as tracks of the scene.

    `actions.scene` holds NaN where no window is known, `interval.scene` half of the 90 % interval,
    `familiarity.scene` how much the row is like what the labeler was trained on.
    """
    labeler, dataset = open_labeler(jobs[0].labeler), open_dataset(jobs[0].data)
    labeler.device = jobs[0].device
    labeler.setup()
    out = []
    for number, job in enumerate(jobs):
        report("label", number, 0)
        out.append(_tracks(labeler, dataset, job.row))
    return out


def _tracks(labeler: Labeler, dataset: Dataset, row: int) -> dict[str, Track]:
    facts = labeler.trained
    rows = dataset.episode(row)
    columns = [input_of(rows, name) for name in facts.inputs]
    size, focus = labeler.config.image_size, labeler.config.focus
    images = episode_images(dataset, row, facts.camera, size) if facts.camera else None
    points = points_of(dataset, rows, facts.camera, focus) if focus.tracks else None
    if images is not None and points is not None:
        images = focused_map(images, points, focus)
    episode = UnlabelledEpisode(
        name=f"episode {rows.index}",
        time_s=np.asarray(rows.columns["timestamp"], float),
        features=np.concatenate([np.zeros((rows.num_rows, 0)), *columns], axis=1),
        images=images,
        points=points,
    )
    tracks = label_tracks(
        labeler.labels_of(episode),
        facts.contract,
        kind=facts.family,
        subject=SCENE,
        observed=np.ones(rows.num_rows, bool),
    )
    return dict(zip((_ACTIONS, _INTERVAL, _FAMILIARITY), tracks, strict=True))


def _labels(
    labeler: Labeler, rows: EpisodeRows, tracks: dict[str, Track] | None, *, keeps_known: bool
) -> EpisodeLabels:
    """The labels of every row, known actions kept where that is asked for."""
    num, size = rows.num_rows, len(labeler.contract.dimensions)
    values, width = np.full((num, size), np.nan), np.full((num, size), np.nan)
    confidence, familiarity = np.zeros(num), np.full(num, np.nan)
    if tracks is not None:
        actions, interval, like = (tracks[n] for n in (_ACTIONS, _INTERVAL, _FAMILIARITY))
        assert isinstance(actions, ActionTrack)
        assert isinstance(interval, FeatureTrack)
        assert isinstance(like, FeatureTrack)
        values, confidence = actions.values.copy(), actions.confidence.copy()
        width = interval.values.copy()
        familiarity = np.ravel(like.values).copy()
    known = _known(rows, size) & keeps_known
    if known.any():
        values[known], width[known] = numbers_of(rows, "action")[known], np.nan
        confidence[known], familiarity[known] = 1.0, np.nan
    is_known = np.isfinite(values).all(axis=1)
    is_strange = familiarity < STRANGE
    valid = is_known & ~is_strange
    why = np.where(is_strange, REASONS.index("low_confidence"), REASONS.index("not_seen"))
    if is_known.any():
        there = np.flatnonzero(is_known)
        values = values[there[nearest_frames(there.astype(float), np.arange(float(num)))]]
    return EpisodeLabels(
        action=np.nan_to_num(values),
        valid=valid,
        confidence=np.where(valid, confidence, 0.0),
        reason=np.where(valid, 0, why).astype(np.uint8),
        half_width=width,
        familiarity=familiarity,
    )


def _work(
    dataset: Dataset,
    row: int,
    labeler: Labeler,
    job: EpisodeJob,
    token: dict[str, str],
    files: dict[Path, str],
) -> EpisodeWork:
    """An episode and all that its labels hang on: what the labeler sees of it, and the labeler."""
    facts = labeler.trained
    rows = dataset.episode(row)
    seen = hashlib.sha256(np.asarray(rows.columns["timestamp"], float).tobytes())
    for name in facts.inputs:
        seen.update(input_of(rows, name).tobytes())
    for name in labeler.config.focus.tracks:
        seen.update(numbers_of(rows, name.rpartition(":")[2]).tobytes())
    views = []
    for camera in cameras_of(facts.camera):
        of_camera = dataset.episode(row, camera=camera)
        file = of_camera.video_file
        assert file is not None
        files[file] = files.get(file) or identify([file]).sha256
        views.append({"video": files[file], "start_s": of_camera.video_start_s})
    pictures: dict[str, Any] = dict(views[0]) if views else {}
    if len(views) > 1:
        pictures["views"] = views
    content = {"kind_of": "relabel", "seen": seen.hexdigest(), "rows": rows.num_rows}
    return EpisodeWork(f"episode {rows.index}", rows.num_rows, content | pictures | token, job)


def _check(dataset: Dataset, labeler: Labeler) -> None:
    facts, features = labeler.trained, dataset.info["features"]
    wanted = [*facts.inputs, *cameras_of(facts.camera)]
    missing = [name for name in wanted if name not in features]
    if missing:
        raise DatasetError(
            f"{dataset.root} has no {quoted(missing)}, which the labeler sees; it has "
            f"{quoted(features)}"
        )
    check_focus(dataset, facts.camera, labeler.config.focus)
    if abs(facts.contract.rate_hz / dataset.fps - 1) > 1e-3:
        raise DatasetError(
            f"{dataset.root} has {dataset.fps:g} rows a second, the labeler gives "
            f"{facts.contract.rate_hz:g} actions a second; write one of the two again"
        )


def _known(rows: EpisodeRows, num_numbers: int) -> Bool[np.ndarray, " row"]:
    """Rows whose own action can be believed."""
    has = "label.valid" in rows.columns and "action" in rows.columns
    if not has or numbers_of(rows, "action").shape[1] != num_numbers:
        return np.zeros(rows.num_rows, bool)
    actions = numbers_of(rows, "action")
    valid = np.asarray(rows.columns["label.valid"], bool).reshape(rows.num_rows)
    return valid & np.isfinite(actions).all(axis=1)
