"""Where something that rests is seen while the camera moves: one unknown, how near it is.

The background's homography does not hold for what rests nearer than it does: that slides along its
epipolar line (plane and parallax; Irani and Anandan 1998). Where the camera's path is known, up to
its scale, one inverse depth says where a resting thing is seen in every picture. What no inverse
depth explains has moved; what one explains may have moved along its line, and is not called moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.picture_motion import Step
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import runs

MIN_FREE_STEPS = 4
"""So many steps without a hand at a thing tell how near it rests."""
MIN_PARALLAX_PX, MAX_PARALLAX_PX = 0.5, 400.0
"""Range of the farthest that the camera's path shifts a thing, against what is far away [small
px]: what is behind everything, and what touches the lens."""
_NUM_DEPTHS = 160
_MOST_OFF_PX = 1.0
"""Steps that are farther off count as so far: a hand drags the flow of what it passes."""


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Poses of the camera in a window, up to scale, and its intrinsics in the small pictures."""

    K: Float[np.ndarray, "3 3"]
    T_camera_reference: Float[np.ndarray, "time 4 4"]

    def between(self, first: int, last: int) -> CameraPath:
        """The path of a window of pictures."""
        return replace(self, T_camera_reference=self.T_camera_reference[first:last])

    def point(
        self, frame: int, at: Float[np.ndarray, " 2"], inverse_depth: Float[np.ndarray, " depth"]
    ) -> Float[np.ndarray, "depth 3"]:
        """Points on the ray of a pixel, in the reference frame and the path's own scale."""
        ray = np.linalg.inv(self.K) @ np.append(at, 1.0)
        back = se3.inverse(self.T_camera_reference[frame])
        return np.asarray(se3.apply(back, ray / inverse_depth[:, None]))

    def seen(self, frame: int, points: Float[np.ndarray, "*point 3"]) -> np.ndarray:
        """Where points are seen in a picture [small px]; NaN behind the camera."""
        pose = self.T_camera_reference[frame]
        at = points @ pose[:3, :3].T + pose[:3, 3]
        at = at @ self.K.T
        return np.asarray(at[..., :2] / np.where(at[..., 2:] > 0, at[..., 2:], np.nan))

    def homography(
        self, a: int, b: int, point: Float[np.ndarray, " 3"]
    ) -> Float[np.ndarray, "3 3"]:
        """Where pixels of picture `a` are in `b`, of a flat thing at a point that faces `a`."""
        T = self.T_camera_reference[b] @ se3.inverse(self.T_camera_reference[a])
        depth = float(se3.apply(self.T_camera_reference[a], point[None])[0, 2])
        flat = T[:3, :3] + np.outer(T[:3, 3], [0.0, 0.0, 1.0 / depth])
        return np.asarray(self.K @ flat @ np.linalg.inv(self.K))

    def inverse_depths(self) -> Float[np.ndarray, " depth"]:
        """All that can be told apart, from far to near."""
        centers = se3.inverse(self.T_camera_reference)[:, :3, 3]
        far = float(np.linalg.norm(centers - centers.mean(axis=0), axis=1).max())
        px = np.geomspace(MIN_PARALLAX_PX, MAX_PARALLAX_PX, _NUM_DEPTHS)
        return np.asarray(px / (self.K[0, 0] * max(far, 1e-9)))


@dataclass(frozen=True, eq=False)
class Resting:
    """Where a thing is taken to rest, by frame of a window."""

    point: Float[np.ndarray, "time 3"]
    """In the reference frame and scale of the path; NaN where nothing tells."""
    is_free: bool
    """It was told before and after a hand was at it, or before or after where it is seen so."""

    def steps(self, path: CameraPath) -> Float[np.ndarray, "time 2"]:
        """How it goes in the picture to the next frame, were it to rest; NaN from the last."""
        num = len(self.point)
        out = np.full((num, 2), np.nan)
        for t in range(num - 1):
            out[t] = path.seen(t + 1, self.point[t]) - path.seen(t, self.point[t])
        return out


def find_resting(
    path: CameraPath,
    masks: Sequence[Mask],
    hidden: Sequence[Mask],
    forward: Sequence[Step],
    touched: Bool[np.ndarray, " time"],
) -> Resting:
    """How near a thing rests, from its flow where no hand is at it; else where most agrees."""
    seen = [mask & ~cover for mask, cover in zip(masks, hidden, strict=True)]
    is_seen = np.array([mask.sum() >= 8 for mask in seen])
    at, flow = np.full((len(masks), 2), np.nan), np.full((len(masks), 2), np.nan)
    for t in np.flatnonzero(is_seen[:-1]):
        y, x = np.nonzero(seen[t])
        at[t] = x.mean(), y.mean()
        flow[t] = np.median(forward[t].flow[seen[t]], axis=0)
    told = is_seen & np.isfinite(flow).all(axis=1)
    points = np.full((len(masks), 3), np.nan)
    free = [
        (start, end)
        for start, end in runs(told & ~touched)
        if end - start >= MIN_FREE_STEPS
    ]
    for start, end in free or [(0, len(masks))]:
        steps = np.arange(start, end)[told[start:end]]
        if len(steps):
            points[steps] = _nearest(path, steps, at, flow)
    return Resting(_by_nearest(points), bool(free))


def _nearest(
    path: CameraPath,
    steps: np.ndarray,
    at: Float[np.ndarray, "time 2"],
    flow: Float[np.ndarray, "time 2"],
) -> Float[np.ndarray, " 3"]:
    """The point on the ray of the first frame whose way through the pictures fits best."""
    first = int(steps[0])
    points = path.point(first, at[first], path.inverse_depths())
    off = np.zeros(len(points))
    for t in steps.tolist():
        way = path.seen(t + 1, points) - path.seen(t, points)
        away = np.linalg.norm(way - flow[t], axis=1)
        off += np.minimum(np.nan_to_num(away, nan=_MOST_OFF_PX), _MOST_OFF_PX) ** 2
    return np.asarray(points[int(np.argmin(off))])


def _by_nearest(points: Float[np.ndarray, "time 3"]) -> Float[np.ndarray, "time 3"]:
    """Frames without a point get that of the frame nearest in time."""
    known = np.flatnonzero(np.isfinite(points[:, 0]))
    if not len(known):
        return points
    frames = np.arange(len(points))
    nearest = np.abs(frames[:, None] - known[None]).argmin(axis=1)
    return points[known[nearest]]
