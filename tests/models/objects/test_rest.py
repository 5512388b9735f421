"""A thing that nobody holds is where it was let go, or is not told."""

import numpy as np
import pytest

from rotoscope.models.objects.identity import Thing, take_apart
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.picture_motion import Step
from rotoscope.models.objects.rest import keep_in_place, without_strays
from rotoscope.models.objects.views import Views

SHAPE, NUM, LET_GO, COVERED = (60, 80), 50, 12, range(24, 32)
RED, BLUE = (200, 40, 40), (40, 60, 200)


def square(x: int, y: int = 20) -> Mask:
    mask = np.zeros(SHAPE, bool)
    mask[y : y + 12, x : x + 12] = True
    return mask


def views(*, color_after: tuple[int, int, int] | None = RED, is_ground_known: bool = True) -> Views:
    """A red square rests; a hand covers it for a while, and it is of another color after."""
    rng = np.random.default_rng(0)
    pictures, hidden = [], []
    for t in range(NUM):
        image = np.full((*SHAPE, 3), 110.0) + rng.normal(0, 2, (*SHAPE, 3))
        color = RED if t < COVERED[0] else color_after
        if color is not None:
            image[square(20)] = color
        hand = np.zeros(SHAPE, bool)
        hand[10:40, 10:40] = t in COVERED
        image[hand] = (220, 170, 140)
        pictures.append(np.clip(image, 0, 255).astype(np.uint8))
        hidden.append(hand)
    nothing, still = np.zeros(SHAPE, bool), Step(np.zeros((*SHAPE, 2), np.float32), np.eye(3))
    gray = [rgb[..., 1] for rgb in pictures]
    return Views(
        rgb=pictures, gray=gray, bins=[g.astype(np.uint16) for g in gray],
        forward=[still] * NUM, backward=[still] * NUM, moves=[nothing] * NUM,
        hands=hidden, hidden=hidden, is_ground_known=is_ground_known,
    )  # fmt: skip


def masks(*, x_after: int = 20) -> list[Mask]:
    out = [square(20)] * COVERED[0] + [np.zeros(SHAPE, bool)] * len(COVERED)
    return out + [square(x_after)] * (NUM - COVERED[-1] - 1)


def held() -> np.ndarray:
    return np.arange(NUM) < LET_GO


def seen(kept: list[Mask]) -> np.ndarray:
    return np.array([mask.any() for mask in kept])


def test_thing_that_a_hand_only_passes_is_told_before_and_after() -> None:
    kept = seen(without_strays(masks(), held(), views(), is_known=False))
    np.testing.assert_array_equal(kept, [t not in COVERED for t in range(NUM)])


@pytest.mark.parametrize("color_after", [BLUE, None])
def test_thing_that_was_moved_under_a_hand_is_told_no_more(color_after: tuple[int, int, int]):
    kept = seen(without_strays(masks(), held(), views(color_after=color_after), is_known=False))
    assert kept[: COVERED[0]].all()
    assert not kept[COVERED[-1] + 1 :].any()


def test_segment_that_grew_on_something_beside_its_place_is_dropped() -> None:
    kept = seen(without_strays(masks(x_after=40), held(), views(), is_known=False))
    assert kept[: COVERED[0]].all()
    assert not kept[COVERED[-1] + 1 :].any()


def test_what_is_true_after_a_release_is_true_before_a_contact() -> None:
    back, told = views(color_after=BLUE), masks()
    turned = Views(**{
        **back.__dict__,
        "rgb": back.rgb[::-1], "gray": back.gray[::-1], "hidden": back.hidden[::-1],
    })  # fmt: skip
    kept = seen(without_strays(told[::-1], held()[::-1], turned, is_known=False))
    assert kept[-COVERED[0] :].all()
    assert not kept[: NUM - COVERED[-1] - 1].any()


def test_frames_before_anybody_ever_held_it_need_a_contact_that_follows() -> None:
    nobody = np.zeros(NUM, bool)
    assert not seen(without_strays(masks(), nobody, views(), is_known=False)).any()
    kept = seen(without_strays(masks(), nobody, views(), is_known=True))
    np.testing.assert_array_equal(kept, [t not in COVERED for t in range(NUM)])


def test_segment_that_changes_while_it_is_held_stays() -> None:
    always = np.ones(NUM, bool)
    kept = without_strays(masks(x_after=40), always, views(color_after=BLUE), is_known=False)
    np.testing.assert_array_equal(kept, masks(x_after=40))


def thing(told: list[Mask], frames: range) -> Thing:
    out = Thing(masks=dict(enumerate(told)))
    out.hold("right", np.array(frames))
    return out


def test_nothing_is_taken_where_the_cameras_motion_is_not_known() -> None:
    one = thing(masks(x_after=40), range(LET_GO))
    keep_in_place([one], views(is_ground_known=False), 0)
    assert one.masks[NUM - 1].any()
    keep_in_place([one], views(), 0)
    assert not one.masks[NUM - 1].any()


def test_of_two_things_in_one_place_that_one_stays_which_is_held_nearer_in_time() -> None:
    early, late = thing([square(20)] * NUM, range(12)), thing([square(22)] * NUM, range(40, NUM))
    take_apart(early, late, range(NUM))
    np.testing.assert_array_equal(seen(list(early.masks.values())), np.arange(NUM) <= 25)
    np.testing.assert_array_equal(seen(list(late.masks.values())), np.arange(NUM) > 25)


def test_things_side_by_side_stay_two() -> None:
    one, other = thing([square(20)] * NUM, range(12)), thing([square(28)] * NUM, range(40, NUM))
    take_apart(one, other, range(NUM))
    assert seen([*one.masks.values(), *other.masks.values()]).all()
