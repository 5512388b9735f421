"""A thing before a camera that walks: at rest it slides in the picture, and is not called moved."""

import dataclasses
from functools import cache

import cv2
import numpy as np
import pytest

from rotoscope.models.objects.colors import quantized
from rotoscope.models.objects.contacts import (
    MOVES_PX,
    is_hardly_seen_to_move,
    keeps_colors,
    steps_px,
)
from rotoscope.models.objects.moments import refined
from rotoscope.models.objects.picture_motion import Flow
from rotoscope.models.objects.resting import CameraPath, Resting, find_resting
from rotoscope.models.objects.slide import Slide
from rotoscope.models.objects.views import Views
from rotoscope.pipeline.geometry import se3

NUM, TAKEN, LEFT = 44, 18, 32
SHAPE = (120, 160)
K = np.array([[200.0, 0, 80], [0, 200.0, 60], [0, 0, 1]])
THING_M, GROUND_M, SIDE_M = 0.5, 0.9, 0.1
UNKNOWN_SCALE = 17.0


def poses() -> np.ndarray:
    """A camera that walks aside and nears, as heads do."""
    t = np.arange(NUM) / 30
    turn = np.stack([0.02 * np.sin(1.9 * t), -0.2 * np.sin(1.3 * t), 0 * t], axis=1)
    place = np.stack([0.16 * np.sin(1.1 * t), 0 * t, 0.05 * (np.cos(0.8 * t) - 1)], axis=1)
    return se3.make(se3.exp_so3(turn), place)


def center(*, way: tuple[float, float, float]) -> np.ndarray:
    """Of the thing by frame: it rests, is carried, rests."""
    share = np.clip((np.arange(NUM) - TAKEN) / (LEFT - TAKEN), 0, 1)
    share = share**2 * (3 - 2 * share)
    return np.array([-0.03, 0.0, THING_M]) + share[:, None] * np.array(way)


