import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gymnasium.envs.classic_control", reason="the extra `bench` is not installed")

from rotoscope.models.bco.perceptron import Fit
from rotoscope.models.bco.rounds import BcoRound, BcoSettings
from rotoscope.models.bco.train import greedy, iterate_bco, random_act
from rotoscope.models.bco.train_command import train_bco
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.simulators.record import record_dataset
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, Simulator, open_simulator
from rotoscope.pipeline.errors import UsageError

QUICK = BcoSettings(
    num_random_episodes=8,
    num_rounds=1,
    inverse=Fit(hidden=(32,), num_steps=400),
    policy=Fit(hidden=(32,), num_steps=400),
)


@pytest.fixture(scope="module")
def cart_pole() -> Simulator:
    return open_simulator("gymnasium:CartPole-v1")


def demonstration(simulator: Simulator, seed: int) -> tuple[np.ndarray, np.ndarray]:
    steps = list(rollout(simulator, scripted_expert(simulator), seed=seed))
    states = [t.observation[STATE] for t in steps] + [steps[-1].step.observation[STATE]]
    return np.array(states), np.array([t.action[0] for t in steps])


def length(simulator: Simulator, act: object) -> float:
    return float(np.mean([len(list(rollout(simulator, act, seed=s))) for s in range(8)]))  # type: ignore[arg-type]


def test_the_pole_is_learned_without_seeing_an_action(cart_pole: Simulator) -> None:
    shown = [demonstration(cart_pole, seed) for seed in range(3)]
    told: list[BcoRound] = []
    result = iterate_bco(cart_pole, [s for s, _ in shown], QUICK, seed=0, listener=told.append)[-1]
    assert told[-1] is result
    labels, truth = np.concatenate(result.labels), np.concatenate([a for _, a in shown])
    assert (labels == truth).mean() > 0.95
    assert np.concatenate(result.confidence).mean() > 0.9
    by_chance = length(cart_pole, random_act(cart_pole, np.random.default_rng(0)))
    assert length(cart_pole, greedy(result.policy, cart_pole)) > 5 * by_chance


def test_states_of_another_task_are_refused(cart_pole: Simulator) -> None:
    with pytest.raises(UsageError, match=r"have \[6\] numbers, those of gymnasium:CartPole-v1 4"):
        iterate_bco(cart_pole, [np.zeros((9, 6))], QUICK, seed=0)


@pytest.mark.slow
def test_demonstrations_become_a_policy_and_a_labeler(cart_pole: Simulator, tmp_path: Path) -> None:
    data, out = tmp_path / "demonstrations", tmp_path / "out"
    record_dataset(cart_pole, scripted_expert(cart_pole), range(3), data, hide=lambda _: True)
    told = train_bco("gymnasium:CartPole-v1", data, out, num_rounds=1)
    assert json.loads((out / "rounds.json").read_text())[0]["mean_return"] == told[0].mean_return
    policy = load_bc_policy(out / "policy")
    returns = [sum(t.step.reward for t in rollout(cart_pole, policy.act, seed=s)) for s in range(4)]
    assert np.mean(returns) > 100  # random play: about 22
    labeler = load_labeler(out / "labeler")
    assert labeler.metrics["accuracy"]["choice"] > 0.95
    with pytest.raises(UsageError, match="is not empty"):
        train_bco("gymnasium:CartPole-v1", data, out)
