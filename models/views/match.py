"""Points of one picture found in another camera's: along epipolar lines, by how they look there.

A plane sweep at single points (Collins 1996, with planes of several slants as in Gallup et al.
2007): the surface around a point is taken for a small plane at every depth that the other camera
could see it at; where both pictures of that plane look alike, the point is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.perception.multi_view import View
from rotoscope.models.points.patches import correlation
from rotoscope.pipeline.geometry import se3

NEAREST_M, FARTHEST_M = 0.15, 20.0
"""Depths that are looked at."""
STEP_PX = 1.0
"""From depth to depth along the epipolar line [px]."""
HALF_PX, THIN = 12, 3
"""A patch reaches so far from its point [px]; every third pixel of it is compared."""
SLANT_DEG = 30.0
"""Planes face the middle between both cameras, or are turned by this about either axis."""
LIKENESS = 0.8
"""So much must both pictures of the plane look alike, the correlation of their pixels."""
APART_PX = 4.0
"""Places on the line that are further from each other are different ones [px]."""
CLEARER = 0.5
"""What the best place lacks of full likeness is at most this share of what every other lacks. These
and the four above as `MAX_BACK_PX` were looked at on `benchmarks._two_view_points.DEVELOPMENT`."""
MAX_BACK_PX = 1.5
"""Farthest from its start that a point may end whose match is looked for in turn [px]."""
MAX_ACROSS_PX = 0.75
"""Where cameras stand as they are said to, a point lies on its line; half pixels are looked at."""
_MAX_DEPTHS = 800


@dataclass(frozen=True, eq=False)
class Matched:
    """Where points of the first picture are in the second."""

    points_px: Float[np.ndarray, "point 2"]
    """Where they were found; of no meaning where they were not."""
    is_found: Bool[np.ndarray, " point"]
    """One place on the line looks like the point, none on it or beside it looks more so, and the
    way back leads to it."""


def match(
    views: Sequence[View],
    grays: Sequence[UInt8[np.ndarray, "height width"]],
    points_px: Float[np.ndarray, "point 2"],
) -> Matched:
    """Points of the first of two pictures in the second.

    Args:
        views: Both cameras, for pictures of these sizes; the middle of a picture's first pixel is
            at (0.5, 0.5).
        grays: What both saw at the same moment.
        points_px: Points of the first.
    """
    there, is_clear, across_px = _sweep(views[0], views[1], grays, points_px)
    back, is_clear_back, _ = _sweep(views[1], views[0], grays[::-1], np.nan_to_num(there))
    is_near = np.linalg.norm(back - points_px, axis=1) <= MAX_BACK_PX
    is_on_line = np.nan_to_num(np.abs(across_px), nan=np.inf) <= MAX_ACROSS_PX
    return Matched(there, is_clear & is_clear_back & is_near & is_on_line)


def _sweep(
    one: View, other: View, grays: Sequence[np.ndarray], points_px: np.ndarray
) -> tuple[Float[np.ndarray, "point 2"], Bool[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    found, is_clear = np.full((len(points_px), 2), np.nan), np.zeros(len(points_px), bool)
    across_px = np.full(len(points_px), np.nan)
    offsets = np.arange(-HALF_PX, HALF_PX + 1, THIN)
    grid = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
    for number, point in enumerate(points_px):
        depths = _depths(one, other, point, grays[1].shape)
        if len(depths) < 3:
            continue
        look = _sampled(grays[0], (point + grid)[None])
        likeness = np.full(len(depths), -1.0)
        for px in _pictures(one, other, point, grid, depths):
            likeness = np.fmax(likeness, _alike(look, grays[1], px))
        line = other.project(_at_depths(one, point, depths))
        top = int(np.argmax(likeness))
        found[number], is_clear[number] = _best(line, likeness)
        if is_clear[number]:
            along = line[top + 1] - line[top - 1]
            normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
            there = [px[0] for px in _pictures(one, other, point, grid, depths[top : top + 1])]
            across_px[number] = _across(look, grays[1], np.stack(there), normal)
    return found, is_clear, across_px


def _across(
    look: np.ndarray, gray: np.ndarray, px: Float[np.ndarray, "slant pixel 2"], normal: np.ndarray
) -> float:
    """Where beside the line the point's planes look likest [px]."""
    sides = np.arange(-2.0, 2.1, 0.5)
    alike = [_alike(look, gray, px + side * normal).max() for side in sides]
    return float(sides[int(np.argmax(alike))])


