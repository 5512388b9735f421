"""Episodes cut into windows, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt8

from models.inverse_dynamics_config import InverseDynamicsConfig
from models.training.data import LabelledEpisode, LabelledSet
from models.training.windows import flatten_windows, sample_windows

if TYPE_CHECKING:
    from models.labeler import Labeler


@dataclass(frozen=True, eq=False)
class Rows:
    """What a model sees and should say, row by row."""

    inputs: Float[np.ndarray, "row input"]
    """Flattened windows of features; no columns where only pictures are seen."""
    actions: Float[np.ndarray, "row action"]
    """The true actions."""
    images: UInt8[np.ndarray, "frame size size 3"] | None
    """Pictures that `frames` points into; `None` where none are learned from."""
    frames: Int[np.ndarray, "row tap"]
    """Which pictures stand in a row's window."""
    before: Int[np.ndarray, " frame"]
    """For each picture, the one that its changes are counted from."""

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of several episodes, one after the other."""
        starts = np.cumsum([0, *(len(p.before) for p in parts)])
        pictures = [p.images for p in parts if p.images is not None]
        return cls(
            inputs=np.concatenate([p.inputs for p in parts]),
            actions=np.concatenate([p.actions for p in parts]),
            images=np.concatenate(pictures) if pictures else None,
            frames=np.concatenate([p.frames + s for p, s in zip(parts, starts, strict=False)]),
            before=np.concatenate([p.before + s for p, s in zip(parts, starts, strict=False)]),
        )

    def embeddings_of(self, labeler: Labeler) -> Float[np.ndarray, "member row tap n"] | None:
        """What a labeler's image networks say about the windows; `None` without pictures."""
        if self.images is None:
            return None
        return labeler.embed(self.images, self.images[self.before])[:, self.frames]


def rows_of(episode: LabelledEpisode, data: LabelledSet, config: InverseDynamicsConfig) -> Rows:
    """The rows of an episode whose action counts and whose window is known."""
    offsets_s = config.window.offsets_s(data.contract.rate_hz)
    windows, known = sample_windows(episode.time_s, episode.features, episode.time_s, offsets_s)
    used = known & episode.valid
    index = np.arange(len(episode.time_s))
    frames = np.zeros((len(index), 0), int)
    before = index[:0]
    if episode.images is not None:
        wanted = episode.time_s[:, None] + offsets_s
        frames = nearest_frames(episode.time_s, wanted)
        before = frames_before(episode, data, config)
    inputs = flatten_windows(windows[used], offsets_s, has_levels=config.window.has_levels)
    return Rows(inputs, episode.actions[used], episode.images, frames[used], before)


def frames_before(
    episode: LabelledEpisode, data: LabelledSet, config: InverseDynamicsConfig
) -> Int[np.ndarray, " frame"]:
    """For each picture of an episode, the one before it that encoders compare it with."""
    apart_s = config.motion_over_s(data.contract.rate_hz)
    return nearest_frames(episode.time_s, episode.time_s - apart_s)


def nearest_frames(
    time_s: Float[np.ndarray, " frame"], wanted_s: Float[np.ndarray, " *shape"]
) -> Int[np.ndarray, " *shape"]:
    """The frame nearest to each time; the first or last beyond either end."""
    right = np.clip(np.searchsorted(time_s, wanted_s), 1, len(time_s) - 1)
    is_left = wanted_s - time_s[right - 1] <= time_s[right] - wanted_s
    return right - is_left
