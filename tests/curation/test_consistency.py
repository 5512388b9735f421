"""Labels that do not fit what moved stand apart, whatever is wrong with them."""

from dataclasses import replace

import numpy as np
import pytest
from pushed_points import FPS, episodes, moves

from rotoscope.pipeline.curation.consistency import consistency
from rotoscope.pipeline.curation.forward_model import fit_forward
from rotoscope.pipeline.errors import DatasetError

BAD = (2, 7, 11, 16)
SPOILT = {
    "noise": lambda a, other, draw: a + draw.normal(0, 0.5, a.shape),
    "shift": lambda a, other, draw: np.concatenate([a[3:], a[-1:].repeat(3, 0)]),
    "flip": lambda a, other, draw: a * [-1, 1],
    "half": lambda a, other, draw: a * 0.5,
    "other": lambda a, other, draw: other[np.minimum(np.arange(len(a)), len(other) - 1)],
    "frozen": lambda a, other, draw: a.mean(0, keepdims=True).repeat(len(a), 0),
}


def spoilt(kind):
    draw = np.random.default_rng(5)
    told = episodes()
    return [
        replace(one, action=SPOILT[kind](one.action, told[(n + 3) % 20].action, draw))
        if n in BAD
        else one
        for n, one in enumerate(told)
    ]


def scores(told):
    return {s.name: s.of_episodes() for s in consistency(told, fps=FPS, source="the state")}


@pytest.mark.parametrize("kind", SPOILT)
def test_every_spoilt_episode_is_further_off_than_every_other(kind):
    error = scores(spoilt(kind))["motion_error"]
    assert min(error[n] for n in BAD) > 1.5 * max(v for n, v in error.items() if n not in BAD)


def test_lag_is_how_many_rows_actions_come_too_early():
    lag = scores(spoilt("shift"))["lag"]
    assert {n for n, late in lag.items() if late} == set(BAD)
    assert [lag[n] for n in BAD] == pytest.approx([3 / FPS] * 4)


@pytest.mark.parametrize(("kind", "off"), [("half", 1.0), ("flip", 2.0)])
def test_gain_is_how_far_from_what_is_asked_for(kind, off):
    gain = scores(spoilt(kind))["gain"]
    assert [gain[n] for n in BAD] == pytest.approx([off] * 4, abs=0.2)
    assert max(v for n, v in gain.items() if n not in BAD) < 0.3


def test_a_quarter_of_flipped_episodes_does_not_move_the_model():
    clean, dirty = (fit_forward(told, has_momentum=False) for told in (episodes(), spoilt("flip")))
    gains = [model.coefficients[:, :6].reshape(2, 3, 2).sum(axis=1) for model in (clean, dirty)]
    # Four of twenty flipped would take 40 % of the gain of x from an ordinary fit.
    np.testing.assert_allclose(*gains, atol=0.1)


def test_only_what_moves_is_explained_and_the_goal_counts_nothing():
    model = fit_forward(episodes())
    assert model.columns == (0, 1)
    assert (model.weights > 0.5).all()


def test_actions_that_say_where_to_be_are_understood():
    # A servo that goes a third of the way in each row: the step depends on the place, too.
    told = []
    for number in range(12):
        draw = np.random.default_rng(number)
        wanted = np.cumsum(draw.normal(0, 0.1, (50, 2)), axis=0)
        place = np.zeros((50, 2))
        for row in range(1, 50):
            place[row] = place[row - 1] + (wanted[row - 1] - place[row - 1]) / 3
        told.append(moves(number, place, wanted))
    told[4] = replace(told[4], action=told[5].action)
    error = scores(told)["motion_error"]
    assert max(error, key=error.get) == 4


def test_rows_that_are_not_valid_are_not_held_against_anything():
    told = episodes()
    broken = told[3].action.copy()
    broken[10:20] = 9.0
    valid = np.ones(len(broken), bool)
    valid[10:20] = False
    told[3] = replace(told[3], action=broken, valid=valid)
    found = {s.name: s for s in consistency(told, fps=FPS, source="the state")}["motion_error"]
    rows = found.values[3]
    assert np.isnan(rows[9:20]).all()
    assert np.isfinite(rows[22:-1]).all()
    assert np.isnan(rows[-1])  # nothing follows it


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ([moves(0, np.zeros((9, 2)), np.ones((9, 1)))], "no number of the state ever moves"),
        ([moves(0, np.zeros((1, 2)), np.ones((1, 1)))], "no two neighboring rows are known"),
    ],
)
def test_where_nothing_can_be_said_it_is_said(told, match):
    with pytest.raises(DatasetError, match=match):
        fit_forward(told)
