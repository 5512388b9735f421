"""Smoothness, idle ends and saturation."""

from dataclasses import replace

import numpy as np
import pytest
from pushed_points import FPS, episodes

from rotoscope.pipeline.curation.divergence import divergence
from rotoscope.pipeline.curation.motion_quality import (
    idle_ends,
    saturation,
    smoothness,
    spectral_arc_length,
)


def bell(rows=100):
    """Speed of the smoothest reach there is (minimum jerk)."""
    share = np.linspace(0, 1, rows)
    return 30 * share**2 * (1 - share) ** 2


def test_smoothness_is_that_of_the_published_measure():
    # Balasubramanian et al., 2015: about -1.41 for a minimum jerk reach of a second at 100 Hz.
    assert spectral_arc_length(bell(), 100) == pytest.approx(-1.41, abs=0.03)


def test_smoothness_does_not_depend_on_how_far_and_falls_with_every_stop():
    assert spectral_arc_length(5 * bell(), 100) == pytest.approx(spectral_arc_length(bell(), 100))
    twice = np.concatenate([bell(50), bell(50)])
    assert spectral_arc_length(twice, 100) < spectral_arc_length(bell(), 100) - 0.5
    assert np.isnan(spectral_arc_length(np.zeros(9), 100))


def test_idle_is_counted_at_the_ends_alone():
    told = episodes()
    still = np.concatenate([told[0].state[:1].repeat(15, 0), told[0].state[:20],
                            told[0].state[19:20].repeat(10, 0), told[0].state[20:40]])  # fmt: skip
    action = np.ones((len(still), 2)) * 0.5
    told[0] = replace(told[0], state=still, action=action, valid=np.ones(len(still), bool))
    score = idle_ends(told, fps=FPS, source="the state")
    rows = score.values[0]
    assert rows[:14].tolist() == pytest.approx([15 / FPS] * 14, abs=1.5 / FPS)
    assert (rows[16:-3] == 0).all()
    assert score.of_episodes()[0] == pytest.approx(rows[0] + rows[-1])


def test_an_episode_in_which_nothing_moves_is_idle_once():
    told = episodes()
    state = told[0].state[:1].repeat(40, 0)
    told[0] = replace(told[0], state=state, action=np.zeros((40, 2)), valid=np.ones(40, bool))
    score = idle_ends(told, fps=FPS, source="the state")
    assert score.of_episodes()[0] == pytest.approx(40 / FPS)


def test_saturation_counts_numbers_at_the_limits_of_the_contract_or_of_the_data():
    told = episodes(2)
    action = np.zeros((10, 2))
    action[:5, 0] = 1.2
    told[0] = replace(told[0], action=action, state=np.zeros((10, 4)), valid=np.ones(10, bool))
    bounds = np.array([-1.2, -1.2]), np.array([1.2, 1.2])
    assert saturation(told, bounds).values[0].tolist() == [0.5] * 5 + [0.0] * 5
    open_ended = np.full(2, -np.inf), np.full(2, np.inf)
    assert saturation(told, open_ended).values[0][:5].tolist() == [0.5] * 5


def test_smoothness_and_divergence_of_a_jerky_odd_episode_are_worse():
    told = episodes()
    draw = np.random.default_rng(0)
    told[5] = replace(
        told[5],
        state=told[5].state + draw.normal(0, 0.02, told[5].state.shape) * [1, 1, 0, 0],
        action=-told[5].action,
    )
    smooth = smoothness(told, fps=FPS, source="the state").of_episodes()
    odd = divergence(told, source="the state").of_episodes()
    assert min(smooth, key=smooth.get) == 5
    assert max(odd, key=odd.get) == 5
