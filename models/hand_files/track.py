"""From the rows of a file to hand tracks on a clip's clock, in the camera's frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.hand_files.table import HandTable
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import hand_frame, pinhole, se3
from rotoscope.pipeline.tracks import Camera, HandTrack, Side
from rotoscope.pipeline.types import Clip

_SAME_TIME = 0.5
"""Rows belong to the frame whose time is nearest, at most this many frame intervals away."""
_CLOCK_S = 1e-6
"""Times closer than this are the same."""


@dataclass(frozen=True)
class Sigma:
    """What is assumed of a tracker that does not say how sure it is."""

    position_m: float
    """1-sigma of the wrist's position along each axis [m]."""
    depth_rel: float
    """1-sigma of a guessed distance as a share of it."""
    rotation_rad: float
    """1-sigma of the wrist's rotation [rad]."""


@dataclass(frozen=True, eq=False)
class Placed:
    """The hands of one side, one row per frame of a clip."""

    track: HandTrack
    num_ambiguous: int
    """Frames that were left out because the file holds two such hands there."""


def camera_of(table: HandTable, camera: Camera) -> Camera:
    """The clip's camera: what the file says about it, scaled to the picture, else the recipe's."""
    given = table.camera
    if given is None:
        return camera
    scale = np.array([camera.width / given.size[0], camera.height / given.size[1], 1.0])
    return Camera(
        K=given.K * scale[:, None],
        width=camera.width,
        height=camera.height,
        source="tracks",
        sigma_focal_rel=given.sigma_focal_rel,
        distortion=camera.distortion,
        fisheye=camera.fisheye,
    )


def place(
    table: HandTable, side: Side, clip: Clip, camera: Camera, sigma: Sigma, palm_length_m: float
) -> Placed:
    """The hands of one side as a lifted track, all of one size where distances are guessed.

    Raises:
        MotionError: The file is about more frames than the video has.
    """
    rows, frames, num_ambiguous = _rows_of(table, side, clip)
    joints_m = _in_camera(table, rows, frames, clip, camera)
    is_seen = np.isfinite(joints_m).all(axis=(1, 2)) & (joints_m[..., 2] > 0).all(axis=1)
    rows, frames, joints_m = rows[is_seen], frames[is_seen], joints_m[is_seen]
    if not table.is_measured:
        joints_m = _of_one_size(joints_m, palm_length_m)
    position_m, rotation_rad = _sigma(table, rows, joints_m, camera, sigma)
    at = frames - clip.start

    def scattered(values: np.ndarray) -> np.ndarray:
        out = np.full((clip.num_frames, *values.shape[1:]), np.nan)
        out[at] = values
        return out

    valid = np.zeros(clip.num_frames, bool)
    valid[at] = True
    confidence = np.ones(len(rows)) if table.confidence is None else table.confidence[rows]
    track = HandTrack(
        side=side,
        landmarks_px=scattered(
            pinhole.project(joints_m, camera.K, camera.distortion, camera.fisheye)
        ),
        hand_m=scattered(joints_m - joints_m.mean(axis=1, keepdims=True)),
        score=scattered(np.clip(np.nan_to_num(confidence), 0.0, 1.0)),
        handedness=scattered(np.full(len(rows), float(side == "right"))),
        valid=valid,
        T_camera_wrist=scattered(hand_frame.wrist_pose(joints_m, side)),
        joints_m=scattered(joints_m),
        sigma_position_m=scattered(position_m),
        sigma_rotation_rad=scattered(rotation_rad),
    )
    return Placed(track, num_ambiguous)


def _rows_of(
    table: HandTable, side: Side, clip: Clip
) -> tuple[Int[np.ndarray, " row"], Int[np.ndarray, " row"], int]:
    """Rows of the file that are about a frame of the clip, at most one each, and their frames."""
    rows = np.flatnonzero(table.is_right == (side == "right"))
    if table.frame is not None:
        frames = table.frame[rows]
        if len(frames) and frames.max() >= clip.video.num_frames:
            raise MotionError(
                f"{table.source} has a hand in frame {frames.max()}, but {clip.video.path.name} "
                f"has frames 0 to {clip.video.num_frames - 1}; give the file of this video, or set "
                "hands.file.first_frame=1 where it counts from 1"
            )
        away_s: np.ndarray = np.zeros(len(rows))
        limit_s = 0.0
    else:
        frames, away_s = _nearest_frames(table.time_s, rows, clip)
        step_s = float(np.median(np.diff(clip.time_s))) if clip.num_frames > 1 else 0.0
        limit_s = _SAME_TIME * step_s
    is_here = (frames >= clip.start) & (frames < clip.end) & (away_s <= limit_s + _CLOCK_S)
    rows, frames, away_s = rows[is_here], frames[is_here], away_s[is_here]
    keep, num_ambiguous = _best_of_each(table, rows, frames, away_s)
    return rows[keep], frames[keep], num_ambiguous


