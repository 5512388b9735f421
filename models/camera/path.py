"""The path of a moving camera up to scale: visual odometry on the points of the background.

A first pair of frames places points; every other frame's pose is found from the placed points that
it sees (perspective-n-point), forward and backward from the pair; points that come later are placed
from two frames whose poses are known. At the end a few key frames and all points are adjusted
together, and every frame's pose is found again from those points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.models.camera.background import EXPLAINED_PX, MIN_LIFE_FRAMES, Background
from rotoscope.models.camera.bundle import Sightings, adjust
from rotoscope.models.camera.pose import NOISE_PX, fit_pose
from rotoscope.models.camera.two_views import FirstPair, first_pairs, triangulate
from rotoscope.pipeline.geometry import se3

MIN_PLACED = 12
"""Fewer placed points in view give no pose."""
MIN_INLIERS = 0.5
"""Least share of them that must be where the pose puts them."""
INLIER_PX = 2.0
"""How near that is [px of the small picture]."""
TRY_EVERY_FRAMES = 3
"""Beginnings are tried on every third frame, and points placed there."""
TRY_REACH_FRAMES = 60
"""How far before and after a first pair."""
MIN_TRIED = 3
"""Fewer frames with a pose are no beginning."""
MIN_PLACING_PX = 4.0
"""Parallax from which such a point is placed [px of the small picture]."""
KEY_EVERY_FRAMES = 5
"""Distance of the key frames whose poses are adjusted together with the points."""
MAX_KEYS = 60
"""Most key frames of a clip; a longer one has them farther apart. Time grows with their square."""


@dataclass(frozen=True, eq=False)
class Path:
    """Camera poses in the frame of the first frame that has one, in the path's own scale."""

    T_reference_camera: Float[np.ndarray, "time 4 4"]
    """Pose of each frame; NaN where it was lost."""
    sigma_rad: Float[np.ndarray, " time"]
    """1-sigma of the rotation's angle [rad]."""
    sigma_position: Float[np.ndarray, " time"]
    """1-sigma of the position, root mean square of the three axes."""
    residual_px: float
    """Median distance of placed points from where they are seen [px of the small picture]."""
    coverage: float
    """Share of all points of the background that were placed and lie where they should."""
    spread: float
    """Share of the known frames in which those that lie there are all over the picture."""
    explained: Bool[np.ndarray, " id"]
    """Points of the background that are where they were placed for as long as they last, by id."""
    pair: tuple[int, int]
    """The frames that it began with."""
    points: Float[np.ndarray, "point 3"]
    """The points that were placed, in the reference frame and the path's own scale."""

    @property
    def known(self) -> Bool[np.ndarray, " time"]:
        """Frames with a pose."""
        return np.isfinite(self.sigma_rad)


def follow_path(seen: Background, turned: Bool[np.ndarray, " id"] | None = None) -> Path | None:
    """The path; `None` where no pair of frames gives a beginning or nothing follows from it.

    Args:
        seen: The points of the background.
        turned: Points that a turn explains, where it explains enough to be a rival: a pair that
            contradicts them has found a thing that is moved, not the room.
    """
    tried = []
    for pair in first_pairs(seen):
        if turned is not None and _contradicts(seen, pair, turned):
            continue
        odometry = _Odometry(seen, pair)
        if odometry.num_known < 2:
            continue
        low, high = pair.first - TRY_REACH_FRAMES, pair.second + TRY_REACH_FRAMES
        odometry.run(range(max(0, low), min(high, seen.num_frames), TRY_EVERY_FRAMES))
        if odometry.num_known >= MIN_TRIED:
            odometry.adjust()
            tried.append(odometry)
    if not tried:
        return None
    best = max(tried, key=lambda odometry: odometry.coverage)
    best.run(range(seen.num_frames))
    best.adjust()
    return best.path() if best.num_known >= MIN_TRIED else None


def _contradicts(seen: Background, pair: FirstPair, turned: Bool[np.ndarray, " id"]) -> bool:
    """Whether a pair places fewer than half of the points that a turn explains."""
    ids = seen.ids[pair.second, seen.shared(pair.first, pair.second)]
    ids = ids[turned[ids]]
    return len(ids) > 0 and bool(np.isin(ids, pair.ids).mean() < 0.5)


