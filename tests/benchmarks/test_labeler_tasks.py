from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gymnasium.envs.classic_control")
pytest.importorskip("Box2D", reason="the extra `bench` is not installed")

from benchmarks.labelers.bco import BcoSettings, greedy, run_bco
from benchmarks.labelers.episodes import Demonstration, cached
from benchmarks.labelers.networks import Fit
from benchmarks.labelers.tasks.classic import TASKS, ClassicSimulator

SEEDS = range(20)


# The bounds are what the teachers are known for, less what 20 starts may differ by.
@pytest.mark.parametrize(
    ("name", "least"),
    [("cartpole", 500), ("mountaincar", -125), ("acrobot", -110), ("lunarlander", 220)],
)
def test_teacher_reaches_its_return(name: str, least: float) -> None:
    assert ClassicSimulator(TASKS[name]).mean_return(TASKS[name].teacher, SEEDS) >= least


def test_same_seed_gives_the_same_episode() -> None:
    task = TASKS["lunarlander"]
    first, second = (ClassicSimulator(task).episode(task.teacher, seed=3) for _ in range(2))
    np.testing.assert_array_equal(
        first.demonstration.observations, second.demonstration.observations
    )
    assert first.total_reward == second.total_reward


def test_bco_learns_the_pole_without_seeing_an_action() -> None:
    simulator = ClassicSimulator(TASKS["cartpole"])
    shown = [simulator.episode(simulator.task.teacher, seed=s).demonstration for s in range(3)]
    hidden = [replace(d, actions=np.zeros_like(d.actions)) for d in shown]
    settings = BcoSettings(
        num_rounds=1,
        inverse=Fit(hidden=(32,), num_steps=400),
        policy=Fit(hidden=(32,), num_steps=400),
    )
    result = run_bco(simulator, hidden, settings, seed=0)[-1]
    labels = np.concatenate(result.labels)
    assert (labels == np.concatenate([d.actions[:, 0] for d in shown])).mean() > 0.95
    random_return = simulator.mean_return(simulator.random_policy(0), SEEDS)
    assert simulator.mean_return(greedy(result.policy), SEEDS) > 5 * random_return


def test_episodes_come_back_from_disk_as_they_were_made(tmp_path: Path) -> None:
    made = [Demonstration(np.ones((4, 2)), np.zeros((3, 1)), 7)]
    cached(tmp_path, "few", lambda: made)
    (again,) = cached(tmp_path, "few", lambda: pytest.fail("made a second time"))
    np.testing.assert_array_equal(again.observations, made[0].observations)
    assert again.seed == 7


def test_an_episode_needs_an_observation_after_its_last_action() -> None:
    with pytest.raises(ValueError, match="3 observations around 3 actions; 4 are needed"):
        Demonstration(np.ones((3, 2)), np.zeros((3, 1)), 0)
