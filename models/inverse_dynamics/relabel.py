"""A dataset without actions, or with few, labeled by a trained inverse dynamics labeler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import Labeler, load_labeler
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.frames import open_frames
from rotoscope.models.training.read import numbers_of
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset, read_images
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import DatasetError, quoted
from rotoscope.pipeline.export.publish import PublishResult
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows
from rotoscope.pipeline.video.encode import EpisodeEncoder


def relabel_dataset(
    data: Path,
    labeler_folder: Path,
    out: Path,
    *,
    keeps_known: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> PublishResult:
    """Writes a dataset whose actions are what a labeler infers from features and pictures.

    State and pictures of one camera are taken over. Rows whose window of features is not known are
    written as the nearest one and are not valid; so are all rows, as zeros, of an episode without
    any such window.

    Args:
        data: Folder of a LeRobot v3 dataset that has the features the labeler sees.
        labeler_folder: What `rotoscope train inverse-dynamics` wrote.
        out: Where the new dataset appears, whole.
        keeps_known: Whether rows with `label.valid` keep their own actions, with confidence 1.
        say: Told of episodes that could not be labeled.

    Raises:
        DatasetError: A feature or camera is missing, another rate, or `out` holds something else.
        UsageError: No trained labeler in `labeler_folder`.
    """
    labeler, dataset = load_labeler(labeler_folder), open_dataset(data)
    _check(dataset, labeler)
    camera = dataset.video_key or ""
    state = _state_columns(dataset)
    tasks = dataset.tasks()
    contract = labeler.facts.contract
    num_blind = 0
    with DatasetRecorder(contract, state, camera=camera.rpartition(".")[2]) as recorder:
        for rows, images in _episodes(dataset, labeler):
            values, confidence, valid = _labeled(labeler, rows, images)
            if not valid.any():
                num_blind += 1
                say(
                    f"episode {rows.index}: no window of its {rows.num_rows} rows is known: not "
                    "labeled"
                )
            known = _known(rows, len(contract.dimensions)) & keeps_known
            if known.any():
                values = np.where(known[:, None], numbers_of(rows, "action"), values)
            recorder.add(
                Rows(
                    name=f"{data.resolve().name}-episode{rows.index:06d}",
                    task=tasks[int(rows.columns["task_index"][0])],
                    actions=values,
                    valid=valid | known,
                    confidence=np.where(known, 1.0, confidence),
                    state=None if state is None else numbers_of(rows, "observation.state"),
                ),
                _copied(recorder, dataset, rows, camera) if camera else None,
            )
        if num_blind == len(dataset.table):
            raise DatasetError(
                f"{quoted(labeler.facts.inputs)} are known in no window of any episode, or all "
                "episodes are shorter than the labeler's window: there is nothing to label"
            )
        return recorder.publish(out, made_by=f"labeled by {labeler_folder.resolve().name}")


def _labeled(
    labeler: Labeler, rows: EpisodeRows, images: UInt8[np.ndarray, "row size size 3"] | None
) -> tuple[Float[np.ndarray, "row action"], np.ndarray, np.ndarray]:
    """Actions, confidence, and which rows were labeled."""
    num = rows.num_rows
    columns = [numbers_of(rows, name) for name in labeler.facts.inputs]
    episode = UnlabelledEpisode(
        name=f"episode {rows.index}",
        time_s=np.asarray(rows.columns["timestamp"], float),
        features=np.concatenate([np.zeros((num, 0)), *columns], axis=1),
        images=images,
    )
    labels, valid = infer_episode(labeler, episode)
    if not valid.any():
        return np.zeros((num, len(labeler.space.contract.dimensions))), np.zeros(num), valid
    nearest = nearest_frames(np.flatnonzero(valid).astype(float), np.arange(num, dtype=float))
    return labels.values[nearest], np.where(valid, labels.confidence[nearest], 0.0), valid


def _episodes(dataset: Dataset, labeler: Labeler) -> Iterator[tuple[EpisodeRows, Any]]:
    """Every episode with the small pictures that the labeler sees, if it sees any."""
    camera, start = labeler.facts.camera, 0
    frames = None
    if camera:
        frames = open_frames(dataset, camera, side_px=labeler.facts.config.image_size)
    for index in range(len(dataset.table)):
        rows = dataset.episode(index)
        end = start + rows.num_rows
        images = None if frames is None else frames[start:end].transpose(0, 2, 3, 1)
        yield rows, None if images is None else np.ascontiguousarray(images)
        start = end


def _copied(
    recorder: DatasetRecorder, dataset: Dataset, rows: EpisodeRows, camera: str
) -> EpisodeEncoder:
    """The episode's pictures, encoded once more; of its first camera."""
    assert dataset.video_key == camera
    images = read_images(rows, range(rows.num_rows), dataset.fps)
    first = next(images)
    with recorder.encoder(first) as encoder:
        encoder.add(first)
        for image in images:
            encoder.add(image)
    return encoder


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


def _known(rows: EpisodeRows, num_numbers: int) -> np.ndarray:
    """Rows whose own action can be believed."""
    has = "label.valid" in rows.columns and "action" in rows.columns
    if not has or numbers_of(rows, "action").shape[1] != num_numbers:
        return np.zeros(rows.num_rows, bool)
    return np.asarray(rows.columns["label.valid"], bool).reshape(rows.num_rows)


def _state_columns(dataset: Dataset) -> StateColumns | None:
    if "observation.state" not in dataset.info["features"]:
        return None
    said = dataset.rotoscope("features.json").get("observation.state", {})
    names = tuple(map(str, dataset.names("observation.state")))
    return StateColumns(names, said.get("unit", "1"), said.get("description", "As recorded."))
