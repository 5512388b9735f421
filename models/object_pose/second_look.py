"""Every frame once more, onto the whole model: what was first seen late helps early frames too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.models.depth.depth_files import DepthFiles
from rotoscope.models.object_pose.follow import Follower, Step, fits, spread
from rotoscope.models.object_pose.landmarks import Followed
from rotoscope.models.object_pose.mesh import Placed
from rotoscope.models.object_pose.probe import probed
from rotoscope.models.object_pose.seen import see, surely_beside
from rotoscope.models.object_pose.settle import Guess, Settled, View, settle
from rotoscope.models.object_pose.surface import Model
from rotoscope.pipeline.tracks import ObjectTrack, median_rate_hz
from rotoscope.pipeline.types import Clip

REACHES_VOXELS = (3.0, 2.5, 2.5, 2.5)


@dataclass(eq=False)
class SecondLook:
    """One thing with its final model."""

    follower: Follower
    model: Model
    moved: Mapping[int, Float[np.ndarray, "4 4"]]
    """What brings each frame's first pose onto the final model."""
    mesh: Placed | None = None
    """Where the model lies on the user's mesh, if that is the model now."""
    found: dict[int, Settled] = field(default_factory=dict)
    """Frames that fit."""

    def onto(self, mesh: Model, where: Placed) -> None:
        """Takes the mesh for the model."""
        self.moved = {t: where.T_mesh_model @ T for t, T in self.moved.items()}
        self.model, self.mesh = mesh, where

    def shared(self, T_model_camera: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "6 6"]:
        """Covariance of the part of the model that is seen from a pose: of its nearest key frame.

        What lies wrong in the model turns every frame that is brought onto it. None of a mesh.
        """
        if self.mesh is not None:
            return np.zeros((6, 6))
        place = T_model_camera[:3, 3] / np.linalg.norm(T_model_camera[:3, 3])
        return max(self.follower.keys, key=lambda key: float(key.from_where @ place)).covariance

    @property
    def origin_m(self) -> Float[np.ndarray, " 3"]:
        """Of the thing's frame, in that of the model."""
        if self.mesh is not None:
            return np.zeros(3)
        low, high = np.quantile(self.model.points_m, [0.02, 0.98], axis=0)
        return np.asarray((low + high) / 2)

    @property
    def size_m(self) -> float:
        """Half of its extent."""
        low, high = np.quantile(self.model.points_m, [0.02, 0.98], axis=0)
        return float(np.linalg.norm(high - low) / 2)


def second_look(
    clip: Clip,
    files: DepthFiles,
    segments: Mapping[int, ObjectTrack],
    things: Mapping[int, SecondLook],
) -> None:
    """Fills in what fits, reading the depth a second time."""
    dt_s = 1.0 / median_rate_hz(clip.time_s)
    last: dict[int, tuple[int, Settled]] = {}
    for t in range(clip.num_frames):
        mine = {n: one for n, one in things.items() if t in one.follower.steps}
        if not mine:
            continue
        depth_m = files.read(clip.start + t)
        for number, one in mine.items():
            beside = surely_beside(segments[number].mask(t), depth_m.shape, None)
            view = View(one.follower.steps[t].seen, one.follower.lens, depth_m, beside)
            found = _look(one, t, view, last.get(number), dt_s)
            if found is not None:
                one.found[t] = found
                last[number] = t, found
    for number, one in things.items():
        _look_back(one, clip.start, files, segments[number], dt_s)


def _look_back(
    one: SecondLook, start: int, files: DepthFiles, segment: ObjectTrack, dt_s: float
) -> None:
    """Frames in which too little was seen for the model to begin, from where it did back."""
    follower = one.follower
    began = follower.keys[0].frame
    last = (began, one.found[began]) if began in one.found else None
    for t in sorted(follower.early, reverse=True):
        depth_m = files.read(start + t)
        which = np.unpackbits(follower.early[t], count=depth_m.size).reshape(depth_m.shape) > 0
        seen = see(follower.lens, depth_m, which, follower.voxel_m)
        if seen is None or last is None:
            continue
        follower.steps[t] = Step(seen, last[1].T_model_camera, None, fits=False)
        beside = surely_beside(segment.mask(t), depth_m.shape, None)
        found = _look(one, t, View(seen, follower.lens, depth_m, beside), last, dt_s)
        if found is not None:
            one.found[t] = found
            last = t, found


def _look(
    one: SecondLook,
    t: int,
    view: View,
    last: tuple[int, Settled] | None,
    dt_s: float,
) -> Settled | None:
    step, moved = one.follower.steps[t], one.moved.get(t, np.eye(4))
    others: list[Guess | Followed] = []
    starts = [moved @ step.T_model_camera] if step.fits else []
    if step.corners is not None:
        others.append(Guess(moved @ step.corners.T_model_camera, step.corners.information))
    if last is not None:
        gap_s = abs(t - last[0]) * dt_s
        before = last[1].T_model_camera
        others.append(Guess(before, np.linalg.inv(spread(last[1].covariance, gap_s))))
        starts += [] if step.fits else [before]
    elif t == one.follower.keys[0].frame:
        # The model's frame is defined by this one.
        others.append(Guess(starts[0], np.diag([1e6] * 3 + [1e8] * 3)))
    for start in starts:
        found = settle(view, one.model, start, others, REACHES_VOXELS)
        found = probed(view, one.model, found, others[step.corners is not None :])
        if fits(found):
            return found
    return None
