"""Where a thing is in meters: on the ray through its segment, as deep as its holder's fingers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.tracks import SIDES, Camera, CameraMotion, HandTrack, Track, runs

TIPS = [4, 8, 12]
"""Thumb, index and middle tip."""
SIGMA_DEPTH_M = 0.03
"""How far in depth the middle of a thing is from the fingertips that hold it, 1-sigma [m]: half of
what a hand spans."""
SIGMA_ASIDE_M = 0.023
"""How far aside of the middle of what is seen of it the middle of a thing is, 1-sigma [m]: fingers
hide its side that is theirs. Chosen on ten still scenes of `benchmarks/_object_kinds.CHOSE`: .95 of
axes lie within 2 sigma there."""


def place(
    center_px: Float[np.ndarray, "time 2"],
    sigma_px: Float[np.ndarray, " time"],
    held: Bool[np.ndarray, "time 2"],
    tracks: Mapping[str, Track],
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"]]:
    """Place and sigma in the frame of the hands [m].

    While nobody holds it, it rests where it was before or after; that is of use only while it is
    seen to rest, which is the caller's to say. NaN throughout without a camera or lifted hands.
    """
    num = len(center_px)
    out, sigma = np.full((num, 3), np.nan), np.full((num, 3), np.nan)
    camera, motion = tracks.get("camera"), tracks.get("camera_motion")
    if not isinstance(camera, Camera):
        return out, sigma
    poses = _poses(motion, num)
    depth, depth_sigma = np.full(num, np.nan), np.full(num, np.nan)
    for column, side in enumerate(SIDES):
        hand = tracks.get(f"hands.{side}")
        if not isinstance(hand, HandTrack) or hand.joints_m is None:
            continue
        tips = se3.apply(se3.inverse(poses), hand.joints_m[:, TIPS])[..., 2].mean(axis=1)
        use = held[:, column] & np.isfinite(tips) & np.isnan(depth)
        depth[use] = tips[use]
        own = hand.sigma_position_m
        depth_sigma[use] = 0.05 if own is None else np.linalg.norm(own[use], axis=1)
    known = np.isfinite(depth) & np.isfinite(center_px).all(axis=1)
    if not known.any():
        return out, sigma
    rays = pinhole.rays(center_px[known], camera.K, camera.distortion, camera.fisheye)
    in_camera = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) * depth[known, None]
    out[known] = se3.apply(poses[known], in_camera[:, None])[:, 0]
    away = np.hypot(depth_sigma[known], SIGMA_DEPTH_M)
    aside = np.hypot(depth[known] * sigma_px[known] / camera.K[0, 0], SIGMA_ASIDE_M)
    aside = np.hypot(aside[:, None], np.abs(rays) * away[:, None])
    in_axes = np.concatenate([aside, away[:, None]], axis=1)
    R = poses[known][:, :3, :3]
    sigma[known] = np.sqrt(np.einsum("tij,tj->ti", R**2, in_axes**2))
    _rest(out, sigma, np.asarray(held.any(axis=1)))
    bad = ~np.isfinite(sigma).all(axis=1)
    out[bad], sigma[bad] = np.nan, np.nan
    return out, sigma


def _rest(
    out: Float[np.ndarray, "time 3"],
    sigma: Float[np.ndarray, "time 3"],
    held: Bool[np.ndarray, " time"],
) -> None:
    """What is held by nobody is where it was let go, or, before, where it will be taken."""
    for start, end in runs(~held):
        near = range(start - 1, max(start - 6, -1), -1), range(end, min(end + 5, len(out)))
        for frames in near:
            known = [t for t in frames if held[t] and np.isfinite(out[t]).all()]
            if known:
                out[start:end] = np.median(out[known], axis=0)
                sigma[start:end] = np.median(sigma[known], axis=0)
                break


def _poses(motion: Track | None, num: int) -> Float[np.ndarray, "time 4 4"]:
    """Camera poses in the frame of the hands; the identity where the camera is still."""
    if isinstance(motion, CameraMotion) and motion.kind in ("turning", "moving"):
        placed = motion.is_placed[:, None, None]
        return np.where(placed, motion.T_reference_camera, np.nan)
    return np.tile(np.eye(4), (num, 1, 1))
