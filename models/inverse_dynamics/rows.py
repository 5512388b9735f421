"""Episodes cut into windows, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.encoders.flow import FlowComponents
from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.encoders.pretrained import Embed
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.networks import LabelerScaling
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.training.maps import Joined
from rotoscope.models.training.windows import WindowConfig, nearest_frames, windows_of

type Components = PictureComponents | FlowComponents
"""Encoders that are learned without actions, from the training pictures alone."""
DEFAULT_COMPONENTS = 60
"""Components of them, where their number is neither given nor chosen."""
_LOOK_FRAMES = 1024
"""Pictures that an encoder is given at a time; a multiple of the batches of all of them."""
LEVEL_WEIGHT = 0.7
"""Weight of what is seen at the moment itself, in a kernel, against how it changes: a change means
the same in a scene that looks a bit different. Chosen on eight episodes of a real robot."""


@dataclass(frozen=True, eq=False)
class LabeledWindows:
    """What a model sees and should say, row by row."""

    inputs: Float[np.ndarray, "row input"]
    """Flattened windows of features; no columns where only pictures are seen."""
    actions: Float[np.ndarray, "row action"]
    """The true actions."""
    images: Joined | None
    """Pictures that `frames` points into; `None` where none are learned from."""
    frames: Int[np.ndarray, "row tap"]
    """Which pictures stand in a row's window."""
    before: Int[np.ndarray, " frame"]
    """For each picture, the one that its changes are counted from."""
    points: Joined | None = None
    """Where tracked things are in each picture; `None` where nothing follows any."""

    @classmethod
    def join(cls, parts: Sequence[LabeledWindows]) -> LabeledWindows:
        """The rows of several episodes, one after the other."""
        starts = np.cumsum([0, *(len(p.before) for p in parts)])
        pictures = [p.images for p in parts if p.images is not None]
        points = [p.points for p in parts if p.points is not None]
        return cls(
            inputs=np.concatenate([p.inputs for p in parts]),
            actions=np.concatenate([p.actions for p in parts]),
            images=Joined.of(pictures) if pictures else None,
            frames=np.concatenate([p.frames + s for p, s in zip(parts, starts, strict=False)]),
            before=np.concatenate([p.before + s for p, s in zip(parts, starts, strict=False)]),
            points=Joined.of(points) if points else None,
        )


def rows_of(
    episode: LabeledEpisode, data: LabeledSet, config: InverseDynamicsConfig
) -> LabeledWindows:
    """What a model sees and should say in an episode's `labeled_rows`."""
    rate_hz, time_s = data.contract.rate_hz, episode.time_s
    seen = windows_of(time_s, episode.features, time_s, config.window, rate_hz=rate_hz)
    used = episode.valid[seen.known]
    before = np.zeros(0, int)
    if episode.images is not None:
        before = frames_before(time_s, config, rate_hz=rate_hz)
    actions = episode.actions[seen.known][used]
    images = None if episode.images is None else Joined((episode.images,))
    points = None if images is None or episode.points is None else Joined((episode.points,))
    return LabeledWindows(seen.inputs[used], actions, images, seen.frames[used], before, points)


def labeled_rows(
    episode: LabeledEpisode, window: WindowConfig, rate_hz: float
) -> Bool[np.ndarray, " row"]:
    """The rows of an episode whose action counts and whose window is known."""
    time_s = episode.time_s
    seen = windows_of(time_s, episode.features, time_s, window, rate_hz=rate_hz)
    return seen.known & episode.valid


def as_columns(data: LabeledSet, config: InverseDynamicsConfig, embed: Embed | None) -> LabeledSet:
    """Pictures become columns by `embed`; the same data where it is `None`."""
    if embed is None:
        return data
    rate_hz = data.contract.rate_hz
    episodes = tuple(with_columns(e, config, embed, rate_hz=rate_hz) for e in data.episodes)
    return replace(data, episodes=episodes)


def with_columns[E: UnlabelledEpisode](
    episode: E, config: InverseDynamicsConfig, embed: Embed | None, *, rate_hz: float
) -> E:
    """One episode whose pictures became columns by `embed`; the same where it is `None`."""
    if embed is None:
        return episode
    assert episode.images is not None
    before = frames_before(episode.time_s, config, rate_hz=rate_hz)
    said = looked_at(embed, Joined((episode.images,)), before)
    columns = [episode.features, seen_columns(said, config)]
    return replace(episode, features=np.concatenate(columns, 1), images=None)


def seen_columns(
    said: Float[np.ndarray, "frame number"], config: InverseDynamicsConfig
) -> Float[np.ndarray, "frame number"]:
    """What windows are made of, from what an encoder says of frames in order.

    Motion is summed up: what changes between two moments is then the way between them, however
    many frames lie there.
    """
    return said.cumsum(axis=0) if config.sums_motion else said


def looked_at(
    embed: Embed, images: Joined, before: Int[np.ndarray, " frame"], *, axis: int = 0
) -> Float[np.ndarray, ...]:
    """What an encoder says about many pictures, some of them in memory at a time.

    Args:
        embed: The encoder.
        images: The pictures.
        before: For each, which its motion is seen against.
        axis: That of the pictures in what it says.
    """
    parts = []
    for start in range(0, len(before), _LOOK_FRAMES):
        rows = np.arange(start, min(start + _LOOK_FRAMES, len(before)))
        parts.append(embed(images[rows], images[before[rows]]))
    return np.concatenate(parts, axis=axis)


def components_of(data: LabeledSet, config: InverseDynamicsConfig, num: int) -> Components:
    """Principal components of all pictures of some episodes, or of the motion in them."""
    seen = [e for e in data.episodes if e.images is not None]
    pictures = Joined(tuple(e.images for e in seen if e.images is not None))
    if not config.sums_motion:
        return PictureComponents.of(pictures, num)
    starts = np.cumsum([0, *(len(e.time_s) for e in seen)])
    rate_hz = data.contract.rate_hz
    before = [
        frames_before(e.time_s, config, rate_hz=rate_hz) + s
        for e, s in zip(seen, starts, strict=False)
    ]
    return FlowComponents.of(pictures, np.concatenate(before), num)


def known_components(
    arrays: Mapping[str, np.ndarray], config: InverseDynamicsConfig
) -> Components | None:
    """Those that were learned before; `None` where there are none."""
    if not arrays:
        return None
    return (FlowComponents if config.sums_motion else PictureComponents)(**arrays)


def scaling_of(
    rows: LabeledWindows, space: ActionSpace, config: InverseDynamicsConfig, *, num_own: int
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
        scaling.input_scale[(taps - 1) * size :] /= LEVEL_WEIGHT
    return scaling


def frames_before(
    time_s: Float[np.ndarray, " frame"], config: InverseDynamicsConfig, *, rate_hz: float
) -> Int[np.ndarray, " frame"]:
    """For each picture of an episode, the one before it that encoders compare it with."""
    if config.sums_motion:
        return np.maximum(np.arange(len(time_s)) - 1, 0)
    return nearest_frames(time_s, time_s - config.motion_over_s(rate_hz))