class _Odometry:
    """One run from one first pair."""

    def __init__(self, seen: Background, pair: FirstPair) -> None:
        self.seen, self.pair = seen, pair
        num_ids = int(seen.ids.max()) + 1
        self.placed = np.full((num_ids, 3), np.nan)
        self.placed[pair.ids] = pair.points
        self.first_frame = np.full(num_ids, -1)
        self.first_ray = np.full((num_ids, 2), np.nan)
        self.T = np.full((seen.num_frames, 4, 4), np.nan)
        self.variance = np.full((seen.num_frames, 6), np.nan)
        self.errors: dict[int, np.ndarray] = {}
        self.is_spread: dict[int, bool] = {}
        self.tried: set[int] = set()
        for frame, pose in ((pair.first, np.eye(4)), (pair.second, pair.T_second_first)):
            self._add(frame, pose)

    @property
    def num_known(self) -> int:
        return len(self.errors)

    @property
    def coverage(self) -> float:
        """Share of all points of the frames that were tried that lie where they should.

        Points that could not be placed count against it: where a path goes wrong, what is near
        contradicts it and is left out, and what is left fits well.
        """
        num_right = sum(int((e < INLIER_PX).sum()) for e in self.errors.values())
        return num_right / max(1, int((self.seen.ids[sorted(self.tried)] >= 0).sum()))

    @property
    def residual_px(self) -> float:
        return float(np.median(np.concatenate(list(self.errors.values()))))

    def run(self, frames: range) -> None:
        """Finds the poses of frames, outward from the pair, each beginning at its neighbor's."""
        for t in sorted(frames, key=lambda t: abs(t - self.pair.second)):
            if not np.isfinite(self.T[t, 0, 0]):
                known = np.array(list(self.errors))
                self._add(t, self.T[known[np.argmin(np.abs(known - t))]])
            self.tried.add(t)

    def _add(self, t: int, start: Float[np.ndarray, "4 4"]) -> None:
        ids = self.seen.ids[t]
        slots = np.flatnonzero(ids >= 0)
        slots = slots[np.isfinite(self.placed[ids[slots], 0])]
        if len(slots) < MIN_PLACED:
            return
        points, rays = self.placed[ids[slots]], self.seen.rays[t, slots]
        T, covariance, error_px = fit_pose(points, rays, start, self.seen.focal_px)
        if not (error_px < INLIER_PX).mean() >= MIN_INLIERS:
            T, covariance, error_px = self._search(points, rays)
            if not (error_px < INLIER_PX).mean() >= MIN_INLIERS:
                return
        self.T[t], self.variance[t] = T, np.diagonal(covariance)
        self.errors[t] = error_px
        self.is_spread[t] = self.seen.is_spread(t, slots[error_px < INLIER_PX])
        # What lies wrong here was not placed well, or moves: it may be placed anew.
        self.placed[ids[slots[error_px > 2 * INLIER_PX]]] = np.nan
        self._place(t)

    def adjust(self) -> None:
        """Fits key frames and their points together, then every frame's pose to those points."""
        known = np.array(sorted(self.errors))
        spacing = max(KEY_EVERY_FRAMES, (known[-1] - known[0]) // MAX_KEYS)
        _, first = np.unique((known - known[0]) // spacing, return_index=True)
        keys = np.unique(np.append(known[first], known[-1]))
        ids = self.seen.ids[keys]
        camera, slots = np.nonzero((ids >= 0) & np.isfinite(self.placed[ids, 0]))
        held = ids[camera, slots]
        num_seen = np.bincount(held, minlength=len(self.placed))
        often = num_seen[held] >= 2
        camera, slots, held = camera[often], slots[often], held[often]
        points, rows = np.unique(held, return_inverse=True)
        sightings = Sightings(camera, rows, self.seen.rays[keys[camera], slots])
        T, placed = adjust(
            self.T[keys], self.placed[points], sightings, noise=NOISE_PX / self.seen.focal_px
        )
        self.T[keys], self.placed[:] = T, np.nan
        self.placed[points] = placed
        starts, self.errors = self.T.copy(), {}
        self.T[:], self.variance[:] = np.nan, np.nan
        for t in known.tolist():
            self._add(t, starts[t])

    def _search(
        self, points: Float[np.ndarray, "point 3"], rays: Float[np.ndarray, "point 2"]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A pose from nothing, by RANSAC."""
        import cv2

        cv2.setRNGSeed(0)
        limit = INLIER_PX / self.seen.focal_px
        found, turn, t, _ = cv2.solvePnPRansac(
            points, rays, np.eye(3), None, reprojectionError=limit, flags=cv2.SOLVEPNP_SQPNP
        )
        if not found:
            return np.eye(4), np.eye(6), np.full(len(points), np.inf)
        start = se3.make(se3.exp_so3(turn[:, 0]), t[:, 0])
        return fit_pose(points, rays, start, self.seen.focal_px)

    def _place(self, t: int) -> None:
        """Remembers where points were first seen, and places those that have moved enough since."""
        ids = self.seen.ids[t]
        slots = np.flatnonzero(ids >= 0)
        slots = slots[~np.isfinite(self.placed[ids[slots], 0])]
        held = ids[slots]
        is_new = self.first_frame[held] < 0
        self._remember(t, slots[is_new])
        slots, held = slots[~is_new], held[~is_new]
        if t % TRY_EVERY_FRAMES or len(slots) == 0:
            return
        T_first = self.T[self.first_frame[held]]
        a, b = self.first_ray[held], self.seen.rays[t, slots]
        T_now_first = self.T[t] @ se3.inverse(T_first)
        ray = np.concatenate([a, np.ones((len(a), 1))], axis=1)
        turned = np.einsum("pij,pj->pi", T_now_first[:, :3, :3], ray)
        parallax_px = np.linalg.norm(turned[:, :2] / turned[:, 2:] - b, axis=1) * self.seen.focal_px
        points, is_good = triangulate(a, b, T_now_first, INLIER_PX / self.seen.focal_px)
        is_far = parallax_px >= MIN_PLACING_PX
        # What contradicts the path since it was first seen has moved, or the path is a little off:
        # it begins anew from here, over which the path is nearly true.
        self._remember(t, slots[is_far & ~is_good])
        is_good &= is_far
        world = np.einsum("pij,pj->pi", se3.inverse(T_first)[:, :3, :3], points)
        world += se3.inverse(T_first)[:, :3, 3]
        self.placed[held[is_good]] = world[is_good]

    def _remember(self, t: int, slots: Int[np.ndarray, " point"]) -> None:
        self.first_frame[self.seen.ids[t, slots]] = t
        self.first_ray[self.seen.ids[t, slots]] = self.seen.rays[t, slots]

    def _explained(self, frames: Int[np.ndarray, " time"]) -> Bool[np.ndarray, " id"]:
        ids = self.seen.ids[frames]
        row, slot = np.nonzero(ids >= 0)
        held = ids[row, slot]
        there = np.einsum("nij,nj->ni", self.T[frames[row], :3, :3], self.placed[held])
        there += self.T[frames[row], :3, 3]
        away = there[:, :2] / np.where(there[:, 2:] > 0, there[:, 2:], np.nan)
        away = away - self.seen.rays[frames[row], slot]
        squared = np.nan_to_num((away**2).sum(axis=1), nan=np.inf)
        life = np.bincount(held, minlength=len(self.placed))
        sum_squared = np.bincount(held, squared, len(self.placed))
        rms_px = np.sqrt(sum_squared / np.maximum(life, 1)) * self.seen.focal_px
        return np.asarray((life >= MIN_LIFE_FRAMES) & (rms_px < EXPLAINED_PX))

    def path(self) -> Path:
        """What was found, in the frame of the first frame that has a pose."""
        known = np.isfinite(self.T[:, 0, 0])
        reference = int(np.argmax(known))
        T = np.full_like(self.T, np.nan)
        T[known] = self.T[reference] @ se3.inverse(self.T[known])
        return Path(
            T_reference_camera=T,
            sigma_rad=np.sqrt(self.variance[:, :3].sum(axis=1)),
            sigma_position=np.sqrt(self.variance[:, 3:].mean(axis=1)),
            residual_px=self.residual_px,
            coverage=self.coverage,
            spread=float(np.mean([self.is_spread[t] for t in np.flatnonzero(known)])),
            explained=self._explained(np.flatnonzero(known)),
            pair=(self.pair.first, self.pair.second),
            points=se3.apply(self.T[reference], self.placed[np.isfinite(self.placed[:, 0])]),
        )
