"""Where tracks of a dataset lie in its cameras' pictures."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.training.focus import FocusConfig, Points, held, point_shares, tracks_of
from rotoscope.models.training.views import cameras_of
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.video.fit import fit_into

_IN_SPACE = {"track.hand.joints": None, "track.body.joints": None, "track.hand.wrist": 3}
"""Features that are points in the frame of the clip's first camera [m], and of how many numbers the
point is where others follow."""


def check_focus(dataset: Dataset, camera: str | tuple[str, ...], config: FocusConfig) -> None:
    """Refuses tracks that are not there, or of cameras that are not seen.

    Raises:
        UsageError: There is no camera, or a track's camera is not among those seen.
        DatasetError: The dataset lacks a track, or it is none of the picture.
    """
    if not config.tracks:
        return
    by_camera = tracks_of(config.tracks, _cameras(camera, config))
    if strange := [name for name in by_camera if name not in cameras_of(camera)]:
        raise UsageError(
            f"focus.tracks names {quoted(strange)}, camera={camera}; tracks of one of these are "
            "written CAMERA:TRACK, those of the first as TRACK alone"
        )
    if empty := [name for name, tracks in by_camera.items() if not tracks]:
        raise UsageError(
            f"focus.tracks names no track of {quoted(empty)}, whose picture would be gray all "
            "over; name some as CAMERA:TRACK, or leave the camera out"
        )
    features = dataset.info["features"]
    wanted = [track for tracks in by_camera.values() for track in tracks]
    is_number = {n for n, f in features.items() if f["dtype"] not in ("video", "image", "string")}
    if missing := [name for name in wanted if name not in is_number]:
        there = sorted(n for n in is_number if n.startswith(("track.", "label.object")))
        raise DatasetError(
            f"{dataset.root} has no feature {quoted(missing)}; it has {quoted(there) or 'none'}: "
            "name some of them with focus.tracks=[...], or add them with a recipe of tracks"
        )
    short = [name for name in wanted if int(np.prod(features[name]["shape"])) < 2]
    if short:
        raise DatasetError(f"{quoted(short)} of {dataset.root} are no points: x and y are needed")


def points_of(
    dataset: Dataset, rows: EpisodeRows, camera: str | tuple[str, ...], config: FocusConfig
) -> Points:
    """Points of one episode, gaps bridged by `held`.

    Raises:
        DatasetError: Of one camera's tracks nothing is known in any row.
    """
    by_camera = tracks_of(config.tracks, _cameras(camera, config))
    time_s = np.asarray(rows.columns["timestamp"], float)
    found = [
        np.concatenate([_of_track(dataset, rows, name, view) for name in tracks], axis=1)
        for view, tracks in by_camera.items()
    ]
    most = max(points.shape[1] for points in found)
    out = np.full((rows.num_rows, len(found), most, 2), np.nan)
    for number, (view, points) in enumerate(zip(by_camera, found, strict=True)):
        if not np.isfinite(points).all(axis=-1).any():
            raise DatasetError(
                f"episode {rows.index}: {quoted(by_camera[view])} are known in no row, so that "
                f"nothing of {view} is looked at; leave the episode out, or name other tracks"
            )
        out[:, number, : points.shape[1]] = points
    return held(out, time_s)


def _cameras(camera: str | tuple[str, ...], config: FocusConfig) -> tuple[str, ...]:
    cameras = cameras_of(camera)
    if not cameras:
        raise UsageError(
            f"focus.tracks={list(config.tracks)} is about pictures; set camera, or leave it out"
        )
    return cameras


def _of_track(
    dataset: Dataset, rows: EpisodeRows, name: str, camera: str
) -> Float[np.ndarray, "time point 2"]:
    """Points of a feature as shares of the camera's picture in the dataset.

    Joints are seen through the camera that the episode's scene names; the rest as `point_shares`.
    """
    values = np.asarray(rows.columns[name], float).reshape(rows.num_rows, -1)
    height, width = (int(n) for n in dataset.info["features"][camera]["shape"][:2])
    scene = rows.meta.get("scene", {})
    size = scene.get("video_width") or width, scene.get("video_height") or height
    if name in _IN_SPACE:
        pixels = _seen_through(rows, name, values)
        shares = pixels / np.array(size)
    else:
        shares = point_shares(values, dataset.names(name), size)
    if size == (width, height):
        return shares
    fit = fit_into(*size, width, height)
    inside = np.array([fit.x, fit.y]) + shares * [fit.width, fit.height]
    found: np.ndarray = inside / np.array([width, height])
    return found


def _seen_through(
    rows: EpisodeRows, name: str, values: Float[np.ndarray, "time number"]
) -> Float[np.ndarray, "time point 2"]:
    """Points in space in the video's pictures [px]; NaN where the camera's pose is not known.

    Raises:
        DatasetError: The episode does not say what its camera is.
    """
    scene = rows.meta.get("scene", {})
    is_world = name.startswith("track.body") and scene.get("body_frame") == "world"
    if not scene.get("K") or is_world:
        raise DatasetError(
            f"episode {rows.index} does not say how its camera saw {name} (scene.K in "
            "meta/rotoscope/episodes.jsonl); name tracks that are points of the picture"
        )
    points_m = values[:, : _IN_SPACE[name]].reshape(rows.num_rows, -1, 3)
    pose = rows.columns.get("track.camera.pose")
    if pose is not None:
        # Everything stands in the frame of the clip's first camera.
        pose = np.asarray(pose, float)
        known = np.isfinite(pose).all(axis=1)
        points_m = points_m.copy()
        points_m[~known] = np.nan
        T_now_first = se3.inverse(se3.make(se3.exp_so3(pose[known, 3:]), pose[known, :3]))
        points_m[known] = se3.apply(T_now_first, points_m[known])
    depth_m = points_m[..., 2:]
    seen = points_m @ np.array(scene["K"]).T
    with np.errstate(invalid="ignore"):
        pixels: np.ndarray = seen[..., :2] / np.where(depth_m > 1e-3, depth_m, np.nan)
    return pixels
