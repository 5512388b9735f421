"""Scores of what costs nothing: computed by hand for a ramp and a step."""

from dataclasses import replace

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.trivial import trivial_scores
from rotoscope.models.training.data import LabeledSet


def walk(seed, *, ahead, mode="absolute"):
    """Actions that are the state `ahead` rows later, or how far it moves until then."""
    made = point_mass.episode(seed)
    state = np.cumsum(np.random.default_rng(seed).normal(size=(len(made.time_s), 2)), axis=0)
    later = state[np.minimum(np.arange(len(state)) + ahead, len(state) - 1)]
    actions = later - state if mode == "delta" else later
    return replace(made, actions=actions, state=state)


def scores(data):
    return trivial_scores(data, [e.valid for e in data.episodes])


def dataset(num=4, *, ahead=3, mode="absolute"):
    episodes = tuple(walk(seed, ahead=ahead, mode=mode) for seed in range(num))
    contract = point_mass.contract().model_copy(update={"mode": mode})
    return LabeledSet(episodes, contract, ("track.point",), (3,))


@pytest.mark.parametrize("mode", ["absolute", "delta"])
def test_actions_that_are_later_states_need_no_labeler(mode):
    found = scores(dataset(ahead=3, mode=mode))
    assert found["state_ahead"] == {"r2": 1.0, "rows": 3}


def test_slow_actions_are_nearly_the_ones_before():
    data = dataset()
    found = scores(data)
    assert found["previous_action"] > 0.9
    # The mean of the others explains nothing of what an episode does, at best.
    assert found["mean"] <= 0


def test_golden_mean_of_the_other_episodes():
    # Two episodes that stay at 0 and 2: the other's mean is 2 off, the spread 1, so R2 is 1 - 4.
    made = point_mass.dataset(2)
    steps = [np.full((120, 2), v) + np.eye(120, 2) * 1e-3 for v in (0.0, 2.0)]
    episodes = tuple(replace(e, actions=a) for e, a in zip(made.episodes, steps, strict=True))
    found = scores(replace(made, episodes=episodes))
    assert found["mean"] == pytest.approx(-3.0, abs=0.01)


def test_states_of_another_size_are_not_copied():
    data = dataset()
    episodes = tuple(replace(e, state=e.state[:, :1]) for e in data.episodes)
    assert "state_ahead" not in scores(replace(data, episodes=episodes))
