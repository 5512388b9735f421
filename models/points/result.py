"""What both stages of points give, and the size of picture that they look at."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import SCENE, PointTrack, QualityTrack
from rotoscope.pipeline.types import Video

FEW_POINTS = 8
"""Fewer seen points tell nothing of what moves in a frame."""


def small_size(video: Video, max_side_px: int) -> tuple[tuple[int, int], Float[np.ndarray, " 2"]]:
    """Width and height to shrink pictures to, and what brings its pixels to the frame's."""
    scale = min(1.0, max_side_px / max(video.width, video.height))
    # Even, because the reader's planes of color have half the size.
    size = max(2, 2 * round(video.width * scale / 2)), max(2, 2 * round(video.height * scale / 2))
    return size, np.array([video.width, video.height]) / size


def point_tracks(
    kind: str,
    time_s: Float[np.ndarray, " time"],
    *,
    points: Float[np.ndarray, "frame slot 2"],
    ids: Int[np.ndarray, "frame slot"],
    seen: Bool[np.ndarray, "frame slot"],
    sigma: Float[np.ndarray, "frame slot"],
    to_frame: Float[np.ndarray, " 2"],
) -> Tracks:
    """The tracks of points in pixels of the small picture, whose first pixel's middle is 0.

    Raises:
        TrackError: `time_s` does not hold one time per frame.
    """
    if len(ids) != len(time_s):
        raise TrackError(
            f"{kind}: {len(ids)} frames were observed but {len(time_s)} times given; pass the time "
            "of each observed frame"
        )
    track = PointTrack(
        points_px=((points + np.float32(0.5)) * to_frame).astype(np.float32),
        ids=ids,
        visible=seen,
        sigma_px=(sigma * to_frame.mean()).astype(np.float32),
    )
    num_seen = seen.sum(axis=1)
    facts: dict[str, str | float] = {
        "points_seen_median": float(np.median(num_seen)),
        "points_lost_share": round(float((num_seen < FEW_POINTS).mean()), 4),
    }
    if (num_seen < FEW_POINTS).all():
        facts["points_why"] = "the pictures are dark, blurred or without texture: no corner lasts"
    return {"points": track, "quality.points": QualityTrack(subject=SCENE, facts=facts)}
