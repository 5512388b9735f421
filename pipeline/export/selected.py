"""Episodes of written datasets, in the form in which those of the store are written.

What merges, splits and filters datasets, and what takes a video out of them, is then the one writer
of all datasets: rows, facts, statistics, card and sidecars come out as they always do. Videos are
cut between their packets, at key frames; no picture is encoded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.facts import TEXTS, EpisodeFacts
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.datasets.read_damaged import CLOCK
from rotoscope.pipeline.datasets.said import CONTRACT, FEATURES, episode_facts
from rotoscope.pipeline.datasets.tables import read_episodes
from rotoscope.pipeline.episodes.episode import Episode, Feature
from rotoscope.pipeline.errors import DatasetError, TrackError, quoted
from rotoscope.pipeline.export.cut_video import cut_video
from rotoscope.pipeline.export.schema import LABELS
from rotoscope.pipeline.export.stored_episode import FORMAT, StoredEpisode

ACTION, STATE = "action", "observation.state"
_ENCODER = {
    "codec": "video.codec",
    "pixel_format": "video.pix_fmt",
    "crf": "video.crf",
    "gop": "video.g",
    "preset": "video.preset",
}


@dataclass(frozen=True)
class SelectedEpisode(StoredEpisode):
    """An episode of a dataset; its rows and its video are read when they are asked for."""

    dataset: Dataset
    """Where it is."""
    number: int
    """Row of the dataset's table."""
    facts: EpisodeFacts
    """Where it comes from."""

    def load(self) -> Episode:
        """The whole episode, in the precision in which a dataset holds it.

        Raises:
            DatasetError: The dataset is damaged.
        """
        columns = self.dataset.episode(self.number).columns
        rows = np.arange(self.num_rows)

        def values(name: str) -> np.ndarray:
            return np.asarray(columns[name]).reshape(len(rows), -1)

        try:
            return Episode(
                episode_id=self.episode_id,
                task=self.task,
                fps=self.fps,
                source_frame=rows,
                source_time_s=rows / self.fps,
                state=values(STATE).astype(float) if self.has_state else None,
                action=values(ACTION).astype(float),
                valid=values("label.valid")[:, 0].astype(bool),
                confidence=values("label.confidence")[:, 0].astype(float),
                reason=values("label.reason")[:, 0].astype(np.uint8),
                contract=self.contract,
                state_columns=self.state_columns,
                features={
                    name: Feature(values(name), f.names, f.unit, f.description, f.contract)
                    for name, f in self.features.items()
                },
                source=self.header["source"],
                quality=self.header["quality"],
                scene=self.header["scene"],
            )
        except (TrackError, ValueError) as error:
            index = self.dataset.table[self.number]["episode_index"]
            raise DatasetError(
                f"{self.dataset.root}, episode {index}: {error}; rotoscope doctor says more"
            ) from error

    @property
    def video_path(self) -> Path:
        """Its part of the dataset's video, cut anew each time: it takes the place of the last."""
        key = self.dataset.video_key
        assert key is not None
        place = self.folder / "video.mp4"
        cut_video(
            self.dataset.existing_video(key, self.number),
            place,
            start_s=self.dataset.video_start_s(key, self.number),
            num_frames=self.num_rows,
            fps=self.fps,
        )
        return place


