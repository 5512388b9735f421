"""What a stage returned, looked at before it is stored."""

from __future__ import annotations

from collections.abc import Mapping

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.recipe import StageEntry
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import ActionTrack, Track


def renamed(made: Tracks, entry: StageEntry) -> Tracks:
    """The tracks; actions carry their stage's name in the recipe: one kind can stand twice."""
    out: Tracks = {}
    for name, track in made.items():
        if isinstance(track, ActionTrack) and track.labeler != entry.name:
            track = track.replace(labeler=entry.name)
        out[f"actions.{entry.name}.{track.subject}" if isinstance(track, ActionTrack) else name] = (
            track
        )
    return out


def check_made(stage: str, made: Tracks, num_frames: int) -> None:
    """Refuses what a stage of somebody's own may return instead of tracks of the clip's length."""
    if not isinstance(made, Mapping) or not all(
        isinstance(name, str) and isinstance(track, Track) for name, track in made.items()
    ):
        raise TrackError(
            f"stage {stage!r} returned {shown(made)}; a mapping of names to tracks is wanted, "
            "empty where nothing was found"
        )
    for name, track in made.items():
        if track.num_frames not in (None, num_frames):
            raise TrackError(
                f"stage {stage!r} returned {name!r} with {track.num_frames} rows for a clip of "
                f"{num_frames} frames; one row per frame is wanted, NaN where nothing is known"
            )
