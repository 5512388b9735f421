"""States read off what was seen: the map, the frames without sight, the smoothing."""

from __future__ import annotations

import numpy as np
import pytest

from rotoscope.models.states.state_map import bridged, learn_states, smoothed_states
from rotoscope.pipeline.errors import DatasetError


def _episodes(num: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Points on wandering paths, and how a camera would see them: divided by their depth."""
    generator = np.random.default_rng(seed)
    seen, states = [], []
    for _ in range(num):
        time = np.arange(80)[:, None] / 40
        phase = generator.uniform(0, 6, 3)
        places = 0.3 * np.sin(time * generator.uniform(0.5, 2, 3) + phase) + [0, 0, 2]
        seen.append(np.column_stack([places[:, :2] / places[:, 2:], 1 / places[:, 2]]))
        states.append(places)
    return seen, states


def test_states_of_new_episodes_are_found() -> None:
    seen, states = _episodes(12, seed=0)
    learned = learn_states(seen, states)
    new_seen, new_states = _episodes(3, seed=1)
    off = learned.model(np.concatenate(new_seen)) - np.concatenate(new_states)
    assert np.sqrt((off**2).mean()) < 0.02


def test_an_episode_is_read_off_by_a_map_that_has_not_seen_it() -> None:
    seen, states = _episodes(6, seed=2)
    changed = [*states[:-1], states[-1] + 100.0]
    before = learn_states(seen, states).cross_fitted[-1]
    after = learn_states(seen, changed)
    assert np.abs(after.cross_fitted[-1] - before).max() < 1.0
    assert np.abs(after.model(seen[-1]) - states[-1]).mean() > 1.0


def test_one_episode_cannot_be_left_out() -> None:
    seen, states = _episodes(1, seed=0)
    with pytest.raises(DatasetError, match="1 episodes cannot be left out"):
        learn_states(seen, states)


def test_unseen_frames_lie_on_a_straight_line_between_seen_ones() -> None:
    column = np.array([np.nan, 1.0, np.nan, np.nan, 4.0])
    filled = bridged(np.column_stack([column, np.full(5, np.nan)]))
    assert filled[:, 0].tolist() == [1, 1, 2, 3, 4]
    assert filled[:, 1].tolist() == [0] * 5


def test_smoothing_takes_noise_away_and_leaves_the_motion() -> None:
    time_s = np.arange(160) / 80
    motion = 0.2 * np.sin(3 * time_s)[:, None] + [0, 1, 2]
    noise = np.random.default_rng(0).normal(0, 0.01, motion.shape)
    smooth = smoothed_states(motion + noise, [slice(0, 3)], rate_hz=80)
    assert np.sqrt(((smooth - motion) ** 2).mean()) < 0.005
