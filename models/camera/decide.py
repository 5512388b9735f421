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
from rotoscope.models.camera.stillness import (
    MAX_MOVED_SHARE,
    STILL_PX,
    Stillness,
    find_stillness,
)
from rotoscope.models.camera.trust import find_trust
from rotoscope.models.camera.zoom import may_be_zoom
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Camera, CameraMotion, Track

SURE_TURN_PX = 0.8
"""A larger residual of a frame is taken for parallax [px of the small picture], and one of half of
the frames for more than a turn. Turning scenes have .3 to .6, a slide by 2 cm .8 and more."""
PARALLAX_ERROR = 7.0
"""A residual that is parallax is only what rotation could not take up: on moving scenes the
rotation was wrong by seven times as much."""
MIN_KNOWN = 0.6
"""Least share of frames whose motion is known in a turning or moving clip."""
MIN_SPREAD = 0.5
"""Least share of frames in which what explains the motion is seen all over the picture. Without it
a thing that is waved before a plain wall is taken for a camera that moves."""
SURE_SHARE = 0.9
"""A turn that explains as much of the background needs no comparison with a path."""
MIN_COVERAGE = 0.55
"""Least share of the background that a path explains. True paths explain .5 and more, that of a box
that a hand turns before a camera .35 at most."""
MIN_MORE = 0.2
"""How much more of the background a path must explain than a turn that is a rival: it has more
freedom, and would explain a thing that is moved as well."""
MAX_WANDERING = 0.6
"""Most points that stray a little from a turn, for one that does not: more are parallax that is too
small for a path. What a hand moves strays far."""
MAX_PATH_PX = 1.0
"""Largest median distance of placed points from there [px of the small picture]."""
MAX_DRIFT_RAD = float(np.radians(3.0))
"""A camera that is taken to stand still no longer is from the frame on in which its background is
seen to shift by more: at half a meter 26 mm, about as much as a hand's own sigma. Less is added to
sigma."""
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
    *,
    taken_still: bool = True,
) -> CameraMotion:
    """The motion of a clip's camera, from its background and, for the scale, from its hands.

    `taken_still`: where the background does not tell, the camera is taken to stand still until it
    is seen to move. Otherwise it is not known there.
    """
    stillness = find_stillness(seen)
    if stillness.is_clip_still:
        return _still(seen)
    turn = follow_rotation(seen, seen.trusting(find_trust(seen)))
    may_turn = is_turn(turn)
    if may_turn and is_at_rest(seen, turn):
        return _still(seen)
    turned = seen.share_of(turn.explained)
    if may_turn and turned >= SURE_SHARE:
        return _turning(seen, turn)
    path = follow_path(seen, turn.explained if may_turn else None)
    least = turned + MIN_MORE if may_turn else 0.0
    if path is not None and _is_believed(seen, path) and seen.share_of(path.explained) >= least:
        if _may_be_zoom(seen, path):
            return _unknown(seen, turn, stillness, taken_still, "it zooms or moves")
        scale = find_scale(path, tracks, stated)
        return _moving(path, scale.factor, scale.sigma_rel).replace(
            scale_source=scale.source,
            why="the scale of the path is not known" if scale.source == "unknown" else "",
        )
    if may_turn and seen.share_of(turn.wanders) <= MAX_WANDERING * turned:
        return _turning(seen, turn)
    return _unknown(seen, turn, stillness, taken_still)


def is_turn(turn: Turn) -> bool:
    """Whether a rotation explains enough of the clip, all over the picture."""
    return bool(
        turn.fits.mean() >= MIN_KNOWN
        and turn.spread >= MIN_SPREAD
        and np.median(turn.residual_px[turn.known]) <= SURE_TURN_PX
    )


def is_at_rest(seen: Background, turn: Turn) -> bool:
    """Whether a turn is no more than what points of a still camera wander by, in every frame.

    Where hands hide most of the cells that are asked to hold still, the points that are left tell.
    """
    angle_rad = se3.angle_between(turn.R_reference_camera[turn.known], np.eye(3))
    moved_px = np.hypot(angle_rad * seen.focal_px, turn.residual_px[turn.known])
    num_moved = int((moved_px > STILL_PX).sum())
    return num_moved <= MAX_MOVED_SHARE * seen.num_frames


def _is_believed(seen: Background, path: Path) -> bool:
    return bool(
        path.known.mean() >= MIN_KNOWN
        and path.spread >= MIN_SPREAD
        and seen.share_of(path.explained) >= MIN_COVERAGE
        and path.residual_px <= MAX_PATH_PX
    )


def _may_be_zoom(seen: Background, path: Path) -> bool:
    first, second = path.pair
    slots = seen.keep(path.explained).shared(first, second)
    if len(slots) < MIN_DRIFT_POINTS:
        return True
    return may_be_zoom(seen.rays[first, slots], seen.rays[second, slots], seen.focal_px)


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
    known = turn.fits
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


def _unknown(
    seen: Background,
    turn: Turn,
    stillness: Stillness,
    taken_still: bool,
    what: str = "",
) -> CameraMotion:
    """Frames that are seen at rest are known; others only by assumption, until one is refuted.

    `what`: why none stands still, where that is known.
    """
    at_rest, shift_rad = stillness.is_still, _drift(seen)
    angle_rad = se3.angle_between(turn.R_reference_camera[turn.fits], np.eye(3))
    shift_rad[turn.fits] = np.maximum(shift_rad[turn.fits], angle_rad)
    is_refuted = np.maximum.accumulate(~at_rest & (shift_rad > MAX_DRIFT_RAD))
    if stillness.is_clip_moved:
        is_refuted = ~at_rest
    valid = at_rest | ~is_refuted if taken_still and not what else at_rest
    shift_rad = np.where(at_rest, 0.0, shift_rad)
    why = what or "too little background is seen"
    if not what and turn.known.mean() >= MIN_KNOWN:
        why = "neither a turn nor a path explains how the background moves"
    if what:
        why += ", which cannot be told apart"
    elif is_refuted.any():
        why += ", and it moves"
    elif taken_still:
        why += ", and it is taken to stand still"
    return CameraMotion(
        kind="unknown",
        T_reference_camera=np.where(valid[:, None, None], np.eye(4), np.nan),
        valid=valid,
        sigma_rotation_rad=np.where(valid, shift_rad, np.nan),
        sigma_position_m=np.where(valid, 0.0, np.nan),
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
