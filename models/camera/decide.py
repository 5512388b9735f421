"""What a clip's camera does: still, turning, moving or unknown, tried in this order.

A rotation is tried before a path: the essential matrix of a pure turn is arbitrary.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from rotoscope.models.camera.background import Background
from rotoscope.models.camera.path import Path, follow_path
from rotoscope.models.camera.rotation import Turn, follow_rotation
from rotoscope.models.camera.scale import StatedScale, find_scale
from rotoscope.models.camera.stillness import find_stillness
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Camera, CameraMotion, Track

SURE_TURN_PX = 0.8
"""Where nine of ten frames have a smaller residual, the camera turns [px of the small picture].
Turning scenes have .3 to .6, moving ones 3 and more."""
MAX_TURN_PX = 1.5
"""Up to here it may have moved a little too: a path is tried first, and the rotation is taken with
a wider sigma where none is found."""
PARALLAX_ERROR = 7.0
"""A residual that is parallax is only what rotation could not take up: on moving scenes the
rotation was wrong by seven times as much."""
MIN_KNOWN = 0.6
"""Least share of frames whose motion is known in a turning or moving clip."""
MIN_SPREAD = 0.5
"""Least share of frames in which what explains the motion is seen all over the picture. Without it
a thing that is waved before a plain wall is taken for a camera that moves."""
MIN_COVERAGE = 0.4
"""Least share of the background's points that a path explains."""
MAX_PATH_PX = 1.0
"""Largest median distance of placed points from there [px of the small picture]."""
MAX_DRIFT_RAD = float(np.radians(3.0))
"""In an unknown clip frames are given up where the background was seen to shift by more: at half a
meter 26 mm, about as much as a hand's own sigma. Less is added to sigma."""
MIN_DRIFT_POINTS = 3
PATH_FLOOR_RAD = float(np.radians(0.07))
"""Error of a path's rotation that its poses share, beyond what each frame's points say."""
PATH_DRIFT_REL = 0.02
"""Error of a path's position as a share of the distance from the first frame."""


def decide(
    seen: Background,
    camera: Camera,
    tracks: Mapping[str, Track],
    stated: StatedScale | None,
) -> CameraMotion:
    """The motion of a clip's camera, from its background and, for the scale, from its hands."""
    if find_stillness(seen).is_clip_still:
        return _still(seen)
    turn = follow_rotation(seen)
    loose_px = float(np.quantile(turn.residual_px[turn.known], 0.9)) if turn.known.any() else np.inf
    is_known = bool(turn.known.mean() >= MIN_KNOWN) and turn.spread >= MIN_SPREAD
    if is_known and loose_px <= SURE_TURN_PX:
        return _turning(seen, turn)
    path = follow_path(seen)
    if path is not None and _is_believed(path):
        scale = find_scale(path, tracks, stated)
        return _moving(path, scale.factor, scale.sigma_rel).replace(
            scale_source=scale.source,
            why="the scale of the path is not known" if scale.source == "unknown" else "",
        )
    if is_known and loose_px <= MAX_TURN_PX:
        return _turning(seen, turn)
    if not is_known:
        return _unknown(seen, "too little background is seen")
    return _unknown(seen, "neither a turn nor a path explains how the background moves")


def _is_believed(path: Path) -> bool:
    return bool(
        path.known.mean() >= MIN_KNOWN
        and path.spread >= MIN_SPREAD
        and path.coverage >= MIN_COVERAGE
        and path.residual_px <= MAX_PATH_PX
    )


def _still(seen: Background) -> CameraMotion:
    num = seen.num_frames
    return CameraMotion(
        kind="still",
        T_reference_camera=np.broadcast_to(np.eye(4), (num, 4, 4)).copy(),
        valid=np.ones(num, bool),
        sigma_rotation_rad=np.zeros(num),
        sigma_position_m=np.zeros(num),
        scale_source="none",
        sigma_scale_rel=0.0,
        residual_px=0.0,
        why="",
    )


def _turning(seen: Background, turn: Turn) -> CameraMotion:
    # One frame that fits badly, as behind somebody's head, says nothing against the others.
    known = turn.known & (np.nan_to_num(turn.residual_px, nan=np.inf) <= MAX_TURN_PX)
    parallax_px = PARALLAX_ERROR * np.maximum(turn.residual_px - SURE_TURN_PX, 0.0)
    return CameraMotion(
        kind="turning",
        T_reference_camera=se3.make(turn.R_reference_camera, np.zeros((seen.num_frames, 3)))
        * np.where(known, 1.0, np.nan)[:, None, None],
        valid=known,
        sigma_rotation_rad=np.where(
            known, np.hypot(turn.sigma_rad, parallax_px / seen.focal_px), np.nan
        ),
        sigma_position_m=np.where(known, 0.0, np.nan),
        scale_source="none",
        sigma_scale_rel=0.0,
        residual_px=float(np.median(turn.residual_px[known])),
        why="",
    )


def _moving(path: Path, factor: float, sigma_scale_rel: float) -> CameraMotion:
    T = path.T_reference_camera.copy()
    T[:, :3, 3] *= factor
    away_m = np.linalg.norm(T[:, :3, 3], axis=1)
    return CameraMotion(
        kind="moving",
        T_reference_camera=T,
        valid=path.known,
        sigma_rotation_rad=np.hypot(path.sigma_rad, PATH_FLOOR_RAD),
        sigma_position_m=np.hypot(factor * path.sigma_position, PATH_DRIFT_REL * away_m),
        scale_source="unknown",
        sigma_scale_rel=sigma_scale_rel,
        residual_px=path.residual_px,
        why="",
    )


def _unknown(seen: Background, why: str) -> CameraMotion:
    drift_rad = _drift(seen)
    is_small = drift_rad <= MAX_DRIFT_RAD
    T = np.where(is_small[:, None, None], np.eye(4), np.nan)
    return CameraMotion(
        kind="unknown",
        T_reference_camera=T,
        valid=is_small,
        sigma_rotation_rad=np.where(is_small, drift_rad, np.nan),
        sigma_position_m=np.where(is_small, 0.0, np.nan),
        scale_source="none",
        sigma_scale_rel=0.0,
        residual_px=float("nan"),
        why=why,
    )


def _drift(seen: Background) -> Float[np.ndarray, " time"]:
    """How far the background has shifted since the first frame, as an angle [rad].

    The median step from frame to frame, added up: of few points, and of what cannot be told from
    the background, so a magnitude only.
    """
    total = np.zeros((seen.num_frames, 2))
    for t in range(1, seen.num_frames):
        slots = seen.shared(t - 1, t)
        step = np.zeros(2)
        if len(slots) >= MIN_DRIFT_POINTS:
            step = np.median(seen.points_px[t, slots] - seen.points_px[t - 1, slots], axis=0)
        total[t] = total[t - 1] + step
    return np.asarray(np.linalg.norm(total, axis=1) / seen.focal_px)
