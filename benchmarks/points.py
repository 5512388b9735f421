"""Points: TAP-Vid's scores on drawn and rendered scenes with occlusion, beside OpenCV's flow.

`python -m benchmarks points`. The tracker's constants were chosen on `_point_scenes.CHOSE`; every
scene here is another one. `lk` is OpenCV's pyramidal flow as it comes, a point ending where its
status says so; `lk_both_ways` ends it where following back does not return within 1 px.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from benchmarks._mujoco_points import render_points
from benchmarks._point_scenes import HEIGHT, REPORT, WIDTH
from benchmarks._tap_vid import tap_vid
from benchmarks.figure import Bar, Figure
from rotoscope.models.points.tracker import PointTracker

NUM_POINTS = 150
Pictures = list[UInt8[np.ndarray, "height width"]]
Followed = tuple[Float[np.ndarray, "time point 2"], Bool[np.ndarray, "time point"]]
Case = tuple[Pictures, Float[np.ndarray, "time point 2"], Bool[np.ndarray, "time point"]]
RENDERED = {"mujoco": False, "mujoco_moving_camera": True}
RENDERED_SEEDS = range(200, 204)


def run() -> list[Figure]:
    """All kinds, each by itself."""
    import cv2

    cv2.setNumThreads(1)
    figures = []
    for kind, scenes in REPORT.items():
        figures += _measured(kind, (_drawn(scene) for scene in scenes))
    for kind, is_moving in RENDERED.items():
        cases = (render_points(s, is_camera_moving=is_moving) for s in RENDERED_SEEDS)
        figures += _measured(kind, ((c.pictures, c.points, c.seen) for c in cases))
    return figures


def _drawn(scene: Any) -> Case:
    return (list(scene.pictures()), *scene.follow(scene.queries(NUM_POINTS)))


def _measured(kind: str, cases: Iterator[Case]) -> list[Figure]:
    rows, cost_ms, inside = [], [], []
    for pictures, true_points, true_seen in cases:
        queries = true_points[0]
        start_s = time.process_time()
        points, seen, sigma = follow(pictures, queries)
        cost_ms.append((time.process_time() - start_s) / (len(pictures) - 1) * 1e3)
        said = [(points, seen), _plain(pictures, queries), _plain(pictures, queries, limit_px=1.0)]
        scores = [tap_vid(*one, true_points, true_seen, (WIDTH, HEIGHT)) for one in said]
        rows.append(np.array(scores))
        off = np.linalg.norm(points - true_points, axis=2)
        inside.append((off < 2 * sigma)[seen & true_seen].mean())
    ours, plain, both_ways = np.mean(rows, axis=0)
    made = []
    for index, (score, bar) in enumerate((("jaccard", 1.2), ("delta", 1.05))):
        name = f"points.{kind}.{score}"
        made += [
            Figure(name, ours[index], "1"),
            Figure(f"{name}_over_lk", ours[index] / plain[index], "x", Bar(">=", bar)),
            Figure(f"{name}_over_both_ways", ours[index] / both_ways[index], "x", Bar(">=", 1.04)),
        ]
    # 0.865 of a round normal distribution lies within two sigma of its middle.
    made.append(Figure(f"points.{kind}.seen_in_2_sigma", float(np.mean(inside)), "1"))
    made.append(Figure(f"points.{kind}.cpu", float(np.mean(cost_ms)), "ms/frame", Bar("<=", 8)))
    return made


def follow(
    pictures: Pictures, queries: Float[np.ndarray, "point 2"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, seen and sigma; a point that was given up stays where it was last."""
    tracker = PointTracker(len(queries))
    tracker.observe(pictures[0])
    tracker.add(queries)
    for picture in pictures[1:]:
        tracker.observe(picture)
    points = np.array([row.points for row in tracker.rows], float)
    for t in range(1, len(points)):
        gone = ~np.isfinite(points[t, :, 0])
        points[t, gone] = points[t - 1, gone]
    seen = np.array([row.seen for row in tracker.rows])
    return points, seen, np.array([row.sigma for row in tracker.rows])


def _plain(
    pictures: Pictures, queries: Float[np.ndarray, "point 2"], limit_px: float | None = None
) -> Followed:
    import cv2

    flow: Callable[..., Any] = cv2.calcOpticalFlowPyrLK
    options: dict[str, Any] = {"winSize": (21, 21), "maxLevel": 3}
    at, alive = queries.astype(np.float32).reshape(-1, 1, 2), np.ones(len(queries), bool)
    points, seen = [at[:, 0].copy()], [alive.copy()]
    for before, now in itertools.pairwise(pictures):
        there, found, _ = flow(before, now, at, None, **options)
        good = found.reshape(-1) == 1
        if limit_px is not None:
            back, found, _ = flow(now, before, there, None, **options)
            returned = np.linalg.norm((back - at).reshape(-1, 2), axis=1) < limit_px
            good &= (found.reshape(-1) == 1) & returned
        good &= ((there[:, 0] >= 0) & (there[:, 0] <= [WIDTH - 1, HEIGHT - 1])).all(axis=1)
        alive = alive & good
        at = np.where(alive[:, None, None], there, at)
        points.append(at[:, 0].copy())
        seen.append(alive.copy())
    return np.array(points, float), np.array(seen)
