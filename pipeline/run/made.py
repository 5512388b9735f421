"""What a stage returned: checked, and under names that no other stage gives."""

from __future__ import annotations

from collections.abc import Mapping

from rotoscope.pipeline.episodes.stages_columns import SIDE
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.recipe import StageEntry
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import ActionTrack, FeatureTrack, QualityTrack, Track


def renamed(made: Tracks, entry: StageEntry) -> Tracks:
    """Actions carry the name their stage has in the recipe, so that one kind can stand twice."""
    out: Tracks = {}
    for name, track in made.items():
        if isinstance(track, ActionTrack) and track.labeler != entry.name:
            track = track.replace(labeler=entry.name)
        out[f"actions.{entry.name}.{track.subject}" if isinstance(track, ActionTrack) else name] = (
            track
        )
    return out


def of_side(unit: Tracks, entry: StageEntry) -> Tracks:
    """What a labeler beside the chosen one adds gets a name of its own: both may say the same."""
    return {
        f"{name}{SIDE}{entry.name}"
        if isinstance(track, FeatureTrack | QualityTrack)
        else name: track
        for name, track in unit.items()
    }


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
