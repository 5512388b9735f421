from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gymnasium.envs.classic_control")
pytest.importorskip("Box2D", reason="the extra `bench` is not installed")

from benchmarks.labelers.episodes import Demonstration, cached
from benchmarks.labelers.tasks.classic import TASKS, episode, mean_return
from rotoscope.models.simulators.rollout import scripted_expert
from rotoscope.models.simulators.simulator import open_simulator

SEEDS = range(20)


# The bounds are what the teachers are known for, less what 20 starts may differ by.
@pytest.mark.parametrize(
    ("name", "least"),
    [("cartpole", 500), ("mountaincar", -125), ("acrobot", -110), ("lunarlander", 220)],
)
def test_teacher_reaches_its_return(name: str, least: float) -> None:
    simulator = open_simulator(TASKS[name].simulator)
    assert mean_return(simulator, scripted_expert(simulator), SEEDS) >= least


def test_same_seed_gives_the_same_episode() -> None:
    first, second = (
        episode(simulator, scripted_expert(simulator), seed=3)
        for simulator in (open_simulator("gymnasium:LunarLander-v3") for _ in range(2))
    )
    np.testing.assert_array_equal(
        first.demonstration.observations, second.demonstration.observations
    )
    assert first.total_reward == second.total_reward


def test_episodes_come_back_from_disk_as_they_were_made(tmp_path: Path) -> None:
    made = [Demonstration(np.ones((4, 2)), np.zeros((3, 1)), 7)]
    cached(tmp_path, "few", lambda: made)
    (again,) = cached(tmp_path, "few", lambda: pytest.fail("made a second time"))
    np.testing.assert_array_equal(again.observations, made[0].observations)
    assert again.seed == 7


def test_an_episode_needs_an_observation_after_its_last_action() -> None:
    with pytest.raises(ValueError, match="3 observations around 3 actions; 4 are needed"):
        Demonstration(np.ones((3, 2)), np.zeros((3, 1)), 0)
