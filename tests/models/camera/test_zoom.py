"""A lens that zooms is told from a path through a room."""

import numpy as np
import pytest
from moving_cameras import CAMERA, FOCAL_PX, points_of, room, still

from rotoscope.models.camera.background import find_background
from rotoscope.models.camera.decide import decide
from rotoscope.models.camera.zoom import may_be_zoom
from rotoscope.pipeline.geometry import se3


def rays_of(T_world_camera: np.ndarray) -> np.ndarray:
    seen = se3.apply(se3.inverse(T_world_camera), room(0, 300))
    return np.asarray(seen[:, :2] / seen[:, 2:])


@pytest.mark.parametrize("factor", [0.8, 1.15, 1.4])
def test_zoom_with_a_turn_may_be_one(factor: float) -> None:
    turned = se3.make(se3.exp_so3(np.array([0.02, 0.1, 0.05])), np.zeros(3))
    assert may_be_zoom(rays_of(np.eye(4)), factor * rays_of(turned), FOCAL_PX)


@pytest.mark.parametrize("place_m", [(0.2, 0.0, 0.0), (0.0, 0.05, 0.25), (0.1, 0.1, -0.1)])
def test_path_through_a_room_is_none(place_m: tuple[float, float, float]) -> None:
    moved = se3.make(se3.exp_so3(np.array([0.0, -0.05, 0.01])), np.array(place_m))
    assert not may_be_zoom(rays_of(np.eye(4)), rays_of(moved), FOCAL_PX)


def test_clip_that_zooms_is_unknown_and_places_nothing() -> None:
    points = points_of(still(), room())
    factor = 1 + 0.2 * np.sin(np.arange(60) / 10)[:, None, None]
    middle = np.array([CAMERA.width / 2, CAMERA.height / 2])
    zoomed = points.replace(
        points_px=((points.points_px - middle) * factor + middle).astype(np.float32)
    )
    motion = decide(find_background(zoomed, CAMERA, {}), CAMERA, {}, None)
    assert motion.kind == "unknown"
    assert not motion.valid[8:].any()
