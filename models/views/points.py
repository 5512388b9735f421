"""Points of a scene that two cameras see: matched once, followed in each video, placed in space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.camera.points_stage import gray_of
from rotoscope.models.perception.multi_view import View, triangulate
from rotoscope.models.points.corners import new_corners
from rotoscope.models.points.tracker import PointTracker
from rotoscope.models.views.match import match
from rotoscope.models.views.place import Placed
from rotoscope.models.views.seen import Seen
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.types import Video
from rotoscope.pipeline.video.read import read_frames

NUM_POINTS = 200
"""Corners of the first picture that are looked for in the second."""
LEAST_POINTS = 8
"""Fewer matches are chance: of 200 corners, four were found in a picture of another scene, and four
under another camera's calibration."""
SIGMA_MATCH_PX = 0.35
"""1-sigma of where a match is found [px]; what both cameras have in common shows in no residual."""
WORST_PX = 2.0
"""Farthest that a point may be seen from where it is put, in either view [px]: one that was lost,
or that something took along, leaves the other camera's line."""
_LEAST_ROWS = 0.5
"""Least share of the rows of a point, and of all points, that must agree. Looked at, as `WORST_PX`
and `SIGMA_MATCH_PX`, on `benchmarks._two_view_points.DEVELOPMENT`."""


def place_points(
    views: Sequence[View],
    videos: Sequence[Video],
    offset_s: float,
    sizes: Sequence[tuple[int, int]],
) -> Placed:
    """Points of two videos, on the first one's clock, in the world of the views.

    Corners of the first moment that both videos show are matched; points that come into view later
    are not looked for.

    Args:
        views: Both cameras, for pictures of `sizes`.
        videos: What each camera filmed.
        offset_s: Time of the second clock when the first one shows 0 [s].
        sizes: Width and height [px] in which the pictures are looked at.

    Raises:
        UsageError: The videos share no moment; or too few points are found in both, or too few of
            them stay on each other's lines: another scene, another calibration, or no texture.
    """
    one, other = (_Film(video, size) for video, size in zip(videos, sizes, strict=True))
    _go_to_first_shared(one, other, offset_s)
    corners = new_corners(one.gray, np.zeros((0, 2)), NUM_POINTS) + 0.5
    matched = match(views, [one.gray, other.gray], corners)
    num = int(matched.is_found.sum())
    if num < LEAST_POINTS:
        raise UsageError(
            f"{num} of {len(corners)} points of the first picture were found in the second, "
            f"{LEAST_POINTS} are the least; the views show no one scene, stand too far apart, "
            "lack texture, or the calibration or the clocks are others'"
        )
    followed = (
        one.follow(corners[matched.is_found]),
        other.follow(matched.points_px[matched.is_found]),
    )
    return _placed(views, followed, offset_s)


class _Film:
    """One video, frame by frame."""

    def __init__(self, video: Video, size: tuple[int, int]) -> None:
        self.video, self._size = video, size
        self._frames = read_frames(video)
        self._times: list[float] = []
        self.is_over = False
        self.advance()

    def advance(self) -> None:
        """Goes to the next frame, if there is one."""
        frame = next(self._frames, None)
        if frame is None:
            self.is_over = True
            return
        self._frame = frame
        self._times.append(frame.time_s)

    @property
    def time_s(self) -> float:
        """Time of the frame that it stands at [s]."""
        return self._times[-1]

    @property
    def gray(self) -> UInt8[np.ndarray, "height width"]:
        """The picture that it stands at."""
        return gray_of(self._frame, self._size)

    def follow(self, points_px: Float[np.ndarray, "point 2"]) -> tuple[Seen, Seen]:
        """Where points of this frame are seen, and their 1-sigma as such a track; NaN if hidden."""
        skipped = len(self._times) - 1
        tracker = PointTracker(len(points_px))
        tracker.observe(self.gray)
        tracker.add(points_px - 0.5)
        while True:
            self.advance()
            if self.is_over:
                break
            tracker.observe(self.gray)
        # A slot that was given away holds no other point: none is added later.
        seen = np.array([row.seen for row in tracker.rows])[..., None]
        px = np.array([row.points for row in tracker.rows], float) + 0.5
        sigma = np.array([row.sigma for row in tracker.rows], float)[..., None]
        before = np.full((skipped, len(points_px), 2), np.nan)
        clock_s = np.array(self._times)
        tracks = (np.where(seen, px, np.nan), np.where(seen, sigma, np.nan) * np.ones(2))
        track, spread = (Seen(clock_s, np.concatenate([before, one])) for one in tracks)
        return track, spread


def _go_to_first_shared(one: _Film, other: _Film, offset_s: float) -> None:
    """Leads both to the first frames that show the same moment, half a frame forgiven."""
    near_s = 0.505 / other.video.rate_hz
    while not (one.is_over or other.is_over):
        ahead_s = one.time_s + offset_s - other.time_s
        if abs(ahead_s) <= near_s:
            return
        (one if ahead_s < 0 else other).advance()
    raise UsageError(
        f"the videos share no moment: the second one's clock shows {offset_s:+.3f} s when the "
        "first one's shows 0; check --offsets"
    )


def _placed(
    views: Sequence[View],
    followed: Sequence[tuple[Seen, Seen]],
    offset_s: float,
) -> Placed:
    time_s = followed[0][0].time_s
    moments = time_s, time_s + offset_s
    px = np.stack([one.at(t) for (one, _), t in zip(followed, moments, strict=True)])
    spread = np.stack([one.at(t)[..., 0] for (_, one), t in zip(followed, moments, strict=True)])
    sigma_px = np.hypot(np.nan_to_num(spread, nan=1.0), SIGMA_MATCH_PX)
    points_m, covariance = triangulate(views, px, sigma_px=sigma_px)
    away = np.stack(
        [
            np.linalg.norm(view.project(points_m) - seen, axis=-1)
            for view, seen in zip(views, px, strict=True)
        ]
    ).max(axis=0)
    is_shared = np.isfinite(px).all(axis=(0, 3))
    is_good = is_shared & (away <= WORST_PX)
    # A point that leaves the other's line for long was no one point from the start.
    is_good &= is_good.sum(axis=0) >= _LEAST_ROWS * is_shared.sum(axis=0)
    if is_good.sum() < _LEAST_ROWS * is_shared.sum():
        raise UsageError(
            f"points that both views follow stay together in {is_good.sum()} of {is_shared.sum()} "
            f"rows: they leave each other's lines by more than {WORST_PX:g} px; the views show no "
            "one scene, the calibration is another one's, a camera moves, or the clocks differ"
        )
    sigma_m = np.sqrt(np.maximum(np.einsum("tpii->tpi", covariance), 0.0))
    bad = ~is_good[..., None]
    good_px = np.where(is_good, away, np.nan)
    median_px = np.full(len(good_px), np.nan)
    told = is_good.any(axis=1)
    median_px[told] = np.nanmedian(good_px[told], axis=1)
    return Placed(
        np.where(bad, np.nan, points_m),
        np.where(bad, np.nan, sigma_m),
        median_px,
        is_shared.any(axis=1),
        time_s,
    )
