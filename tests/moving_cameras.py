"""Points of rooms that the tests make up, as cameras whose motion is known see them."""

import numpy as np

from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.tracks import Camera, PointTracks

WIDTH, HEIGHT, FOCAL_PX = 640, 480, 500.0
K = np.array([[FOCAL_PX, 0.0, WIDTH / 2], [0.0, FOCAL_PX, HEIGHT / 2], [0.0, 0.0, 1.0]])
CAMERA = Camera(K=K, width=WIDTH, height=HEIGHT, source="recipe", sigma_focal_rel=0.01)
NUM_SLOTS = 120
_BORDER_PX = 8


def room(seed: int = 0, num_points: int = 900) -> np.ndarray:
    """Points on a wall, on a desk before it and on things on the desk [m]; y is down."""
    rng = np.random.default_rng(seed)
    third = num_points // 3
    wall = np.stack(
        [rng.uniform(-3, 3, third), rng.uniform(-2, 1, third), np.full(third, 2.5)], axis=1
    )
    depth = rng.uniform(0.6, 2.4, third)
    desk = np.stack([rng.uniform(-1.2, 1.2, third), 0.5 - 0.12 * depth, depth], axis=1)
    things = rng.uniform([-0.8, -0.35, 0.8], [0.8, 0.25, 1.6], (third, 3))
    return np.concatenate([wall, desk, things])


def turning(num_frames: int = 60) -> np.ndarray:
    """T_world_camera that pans by 25 degrees and back, nodding."""
    s = np.linspace(0, 2 * np.pi, num_frames)
    turn = np.stack([0.04 * np.sin(2 * s), 0.22 * (1 - np.cos(s)), 0.02 * np.sin(s)], axis=1)
    return se3.make(se3.exp_so3(turn), np.zeros((num_frames, 3)))


def moving(num_frames: int = 60) -> np.ndarray:
    """T_world_camera that goes 30 cm aside and turns back to what it saw."""
    s = np.linspace(0, 1, num_frames)
    place = np.stack([0.3 * s, 0.04 * np.sin(5 * s), 0.08 * s], axis=1)
    turn = np.stack([0.02 * np.sin(6 * s), -0.2 * s, 0.01 * np.sin(9 * s)], axis=1)
    return se3.make(se3.exp_so3(turn), place)


def still(num_frames: int = 60) -> np.ndarray:
    """T_world_camera that stays."""
    return np.tile(np.eye(4), (num_frames, 1, 1))


def points_of(
    T_world_camera: np.ndarray, points_m: np.ndarray, *, noise_px: float = 0.1, seed: int = 0
) -> PointTracks:
    """What following points gives: each lives in a slot while it is in the picture.

    `points_m` are (point, 3), or (time, point, 3) where they move.
    """
    rng = np.random.default_rng(seed)
    num_frames = len(T_world_camera)
    ids = np.full((num_frames, NUM_SLOTS), -1, np.int32)
    seen_px = np.full((num_frames, NUM_SLOTS, 2), np.nan)
    holds = np.full(NUM_SLOTS, -1)
    held_ids = np.full(NUM_SLOTS, -1, np.int32)
    next_id = 0
    for t in range(num_frames):
        now_m = points_m if points_m.ndim == 2 else points_m[t]
        at_px = pinhole.project(se3.apply(se3.inverse(T_world_camera[t]), now_m), K)
        low, high = _BORDER_PX, np.array([WIDTH, HEIGHT]) - _BORDER_PX
        is_seen = ((at_px > low) & (at_px < high)).all(axis=1)
        lost = (holds >= 0) & ~is_seen[holds]
        holds[lost], held_ids[lost] = -1, -1
        if t % 4 == 0:
            waiting = np.flatnonzero(is_seen & ~np.isin(np.arange(len(is_seen)), holds))
            empty = np.flatnonzero(holds < 0)
            chosen = rng.permutation(waiting)[: len(empty)]
            holds[empty[: len(chosen)]] = chosen
            held_ids[empty[: len(chosen)]] = next_id + np.arange(len(chosen))
            next_id += len(chosen)
        ids[t] = held_ids
        kept = holds >= 0
        seen_px[t, kept] = at_px[holds[kept]] + rng.normal(0, noise_px, (int(kept.sum()), 2))
    return PointTracks(seen_px.astype(np.float32), ids, 1.0)
