"""One thing followed through a clip: every frame onto a model that grows by key frames."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.object_pose.landmarks import Followed, Landmarks
from rotoscope.models.object_pose.register import Model, cloud_of
from rotoscope.models.object_pose.seen import Lens, SeenThing, see
from rotoscope.models.object_pose.settle import Guess, Settled, View, settle
from rotoscope.pipeline.geometry import se3

START_PIXELS = 150
"""Pixels of depth with which a thing's model may begin."""
VOXELS_ACROSS = 40.0
VOXEL_RANGE_M = (0.002, 0.006)
"""The model's grid: the thing's size over 40, within limits."""
FITS = 0.55
"""Share of a frame's points that must lie on the model: the rest may be seen anew, or a hand's."""
STICKS_OUT = 0.15
"""Share of what would show of the model that may be seen past."""
FUSES = 0.7
"""Share with which a frame may add to the model."""
NEW_VIEW_RAD = np.radians(12.0)
"""A key frame is added where the thing is seen from so much elsewhere."""
MOST_KEYS = 32
TURN_RAD_S, SHIFT_M_S = 4.0, 0.8
"""1-sigma of how things in hands move between frames, as a rate."""


@dataclass(eq=False)
class KeyFrame:
    """A frame that the model is made of."""

    frame: int
    seen: SeenThing
    depth_m: Float[np.ndarray, "height width"]
    T_model_camera: Float[np.ndarray, "4 4"]

    @property
    def from_where(self) -> Float[np.ndarray, " 3"]:
        """Direction in the model's frame from which the camera looks."""
        place = self.T_model_camera[:3, 3]
        return np.asarray(place / np.linalg.norm(place))


@dataclass(eq=False)
class Step:
    """A frame of the thing."""

    seen: SeenThing
    T_model_camera: Float[np.ndarray, "4 4"]
    corners: Followed | None
    fits: bool
    found: Settled | None = None


@dataclass(eq=False)
class Follower:
    """The state of one thing; `step` takes the frames in order."""

    lens: Lens
    keys: list[KeyFrame] = field(default_factory=list)
    steps: dict[int, Step] = field(default_factory=dict)
    model: Model | None = None
    voxel_m: float = VOXEL_RANGE_M[1]
    _corners: Landmarks = field(default_factory=Landmarks)
    _last: tuple[int, np.ndarray, np.ndarray] | None = None
    """Frame, pose and covariance of the last frame that fits."""

    def step(
        self,
        frame: int,
        dt_s: float,
        gray: UInt8[np.ndarray, "height width"],
        depth_m: Float[np.ndarray, "height width"],
        which: Bool[np.ndarray, "height width"],
    ) -> None:
        """Takes a frame: the thing's usable pixels of depth, and the picture."""
        if self.model is None:
            self._begin(frame, depth_m, which)
            if self.model is not None:
                T = self.keys[0].T_model_camera
                self._corners.renew(gray, depth_m, which, self.lens, T)
            return
        seen = see(self.lens, depth_m, which, self.voxel_m)
        if seen is None:
            self._corners.forget()
            return
        corners = self._corners.follow(gray, depth_m, which, self.lens)
        found = self._settled(View(seen, self.lens, depth_m), corners, dt_s)
        fits = found.share >= FITS and found.outside < STICKS_OUT
        T = found.T_model_camera
        if fits:
            self._last = frame, T, found.covariance
            self._maybe_key(frame, seen, depth_m, found)
            self._corners.renew(gray, depth_m, which, self.lens, T)
        else:
            self._corners.forget()
        self.steps[frame] = Step(seen, T, corners if fits else None, fits, found)

    def _begin(
        self, frame: int, depth_m: Float[np.ndarray, "height width"], which: np.ndarray
    ) -> None:
        if which.sum() < START_PIXELS:
            return
        points = self.lens.points(depth_m, which)
        low, high = np.quantile(points, [0.05, 0.95], axis=0)
        size_m = float(np.linalg.norm(high - low))
        self.voxel_m = float(np.clip(size_m / VOXELS_ACROSS, *VOXEL_RANGE_M))
        seen = see(self.lens, depth_m, which, self.voxel_m)
        if seen is None:
            return
        T = se3.make(np.eye(3), -np.median(seen.points_m, axis=0))
        self.keys.append(KeyFrame(frame, seen, depth_m.astype(np.float32), T))
        self.model = fused(self.keys, self.voxel_m)
        self._last = frame, T, np.diag([1e-8] * 6)
        self.steps[frame] = Step(seen, T, None, True)

    def _settled(self, view: View, corners: Followed | None, dt_s: float) -> Settled:
        assert self.model is not None
        assert self._last is not None
        last = self._last[1]
        others: list[Guess | Followed] = [Guess(last, np.linalg.inv(_spread(self._last[2], dt_s)))]
        start = last
        if corners is not None:
            others.append(corners)
            start = corners.T_model_camera
        best = settle(view, self.model, start, others)
        if best.share >= FUSES and best.outside < STICKS_OUT:
            return best
        middle = np.median(view.seen.points_m, axis=0)
        for pose in [last, *(key.T_model_camera for key in self.keys[::4])]:
            # The same view of it, moved to where it is now.
            T = pose.copy()
            T[:3, 3] = np.median(self._view_points(pose), axis=0) - T[:3, :3] @ middle
            other = settle(view, self.model, T, [])
            if other.share - other.outside > best.share - best.outside + 0.05:
                best = other
        return best

    def _view_points(self, pose: np.ndarray) -> np.ndarray:
        """Points of the model that a camera in a pose sees from their front."""
        assert self.model is not None
        facing = ((pose[:3, 3] - self.model.points_m) * self.model.normals).sum(axis=1) > 0
        return self.model.points_m[facing] if facing.sum() > 10 else self.model.points_m

    def _maybe_key(
        self, frame: int, seen: SeenThing, depth_m: np.ndarray, found: Settled
    ) -> None:
        assert self.model is not None
        if len(self.keys) >= MOST_KEYS:
            return
        key = KeyFrame(frame, seen, depth_m.astype(np.float32), found.T_model_camera)
        nearest = max(float(key.from_where @ other.from_where) for other in self.keys)
        if nearest > np.cos(NEW_VIEW_RAD):
            return
        if found.share < FUSES or found.outside > STICKS_OUT / 2:
            return
        self.keys.append(key)
        self.model = fused(self.keys, self.voxel_m)


def _spread(P: np.ndarray, dt_s: float) -> np.ndarray:
    return P + np.diag([(TURN_RAD_S * dt_s) ** 2] * 3 + [(SHIFT_M_S * dt_s) ** 2] * 3)


def fused(keys: list[KeyFrame], voxel_m: float) -> Model:
    """The model that key frames make together."""
    points = np.concatenate([se3.apply(k.T_model_camera, k.seen.points_m) for k in keys])
    normals = np.concatenate([k.seen.normals @ k.T_model_camera[:3, :3].T for k in keys])
    cloud = cloud_of(points, normals).voxel_down_sample(voxel_m)
    n = np.asarray(cloud.normals).copy()
    length = np.linalg.norm(n, axis=1, keepdims=True)
    return Model(np.asarray(cloud.points).copy(), n / np.maximum(length, 1e-9), voxel_m)