def _alike(look: np.ndarray, gray: np.ndarray, px: Float[np.ndarray, "row pixel 2"]) -> np.ndarray:
    there = _sampled(gray, px)
    return np.asarray(correlation(np.broadcast_to(look, there.shape), there))


def _depths(
    one: View, other: View, point: np.ndarray, shape: tuple[int, ...]
) -> Float[np.ndarray, " depth"]:
    """Depths along the first camera's axis [m] whose pictures are a step apart on the line."""
    fine = 1 / np.linspace(1 / FARTHEST_M, 1 / NEAREST_M, 4000)
    px = other.project(_at_depths(one, point, fine))
    inside = ((px >= HALF_PX) & (px <= np.array(shape[::-1]) - HALF_PX)).all(axis=1)
    fine, px = fine[inside], px[inside]
    if len(fine) < 2:
        return fine[:0]
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(px, axis=0), axis=1))])
    num = min(_MAX_DEPTHS, int(along[-1] / STEP_PX) + 1)
    return 1 / np.interp(np.linspace(0, along[-1], num), along, 1 / fine)


def _at_depths(one: View, point: np.ndarray, depths: np.ndarray) -> np.ndarray:
    seen_m = np.append(one.rays(point), 1.0) * depths[:, None]
    return np.asarray(se3.apply(se3.inverse(one.T_camera_world), seen_m))


def _pictures(
    one: View,
    other: View,
    point: np.ndarray,
    grid: np.ndarray,
    depths: Float[np.ndarray, " depth"],
) -> Iterator[Float[np.ndarray, "depth pixel 2"]]:
    """Where the other camera sees a point's patch, if it lies on planes of each slant."""
    rays = np.concatenate([one.rays(point + grid), np.ones((len(grid), 1))], axis=1)
    places = np.append(one.rays(point), 1.0) * depths[:, None]
    to_one = -places / np.linalg.norm(places, axis=1, keepdims=True)
    to_other = (one.T_camera_world @ se3.inverse(other.T_camera_world))[:3, 3] - places
    facing = to_one + to_other / np.linalg.norm(to_other, axis=1, keepdims=True)
    T_world_one = se3.inverse(one.T_camera_world)
    for R in _slants():
        normals = facing @ R.T
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = (normals * places).sum(axis=1)[:, None] / (normals @ rays.T)
        ahead = np.where(scale > 0, scale, np.nan)
        seen_m = (ahead[..., None] * rays).reshape(-1, 3)
        yield other.project(se3.apply(T_world_one, seen_m)).reshape(*ahead.shape, 2)


def _slants() -> Float[np.ndarray, "slant 3 3"]:
    turn = np.radians(SLANT_DEG)
    ways = np.array([[0, 0, 0], [turn, 0, 0], [-turn, 0, 0], [0, turn, 0], [0, -turn, 0]])
    return np.asarray(se3.exp_so3(ways))


def _sampled(gray: np.ndarray, px: Float[np.ndarray, "row pixel 2"]) -> np.ndarray:
    import cv2

    at = (np.nan_to_num(px, nan=-100.0) - 0.5).clip(-100, 30000).astype(np.float32)
    return np.asarray(cv2.remap(gray, at[..., 0], at[..., 1], cv2.INTER_LINEAR), float)


def _best(
    px: Float[np.ndarray, "depth 2"], likeness: Float[np.ndarray, " depth"]
) -> tuple[Float[np.ndarray, " 2"], bool]:
    """The likest place, between depths, and whether no other comes near it."""
    top = int(np.argmax(likeness))
    others = likeness[np.linalg.norm(px - px[top], axis=1) > APART_PX]
    second = max(float(others.max(initial=-1.0)), 0.0)
    is_clear = likeness[top] >= LIKENESS and 1 - likeness[top] <= CLEARER * (1 - second)
    if not 0 < top < len(px) - 1:
        return px[top], False
    before, at, after = likeness[top - 1 : top + 2]
    bend = before - 2 * at + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    neighbor = px[top + 1] if shift > 0 else px[top - 1]
    return px[top] + abs(shift) * (neighbor - px[top]), bool(is_clear)