def select(root: Path, episodes: Iterable[int] | None, scratch: Path) -> list[SelectedEpisode]:
    """Some episodes of a dataset, in this order.

    Args:
        root: The dataset.
        episodes: Their indices; all where `None`.
        scratch: Folder for videos that are cut.

    Raises:
        DatasetError: The dataset has no contract, no such episode, or columns that would be lost.
    """
    dataset = open_dataset(root)
    shared = _shared_header(dataset)
    facts = episode_facts(dataset)
    statistics = read_episodes(root, dataset.info, with_statistics=True)
    tasks = [str((row.get("tasks") or [""])[0]) for row in dataset.table]
    numbers = {int(row["episode_index"]): n for n, row in enumerate(dataset.table)}
    wanted = list(numbers) if episodes is None else list(episodes)
    missing = [index for index in wanted if index not in numbers]
    if missing:
        raise DatasetError(
            f"{root} has no episode {missing[0]}; it has {len(numbers)}, from {min(numbers)} to "
            f"{max(numbers)}"
        )
    out = []
    for index in wanted:
        number = numbers[index]
        said = facts.get(index) or EpisodeFacts({}, {})
        line = said.line
        header = shared | {
            "episode_id": str(line.get("episode_id") or f"{root.name}-{index:06d}"),
            "task": tasks[number],
            "num_rows": int(dataset.table[number]["length"]),
            "source": dict(line.get("source") or {}),
            "quality": dict(line.get("quality") or {}),
            "scene": dict(line.get("scene") or {}),
        }
        if header["video"] is not None:
            stats = _image_statistics(dataset, statistics[number])
            header["video"] = header["video"] | {"image_stats": stats}
        out.append(SelectedEpisode(scratch, header, dataset, number, said))
    return out


def _shared_header(dataset: Dataset) -> dict[str, Any]:
    """What the headers of all episodes of a dataset have in common."""
    features, described = dataset.info["features"], dataset.rotoscope(FEATURES)
    contract = dataset.rotoscope(CONTRACT)
    if not contract:
        raise DatasetError(
            f"{dataset.root} states no contract: nobody knows what its actions mean. It is no "
            "dataset of Rotoscope; LeRobot's own tool is for such: lerobot-edit-dataset"
        )
    pictures = [n for n, f in features.items() if f["dtype"] in ("video", "image")]
    known = {*CLOCK, *TEXTS, *LABELS, *pictures, ACTION, STATE}
    others = [name for name in features if name not in known]
    strange = [n for n in others if features[n]["dtype"] not in ("float32", "bool", "int64")]
    strange += pictures[1:] + [n for n in LABELS if n not in features]
    if strange:
        raise DatasetError(
            f"{dataset.root}: {quoted(strange)} cannot be carried over: one camera and columns of "
            "numbers can, label.valid, label.confidence and label.reason among them. Take it from "
            "the dataset before the language columns were added, or use LeRobot's own tool, "
            "lerobot-edit-dataset, then rotoscope doctor --write"
        )
    state = described.get(STATE)
    return {
        "format": FORMAT,
        "fps": round(dataset.fps),
        "contract": contract,
        "has_state": STATE in features,
        "state_columns": None
        if STATE not in features
        else {
            "names": dataset.names(STATE),
            "unit": (state or {}).get("unit", ""),
            "description": (state or {}).get("description", "State at the row."),
        },
        "features": {n: _feature(dataset, n, described.get(n, {})) for n in others},
        "video": _video(features[pictures[0]]) if pictures else None,
    }


def _feature(dataset: Dataset, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    contract = {"contract": said["contract"]} if said.get("contract") else {}
    return {
        "names": said.get("names") or dataset.names(name),
        "dtype": dataset.info["features"][name]["dtype"],
        "unit": said.get("unit", ""),
        "description": said.get("description", ""),
    } | contract


def _video(facts: Mapping[str, Any]) -> dict[str, Any]:
    height, width = facts["shape"][:2]
    info = facts.get("info") or {}
    encoder = {name: info.get(key) for name, key in _ENCODER.items()}
    return {"width": width, "height": height, "encoder": encoder, "image_stats": {}}


def _image_statistics(dataset: Dataset, row: Mapping[str, Any]) -> dict[str, list[float]]:
    """As an encoder hands them over: colors on 0..255."""
    before = f"stats/{dataset.video_key}/"
    found = {}
    for key, value in row.items():
        if key.startswith(before):
            name = key.removeprefix(before)
            numbers = np.ravel(np.array(value, dtype=float))
            found[name] = (numbers if name == "count" else 255 * numbers).tolist()
    return found