def texture(seed: int, shape: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.uniform(40, 215, (shape[0] // 6, shape[1] // 6)).astype(np.float32)
    return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC))


def flat(T_camera: np.ndarray, origin: np.ndarray, px_m: float) -> np.ndarray:
    """Pixels of a picture that faces the first camera to those of the camera's."""
    to_world = np.array([[px_m, 0, origin[0]], [0, px_m, origin[1]], [0, 0, origin[2]]])
    return np.asarray(K @ (T_camera[:3, :3] @ to_world + np.outer(T_camera[:3, 3], [0, 0, 1])))


@cache
def walk(way: tuple[float, float, float]) -> tuple[Views, list[np.ndarray]]:
    """Views of the clip, and where the thing is seen."""
    ground, thing = texture(1, (600, 800)), texture(2, (84, 84))
    rng = np.random.default_rng(3)
    pictures, masks = [], []
    for pose, middle in zip(poses(), center(way=way), strict=True):
        back = se3.inverse(pose)
        H = flat(back, np.array([-0.9, -0.7, GROUND_M]), 1.8 / 800)
        image = cv2.warpPerspective(ground, H, SHAPE[::-1], borderMode=cv2.BORDER_REFLECT)
        H = flat(back, middle - [SIDE_M / 2, SIDE_M / 2, 0], SIDE_M / 84)
        own = cv2.warpPerspective(np.ones((84, 84), np.uint8), H, SHAPE[::-1]) > 0
        image[own] = cv2.warpPerspective(thing, H, SHAPE[::-1])[own]
        gray = np.clip(image + rng.normal(0, 1.5, SHAPE), 0, 255).astype(np.uint8)
        pictures.append(gray)
        masks.append(own)
    flow, nothing = Flow(), np.zeros(SHAPE, bool)
    near = [cv2.dilate(mask.view(np.uint8), np.ones((25, 25))) > 0 for mask in masks]
    unknown = np.full((3, 3), np.nan)
    pairs = list(zip(pictures, pictures[1:], near, strict=False))
    forward = [flow(a, b, m, unknown) for a, b, m in pairs]
    backward = [flow(b, a, m, unknown) for a, b, m in pairs]
    T = se3.inverse(poses())
    T[:, :3, 3] *= UNKNOWN_SCALE
    rgb = [np.repeat(gray[..., None], 3, axis=2) for gray in pictures]
    views = Views(
        rgb=rgb,
        gray=pictures,
        bins=[quantized(one) for one in rgb],
        forward=[*forward, forward[-1]],
        backward=[forward[0], *backward],
        moves=masks,
        hands=[nothing] * NUM,
        hidden=[nothing] * NUM,
        is_ground_known=False,
        path=CameraPath(K, T),
    )
    return views, masks


def resting(views: Views, masks: list[np.ndarray]) -> Resting:
    touched = np.zeros(NUM, bool)
    touched[TAKEN - 6 : LEFT + 6] = True
    assert views.path is not None
    found = find_resting(views.path, masks, views.hidden, views.gray, touched)
    assert found is not None
    return found


def moved(way: tuple[float, float, float]) -> np.ndarray:
    off = np.linalg.norm(center(way=way) - center(way=way)[0], axis=1)
    back = np.linalg.norm(center(way=way) - center(way=way)[-1], axis=1)
    return np.flatnonzero((off > 0.005) & (back > 0.005))


def test_thing_that_rests_is_found_as_near_as_it_is_whatever_the_scale_of_the_path():
    views, masks = walk((0.0, 0.0, 0.0))
    found = resting(views, masks)
    assert found.point[0][2] / UNKNOWN_SCALE == pytest.approx(THING_M, rel=0.05)


def test_thing_that_rests_before_a_walking_camera_does_not_move():
    views, masks = walk((0.0, 0.0, 0.0))
    against_ground = np.array(
        [np.linalg.norm(np.median(s.against_background[m], axis=0)) for s, m in
         zip(views.forward, masks, strict=True)]
    )  # fmt: skip
    steps = steps_px(masks, views, resting(views, masks))
    assert against_ground.max() > MOVES_PX
    assert steps.max() < 0.6 * MOVES_PX


@pytest.mark.parametrize("way", [(0.0, -0.1, 0.0), (0.12, 0.0, 0.0), (-0.08, 0.04, -0.05)])
@pytest.mark.parametrize(("early", "late"), [(-3, 4), (4, -4)])
def test_contact_is_told_to_two_frames_though_the_camera_walks(
    way: tuple[float, float, float], early: int, late: int
):
    views, masks = walk(way)
    held = np.zeros(NUM, bool)
    held[TAKEN + early : LEFT + late] = True
    found = np.flatnonzero(refined(held, masks, views, resting(views, masks)))
    true = moved(way)
    assert abs(int(found[0]) - int(true[0])) <= 2
    assert abs(int(found[-1]) - int(true[-1])) <= 2


def test_contact_that_was_bridged_over_frames_at_rest_is_unsure():
    held = np.arange(40) >= 10
    moves = np.where((np.arange(40) % 10 < 3) & held, 3.0, 0.0)
    assert is_hardly_seen_to_move(moves, held)
    assert not is_hardly_seen_to_move(np.where(held, 3.0, 0.0), held)
    assert not is_hardly_seen_to_move(moves, np.zeros(40, bool))


def test_thing_that_slides_along_its_own_epipolar_line_cannot_be_told_from_a_nearer_one():
    T = np.tile(np.eye(4), (8, 1, 1))
    T[:, 0, 3] = -0.01 * np.arange(8)
    point = np.tile([0.0, 0.0, THING_M], (8, 1))
    slide = Slide(Resting(CameraPath(K, T), point, np.full(8, 0.3)), 0)
    aside, along = np.array([0.0, 2.0]), np.array([-2.0, 0.0])
    assert slide.left_px(7, aside) == pytest.approx(2.0, abs=0.01)
    assert slide.left_px(7, along) == 0.0
    for t in range(1, 7):
        slide.rested(t, np.zeros(2))
    assert slide.left_px(7, along) > 1.0


def test_zoom_that_is_taken_for_a_path_moves_nothing_that_rests():
    # A lens that zooms is taken for a camera that goes forward to a flat ground.
    T = np.tile(np.eye(4), (6, 1, 1))
    T[:, 2, 3] = -0.02 * np.arange(6)
    path = CameraPath(K, T)
    ground = np.array([0.1, 0.05, GROUND_M])
    where = np.array([path.seen(t, ground) for t in range(6)])
    depths = path.inverse_depths()
    best = np.nanmin(
        [
            np.abs(np.array([path.seen(t, p) for t in range(6)]) - where).max()
            for p in path.point(0, where[0], depths)
        ]
    )
    assert best < 0.1


@pytest.mark.parametrize(("share", "keeps"), [(0.0, True), (0.1, True), (0.6, False)])
def test_mask_that_runs_from_the_ground_over_a_sleeve_is_not_of_a_thing(share: float, keeps: bool):
    views, masks = walk((0.0, -0.1, 0.0))
    held = (np.arange(NUM) >= TAKEN) & (np.arange(NUM) < LEFT)
    pink, green = (np.full(SHAPE, v, np.uint16) for v in (900, 2900))
    sleeve = np.random.default_rng(0).uniform(size=SHAPE) < share
    bins = [np.where(sleeve & is_held, green, pink) for is_held in held]
    assert keeps_colors(masks, held, dataclasses.replace(views, bins=bins)) == keeps
    assert keeps_colors(masks, np.ones(NUM, bool), dataclasses.replace(views, bins=bins))
