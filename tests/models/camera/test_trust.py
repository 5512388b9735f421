"""Which points are the room's: those that agree with one rotation for as long as they last."""

import numpy as np
from moving_cameras import CAMERA, points_of, room, turning

from rotoscope.models.camera.background import find_background
from rotoscope.models.camera.trust import find_trust
from rotoscope.pipeline.geometry import se3


def test_thing_that_rests_and_moves_is_trusted_less_than_the_room() -> None:
    T = turning(60)
    thing = np.random.default_rng(0).uniform([-0.2, -0.2, 0.8], [0.2, 0.2, 0.9], (300, 3))
    push = np.clip(np.sin(np.arange(60) / 8), 0, None)[:, None] * [0.15, -0.05, 0.0]
    scene = np.concatenate([np.tile(room(num_points=300), (60, 1, 1)), thing + push[:, None]], 1)
    points = points_of(T, scene, noise_px=0.05)
    seen = find_background(points, CAMERA, {})
    trust = find_trust(seen)
    is_thing = _follows(points.points_px, points.ids, T, thing + push[:, None])
    lasting = np.bincount(points.ids[points.ids >= 0]) >= 25
    assert trust[is_thing & lasting].max() < 0.8
    assert np.median(trust[is_thing & lasting]) < 0.6
    assert np.median(trust[~is_thing & lasting]) > 0.95


def test_still_room_is_trusted_throughout() -> None:
    seen = find_background(points_of(turning(30), room()), CAMERA, {})
    assert find_trust(seen).min() == 1.0


def _follows(
    px: np.ndarray, ids: np.ndarray, T_world_camera: np.ndarray, thing_m: np.ndarray
) -> np.ndarray:
    """Which points are always near one of the thing's, by id."""
    out = np.ones(ids.max() + 1, bool)
    for t in range(len(ids)):
        there = se3.apply(se3.inverse(T_world_camera[t]), thing_m[t])
        at_px = there[:, :2] / there[:, 2:] * CAMERA.K[0, 0] + CAMERA.K[:2, 2]
        slots = np.flatnonzero(ids[t] >= 0)
        gap = np.linalg.norm(px[t, slots][:, None] - at_px[None], axis=2).min(axis=1)
        out[ids[t, slots[gap > 0.3]]] = False
    return out
