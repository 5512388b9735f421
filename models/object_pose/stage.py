"""Stage `object_pose`: how the things that hands move lie and turn, measured by a depth sensor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.models.depth.depth_files import DepthFiles, depth_files
from rotoscope.models.object_pose.describe import described, facts_of
from rotoscope.models.object_pose.follow import Follower
from rotoscope.models.object_pose.mesh import mesh_file
from rotoscope.models.object_pose.on_mesh import on_mesh
from rotoscope.models.object_pose.open3d_import import open3d
from rotoscope.models.object_pose.second_look import SecondLook, second_look
from rotoscope.models.object_pose.seen import Lens, gray_of, hand_pixels, surely_beside, usable
from rotoscope.models.object_pose.table import Table, table
from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks, select
from rotoscope.pipeline.tracks import (
    SCENE,
    Camera,
    CameraMotion,
    HandTrack,
    ObjectTrack,
    QualityTrack,
    Track,
    median_rate_hz,
    require_camera,
)
from rotoscope.pipeline.types import Clip, SourceKind
from rotoscope.pipeline.video.read import read_frames

DISTANCES_M = (0.05, 10.0)
"""Where things in hands are, from the camera; elsewhere the unit of the pictures is another."""
START_SHARE = 0.5
"""Share of how much of a thing is seen where it is seen well (0.9 quantile) with which its model
may begin: onto a part that shows beside an arm, another part is taken for the same."""
FARTHER = 2.5
"""How much farther or nearer than its hand says a thing may be seen."""


class ObjectPoseConfig(StageConfig):
    """What the sensor's and the mesh's numbers mean."""

    meters_per_unit: float = Field(default=0.001, gt=0, le=1)
    """Length of one unit of the pictures of depth [m]: 0.001 where they hold millimeters."""
    mesh_meters_per_unit: float = Field(default=1.0, gt=0, le=1)
    """Length of one unit of the mesh beside the video [m]: 0.001 where it is in millimeters."""


class ObjectPose(ClipStage):
    """6-D poses of the things that were found: `object_poses.<number>`, and their joints.

    From the segments of `objects` and the depth in `NAME.depth/`. Every frame is brought onto a
    model of the thing that grows by key frames, made to agree by a pose graph, and then looked at
    again with the whole model; with `NAME.mesh.ply` (`.obj`, `.stl`) beside the video, onto that.
    What shape and texture do not tell, as the turn of a ball, has a large sigma and is not valid.
    `quality.object_pose` says how many frames were told, and of each thing whether it moved as on a
    hinge or a slide, about which line, how far; and where the table is.
    """

    kind: ClassVar[str] = "object_pose"
    version: ClassVar[str] = "4"
    requires: ClassVar[tuple[str, ...]] = ("objects", "camera")
    uses: ClassVar[tuple[str, ...]] = ("hands", "camera_motion")
    provides: ClassVar[tuple[str, ...]] = ("object_poses", "quality.object_pose")
    source: ClassVar[SourceKind | None] = "video"
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python", "open3d-cpu")
    shares: ClassVar[tuple[str, ...]] = ("meters_per_unit",)
    Config: ClassVar[type[StageConfig]] = ObjectPoseConfig
    config: ObjectPoseConfig

    @classmethod
    def files_beside(cls, path: Path) -> tuple[Path, ...]:
        """The pictures of depth, and the mesh."""
        mesh = mesh_file(path)
        return depth_files(path) + (() if mesh is None else (mesh,))

    def setup(self) -> None:
        """Loads OpenCV and Open3D; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)
        open3d()

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """One `ObjectPoseTrack` for each thing, and `quality.object_pose`.

        Raises:
            AssetError: Open3D is not installed.
            TrackError: The track `camera` is not there.
            UnreasonableVideoError: There is no depth beside the video, not one picture for each
                frame, pictures of another shape or unit; or the mesh is none, or of another thing.
            DamagedVideoError: A picture cannot be read.
        """
        camera = require_camera(tracks, self.kind)
        files = DepthFiles(clip.video, self.config.meters_per_unit)
        things = {t.number: t for t in tracks.values() if isinstance(t, ObjectTrack)}
        hands = [
            h for h in select(dict(tracks), ("hands",)).values()
            if isinstance(h, HandTrack) and h.joints_m is not None
        ]  # fmt: skip
        poses = _camera_poses(tracks, clip.num_frames)
        look = _FirstLook(clip, camera, files, things, hands, poses)
        look.run()
        _check_unit(look, things, poses)
        found: dict[int, SecondLook] = {}
        mesh = mesh_file(clip.video.path)
        for number, follower in look.followers.items():
            model = follower.finished()
            if model is not None:
                found[number] = SecondLook(follower, *model)
        if mesh is not None and found:
            on_mesh(mesh, self.config.mesh_meters_per_unit, found)
        second_look(clip, files, things, found)
        out: Tracks = {
            f"object_poses.{number}": described(
                thing, found.get(number), look.has_depth[number], camera, tracks, poses
            )
            for number, thing in things.items()
        }
        facts = facts_of(out, found, look.table, poses)
        out["quality.object_pose"] = QualityTrack(subject=SCENE, facts=facts)
        return out


