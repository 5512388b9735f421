"""Points that are followed, hidden by something that passes, and found again."""

import cv2
import numpy as np
import pytest

from rotoscope.models.points import tracker as module
from rotoscope.models.points.tracker import PointTracker

WIDTH, HEIGHT = 320, 240


def texture(seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(30, 220, (size[1] // 6, size[0] // 6))
    image = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 255).astype(np.uint8)


def passing_bar(
    num: int = 64, drift_px: float = 0.6, bar_px: int = 60
) -> tuple[list[np.ndarray], np.ndarray]:
    """A texture that drifts to the right while a bar crosses it from the left; its left edges."""
    ground, bar = texture(0, (WIDTH + 100, HEIGHT)), texture(9, (bar_px, HEIGHT))
    pictures, edges = [], np.round(np.linspace(-bar_px, WIDTH, num)).astype(int)
    for k, left in enumerate(edges):
        warp = np.array([[1, 0, drift_px * k - 50], [0, 1, 0]], np.float32)
        picture = cv2.warpAffine(ground, warp, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        a, b = max(left, 0), min(left + bar_px, WIDTH)
        if b > a:
            picture[:, a:b] = bar[:, a - left : b - left]
        pictures.append(picture)
    return pictures, edges


def followed(pictures: list[np.ndarray], points: np.ndarray) -> PointTracker:
    tracker = PointTracker(len(points))
    tracker.observe(pictures[0])
    tracker.add(points)
    for picture in pictures[1:]:
        tracker.observe(picture)
    return tracker


def grid() -> np.ndarray:
    x, y = np.meshgrid(np.arange(90, 240, 18.0), np.arange(30, 220, 20.0))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def test_points_behind_a_bar_are_hidden_stay_in_place_and_are_seen_again() -> None:
    pictures, edges = passing_bar()
    points = grid()
    rows = followed(pictures, points).rows
    true = points[None] + np.arange(len(rows))[:, None, None] * [0.6, 0.0]
    off = np.linalg.norm([row.points for row in rows] - true, axis=2)
    seen = np.array([row.seen for row in rows])
    covered = (true[..., 0] > edges[:, None] + 8) & (true[..., 0] < edges[:, None] + 52)
    free = (true[..., 0] < edges[:, None] - 12) | (true[..., 0] > edges[:, None] + 72)
    assert covered.sum() > 300
    assert (seen & covered).sum() < 0.2 * covered.sum()
    assert np.median(off[covered]) < 2.0
    assert (seen & free).sum() > 0.8 * free.sum()
    assert np.nanmedian(off[-1]) < 0.7
    assert np.mean(off[-1] < 3) > 0.65


def test_a_hidden_point_moves_with_its_own_thing_not_with_the_ground() -> None:
    # The thing is a square that moves down; the bar hides its right half for a while.
    ground, thing = texture(1), texture(2, (120, 120))
    pictures = []
    for k in range(30):
        picture = ground.copy()
        picture[20 + 2 * k : 140 + 2 * k, 60:180] = thing
        if 8 <= k < 24:
            picture[:, 130:200] = texture(3, (70, HEIGHT))
        pictures.append(picture)
    on_thing = np.array([[x, y] for x in (75, 95, 115, 150) for y in (40, 60, 80, 100, 120.0)])
    on_ground = np.array([[x, y] for x in (20, 40, 230, 260) for y in (50, 100, 150.0)])
    rows = followed(pictures, np.concatenate([on_thing, on_ground])).rows
    hidden = np.flatnonzero(on_thing[:, 0] == 150)
    row = rows[20]
    assert row.seen[hidden].sum() <= 1
    true = on_thing[hidden] + [0, 40]
    assert np.abs(row.points[hidden] - true)[~row.seen[hidden]].max() < 2.5


def test_sigma_grows_while_a_point_is_hidden() -> None:
    pictures, _ = passing_bar()
    rows = followed(pictures, grid()).rows
    for k in range(1, len(rows)):
        still_hidden = ~rows[k].seen & ~rows[k - 1].seen & (rows[k].ids >= 0)
        assert (rows[k].sigma[still_hidden] >= rows[k - 1].sigma[still_hidden]).all()
    assert max(row.sigma[~row.seen].max(initial=0) for row in rows) > 1.0


def test_a_cut_gives_every_point_up() -> None:
    pictures = [texture(0)] * 5 + [texture(5)] * 5
    rows = followed(pictures, grid()).rows
    assert (rows[4].ids >= 0).all()
    assert (rows[5].ids == -1).all()
    assert np.isnan(rows[5].points).all()


def test_a_covered_camera_leaves_no_point_seen() -> None:
    rng = np.random.default_rng(0)
    black = [rng.integers(0, 4, (HEIGHT, WIDTH)).astype(np.uint8) for _ in range(6)]
    rows = followed([texture(0)] * 4 + black, grid()).rows
    assert not rows[-1].seen.any()


def test_a_point_hidden_for_long_gives_its_slot_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOST_FRAMES", 5)
    hides = texture(0).copy()
    hides[60:140, 120:200] = 0
    points = np.array([[x, y] for x in (30, 60, 90, 230, 260, 290, 160) for y in (40, 100, 200.0)])
    tracker = followed([texture(0)] * 3 + [hides] * 10, points)
    under = np.flatnonzero((points == [160, 100]).all(axis=1))
    assert (tracker.ids[under] == -1).all()
    assert (np.delete(tracker.ids, under) >= 0).all()


def test_rows_hold_no_pictures_and_few_are_kept() -> None:
    tracker = followed([texture(0)] * 40, grid())
    assert len(tracker._recent) == module.BACK_FRAMES
