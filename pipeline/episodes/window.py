"""The stretch of a clip that becomes rows of a dataset, and the way from its frames to rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rotoscope.pipeline.episodes.resample import Resampler
from rotoscope.pipeline.tracks import SCENE, ActionTrack, Track


@dataclass(frozen=True, eq=False)
class Window:
    """Frames `[start, end)` of a clip, seen from the one that the rows are about."""

    tracks: Mapping[str, Track]
    """Everything that is known about the clip, by track name, all of its frames."""
    subject: str
    """Whom the rows are about: `left`, `right`, `person0`, ..., or `scene`."""
    start: int
    """First frame, counted in the clip."""
    end: int
    """One past the last."""
    resampler: Resampler
    """From the window's frames to the episode's rows."""

    def cut[T: Track](self, track: T) -> T:
        """The window's frames of one of its clip's tracks."""
        return track.slice(self.start, self.end)

    def is_about_me(self, subject: str) -> bool:
        """Whether a track about `subject` belongs to this episode."""
        return subject in (self.subject, SCENE)


@dataclass(frozen=True, eq=False)
class ActionWindow(Window):
    """A window that is kept for its actions."""

    actions: ActionTrack
    """The chosen actions, on the window's frames."""