class _FirstLook:
    """All frames once: each thing onto what is known of it by then."""

    def __init__(
        self,
        clip: Clip,
        camera: Camera,
        files: DepthFiles,
        things: Mapping[int, ObjectTrack],
        hands: list[HandTrack],
        poses: Float[np.ndarray, "time 4 4"],
    ) -> None:
        self._clip, self._camera, self._files = clip, camera, files
        self._things, self._hands, self._poses = things, hands, poses
        self.followers: dict[int, Follower] = {}
        self.has_depth = {n: np.zeros(clip.num_frames, bool) for n in things}
        self.distance_m = {n: np.full(clip.num_frames, np.nan) for n in things}
        self.table: Table | None = None

    def run(self) -> None:
        """Decodes the video and its depth; keeps neither."""
        if not self._things:
            return
        dt_s = 1.0 / median_rate_hz(self._clip.time_s)
        lens: Lens | None = None
        clip = self._clip
        usual_px = {n: _usual_px(thing) for n, thing in self._things.items()}
        frames = read_frames(clip.video, start=clip.start, end=clip.end, kept=clip.kept)
        for t, frame in enumerate(frames):
            seen = [n for n, thing in self._things.items() if thing.valid[t]]
            if t and not seen:
                continue
            depth_m = self._files.read(self._clip.start + t)
            if lens is None or lens.rays.shape[:2] != depth_m.shape:
                lens = Lens.of(self._camera, depth_m.shape)
            hands = self._hand_pixels(t, depth_m)
            if t == 0:
                self.table = table(lens, depth_m, self._all(0, depth_m.shape) | hands)
            gray: Any = gray_of(frame.rgb) if seen else None
            for number in seen:
                mask = self._things[number].mask(t)
                which = usable(mask, depth_m, hands)
                beside = surely_beside(mask, depth_m.shape, hands)
                self.has_depth[number][t] = which.any()
                if which.any():
                    self.distance_m[number][t] = np.median(depth_m[which])
                follower = self.followers.setdefault(number, Follower(lens))
                may_begin = bool(mask.sum() >= START_SHARE * usual_px[number])
                follower.step(t, dt_s, gray, depth_m, which, beside, may_begin=may_begin)

    def _hand_pixels(self, t: int, depth_m: np.ndarray) -> Bool[np.ndarray, "height width"]:
        out = np.zeros(depth_m.shape, bool)
        for hand in self._hands:
            assert hand.joints_m is not None
            joints_m = hand.joints_m[t]
            if hand.known[t] and np.isfinite(joints_m).all() and np.isfinite(self._poses[t]).all():
                in_camera = se3.apply(se3.inverse(self._poses[t]), joints_m)
                if (in_camera[:, 2] > 0.02).all():
                    out |= hand_pixels(in_camera, self._camera, depth_m)
        return out

    def _all(self, t: int, shape: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
        import cv2

        out = np.zeros(shape, bool)
        for thing in self._things.values():
            mask = thing.mask(t).astype(np.uint8)
            large = cv2.dilate(cv2.resize(mask, shape[::-1]), np.ones((9, 9), np.uint8))
            out |= np.asarray(large) > 0
        return out


def _usual_px(thing: ObjectTrack) -> float:
    """How much is seen of a thing where it is seen well [pixels of its mask]."""
    areas = [int(thing.mask(t).sum()) for t in np.flatnonzero(thing.valid).tolist()]
    return float(np.quantile(areas, 0.9)) if areas else 0.0


def _camera_poses(tracks: Mapping[str, Track], num: int) -> Float[np.ndarray, "time 4 4"]:
    """Camera in the frame of the hands; NaN where it is not known."""
    motion = tracks.get("camera_motion")
    if not isinstance(motion, CameraMotion):
        return np.tile(np.eye(4), (num, 1, 1))
    return np.where(motion.is_placed[:, None, None], motion.T_reference_camera, np.nan)


def _check_unit(
    look: _FirstLook, things: Mapping[int, ObjectTrack], poses: Float[np.ndarray, "time 4 4"]
) -> None:
    """That depth is of the unit that was said."""
    for number, distance_m in look.distance_m.items():
        if not np.isfinite(distance_m).any():
            continue
        far = float(np.nanmedian(distance_m))
        said = np.linalg.norm(things[number].center_m - poses[:, :3, 3], axis=1)
        told = np.isfinite(said) & np.isfinite(distance_m)
        ratio = float(np.median(distance_m[told] / said[told])) if told.sum() >= 5 else 1.0
        if DISTANCES_M[0] <= far <= DISTANCES_M[1] and 1 / FARTHER <= ratio <= FARTHER:
            continue
        by_hand = f", {ratio:.3g} times as far as the hand that holds it" if ratio != 1.0 else ""
        raise UnreasonableVideoError(
            f"depth puts object {number} {far:.3g} m from the camera{by_hand}: the unit of the "
            "pictures is another one (object_pose.meters_per_unit), they are not registered to the "
            "color picture, or they are of another scene"
        )
