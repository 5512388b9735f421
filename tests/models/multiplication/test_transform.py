"""Ways that are moved begin where they began, and are in the thing's frame where they touch it."""

import numpy as np
import pushed_things
import pytest

from rotoscope.models.multiplication.placements import draw_placements, nearest
from rotoscope.models.multiplication.roles import RoleNames, find_roles
from rotoscope.models.multiplication.source import Source, drive_of
from rotoscope.models.multiplication.transform import move_path
from rotoscope.pipeline.errors import DatasetError, UsageError

ROLES = find_roles(pushed_things.NAMES, pushed_things.CONTRACT)
PLACES = pushed_things.CONTRACT.model_copy(update={"is_state": True})


def sources(num=5):
    return [
        Source(i, state, action, ROLES)
        for i, (state, action) in enumerate(pushed_things.episodes(num))
    ]


def drive(parts):
    return drive_of(parts, pushed_things.CONTRACT)


def test_numbers_are_found_by_their_usual_names():
    assert (ROLES.hand, ROLES.object, ROLES.goal, ROLES.moves) == ((0, 1), (3, 4), (5, 6), (0, 1))
    assert ROLES.others == ("grip",)
    assert (
        find_roles(pushed_things.NAMES, pushed_things.CONTRACT, RoleNames(goal="none")).goal == ()
    )
    renamed = [name.replace("object", "mug") for name in pushed_things.NAMES]
    with pytest.raises(DatasetError, match="name them, --object"):
        find_roles(renamed, pushed_things.CONTRACT)
    assert find_roles(renamed, pushed_things.CONTRACT, RoleNames(object="mug.*")) == ROLES
    with pytest.raises(UsageError, match="fits none of"):
        find_roles(pushed_things.NAMES, pushed_things.CONTRACT, RoleNames(hand="wrist.*"))
    with pytest.raises(UsageError, match="the same axes"):
        find_roles(pushed_things.NAMES, pushed_things.CONTRACT, RoleNames(hand="hand.*,grip"))


def test_what_actions_do_is_read_off_the_demonstrations():
    found = drive(sources())
    assert not found.is_place
    assert found.gain == pytest.approx(pushed_things.GAIN, rel=1e-3)
    np.testing.assert_array_equal(found.limit, 1.0)


def test_actions_that_are_places_are_told_from_steps():
    parts = [as_places(one) for one in sources()]
    found = drive_of(parts, PLACES)
    assert found.is_place
    assert found.limit == pytest.approx(pushed_things.GAIN, rel=1e-3)


def as_places(one):
    action = one.action.copy()
    action[:-1, :2] = one.hand[1:]
    action[-1, :2] = one.hand[-1]
    return Source(one.index, one.state, action, ROLES)


def test_actions_of_the_wrong_sign_are_refused():
    wrong = [Source(s.index, s.state, s.action * [-1, -1, 1], ROLES) for s in sources()]
    with pytest.raises(DatasetError, match="of the hand's motion"):
        drive(wrong)


def test_nothing_moved_is_the_demonstration_itself():
    one, *_ = parts = sources()
    path = move_path(one, np.zeros(2), np.zeros(2), drive(parts))
    np.testing.assert_array_equal(path.row, np.arange(len(one.action)))
    np.testing.assert_allclose(path.hand, one.hand)
    np.testing.assert_allclose(path.moves, one.moves, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_hand_is_moved_with_the_thing_and_then_with_the_goal(seed):
    one, *_ = parts = sources()
    there, aim = np.random.default_rng(seed).uniform(-0.15, 0.15, (2, 2))
    path = move_path(one, there, aim, drive(parts))
    np.testing.assert_allclose(path.hand[0], one.hand[0])
    np.testing.assert_allclose(path.object[0], one.object[0] + there)
    np.testing.assert_allclose(path.object[-1], one.object[-1] + aim)
    # While it is carried, and just before, hand and thing stand to each other as they did.
    touched = int(np.argmax(np.linalg.norm(one.object - one.object[0], axis=1) > 1e-6))
    held = path.row >= touched - 3
    apart = (one.object - one.hand)[path.row[held].astype(int)]
    np.testing.assert_allclose((path.object - path.hand)[held], apart, atol=pushed_things.GAIN)
    # What the actions ask for is the way, at a speed that they can.
    assert np.abs(path.moves).max() <= 1 + 1e-9
    went = one.hand[0] + pushed_things.GAIN * np.cumsum(path.moves, axis=0)
    assert np.abs(went[:-1] - path.hand[1:]).max() < 2 * pushed_things.GAIN


def test_places_are_moved_as_the_hand_is():
    one, *_ = parts = [as_places(part) for part in sources()]
    shift = np.array([0.1, -0.1])
    path = move_path(one, shift, shift, drive_of(parts, PLACES))
    assert np.abs(path.moves[:-1] - path.hand[1:]).max() < pushed_things.GAIN
    steps = np.abs(np.diff(path.hand, axis=0)).max()
    assert steps <= pushed_things.GAIN * 1.01


def test_a_hand_that_carries_nothing_goes_to_what_it_ends_at():
    parts = []
    for one in sources():
        state = one.state.copy()
        state[:, 3:5] = [0.9, 0.9]
        parts.append(Source(one.index, state, one.action, ROLES))
    path = move_path(parts[0], np.array([0.5, 0.5]), np.array([0.1, 0.0]), drive(parts))
    np.testing.assert_allclose(path.hand[-1], parts[0].hand[-1] + [0.1, 0.0])
    np.testing.assert_allclose(path.object, np.full((len(path.row), 2), 1.4))


def test_drawn_places_keep_what_is_bound_and_reach_a_little_further():
    parts = []
    for number, one in enumerate(sources(8)):
        state = one.state.copy()
        state[:, 3:5] = [0.1 * number, 0.0]
        state[:, 5:7] = [0.1 * number, 0.5]
        parts.append(Source(number, state, one.action, ROLES))
    drawn = draw_placements(parts, 400, seed=1)
    np.testing.assert_allclose(drawn[:, 2], drawn[:, 0], atol=1e-9)
    np.testing.assert_allclose(drawn[:, [1, 3]], [[0.0, 0.5]] * 400, atol=1e-9)
    enlarged = 0.35 * 9 / 7
    assert drawn[:, 0].min() == pytest.approx(0.35 - enlarged, abs=0.02)
    assert drawn[:, 0].max() == pytest.approx(0.35 + enlarged, abs=0.02)
    assert nearest(parts, np.array([0.31, 0, 0.29, 0.5])).index == 3


def test_places_that_show_no_range_say_so():
    with pytest.raises(DatasetError, match="two at least"):
        draw_placements(sources(1), 3, seed=0)
    one = sources(1)[0]
    with pytest.raises(DatasetError, match="same places in all 3"):
        draw_placements([one] * 3, 3, seed=0)


def test_a_hand_that_presses_on_something_does_not_hide_what_actions_do():
    parts = []
    for one in sources():
        # At the end it stands still and presses for as long as all else took.
        rows = len(one.action)
        state = np.concatenate([one.state, np.repeat(one.state[-1:], rows, axis=0)])
        action = np.concatenate([one.action, np.tile([0.0, -1.0, 1.0], (rows, 1))])
        parts.append(Source(one.index, state, action, ROLES))
    assert drive(parts).gain == pytest.approx(pushed_things.GAIN, rel=0.2)
