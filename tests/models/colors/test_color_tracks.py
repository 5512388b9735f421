"""Colored things are found where they are, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rotoscope.models.colors.stage import ColorConfig, ColorTracks, ColorTracksConfig
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import FeatureTrack
from rotoscope.pipeline.types import Frame

RED, GREEN, BROWN = (220, 30, 30), (30, 200, 40), (110, 85, 75)
SIZE = 96


def _picture(
    x: float, y: float, radius: float = 6.0, *, color: tuple[int, int, int] = RED
) -> np.ndarray:
    """A disc at (x, y) [px from the corner], its edge mixed with the ground as cameras do."""
    grid = (np.arange(SIZE * 8) + 0.5) / 8
    inside = (grid[None] - x) ** 2 + (grid[:, None] - y) ** 2 <= radius**2
    share = inside.reshape(SIZE, 8, SIZE, 8).mean(axis=(1, 3))[..., None]
    return np.rint(np.array(color) * share + np.array(BROWN) * (1 - share)).astype(np.uint8)


def _follow(pictures: list[np.ndarray], **settings: object) -> dict[str, np.ndarray]:
    config = ColorTracksConfig.model_validate({"things": {"disc": {"rgb": RED}}} | settings)
    stage = ColorTracks(config)
    stage.setup()
    height, width = pictures[0].shape[:2]
    video = a_video(len(pictures), width=width, height=height)
    stage.begin(video)
    for index, picture in enumerate(pictures):
        stage.observe(Frame(index, index / 30, lambda picture=picture: picture))
    tracks = stage.finish(np.arange(len(pictures)) / 30)
    found = {}
    for track in tracks.values():
        assert isinstance(track, FeatureTrack)
        found[track.feature] = track.values
    return found


@given(x=st.floats(20, 70), y=st.floats(20, 70))
def test_center_is_found_to_a_tenth_of_a_pixel(x: float, y: float) -> None:
    found = _follow([_picture(x, y)])["track.colour.disc"][0]
    assert np.abs(found[:2] * SIZE - [x, y]).max() < 0.1


def test_size_is_the_root_of_the_area() -> None:
    found = _follow([_picture(48, 48, radius) for radius in (4.0, 8.0)])["track.colour.disc"]
    np.testing.assert_allclose(found[:, 2] * SIZE / np.sqrt(np.pi), [4, 8], rtol=0.06)


def test_shade_does_not_hide_it() -> None:
    dark = (_picture(40.0, 50.0) * 0.5).astype(np.uint8)
    found = _follow([dark])["track.colour.disc"][0]
    assert np.abs(found[:2] * SIZE - [40, 50]).max() < 0.2


def test_another_color_is_not_taken_for_it() -> None:
    found = _follow([_picture(48, 48, color=GREEN)] * 3)["track.colour.disc"]
    assert np.isnan(found).all()


def test_large_pictures_are_shrunk_and_places_stay() -> None:
    large = np.repeat(np.repeat(_picture(30.0, 60.0), 4, axis=0), 4, axis=1)
    found = _follow([large], max_width_px=SIZE)["track.colour.disc"][0]
    assert np.abs(found[:2] * SIZE - [30, 60]).max() < 0.1


def test_red_reaches_over_the_end_of_the_hue_circle() -> None:
    assert ColorConfig(rgb=(255, 0, 4)).hue_deg > 359
    pinkish = (220, 30, 60)
    found = _follow([_picture(48, 48, color=pinkish)])["track.colour.disc"]
    assert np.isfinite(found).all()


def test_a_gray_sample_is_refused() -> None:
    with pytest.raises(ValidationError, match="nearly gray and has no hue"):
        ColorConfig(rgb=(128, 130, 128))


def test_values_beyond_a_byte_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"0\.\.255 each, got \[300"):
        ColorConfig(rgb=(300, 0, 0))
