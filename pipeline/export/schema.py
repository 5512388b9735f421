"""Which columns a dataset has, decided from the headers of all its episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.facts import TEXTS
from rotoscope.pipeline.episodes.episode import Episode, StateColumns
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.stored_episode import FeatureFacts, StoredEpisode, VideoFacts
from rotoscope.pipeline.tracks import REASONS

LABELS = {
    "label.valid": FeatureFacts(
        ("valid",), "bool", "1", "State and action are observed, reachable and inside all limits."
    ),
    "label.confidence": FeatureFacts(
        ("confidence",),
        "float32",
        "1",
        "Chance that the row's action is within its tolerances of what was truly done: an end "
        "effector's or a palm's position within 7.5 cm and its rotation within 30 degrees, "
        "fingertips within 3 cm of where they are seen from the palm, limbs within 20 degrees, "
        "a learned number within a fifth of its spread; 0 where the row is not valid.",
    ),
    "label.reason": FeatureFacts(
        ("reason",),
        "int64",
        "1",
        "Why the row is not valid: " + ", ".join(f"{i} {n}" for i, n in enumerate(REASONS)) + ".",
    ),
}
"""Columns that every dataset has beside images, state and action."""

ABSENT = {"float32": np.nan, "bool": False, "int64": -1}
"""What a column holds in an episode that has no such feature."""


@dataclass(frozen=True)
class Schema:
    """The columns of a dataset and what its episodes share."""

    camera: str
    """Name of the camera, where there is one."""
    fps: int
    """Rows per second."""
    contract: ActionContract
    """Meaning of state and action."""
    state: StateColumns | None
    """What `observation.state` holds; `None` where there is none."""
    video: VideoFacts | None
    """Size and encoder of the videos, from the first episode; `None` without pictures."""
    features: dict[str, FeatureFacts]
    """Columns beside images, state and action, sorted by name."""
    more_videos: dict[str, VideoFacts] = field(default_factory=dict)
    """The same of further cameras, by their names."""

    @property
    def video_key(self) -> str:
        """Name of the images' feature, where there is one."""
        return video_key(self.camera)

    @property
    def videos(self) -> dict[str, VideoFacts]:
        """By the name of the images' feature, the first camera first."""
        own = {} if self.video is None else {self.video_key: self.video}
        return own | {video_key(name): video for name, video in self.more_videos.items()}

    def lerobot_features(self) -> dict[str, dict[str, Any]]:
        """The features in the form of LeRobot's `LeRobotDataset.create`."""
        images: dict[str, dict[str, Any]] = {
            key: {
                "dtype": "video",
                "shape": (video.height, video.width, 3),
                "names": ["height", "width", "channels"],
            }
            for key, video in self.videos.items()
        }
        vectors = {"action": _vector(self.contract.names)}
        if self.state is not None:
            vectors = {"observation.state": _vector(self.state.names)} | vectors
        others = {
            name: {"dtype": f.dtype, "shape": (len(f.names),), "names": list(f.names)}
            for name, f in self.features.items()
        }
        return images | vectors | others

    def columns(self, episode: Episode) -> dict[str, np.ndarray]:
        """The values of an episode by column, shape (time, n), in the dataset's types."""
        vectors = {"action": episode.action}
        if episode.state is not None:
            vectors = {"observation.state": episode.state} | vectors
        values = {
            "label.valid": episode.valid[:, None],
            "label.confidence": episode.confidence[:, None],
            "label.reason": episode.reason[:, None],
        } | {name: feature.values for name, feature in episode.features.items()}
        out = {name: vector.astype(np.float32) for name, vector in vectors.items()}
        for name, facts in self.features.items():
            shape = (episode.num_rows, len(facts.names))
            absent = np.full(shape, ABSENT[facts.dtype])
            out[name] = values.get(name, absent).astype(facts.dtype)
        return out


def video_key(camera: str) -> str:
    """Name of the feature of a camera's images."""
    return f"observation.images.{camera}"


def schema_of(stored: Sequence[StoredEpisode], *, camera: str) -> Schema:
    """The columns of a dataset made of these episodes.

    A feature that only some episodes have becomes a column too: NaN, False or -1 elsewhere.

    Raises:
        DatasetError: There is no episode, or episodes disagree in what must be the same.
    """
    if not stored:
        raise DatasetError("a dataset needs at least one episode, got none")
    first = stored[0]
    for other in stored[1:]:
        for what, a, b in (
            ("rows per second", first.fps, other.fps),
            ("image size", _size(first), _size(other)),
            ("action contract", first.header["contract"], other.header["contract"]),
            ("state", _state_of(first), _state_of(other)),
        ):
            if a != b:
                raise DatasetError(
                    f"episodes of one dataset must share their {what}: {first.episode_id} has "
                    f"{a}, {other.episode_id} has {b}; label them with the same recipe"
                )
    features = dict(LABELS)
    for episode in stored:
        for name, facts in episode.features.items():
            _check_name(name)
            if features.setdefault(name, facts) != facts:
                raise DatasetError(
                    f"feature {name!r} is {features[name]} in one episode and {facts} in "
                    f"{episode.episode_id}; label them with the same recipe"
                )
    return Schema(
        camera=camera,
        fps=first.fps,
        contract=first.contract,
        state=_state_of(first),
        video=first.video,
        features=dict(sorted(features.items())),
        more_videos=first.more_videos,
    )


def _state_of(stored: StoredEpisode) -> StateColumns | None:
    if not stored.has_state:
        return None
    contract = stored.contract
    units = ", ".join(dict.fromkeys(d.unit for d in contract.dimensions))
    own = StateColumns(tuple(contract.names), units, "Absolute state of the robot at the row.")
    return stored.state_columns or own


def _vector(names: Sequence[str]) -> dict[str, Any]:
    return {"dtype": "float32", "shape": (len(names),), "names": list(names)}


def _size(stored: StoredEpisode) -> str:
    video = stored.video
    if video is None:
        return "no images"
    others = [f", {name} {v.width}x{v.height}" for name, v in sorted(stored.more_videos.items())]
    return f"{video.width}x{video.height}{''.join(others)}"


def _check_name(name: str) -> None:
    taken = (*LABELS, *TEXTS)
    if not name.startswith(("label.", "track.", "next.")) or name in taken:
        raise DatasetError(
            f"feature {name!r} must be named label.*, track.* or next.* and not be one of "
            f"{', '.join(taken)}: policies read everything that begins with action or observation."
        )
