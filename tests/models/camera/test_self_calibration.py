"""The focal length of a camera that turns, where it is only assumed."""

import numpy as np
import pytest
from moving_cameras import CAMERA, FOCAL_PX, moving, points_of, room, still, turning

from rotoscope.models.camera.self_calibration_stage import calibrated
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Camera


def assumed(factor: float) -> Camera:
    K = CAMERA.K * np.array([[factor, 1, 1], [1, factor, 1], [1, 1, 1]])
    return CAMERA.replace(K=K, source="assumed", sigma_focal_rel=0.15)


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.4])
def test_pan_gives_the_focal_length_and_its_sigma(factor: float) -> None:
    camera = calibrated(assumed(factor), points_of(turning(), room(), noise_px=0.15), {})
    assert camera.source == "motion"
    assert camera.sigma_focal_rel < 0.06
    assert abs(camera.K[0, 0] / FOCAL_PX - 1) < 2 * camera.sigma_focal_rel
    assert camera.K[1, 1] == camera.K[0, 0]
    assert camera.K[:2, 2].tolist() == CAMERA.K[:2, 2].tolist()


def test_roll_about_the_middle_gives_none() -> None:
    turn = np.stack([np.zeros(60), np.zeros(60), 0.3 * np.sin(np.arange(60) / 10)], axis=1)
    points = points_of(se3.make(se3.exp_so3(turn), np.zeros((60, 3))), room())
    assert calibrated(assumed(0.8), points, {}).source == "assumed"


@pytest.mark.parametrize("factor", [0.75, 1.0, 1.3])
@pytest.mark.parametrize("T", [still(), moving()], ids=["still", "moving"])
def test_camera_that_does_not_turn_gives_none(T: np.ndarray, factor: float) -> None:
    camera = assumed(factor)
    assert calibrated(camera, points_of(T, room()), {}) is camera


@pytest.mark.parametrize("source", ["recipe", "notes", "metadata"])
def test_focal_length_that_is_known_stays(source: str) -> None:
    camera = assumed(1.3).replace(source=source)
    assert calibrated(camera, points_of(turning(), room()), {}) is camera
