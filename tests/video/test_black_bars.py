"""Bars are found where they are, and dark scenes are none."""

import numpy as np
import pytest

from rotoscope.pipeline.stages.camera import CameraConfig, CameraStage
from rotoscope.pipeline.stages.shots import Shots, ShotsConfig
from rotoscope.pipeline.testing import a_clip, a_video
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.black_bars import WIDTH, BarFinder

HEIGHT = 90
RNG = np.random.default_rng(3)


def scene(height: int, width: int, *, darkest: int = 30, brightest: int = 230) -> np.ndarray:
    return RNG.integers(darkest, brightest, (height, width)).astype(np.uint8)


def barred(left=0.0, top=0.0, right=1.0, bottom=1.0, *, black: int = 16) -> np.ndarray:
    frame = np.full((HEIGHT, WIDTH), black, np.uint8)
    frame += RNG.integers(0, 5, frame.shape).astype(np.uint8)
    a, b = round(left * WIDTH), round(right * WIDTH)
    c, d = round(top * HEIGHT), round(bottom * HEIGHT)
    frame[c:d, a:b] = scene(d - c, b - a)
    return frame


def found(*frames: np.ndarray) -> np.ndarray:
    finder = BarFinder()
    for frame in frames:
        finder.observe(frame)
    return finder.picture()


@pytest.mark.parametrize(
    "edges",
    [
        (0.25, 0, 0.75, 1),
        (0, 0.125, 1, 0.875),
        (0.34, 0.1, 0.66, 0.9),
        (0, 0, 0.6, 1),
        (0, 0, 1, 1),
    ],
    ids=["pillarbox", "letterbox", "window", "right only", "none"],
)
@pytest.mark.parametrize("black", [0, 16])
def test_picture_inside_bars_is_found(edges, black):
    picture = found(*(barred(*edges, black=black) for _ in range(3)))
    np.testing.assert_allclose(picture, edges, atol=0.012)


def test_dark_scenes_have_no_bars():
    fading = np.clip(np.linspace(0, 200, WIDTH), 16, 255)[None].repeat(HEIGHT, 0)
    assert list(found(fading.astype(np.uint8))) == [0, 0, 1, 1]
    spot = np.full((HEIGHT, WIDTH), 18, np.uint8)
    spot[40:60, 60:100] = 200
    assert list(found(spot)) == [0, 0, 1, 1]
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = np.where((x - 80) ** 2 + (y - 45) ** 2 < 40**2, 180, 17).astype(np.uint8)
    assert list(found(disc)) == [0, 0, 1, 1]
    assert list(found(np.zeros((HEIGHT, WIDTH), np.uint8))) == [0, 0, 1, 1]


def test_what_lights_up_later_is_no_bar():
    assert list(found(barred(0.25, 0, 0.75, 1), barred())) == [0, 0, 1, 1]


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_assumed_view_is_that_of_the_picture_alone(rotation_deg, is_mirrored):
    stored = barred(0.25, 0.0, 0.65, 1.0)
    shown = np.rot90(stored, -rotation_deg // 90)
    shown = shown[:, ::-1] if is_mirrored else shown
    height, width = (8 * n for n in shown.shape)
    video = a_video(
        3, width=width, height=height, rotation_deg=rotation_deg, is_mirrored=is_mirrored
    )
    stage = Shots(ShotsConfig())
    stage.begin(video)
    small = {WIDTH: stored}
    for k in range(3):
        frame = Frame(
            k, k / 2, to_rgb=lambda: shown, to_gray=lambda n: small.get(n, stored[::5, ::5])
        )
        stage.observe(frame)
    tracks = stage.finish(np.arange(3) / 2.0)
    camera = CameraStage(CameraConfig()).run(a_clip(video=video), tracks)["camera"]
    lit = np.argwhere(shown > 26)
    middle = 8 * (lit.min(axis=0) + lit.max(axis=0) + 1)[::-1] / 2
    np.testing.assert_allclose(camera.K[:2, 2], middle, atol=10)
    long_side = 8 * max(HEIGHT, 0.4 * WIDTH)
    assert camera.K[0, 0] == pytest.approx(long_side / 2 / np.tan(np.radians(32.5)), rel=0.02)
    assert camera.source == "assumed"
