"""When a thing leaves its place, what it uncovers, and pictures that show nothing."""

import cv2
import numpy as np
import pytest

from rotoscope.models.objects import breaks
from rotoscope.models.objects.colors import quantized
from rotoscope.models.objects.masks import Mask, overlap, shifted
from rotoscope.models.objects.moments import refined
from rotoscope.models.objects.own_motion import going_parts
from rotoscope.models.objects.picture_motion import Step
from rotoscope.models.objects.plate import Plate
from rotoscope.models.objects.views import Event, Views

SHAPE, NUM, TAKEN, LEFT = (90, 120), 48, 14, 34


def way() -> np.ndarray:
    """Left upper corner of the thing by frame [px]: slowly off, slowly to rest."""
    share = np.clip((np.arange(NUM) - TAKEN) / (LEFT - TAKEN), 0, 1)
    x = 20 + 60 * share**2 * (3 - 2 * share)
    return np.stack([np.round(x), np.full(NUM, 30)], axis=1).astype(int)


LEAVES = int(np.argmax(way()[:, 0] > 20))
RESTS = int(np.argmax(way()[:, 0] == 80))


def masks() -> list[Mask]:
    out = []
    for x, y in way():
        mask = np.zeros(SHAPE, bool)
        mask[y : y + 20, x : x + 16] = True
        out.append(mask)
    return out


def views(*, is_plain: bool = False) -> Views:
    rng = np.random.default_rng(0)
    small = rng.uniform(60, 160, (9, 12, 3)).astype(np.float32)
    ground = np.full((*SHAPE, 3), 110.0) if is_plain else cv2.resize(small, SHAPE[::-1])
    pictures = []
    for mask in masks():
        image = ground + rng.normal(0, 1.5, ground.shape)
        image[mask] = [200, 40, 40]
        pictures.append(np.clip(image, 0, 255).astype(np.uint8))
    nothing, zero = np.zeros(SHAPE, bool), np.zeros((*SHAPE, 2), np.float32)
    still = [Step(zero, np.eye(3))] * NUM
    return Views(
        rgb=pictures,
        gray=[cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in pictures],
        bins=[quantized(rgb) for rgb in pictures],
        forward=still,
        backward=still,
        moves=[nothing] * NUM,
        hands=[nothing] * NUM,
        hidden=[nothing] * NUM,
    )


@pytest.mark.parametrize(("early", "late"), [(-8, 0), (-3, -4), (0, 0), (4, 0), (0, 8), (4, 3)])
def test_contact_begins_and_ends_where_the_thing_is_away_from_its_places(early: int, late: int):
    held = np.zeros(NUM, bool)
    held[LEAVES + early : RESTS + late] = True
    frames = np.flatnonzero(refined(held, masks(), views()))
    assert abs(int(frames[0]) - LEAVES) <= 1
    assert abs(int(frames[-1]) - (RESTS - 1)) <= 1


def test_contact_of_a_thing_that_is_not_seen_stays_as_it_was():
    held = np.zeros(NUM, bool)
    held[12:30] = True
    unseen = [np.zeros(SHAPE, bool)] * NUM
    np.testing.assert_array_equal(refined(held, unseen, views()), held)


def event() -> Event:
    frames = np.arange(TAKEN, LEFT + 1)
    tips = way().astype(float)
    return Event(
        frames=frames,
        seeds=[masks()[t] for t in frames],
        near=[np.ones(SHAPE, bool)] * len(frames),
        steps=np.full((len(frames), 2), 5.0),
        tips=tips[frames],
        way=tips,
        alone=(0, NUM),
        palm=20.0,
    )


@pytest.mark.parametrize("is_plain", [True, False])
@pytest.mark.parametrize("frame", [3, 24, 45])
def test_thing_is_what_other_pictures_do_not_show_at_its_place(is_plain: bool, frame: int):
    own = masks()[frame]
    told = Plate(views(is_plain=is_plain), event()).look(frame, own)
    assert told is not None
    inside = cv2.erode(own.view(np.uint8), np.ones((3, 3))).view(bool)
    outside = ~cv2.dilate(own.view(np.uint8), np.ones((5, 5))).view(bool)
    assert told.changed[inside].mean() > 0.9
    assert not told.same[inside].any()
    assert told.changed[outside].mean() < 0.01


def test_nothing_is_told_beyond_the_next_event():
    other = event()
    other = Event(**{**other.__dict__, "alone": (0, 36)})
    assert Plate(views(), other).look(45, masks()[45]) is None


def test_part_of_its_color_that_stays_is_dropped_and_one_that_goes_is_kept():
    mask = np.zeros(SHAPE, bool)
    mask[20:40, 20:40] = mask[20:30, 60:70] = mask[60:70, 20:30] = True
    better = np.zeros(SHAPE, np.float32)
    better[15:35, 55:75] = 6.0
    kept = going_parts(mask, better)
    assert not kept[20:30, 60:70].any()
    assert kept[60:70, 20:30].all()
    assert kept[20:40, 20:40].all()


def test_overlap_of_a_mask_and_itself_moved():
    mask = masks()[0]
    assert overlap(shifted(mask, (8, 0)), mask) == pytest.approx(1 / 3)


def test_blind_pictures_and_cuts_are_told_and_a_moving_camera_is_none():
    seen = views()
    other = [np.ascontiguousarray(255 - rgb) for rgb in seen.rgb[:2]]
    rolled = [np.roll(seen.rgb[1], 30, axis=1)]
    black = [np.zeros_like(seen.rgb[0])]
    pictures = [*seen.rgb[:2], *rolled, *other, *black]
    gray = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in pictures]
    found = breaks.cuts(gray, [quantized(rgb) for rgb in pictures])
    assert 3 in found
    assert not {1, 2, 4} & found
    assert breaks.blind_pictures(gray) == {5}
