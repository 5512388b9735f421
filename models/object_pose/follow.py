"""One thing followed through a clip: every frame onto a model that grows by key frames."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.object_pose.key_frames import CERTAIN, KeyFrame, agreed, carved, fused
from rotoscope.models.object_pose.landmarks import Followed, Landmarks
from rotoscope.models.object_pose.probe import probed
from rotoscope.models.object_pose.seen import Lens, SeenThing, see
from rotoscope.models.object_pose.settle import Guess, Settled, View, settle
from rotoscope.models.object_pose.surface import Model, turn_between
from rotoscope.pipeline.geometry import se3

START_PIXELS = 150
"""Pixels of depth with which a thing's model may begin."""
VOXELS_ACROSS = 30.0
VOXEL_RANGE_M = (0.0025, 0.008)
"""The model's grid: the thing's size over 30, within limits."""
FITS, STICKS_OUT = 0.55, 0.15
"""Share of a frame's points that must lie on the model, where the rest may be seen anew or be a
hand's; and share of what would show of the model that may be seen past."""
FITS_PART, STICKS_OUT_PART = 0.35, 0.05
"""The same where more is new: a drawer that comes out shows its sides. What is known of it must
then be there."""
FUSES, NEW_SURFACE = 0.7, 0.88
"""Share from which a frame may add to the model, and below which it has something to add."""
KEY_EVERY = 3
"""Frames between two key frames that add new surface of one view."""
NEW_VIEW_RAD = np.radians(12.0)
"""A key frame is added where the thing is seen from so much elsewhere."""
MOST_KEYS = 32
MOST_EARLY = 1000
"""Frames before the model begins that are kept: 40 MB."""
MOST_TURN_RAD_S, MOST_TURN_RAD = 12.0, np.radians(50.0)
"""What is found again must not be turned faster than so since it was seen last, nor further: a box
looks alike from several sides."""
ANOTHER_RAD, ALIKE = np.radians(25.0), 0.08
"""Two poses that differ by so much are two; they fit alike where their scores differ by less."""
TURN_RAD_S, SHIFT_M_S = 4.0, 0.8
"""1-sigma of how things in hands move between frames, as a rate."""


@dataclass(eq=False)
class Step:
    """A frame of the thing on the model as it was then."""

    seen: SeenThing
    T_model_camera: Float[np.ndarray, "4 4"]
    corners: Followed | None
    fits: bool


