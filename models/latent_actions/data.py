"""Unlabelled videos, and everything that must be true of them before any training starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.training.data import Episode
from rotoscope.models.training.maps import blocks_of
from rotoscope.pipeline.errors import DatasetError

MIN_VIDEOS = 3
"""One to evaluate on, two to learn from."""
SHAPE_TOLERANCE = 0.02
"""How far pictures may differ in width over height."""
_MIN_TRACKED_ROWS = 20


@dataclass(frozen=True, eq=False, kw_only=True)
class UnlabelledVideo(Episode):
    """One video or episode; no action of it is looked at."""

    images: UInt8[np.ndarray, "time height size 3"]
    """Shrunk frames, in memory or in a map."""
    targets: Float[np.ndarray, "time target"]
    """Tracks that latents must tell the change of; NaN where unknown."""
    points: Float[np.ndarray, "time point 2"]
    """Image points that pixels near count more, as shares of width and height; NaN where
    unknown."""
    focus: Float[np.ndarray, "time camera followed 2"] | None = None
    """Where tracked things are in each camera's square, shares of its side; `None` where all of a
    picture is looked at."""
    embodiment: int = 0
    """Which of the sources it comes from."""


@dataclass(frozen=True, eq=False)
class UnlabelledSet:
    """Videos of one or several embodiments on one clock."""

    videos: tuple[UnlabelledVideo, ...]
    """In order of source and name."""
    embodiments: tuple[str, ...]
    """Name of each source."""
    picture_shape: tuple[int, int]
    """Width and height of the pictures before they were shrunk [px]."""
    target_names: tuple[str, ...] = ()
    """The feature that each column of `targets` belongs to."""

    def digest(self) -> str:
        """Hash of everything that is learned from."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        found = hashlib.sha256(repr((self.embodiments, self.target_names)).encode())
        for video in self.videos:
            found.update(f"{video.embodiment}{video.images.shape}".encode())
            arrays = [video.time_s, video.images, video.targets, video.points]
            arrays += [] if video.focus is None else [video.focus]
            for array in arrays:
                for block in blocks_of(array):
                    found.update(np.ascontiguousarray(block).data)
        return found.hexdigest()

    def gap_s(self, config: LatentActionConfig) -> float:
        """Time that a latent spans [s].

        Raises:
            DatasetError: Sources run at different rates and the settings do not say.
        """
        if config.gap_s is not None:
            return config.gap_s
        steps = [float(np.median(np.diff(v.time_s))) for v in self.videos if len(v.time_s) > 1]
        if not steps:
            raise DatasetError("no video has two frames; a latent action lies between two")
        if max(steps) > 1.1 * min(steps):
            raise DatasetError(
                f"videos run at {1 / max(steps):g} to {1 / min(steps):g} frames a second, so that "
                f"their steps mean different things; set gap_s, such as gap_s={max(steps):.3g}"
            )
        return float(np.median(steps))


def check_videos(data: UnlabelledSet, config: LatentActionConfig) -> None:
    """Refuses what no model should be trained on.

    Raises:
        DatasetError: Too few videos, all too short, or tracks that are hardly ever known.
    """
    if len(data.videos) < MIN_VIDEOS:
        raise DatasetError(
            f"{len(data.videos)} videos are too few: at least {MIN_VIDEOS} are needed, so that "
            "some can be held out"
        )
    for name in dict.fromkeys(data.target_names):
        columns = [i for i, n in enumerate(data.target_names) if n == name]
        known = sum(int(np.isfinite(v.targets[:, columns]).all(1).sum()) for v in data.videos)
        if known < _MIN_TRACKED_ROWS:
            raise DatasetError(
                f"feature {name!r} is known in {known} rows of all videos together; at least "
                f"{_MIN_TRACKED_ROWS} are needed to learn from it: leave it out of tracks.targets"
            )


def split_videos(data: UnlabelledSet, config: LatentActionConfig) -> tuple[list[int], list[int]]:
    """Videos to learn from, and those on which training stops early and latents are evaluated."""
    order = np.random.default_rng(config.loop.seed).permutation(len(data.videos)).tolist()
    held = min(max(1, round(len(order) * config.held_out_share)), len(order) - 2)
    return sorted(order[held:]), sorted(order[:held])
