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
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.objects.masks import Mask, dilated
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import runs

MIN_FREE_FRAMES = 5
"""So many frames without a hand at a thing tell how near it rests."""
END_FRAMES = 10
"""Where a hand is always at a thing, so many frames of an end are asked whether it rests."""
AGREE_LEVELS = 8.0
"""It does where its pictures differ by less in the mean [gray levels]."""
NUM_LOOKS = 6
"""Pictures of a run of them that are held against one another."""
MIN_PIXELS, MOST_PIXELS = 30, 500
"""Pixels of the thing and its rim that are."""
RIM_PX = 2
MOST_LEVELS = 40.0
"""Pixels that differ by more count as so much: something passes before the thing [gray levels]."""
ALIKE_LEVELS = 0.3
"""Depths whose pictures differ by so much more than the best one's may be the right ones."""
LEAST_SIGMA = 0.02
MIN_PARALLAX_PX, MAX_PARALLAX_PX = 0.5, 400.0
"""Range of the farthest that the camera's path shifts a thing, against what is far away [small
px]: what is behind everything, and what touches the lens."""
_NUM_DEPTHS = 100


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

    path: CameraPath
    point: Float[np.ndarray, "time 3"]
    """In the reference frame and scale of the path."""
    sigma: Float[np.ndarray, " time"]
    """1-sigma of its inverse depth, as a share of it."""

    def homography(self, a: int, b: int) -> Float[np.ndarray, "3 3"]:
        """Where its pixels of picture `a` are in `b`, were it to rest."""
        return self.path.homography(a, b, self.point[a])

    def step(self, t: int) -> Float[np.ndarray, " 2"]:
        """How it goes in the picture from `t` to the next, were it to rest [small px]."""
        there, here = (self.path.seen(k, self.point[t]) for k in (t + 1, t))
        return np.asarray(there - here)


def find_resting(
    path: CameraPath,
    masks: Sequence[Mask],
    hidden: Sequence[Mask],
    gray: Sequence[UInt8[np.ndarray, "height width"]],
    touched: Bool[np.ndarray, " time"],
) -> Resting | None:
    """How near a thing rests, from where no hand is at it, before and after; `None` if nowhere.

    A plane is swept through the thing's pictures (Collins 1996): the inverse depth at which they
    agree best.
    """
    seen = [mask & ~cover for mask, cover in zip(masks, hidden, strict=True)]
    is_seen = np.array([int(mask.sum()) >= MIN_PIXELS for mask in seen])
    points, sigma = np.full((len(masks), 3), np.nan), np.full(len(masks), np.nan)
    for start, end, is_free in _stretches(is_seen, touched):
        point, width, off = _swept(path, start, end, seen, hidden, gray)
        if is_free or off < AGREE_LEVELS:
            points[start:end], sigma[start:end] = point, width
    known = np.flatnonzero(np.isfinite(points[:, 0]))
    if not len(known):
        return None
    nearest = known[np.abs(np.arange(len(points))[:, None] - known).argmin(axis=1)]
    return Resting(path, points[nearest], sigma[nearest])


def _stretches(
    is_seen: Bool[np.ndarray, " time"], touched: Bool[np.ndarray, " time"]
) -> list[tuple[int, int, bool]]:
    """Frames in which no hand is at it; at an end without any its first and last that show it.

    Those count only where the pictures agree: a hand that hovers moves nothing.
    """
    shown = np.flatnonzero(is_seen)
    free = [(a, b) for a, b in runs(is_seen & ~touched) if b - a >= MIN_FREE_FRAMES]
    out = [(a, b, True) for a, b in free]
    if len(shown) < 2 * END_FRAMES:
        return out
    middle = int(shown[len(shown) // 2])
    if not any(a < middle for a, _ in free):
        out.append((int(shown[0]), int(shown[END_FRAMES]), False))
    if not any(b > middle for _, b in free):
        out.append((int(shown[-END_FRAMES]), int(shown[-1]) + 1, False))
    return out


def _swept(
    path: CameraPath,
    start: int,
    end: int,
    seen: Sequence[Mask],
    hidden: Sequence[Mask],
    gray: Sequence[UInt8[np.ndarray, "height width"]],
) -> tuple[Float[np.ndarray, " 3"], float, float]:
    """The point at which pictures of a run agree best, how sure, and how well they agree.

    Of its inverse depth 1-sigma, as a share; of the pictures what they differ by [gray levels]. It
    is as uncertain as the depths at which they agree nearly as well are far apart.
    """
    import cv2

    frame = start + int(np.argmax([seen[t].sum() for t in range(start, end)]))
    y, x = np.nonzero(dilated(seen[frame], RIM_PX) & ~hidden[frame])
    keep = np.linspace(0, len(x) - 1, min(len(x), MOST_PIXELS)).astype(int)
    pixels = np.stack([x[keep], y[keep], np.ones(len(keep))], axis=1)
    here = gray[frame][y[keep], x[keep]].astype(np.float32)
    depths = path.inverse_depths()
    points = path.point(frame, np.array([x.mean(), y.mean()]), depths)
    others = {int(t) for t in np.linspace(start, end - 1, NUM_LOOKS)} - {frame}
    off, count = np.zeros(len(depths)), np.zeros(len(depths))
    for t in sorted(t for t in others if seen[t].any()):
        for k, point in enumerate(points):
            at = pixels @ path.homography(frame, t, point).T
            at = (at[:, :2] / at[:, 2:]).astype(np.float32)[None]
            there = cv2.remap(gray[t], at[..., 0], at[..., 1], cv2.INTER_LINEAR)[0]
            covered = hidden[t].view(np.uint8)
            shown = cv2.remap(covered, at[..., 0], at[..., 1], cv2.INTER_NEAREST, borderValue=1)
            use = shown[0] == 0
            off[k] += np.minimum(np.abs(there.astype(np.float32) - here), MOST_LEVELS)[use].sum()
            count[k] += use.sum()
    mean = np.where(count >= MIN_PIXELS, off / np.maximum(count, 1), np.inf)
    best = int(np.argmin(mean))
    alike = depths[mean < mean[best] + ALIKE_LEVELS]
    width = float(np.log(alike.max() / alike.min()) / 2) if np.isfinite(mean[best]) else np.inf
    return points[best], max(width, LEAST_SIGMA), float(mean[best])
