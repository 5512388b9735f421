import dataclasses
import math

import cv2
import numpy as np
import pytest
from hand_shapes import detection

from rotoscope.models.hands.appearance import with_appearance
from rotoscope.models.hands.genuine import appearance_gate
from rotoscope.models.hands.surroundings import Surroundings
from rotoscope.models.hands.tracklets import Tracklet

LIMITS = {"min_redness": 0.015, "max_flatness": 0.7, "min_motion": 0.005}
SKINS = [(236, 193, 170), (198, 142, 108), (141, 92, 66), (70, 45, 34)]
THINGS = {
    "white": (245, 245, 245),
    "gray": (120, 122, 128),
    "leaf": (70, 130, 60),
    "blue": (60, 90, 160),
}


def picture(color, *, grain=4.0, around=(90, 120, 150)):
    rng = np.random.default_rng(0)
    image = np.full((400, 400, 3), around, float)
    image[50:350, 50:350] = color
    return np.clip(image + rng.normal(0, grain, image.shape), 0, 255).astype(np.uint8)


def tracklet(num=75, **fields):
    out = Tracklet()
    for i in range(num):
        out.add(i, i / 30.0, dataclasses.replace(detection(), **fields))
    return out


@pytest.mark.parametrize("color", SKINS)
def test_skin_of_every_shade_in_every_light_is_genuine(color):
    for light in (0.4, 1.0):
        seen = with_appearance(detection(), picture(np.array(color) * light))
        assert (
            appearance_gate(tracklet(redness=seen.redness, flatness=seen.flatness), **LIMITS) == ""
        )


@pytest.mark.parametrize("name", THINGS)
def test_things_of_no_skins_color_are_not(name):
    seen = with_appearance(detection(), picture(THINGS[name]))
    assert seen.redness < 0.01
    assert appearance_gate(tracklet(redness=seen.redness), **LIMITS) == "not_skin"


def test_a_palm_filled_with_one_color_is_drawn():
    seen = with_appearance(detection(), picture(SKINS[0], grain=0.0))
    assert seen.flatness > 0.9
    assert appearance_gate(tracklet(flatness=seen.flatness), **LIMITS) == "drawn"


def test_nothing_is_said_about_skin_in_black_and_white():
    seen = with_appearance(detection(), picture((150, 150, 150), around=(90, 90, 90), grain=0.0))
    assert math.isnan(seen.redness)
    assert appearance_gate(tracklet(redness=seen.redness), **LIMITS) == ""


def test_a_palm_outside_the_picture_has_no_appearance():
    seen = with_appearance(detection(at=(-500.0, 200.0)), picture(SKINS[0]))
    assert math.isnan(seen.redness)


def moves(at, *, num=12, pan=0):
    """Motion from look to look of a hand's picture at some places of a wall that is panned over."""
    rng = np.random.default_rng(1)
    wall = cv2.GaussianBlur(rng.integers(0, 255, (500, 900, 3), dtype=np.uint8), (9, 9), 0)
    patch = cv2.GaussianBlur(rng.integers(0, 255, (260, 220, 3), dtype=np.uint8), (9, 9), 0)
    around = Surroundings()
    out = []
    for i in range(num):
        shot = wall.copy()
        x = at(i)
        shot[120:380, x - 110 : x + 110] = patch
        rgb = np.ascontiguousarray(shot[:, pan * i : pan * i + 640])
        jitter = rng.normal(0, 5, 2)
        out.append(around.moved(detection(at=(x - pan * i + jitter[0], 250.0 + jitter[1])), rgb))
    return np.array(out)


@pytest.mark.parametrize("pan", [0, 6])
def test_a_hand_that_stays_on_the_wall_does_not_move_whatever_camera_and_landmarks_do(pan):
    moved = moves(lambda _: 300, pan=pan)
    assert np.isnan(moved[0])
    assert np.nanmax(moved) < 0.004


@pytest.mark.parametrize("pan", [0, 4])
def test_a_hand_moves_against_the_wall_also_where_the_camera_follows_it(pan):
    assert np.nanmin(moves(lambda i: 300 + 4 * i, pan=pan)) > 0.01


def test_motion_before_a_wall_without_texture_is_unknown():
    around = Surroundings()
    rgb = np.full((480, 640, 3), 180, np.uint8)
    assert np.isnan([around.moved(detection(), rgb) for _ in range(5)]).all()


def test_a_long_stretch_without_motion_is_a_picture_and_a_short_one_is_not_known_to_be():
    assert appearance_gate(tracklet(moved=0.002), **LIMITS) == "never_moves"
    assert appearance_gate(tracklet(num=40, moved=0.002), **LIMITS) == ""
    assert appearance_gate(tracklet(moved=0.02), **LIMITS) == ""
    assert appearance_gate(tracklet(moved=math.nan), **LIMITS) == ""


def test_a_hand_that_holds_still_four_fifths_of_the_time_is_no_picture():
    """Only fingers bend now and then; palm and wrist rest, as a picture's would."""
    now_and_then = Tracklet()
    for i in range(150):
        now_and_then.add(
            i, i / 30.0, dataclasses.replace(detection(), moved=0.012 if i % 5 == 0 else 0.003)
        )
    assert appearance_gate(now_and_then, **LIMITS) == ""