@dataclass(eq=False)
class Follower:
    """The state of one thing; `step` takes the frames in order."""

    lens: Lens
    keys: list[KeyFrame] = field(default_factory=list)
    steps: dict[int, Step] = field(default_factory=dict)
    early: dict[int, UInt8[np.ndarray, " byte"]] = field(default_factory=dict)
    """Usable pixels, eight in a byte, of frames before the model began."""
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
        beside: Bool[np.ndarray, "height width"],
        *,
        may_begin: bool = True,
    ) -> None:
        """Takes a frame: the thing's usable pixels of depth, what is not it, and the picture.

        Where too little of it is seen for its model to begin, that is waited for, and the frame is
        kept for the second look.
        """
        if self.model is None:
            if may_begin:
                self._begin(frame, depth_m, which)
            if self.model is None and len(self.early) < MOST_EARLY:
                self.early[frame] = np.packbits(which)
            if self.model is not None:
                T = self.keys[0].T_model_camera
                self._corners.renew(gray, depth_m, which, self.lens, T, CERTAIN)
            return
        seen = see(self.lens, depth_m, which, self.voxel_m)
        if seen is None:
            self._corners.forget()
            return
        corners = self._corners.follow(gray, depth_m, which, self.lens)
        assert self._last is not None
        gap_s = (frame - self._last[0]) * dt_s
        found = self._settled(View(seen, self.lens, depth_m, beside), corners, gap_s)
        is_good = self._is_good(found)
        T = found.T_model_camera
        if is_good:
            self._last = frame, T, found.covariance
            self._maybe_key(frame, seen, depth_m, found)
            self._corners.renew(gray, depth_m, which, self.lens, T, found.covariance)
        else:
            self._corners.forget()
        self.steps[frame] = Step(seen, T, corners if is_good else None, is_good)

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
        self.keys.append(KeyFrame(frame, seen, depth_m.astype(np.float32), T, CERTAIN))
        self.model = fused(self.keys, self.voxel_m)
        self._last = frame, T, CERTAIN
        self.steps[frame] = Step(seen, T, None, True)

    def _settled(self, view: View, corners: Followed | None, dt_s: float) -> Settled:
        assert self.model is not None
        assert self._last is not None
        last = self._last[1]
        others: list[Guess | Followed] = [Guess(last, np.linalg.inv(spread(self._last[2], dt_s)))]
        start = last
        if corners is not None:
            others.append(corners)
            start = corners.T_model_camera
        best = probed(view, self.model, settle(view, self.model, start, others), others[:1])
        if self._is_good(best):
            return best
        return self._found_again(view, best, others, dt_s)

    def _is_good(self, found: Settled) -> bool:
        return fits(found)

    def _found_again(
        self, view: View, best: Settled, others: list[Guess | Followed], dt_s: float
    ) -> Settled:
        """From the views of it that are known, moved to where it is now; the best that fits.

        Not one that is turned further than things turn in so short a time, and none where two
        different ones fit as well: boxes look alike from several sides.
        """
        assert self.model is not None
        assert self._last is not None
        last = self._last[1]
        middle = np.median(view.seen.points_m, axis=0)
        found = []
        for pose in [
            last,
            *(key.T_model_camera for key in self.keys[:: max(1, len(self.keys) // 6)]),
        ]:
            T = pose.copy()
            T[:3, 3] = np.median(self._view_points(pose), axis=0) - T[:3, :3] @ middle
            other = settle(view, self.model, T, others[1:])
            turn = turn_between(other.T_model_camera, last)
            if self._is_good(other) and turn < min(MOST_TURN_RAD_S * dt_s, MOST_TURN_RAD):
                found.append(other)
        if not found:
            return best
        found.sort(key=lambda one: one.outside - one.share)
        for other in found[1:]:
            is_other = turn_between(other.T_model_camera, found[0].T_model_camera) > ANOTHER_RAD
            if is_other and other.share - other.outside > found[0].share - found[0].outside - ALIKE:
                return best
        return found[0]

    def _view_points(self, pose: np.ndarray) -> np.ndarray:
        """Points of the model that a camera in a pose sees from their front."""
        assert self.model is not None
        facing = ((pose[:3, 3] - self.model.points_m) * self.model.normals).sum(axis=1) > 0
        return self.model.points_m[facing] if facing.sum() > 10 else self.model.points_m

    def finished(self) -> tuple[Model, dict[int, np.ndarray]] | None:
        """The final model, and what brings each frame's first pose onto it.

        `None` where the thing was never seen well enough to begin.
        """
        if self.model is None:
            return None
        before = {key.frame: key.T_model_camera for key in self.keys}
        self.keys = agreed(self.keys, self.voxel_m, self.lens)
        self.model = carved(fused(self.keys, self.voxel_m), self.keys, self.lens)
        frames = np.array([key.frame for key in self.keys])
        moved = [k.T_model_camera @ se3.inverse(before[k.frame]) for k in self.keys]
        # Each frame goes with the key frame that it followed.
        last = {t: int(np.searchsorted(frames, t, side="right")) - 1 for t in self.steps}
        return self.model, {t: moved[max(k, 0)] for t, k in last.items()}

    def _maybe_key(self, frame: int, seen: SeenThing, depth_m: np.ndarray, found: Settled) -> None:
        assert self.model is not None
        if len(self.keys) >= MOST_KEYS:
            return
        key = KeyFrame(
            frame, seen, depth_m.astype(np.float32), found.T_model_camera, found.covariance
        )
        nearest = max(float(key.from_where @ other.from_where) for other in self.keys)
        shows_more = found.share < NEW_SURFACE and frame - self.keys[-1].frame >= KEY_EVERY
        if nearest > np.cos(NEW_VIEW_RAD) and not shows_more:
            return
        if found.share < FUSES and found.outside > STICKS_OUT_PART:
            return
        self.keys.append(key)
        self.model = carved(fused(self.keys, self.voxel_m), self.keys, self.lens)


def spread(P: Float[np.ndarray, "6 6"], dt_s: float) -> Float[np.ndarray, "6 6"]:
    """Covariance of a pose some time later, moved as things in hands are."""
    return P + np.diag([(TURN_RAD_S * dt_s) ** 2] * 3 + [(SHIFT_M_S * dt_s) ** 2] * 3)


def fits(found: Settled) -> bool:
    """Whether a frame is the thing as the model has it."""
    if found.share >= FITS:
        return found.outside < STICKS_OUT
    return found.share >= FITS_PART and found.outside < STICKS_OUT_PART
