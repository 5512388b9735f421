"""Episodes that show nearly the same belong together; others of the same task do not."""

from dataclasses import replace

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.held_out import judge
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.alike import alike
from rotoscope.models.training.data import LabeledSet, UnlabelledEpisode

RATE_HZ, NUM = 20.0, 50


def episode(places, images=None):
    time_s = np.arange(len(places)) / RATE_HZ
    return UnlabelledEpisode(name="one", time_s=time_s, features=places, images=images)


def reach(seed):
    """From a place of its own to the middle."""
    start = np.random.default_rng(seed).uniform(-1, 1, 2)
    return start * np.linspace(1, 0, NUM)[:, None]


@pytest.mark.parametrize("num", [3, 5, 8])
def test_demonstrations_from_starts_of_their_own_are_alone(num):
    assert alike([episode(reach(k)) for k in range(num)]) == tuple((k,) for k in range(num))


def test_of_many_demonstrations_few_have_a_twin_by_chance():
    assert len(alike([episode(reach(k)) for k in range(60)])) >= 58


def test_ways_to_and_fro_through_the_same_places_are_no_copies():
    def wander(seed):
        steps = np.random.default_rng(seed).normal(size=80).cumsum()
        return np.sin(steps)[:, None]

    assert len(alike([episode(wander(k)) for k in range(6)])) == 6


def test_copies_and_near_copies_belong_together():
    places = [reach(k) for k in range(5)]
    again = places[1] + 0.003 * np.random.default_rng(9).normal(size=(NUM, 2))
    cut = places[3][4:-4]
    found = alike([episode(p) for p in [*places, places[0], again, cut]])
    assert found == ((0, 5), (1, 6), (2,), (3, 7), (4,))


def test_demonstrations_that_all_start_alike_are_no_copies():
    random = np.random.default_rng(0)
    made = [episode(reach(0) + 0.01 * random.normal(size=(NUM, 2))) for _ in range(6)]
    assert len(alike(made)) == 6


def test_only_copies_are_one():
    assert alike([episode(reach(3)) for _ in range(4)]) == ((0, 1, 2, 3),)


def test_pictures_tell_where_nothing_else_is_seen():
    def shown(seed):
        rows, columns = np.mgrid[:32, :32]
        x = 16 + np.linspace(-8, 8, NUM)
        disc = np.hypot(columns - x[:, None, None], rows - 6 - 9 * seed) < 5
        return np.where(disc[..., None], [230, 60, 40], 90).astype(np.uint8)

    nothing = np.zeros((NUM, 0))
    noisy = shown(1).astype(int) + np.random.default_rng(5).integers(-4, 5, (NUM, 32, 32, 3))
    pictures = [shown(0), shown(1), shown(2), noisy.astype(np.uint8)]
    assert alike([episode(nothing, images) for images in pictures]) == ((0,), (1, 3), (2,))


def test_where_nothing_is_seen_nothing_is_alike():
    assert alike([episode(np.zeros((NUM, 0))) for _ in range(3)]) == ((0,), (1,), (2,))
    assert alike([]) == ()
    assert alike([episode(reach(0))]) == ((0,),)


def test_rows_that_are_not_known_are_left_out():
    blind = reach(1)
    blind[10:] = np.nan
    unseen = np.full((NUM, 2), np.nan)
    found = alike([episode(p) for p in (reach(0), reach(1), blind, unseen, reach(4))])
    assert len(found) >= 4
    assert (3,) in found


def test_a_copy_does_not_make_errors_look_small():
    made = point_mass.dataset(4)
    one = made.episodes[0]
    copies = (*made.episodes, *(replace(one, name=f"copy {k}") for k in range(4)))

    def fit(part):
        known = {e.actions.tobytes() for e in part.episodes}
        return lambda e: Labels(e.actions + (0.0 if e.actions.tobytes() in known else 0.5))

    errors, metrics = judge(fit, LabeledSet(copies, made.contract, made.inputs, made.input_sizes))
    np.testing.assert_allclose(errors.half_width, 0.5)
    assert metrics["mean_coverage_90"] > 0.9
    assert metrics["alike"] == [[one.name, *(f"copy {k}" for k in range(4))]]
