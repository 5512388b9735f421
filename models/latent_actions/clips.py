"""Clips of a few frames out of many videos, worked out when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from rotoscope.models.latent_actions.data import UnlabelledVideo
from rotoscope.models.training.maps import give_back
from rotoscope.models.training.windows import nearest_frames


@dataclass(frozen=True, eq=False)
class Clips:
    """All clips of some videos; of a hundred hours there are ten million, none of them listed."""

    videos: Sequence[UnlabelledVideo]
    """Whose frames are counted, one video after the other."""
    gap_s: float
    """Time between two frames of a clip [s]."""
    num_frames: int
    """Frames of a clip."""
    every: int = 1
    """A clip starts at every so many frames."""

    def __len__(self) -> int:
        return int(self._first_clip[-1])

    def frames(self, rows: Int[np.ndarray, " row"]) -> Int[np.ndarray, "row frame"]:
        """The frames of some clips, counted through all videos."""
        out = np.empty((len(rows), self.num_frames), int)
        which = np.searchsorted(self._first_clip, rows, side="right") - 1
        offsets_s = self.gap_s * np.arange(self.num_frames)
        for number in np.unique(which):
            here, time_s = which == number, self.videos[number].time_s
            starts_s = time_s[(rows[here] - self._first_clip[number]) * self.every]
            frames = nearest_frames(time_s, starts_s[:, None] + offsets_s)
            out[here] = self._first_frame[number] + frames
            give_back(time_s)
        return out

    @cached_property
    def _first_frame(self) -> Int[np.ndarray, " video_and_one"]:
        return np.cumsum([0, *(len(video.time_s) for video in self.videos)])

    @cached_property
    def _first_clip(self) -> Int[np.ndarray, " video_and_one"]:
        return np.cumsum([0, *(self._num_of(video) for video in self.videos)])

    def _num_of(self, video: UnlabelledVideo) -> int:
        time_s = video.time_s
        if len(time_s) < self.num_frames:
            return 0
        # A clip may reach a tenth of its length beyond the last frame, which then stands for it.
        last_s = time_s[-1] - 0.9 * self.gap_s * (self.num_frames - 1)
        return -(-int(np.searchsorted(time_s, last_s, side="right")) // self.every)
