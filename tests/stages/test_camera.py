from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from rotoscope.pipeline.errors import RecipeError
from rotoscope.pipeline.stages.camera import (
    SIGMA_FOCAL_ASSUMED,
    SIGMA_FOCAL_METADATA,
    SIGMA_FOCAL_RECIPE,
    CameraConfig,
    CameraStage,
)
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import Camera
from rotoscope.pipeline.types import Clip, Video

VIDEO = a_video(3, width=1280, height=720)


def camera_of(video: Video = VIDEO, **config) -> Camera:
    clip = Clip(video, 0, np.arange(3) / 30.0)
    camera = CameraStage(CameraConfig(**config)).run(clip, {})["camera"]
    assert isinstance(camera, Camera)
    return camera


def test_the_recipe_comes_before_the_metadata():
    camera = camera_of(replace(VIDEO, focal_px=1111.0), fx=900.0)
    assert (camera.source, camera.sigma_focal_rel) == ("recipe", SIGMA_FOCAL_RECIPE)
    assert camera.K.tolist() == [[900.0, 0.0, 640.0], [0.0, 900.0, 360.0], [0.0, 0.0, 1.0]]


def test_all_intrinsics_of_the_recipe_are_taken():
    camera = camera_of(fx=900.0, fy=905.0, cx=630.0, cy=350.0, distortion=(0.1, 0.0, 0.0, 0.0))
    assert camera.K.tolist() == [[900.0, 0.0, 630.0], [0.0, 905.0, 350.0], [0.0, 0.0, 1.0]]
    assert camera.distortion == (0.1, 0.0, 0.0, 0.0)


def test_a_field_of_view_of_ninety_degrees_is_half_the_width():
    camera = camera_of(horizontal_fov_deg=90.0)
    assert camera.source == "recipe"
    assert camera.K[0, 0] == pytest.approx(640.0)


def test_the_metadata_comes_before_the_assumption():
    camera = camera_of(replace(VIDEO, focal_px=1111.0))
    assert (camera.source, camera.sigma_focal_rel) == ("metadata", SIGMA_FOCAL_METADATA)
    assert camera.K[0, 0] == camera.K[1, 1] == 1111.0


def test_a_focal_length_in_the_metadata_that_cannot_be_meant_is_not_taken(caplog):
    camera = camera_of(replace(VIDEO, focal_px=4.2))
    assert camera.source == "assumed"
    assert "4.2 px cannot be meant for a width of 1280 px" in caplog.text


def test_the_assumed_view_lies_along_the_long_side():
    wide = camera_of(assumed_fov_deg=65.0)
    tall = camera_of(replace(VIDEO, width=720, height=1280), assumed_fov_deg=65.0)
    assert wide.source == tall.source == "assumed"
    assert wide.sigma_focal_rel == SIGMA_FOCAL_ASSUMED
    assert wide.K[0, 0] == tall.K[0, 0] == pytest.approx(640.0 / np.tan(np.radians(32.5)))
    assert tall.K[:2, 2].tolist() == [360.0, 640.0]


def test_the_assumption_covers_ordinary_cameras_within_two_sigma():
    # 50 to 80 degrees along the long side.
    focal_px = camera_of().K[0, 0]
    for fov_deg in (50.0, 80.0):
        true_px = 640.0 / np.tan(np.radians(fov_deg / 2))
        assert abs(true_px - focal_px) <= 2.5 * SIGMA_FOCAL_ASSUMED * focal_px


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"fx": 900.0, "horizontal_fov_deg": 60.0}, r"fx=900 and horizontal_fov_deg=60 both"),
        ({"cx": 640.0}, r"cx=640 given without fx"),
        ({"distortion": (0.1, 0.2)}, r"distortion must be 4 or 5 finite numbers.*\(0.1, 0.2\)"),
        ({"distortion": (np.nan, 0.0, 0.0, 0.0)}, r"finite number"),
        ({"fx": -1.0}, r"fx\n.*greater than 0"),
        ({"focal": 1.0}, r"focal\n.*not permitted"),
    ],
)
def test_settings_that_contradict_each_other_are_named(config, message):
    with pytest.raises(ValidationError, match=message):
        CameraConfig(**config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"fx": 3.0}, r"camera.fx=3 px is a field of view outside 5 to 170 degrees for video.mp4"),
        ({"fx": 900.0, "fy": 90000.0}, r"camera.fy=90000 px .* allowed is 31 to 8245 px"),
        (
            {"fx": 900.0, "cx": 1400.0},
            r"camera.cx=1400 px lies outside video.mp4, whose width",
        ),
        (
            {"fx": 900.0, "cy": 720.0},
            r"camera.cy=720 px lies outside video.mp4, whose height",
        ),
    ],
)
def test_intrinsics_that_cannot_belong_to_the_video_are_named(config, message):
    with pytest.raises(RecipeError, match=message):
        camera_of(**config)
