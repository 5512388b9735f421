"""A dataset without actions, or with few, labeled by a trained inverse dynamics labeler."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from rotoscope.models.inverse_dynamics.encoders import encoder_token
from rotoscope.models.inverse_dynamics.familiarity import STRANGE
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import Labeler, load_labeler
from rotoscope.models.inverse_dynamics.labeler_facts import LABELER_FOLDER
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.read import episode_images, numbers_of
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.add_tracks.isolated import EpisodeWork, Running, run_episodes
from rotoscope.pipeline.add_tracks.labels import (
    FAMILIARITY,
    INTERVAL,
    EpisodeLabels,
    check_out,
    write_labeled,
)
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.errors import DatasetError, quoted
from rotoscope.pipeline.files.identity import identify
from rotoscope.pipeline.tracks import REASONS, SCENE, ActionTrack, FeatureTrack, Track

VERSION = "2"
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
    labeler: Path
    """Folder of the labeler."""


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
    labeler_folder: Path,
    out: Path,
    *,
    keeps_known: bool = True,
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
        labeler_folder: What `rotoscope train inverse-dynamics` wrote.
        out: Where the new dataset appears, whole.
        keeps_known: Whether rows with `label.valid` keep their own actions, with confidence 1.
        running: Store, workers and listener; one worker and the user's store where `None`.
        say: Told of episodes that could not be labeled.

    Raises:
        DatasetError: A feature or camera is missing, another rate, or nothing could be labeled.
        UsageError: No trained labeler in `labeler_folder`, or `out` holds something else.
    """
    check_out(data, out)
    labeler, dataset = load_labeler(labeler_folder), open_dataset(data)
    _check(dataset, labeler)
    token = {
        "labeler": LABELER_FOLDER.digest(labeler_folder),
        "encoder": _encoder(labeler),
        "version": VERSION,
    }
    files: dict[Path, str] = {}
    todo = [
        _work(dataset, row, labeler, EpisodeJob(data, row, labeler_folder), token, files)
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
        if isinstance(track, ActionTrack) and not track.valid.any():
            num_blind += 1
            say(f"{work.name}: no window of its {rows.num_rows} rows is known: not labeled")
        labels[rows.index] = _labels(labeler, rows, tracks, keeps_known=keeps_known)
    if num_blind + len(failed) == len(todo):
        raise DatasetError(
            f"{quoted(labeler.facts.inputs)} are known in no window of any episode, or all "
            "episodes are shorter than the labeler's window: there is nothing to label"
        )
    made = {
        "labeler": labeler_folder.resolve().name,
        "sha256": token["labeler"],
        "family": labeler.facts.family,
        "inputs": [*labeler.facts.inputs, *filter(None, [labeler.facts.camera])],
        "keeps_known": keeps_known,
        "episodes": [work.key for work in todo],
        "failed": {row.name: f"{row.error}: {row.message}" for row in failed},
    }
    write_labeled(dataset, labels, out, contract=labeler.facts.contract, made=made, failed=failed)
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
    labeler, dataset = load_labeler(jobs[0].labeler), open_dataset(jobs[0].data)
    if labeler.facts.config.kind == "mlp" or labeler.facts.camera:
        import torch

        torch.set_num_threads(1)  # or children side by side fight each other
    out = []
    for number, job in enumerate(jobs):
        report("label", number, 0)
        out.append(_tracks(labeler, dataset, job.row))
    return out


def _tracks(labeler: Labeler, dataset: Dataset, row: int) -> dict[str, Track]:
    facts = labeler.facts
    camera = facts.camera or None
    rows = dataset.episode(row, camera=camera)
    num, names = rows.num_rows, tuple(facts.contract.names)
    columns = [numbers_of(rows, name) for name in facts.inputs]
    size = facts.config.image_size
    episode = UnlabelledEpisode(
        name=f"episode {rows.index}",
        time_s=np.asarray(rows.columns["timestamp"], float),
        features=np.concatenate([np.zeros((num, 0)), *columns], axis=1),
        images=episode_images(dataset, rows, row, camera, size) if camera else None,
    )
    labels, known = infer_episode(labeler, episode)
    values, width = np.full((num, len(names)), np.nan), np.full((num, len(names)), np.nan)
    confidence, familiarity = np.zeros(num), np.full(num, np.nan)
    values[known], width[known] = labels.values, labels.half_width
    confidence[known], familiarity[known] = labels.confidence, labels.familiarity
    return {
        _ACTIONS: ActionTrack(
            labeler=facts.family,
            subject=SCENE,
            contract=facts.contract,
            values=values,
            valid=known,
            confidence=confidence,
            reason=np.where(known, 0, REASONS.index("not_seen")).astype(np.uint8),
        ),
        _INTERVAL: FeatureTrack(
            feature=INTERVAL,
            subject=SCENE,
            values=width,
            names=names,
            unit=", ".join(sorted({d.unit for d in facts.contract.dimensions})),
            description="Half width of the 90 % interval of each number of the action.",
        ),
        _FAMILIARITY: FeatureTrack(
            feature=FAMILIARITY,
            subject=SCENE,
            values=familiarity[:, None],
            names=("familiarity",),
            unit="1",
            description="How much the row is like what the labeler was trained on, 0 to 1.",
        ),
    }


def _labels(
    labeler: Labeler, rows: EpisodeRows, tracks: dict[str, Track] | None, *, keeps_known: bool
) -> EpisodeLabels:
    """The labels of every row, known actions kept where that is asked for."""
    num, size = rows.num_rows, len(labeler.facts.contract.dimensions)
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
    facts = labeler.facts
    rows = dataset.episode(row, camera=facts.camera or None)
    seen = hashlib.sha256(np.asarray(rows.columns["timestamp"], float).tobytes())
    for name in facts.inputs:
        seen.update(numbers_of(rows, name).tobytes())
    pictures: dict[str, Any] = {}
    if facts.camera and rows.video_file is not None:
        file = rows.video_file
        files[file] = files.get(file) or identify([file]).sha256
        pictures = {"video": files[file], "start_s": rows.video_start_s}
    content = {"kind_of": "relabel", "seen": seen.hexdigest(), "rows": rows.num_rows}
    return EpisodeWork(f"episode {rows.index}", rows.num_rows, content | pictures | token, job)


def _encoder(labeler: Labeler) -> str:
    """Stands for an encoder that the labeler names, refused where it changed since training."""
    if not labeler.facts.camera:
        return ""
    _ = labeler.encoder
    return encoder_token(labeler.facts.config.image_network)


def _check(dataset: Dataset, labeler: Labeler) -> None:
    facts, features = labeler.facts, dataset.info["features"]
    wanted = [*facts.inputs, *([facts.camera] if facts.camera else [])]
    missing = [name for name in wanted if name not in features]
    if missing:
        raise DatasetError(
            f"{dataset.root} has no {quoted(missing)}, which the labeler sees; it has "
            f"{quoted(features)}"
        )
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
