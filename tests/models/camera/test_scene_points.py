"""The stage `scene_points`: corners of pictures that shift by known amounts."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from rotoscope.models.camera.points_stage import ScenePoints, ScenePointsConfig
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks import PointTracks
from rotoscope.pipeline.types import Frame, Video

WIDTH, HEIGHT = 320, 240


def video_of(num_frames: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Video:
    return Video(
        path=Path("clip.mp4"), sha256="0", size_bytes=1, width=size[0], height=size[1],
        rotation_deg=0, codec="h264", pixel_format="yuv420p", num_frames=num_frames,
        duration_s=num_frames / 30, rate_hz=30.0, is_variable_rate=False,
    )  # fmt: skip


def texture(seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(30, 220, (size[1] // 8, size[0] // 8))
    return cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)


def shifted(image: np.ndarray, x_px: float, y_px: float) -> np.ndarray:
    warp = np.array([[1, 0, x_px], [0, 1, y_px]], np.float32)
    size = image.shape[1], image.shape[0]
    gray = cv2.warpAffine(image, warp, size, borderMode=cv2.BORDER_REFLECT)
    return np.clip(gray, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def follow(images: list[np.ndarray], **config: int) -> PointTracks:
    stage = ScenePoints(ScenePointsConfig(**config))
    stage.setup()
    stage.begin(video_of(len(images), (images[0].shape[1], images[0].shape[0])))
    for k, image in enumerate(images):
        stage.observe(Frame(k, k / 30, lambda image=image: image))
    made = stage.finish(np.arange(len(images)) / 30)["scene_points"]
    assert isinstance(made, PointTracks)
    return made


def test_points_follow_a_picture_that_shifts_by_parts_of_a_pixel() -> None:
    image = texture()
    steps = np.array([[1.3 * k, 0.7 * k] for k in range(12)])
    points = follow([shifted(image, *step) for step in steps])
    both = (points.ids[0] >= 0) & (points.ids[0] == points.ids[-1])
    assert both.sum() > 60
    moved_px = points.points_px[-1, both] - points.points_px[0, both]
    assert np.abs(np.median(moved_px, axis=0) - steps[-1]).max() < 0.05
    assert np.median(np.abs(moved_px - steps[-1])) < 0.1


def test_every_part_of_the_picture_gets_its_share_of_points() -> None:
    image = texture()
    image[:, : WIDTH // 2] = 128 + (image[:, : WIDTH // 2] - 128) / 6  # weak, not nothing
    points = follow([shifted(image, 0, 0)])
    x = points.points_px[0, points.ids[0] >= 0, 0]
    assert abs((x < WIDTH / 2).mean() - 0.5) < 0.1


def test_flat_picture_has_no_points() -> None:
    noise = np.random.default_rng(0).normal(120, 0.5, (HEIGHT, WIDTH, 1)).repeat(3, axis=2)
    points = follow([noise.astype(np.uint8)] * 2)
    assert (points.ids == -1).all()
    assert np.isnan(points.points_px).all()


def test_nothing_is_followed_across_a_cut_and_new_points_come_at_once() -> None:
    before, after = shifted(texture(0), 0, 0), shifted(texture(7), 0, 0)
    points = follow([before, before, after, after])
    assert ((points.ids[1] == points.ids[0]) | (points.ids[0] < 0)).all()
    both = (points.ids[2] >= 0) & (points.ids[2] == points.ids[1])
    assert both.sum() < 0.1 * (points.ids[1] >= 0).sum()
    assert (points.ids[2] >= 0).sum() > 100


def test_large_pictures_are_shrunk_and_points_are_told_in_their_own_pixels() -> None:
    large = cv2.resize(texture(), (4 * WIDTH, 4 * HEIGHT), interpolation=cv2.INTER_CUBIC)
    points = follow([shifted(large, 8.0 * k, 0) for k in range(4)], max_side_px=320)
    assert points.pixel_px == 4.0
    both = (points.ids[0] >= 0) & (points.ids[0] == points.ids[-1])
    moved_px = points.points_px[-1, both] - points.points_px[0, both]
    assert np.abs(np.median(moved_px, axis=0) - [24, 0]).max() < 0.4
    assert points.points_px[0, both].max() > 2 * WIDTH


def test_points_that_leave_the_picture_are_let_go() -> None:
    image = texture()
    points = follow([shifted(image, 5.0 * k, 0) for k in range(10)])
    known = points.ids >= 0
    assert (points.points_px[known] < [WIDTH - 5, HEIGHT - 5]).all()
    held = np.isin(points.ids[0], points.ids[-1]) & (points.ids[0] >= 0)
    assert points.points_px[0, held, 0].max() < WIDTH - 45


def test_as_many_times_as_frames_are_wanted() -> None:
    stage = ScenePoints(ScenePointsConfig())
    stage.setup()
    stage.begin(video_of(1))
    stage.observe(Frame(0, 0.0, lambda: shifted(texture(), 0, 0)))
    with pytest.raises(TrackError, match="1 frames were observed but 2 times given"):
        stage.finish(np.arange(2) / 30)
