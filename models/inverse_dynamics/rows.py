"""Episodes cut into windows, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.encoders.pretrained import Embed
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.networks import LabelerScaling
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabelledEpisode, LabelledSet
from rotoscope.models.training.windows import (
    WindowConfig,
    flatten_windows,
    nearest_frames,
    sample_windows,
)

DEFAULT_COMPONENTS = 60
"""Of `encoder=pca`, where their number is neither given nor chosen."""
_LEVEL_WEIGHT = 0.7
"""Weight of what is seen at the moment itself, in a kernel, against how it changes: a change means
the same in a scene that looks a bit different. Chosen on eight episodes of a real robot."""


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
    times: Int[np.ndarray, " row"]
    """Which rows of their episode these are."""

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
            times=np.concatenate([p.times for p in parts]),
        )

    def nearest(self, num: int) -> Int[np.ndarray, " row"]:
        """For each of an episode's first `num` rows, the one here that is nearest in time."""
        return np.abs(np.arange(num)[:, None] - self.times).argmin(axis=1)


def rows_of(episode: LabelledEpisode, data: LabelledSet, config: InverseDynamicsConfig) -> Rows:
    """What a model sees and should say in an episode's `labelled_rows`."""
    offsets_s = config.window.offsets_s(data.contract.rate_hz)
    windows, known = _windows(episode, config.window, data.contract.rate_hz)
    used = known & episode.valid
    index = np.arange(len(episode.time_s))
    frames = np.zeros((len(index), 0), int)
    before = index[:0]
    if episode.images is not None:
        wanted = episode.time_s[:, None] + offsets_s
        frames = nearest_frames(episode.time_s, wanted)
        before = frames_before(episode, data, config)
    inputs = flatten_windows(windows[used], offsets_s, has_levels=config.window.has_levels)
    times = np.flatnonzero(used)
    return Rows(inputs, episode.actions[used], episode.images, frames[used], before, times)


def labelled_rows(
    episode: LabelledEpisode, window: WindowConfig, rate_hz: float
) -> Bool[np.ndarray, " row"]:
    """The rows of an episode whose action counts and whose window is known."""
    return _windows(episode, window, rate_hz)[1] & episode.valid


def _windows(
    episode: LabelledEpisode, window: WindowConfig, rate_hz: float
) -> tuple[Float[np.ndarray, "row tap feature"], Bool[np.ndarray, " row"]]:
    at_s, offsets_s = episode.time_s, window.offsets_s(rate_hz)
    return sample_windows(at_s, episode.features, at_s, offsets_s, at_ends=window.at_ends)


def as_columns(
    data: LabelledSet, config: InverseDynamicsConfig, embed: Embed | None
) -> LabelledSet:
    """Pictures become columns by `embed`; the same data where it is `None`."""
    if embed is None:
        return data
    episodes = []
    for episode in data.episodes:
        assert episode.images is not None
        before = episode.images[frames_before(episode, data, config)]
        columns = [episode.features, embed(episode.images, before)]
        episodes.append(replace(episode, features=np.concatenate(columns, 1), images=None))
    return replace(data, episodes=tuple(episodes))


def components_of(data: LabelledSet, num: int) -> PictureComponents:
    """Principal components of all pictures of some episodes."""
    pictures = [e.images for e in data.episodes if e.images is not None]
    return PictureComponents.of(np.concatenate(pictures), num)


def scaling_of(
    rows: Rows, space: ActionSpace, config: InverseDynamicsConfig, *, num_own: int
) -> LabelerScaling:
    """Scales of inputs and actions.

    Args:
        rows: Training rows.
        space: The contract's blocks.
        config: Settings.
        num_own: Columns of each sample that are features; those after them come from pictures.
    """
    taps = len(config.window.offsets_s(space.contract.rate_hz))
    samples = taps - 1 + config.window.has_levels
    size = rows.inputs.shape[1] // samples
    is_picture = np.tile(np.arange(size) >= num_own, samples)
    shared = is_picture & config.learns_components
    scaling = LabelerScaling.of_windows(rows.inputs, rows.actions, space, shared=shared)
    if config.kind == "kernel" and config.window.has_levels:
        scaling.input_scale[(taps - 1) * size :] /= _LEVEL_WEIGHT
    return scaling


def frames_before(
    episode: LabelledEpisode, data: LabelledSet, config: InverseDynamicsConfig
) -> Int[np.ndarray, " frame"]:
    """For each picture of an episode, the one before it that encoders compare it with."""
    apart_s = config.motion_over_s(data.contract.rate_hz)
    return nearest_frames(episode.time_s, episode.time_s - apart_s)
