"""Where tracks of a recipe lie in the pictures of its clip."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from rotoscope.models.training.focus import FocusConfig, Points, held, point_shares
from rotoscope.pipeline.errors import TrackError, quoted
from rotoscope.pipeline.tracks import FeatureTrack, Track
from rotoscope.pipeline.types import Clip


def points_in_clip(
    clip: Clip, tracks: Mapping[str, Track], config: FocusConfig, shape: tuple[int, int]
) -> Points:
    """Points of every frame as a labeler sees them, gaps bridged by `held`.

    Args:
        clip: Whose pictures.
        tracks: Of the recipe so far; those of all subjects count.
        config: Which of them.
        shape: Width and height of the pictures learned from: others get bars, as `shrink` does.

    Raises:
        TrackError: A track is not there, is none of the picture, or known in no frame.
    """
    there = [track for track in tracks.values() if isinstance(track, FeatureTrack)]
    if missing := set(config.tracks) - {track.feature for track in there}:
        raise TrackError(
            f"a labeler with focus.tracks={list(config.tracks)} needs {quoted(missing)} before it; "
            f"the recipe gives {quoted({t.feature for t in there}) or 'no such features'}: add "
            "the stage that follows them; hands and bodies are looked at in datasets alone, by "
            "'rotoscope relabel'"
        )
    video = clip.video
    found = [
        point_shares(track.values.astype(float), track.names, (video.width, video.height))
        for track in there
        if track.feature in config.tracks
    ]
    points = np.concatenate(found, axis=1)
    if not np.isfinite(points).all(axis=-1).any():
        raise TrackError(
            f"{quoted(config.tracks)} are known in no frame of {video.path}: nothing of it is "
            "looked at"
        )
    return held(_in_square(points, video.width / video.height, shape)[:, None], clip.time_s)


def _in_square(
    points: Float[np.ndarray, "time point 2"], aspect: float, shape: tuple[int, int]
) -> Float[np.ndarray, "time point 2"]:
    wanted = shape[0] / shape[1]
    filled = np.array([min(1.0, aspect / wanted), min(1.0, wanted / aspect)])
    found: np.ndarray = 0.5 + (points - 0.5) * filled
    return found