def _nearest_frames(
    time_s: Float[np.ndarray, " any"] | None, rows: Int[np.ndarray, " row"], clip: Clip
) -> tuple[Int[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """The frame of the clip that is nearest to each row, and how far off it is [s]."""
    assert time_s is not None
    wanted = time_s[rows]
    after = np.minimum(np.searchsorted(clip.time_s, wanted), clip.num_frames - 1)
    before = np.maximum(after - 1, 0)
    away = np.abs(clip.time_s[np.stack([before, after])] - wanted)
    return np.where(away[0] <= away[1], before, after) + clip.start, away.min(axis=0)


def _best_of_each(
    table: HandTable,
    rows: Int[np.ndarray, " row"],
    frames: Int[np.ndarray, " row"],
    away_s: Float[np.ndarray, " row"],
) -> tuple[Int[np.ndarray, " kept"], int]:
    """Of rows about one frame the one with complete joints that is nearest in time, then surest.

    Where two are equally near and sure nobody can tell which hand is meant: none is taken.
    """
    is_whole = np.isfinite(table.joints_m[rows]).all(axis=(1, 2))
    certainty = np.ones(len(rows)) if table.confidence is None else table.confidence[rows]
    certainty = np.nan_to_num(certainty)
    time_s = frames if table.time_s is None else table.time_s[rows]
    keep, num_ambiguous = [], 0
    for frame in np.unique(frames[is_whole]):
        here = np.flatnonzero(is_whole & (frames == frame))
        here = here[away_s[here] <= away_s[here].min() + _CLOCK_S]
        # Of two times equally far off the earlier one.
        here = here[time_s[here] <= time_s[here].min() + _CLOCK_S]
        best = here[certainty[here] == certainty[here].max()]
        if len(best) == 1:
            keep.append(int(best[0]))
        else:
            num_ambiguous += 1
    return np.array(keep, np.int64), num_ambiguous


def _in_camera(
    table: HandTable,
    rows: Int[np.ndarray, " row"],
    frames: Int[np.ndarray, " row"],
    clip: Clip,
    camera: Camera,
) -> Float[np.ndarray, "row 21 3"]:
    """Joints in the frame of the camera that saw them [m]."""
    joints_m = table.joints_m[rows]
    if table.T_world_camera is not None:
        if len(table.T_world_camera) != clip.video.num_frames:
            raise MotionError(
                f"{table.source} has {len(table.T_world_camera)} camera poses for "
                f"{clip.video.num_frames} frames; one per frame is wanted, NaN where unknown"
            )
        return se3.apply(se3.inverse(table.T_world_camera[frames]), joints_m)
    if table.nominal_focal_px is None:
        return joints_m
    return joints_m + _to_camera(joints_m[:, :1], table.nominal_focal_px[rows], camera)


def _to_camera(
    wrist_m: Float[np.ndarray, "row 1 3"], focal_px: Float[np.ndarray, " row"], camera: Camera
) -> Float[np.ndarray, "row 1 3"]:
    """How far hands move so that the camera sees them where, and as large as, the network did.

    A network's hand of a given size is at a depth in proportion to the focal length that it
    calculated with, in a picture whose middle is the principal point.
    """
    f, K = focal_px[:, None], camera.K
    x, y, z = wrist_m[..., 0], wrist_m[..., 1], wrist_m[..., 2]
    depth = z * K[0, 0] / f
    u = f * x / z + camera.width / 2
    v = f * y / z + camera.height / 2
    moved = np.stack(
        [(u - K[0, 2]) / K[0, 0] * depth, (v - K[1, 2]) / K[1, 1] * depth, depth], axis=-1
    )
    return moved - wrist_m


def _of_one_size(
    joints_m: Float[np.ndarray, "row 21 3"], palm_length_m: float
) -> Float[np.ndarray, "row 21 3"]:
    """Hands enlarged about the camera's center: nothing moves in the picture, only the distance."""
    palm_m = joints_m[:, hand_frame.MIDDLE_MCP] - joints_m[:, hand_frame.WRIST]
    return joints_m * (palm_length_m / np.linalg.norm(palm_m, axis=1))[:, None, None]


def _sigma(
    table: HandTable,
    rows: Int[np.ndarray, " row"],
    joints_m: Float[np.ndarray, "row 21 3"],
    camera: Camera,
    assumed: Sigma,
) -> tuple[Float[np.ndarray, "row 3"], Float[np.ndarray, " row"]]:
    """The tracker's own sigma where it states one, else the assumed one.

    A stated sigma is of the hand as its file gives it: where a nominal focal length was exchanged
    for the camera's, the camera's own error of the focal length is added to the depth.
    """
    wrist_m = joints_m[:, hand_frame.WRIST]
    if table.sigma_position_m is None:
        position = np.full((len(rows), 3), assumed.position_m)
        if not table.is_measured:
            # Along the ray: the distance is wrong as a whole.
            position = np.hypot(position, assumed.depth_rel * np.abs(wrist_m))
    else:
        position = table.sigma_position_m[rows].copy()
        if table.T_world_camera is not None and table.frame is not None:
            position = _turned(position, table.T_world_camera[table.frame[rows]])
    if table.nominal_focal_px is not None:
        position[:, 2] = np.hypot(position[:, 2], camera.sigma_focal_rel * wrist_m[:, 2])
    rotation = (
        np.full(len(rows), assumed.rotation_rad)
        if table.sigma_rotation_rad is None
        else table.sigma_rotation_rad[rows]
    )
    return position, rotation


def _turned(
    sigma_m: Float[np.ndarray, "row 3"], T_world_camera: Float[np.ndarray, "row 4 4"]
) -> Float[np.ndarray, "row 3"]:
    """1-sigma along the camera's axes of errors that are independent along the world's."""
    R = T_world_camera[:, :3, :3]
    return np.asarray(np.sqrt(np.einsum("rij,ri->rj", R**2, sigma_m**2)))
