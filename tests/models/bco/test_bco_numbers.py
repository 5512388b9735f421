"""BCO where actions are numbers: a point that is pushed, and what has no limits."""

import json
from dataclasses import replace

import numpy as np
import pytest
from point_simulator import Point

from rotoscope.models.bco.choices import Choices
from rotoscope.models.bco.numbers import Numbers
from rotoscope.models.bco.perceptron import Fit
from rotoscope.models.bco.rounds import BcoSettings
from rotoscope.models.bco.train import greedy, iterate_bco, kind_of, random_act
from rotoscope.models.bco.train_command import train_bco
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.simulators.record import record_dataset
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import FAMILIES, STATE, Views
from rotoscope.pipeline.errors import UsageError

QUICK = BcoSettings(
    num_random_episodes=4,
    num_rounds=2,
    num_own_episodes=4,
    inverse=Fit(hidden=(32,), num_steps=600, is_robust=True),
    policy=Fit(hidden=(32,), num_steps=800),
)


def demonstration(simulator, seed):
    steps = list(rollout(simulator, scripted_expert(simulator), seed=seed))
    states = [t.observation[STATE] for t in steps] + [steps[-1].step.observation[STATE]]
    return np.array(states), np.array([t.action for t in steps])


def mean_return(simulator, act):
    return np.mean([sum(t.step.reward for t in rollout(simulator, act, seed=s)) for s in range(9)])


class Wide(Point):
    """Its limits are not -1 and 1, and not alike on both sides."""

    def __init__(self, task, views):
        super().__init__(task, views)
        push = self.facts.contract.dimensions[0].model_copy(update={"lower": -3.0, "upper": 1.0})
        contract = self.facts.contract.model_copy(update={"dimensions": (push,)})
        self.facts = replace(self.facts, contract=contract)

    def step(self, action):
        return super().step((np.asarray(action) + 1) / 2)

    def expert(self):
        return 2 * super().expert() - 1


@pytest.mark.parametrize("made", [Point, Wide])
def test_what_was_done_is_learned_without_seeing_it(made):
    simulator = made("line", Views())
    shown = [demonstration(simulator, seed) for seed in range(6)]
    last = iterate_bco(simulator, [s for s, _ in shown], QUICK, seed=0)[-1]
    labels, truth = np.concatenate(last.labels), np.concatenate([a for _, a in shown])
    assert 1 - ((labels - truth) ** 2).mean() / truth.var() > 0.98
    teacher = mean_return(simulator, scripted_expert(simulator))
    by_chance = mean_return(simulator, random_act(simulator, np.random.default_rng(0)))
    reached = mean_return(simulator, greedy(last.policy, simulator))
    assert reached > teacher - 0.1 * (teacher - by_chance)
    low, high = simulator.facts.contract.bounds()
    assert ((labels >= low) & (labels <= high)).all()


def test_short_episodes_are_followed_by_more_until_there_are_enough_transitions():
    simulator = Point("line", Views())
    shown = [demonstration(simulator, seed)[0] for seed in range(3)]
    short = Fit(hidden=(8,), num_steps=5)
    few = replace(QUICK, num_rounds=1, num_random_episodes=2, inverse=short, policy=short)
    many = replace(few, min_transitions_per_round=200)
    for settings, least in ((few, 1), (many, 200)):
        own = iterate_bco(simulator, shown, settings, seed=0)[-1].own
        assert len(own) == 2 or settings is many
        assert sum(len(e.actions) for e in own) >= least
        assert sum(len(e.actions) for e in own[:-1]) < max(least, 80)


def test_confidence_is_how_often_others_were_right():
    rng = np.random.default_rng(0)
    kind = Numbers(np.array([-1.0]), np.array([1.0]))
    state, action = rng.normal(size=(400, 1)), rng.uniform(-1, 1, (400, 1))
    walk = [np.cumsum(rng.normal(size=(9, 1)), axis=0)]
    told = kind.learn([(np.concatenate([state, action / 10], 1), action)], walk, QUICK)
    blind = kind.learn([(np.concatenate([state, 0 * action], 1), action)], walk, QUICK)
    assert told.confidence[0].shape == (8,)
    assert told.confidence[0][0] > 0.9
    # A fifth of the spread of a uniform number: right in one case of nine.
    assert blind.confidence[0][0] == pytest.approx(0.12, abs=0.12)


def test_kinds_are_told_apart_and_others_refused():
    simulator = Point("line", Views())
    assert isinstance(kind_of(simulator), Numbers)
    contract = simulator.facts.contract
    choice = contract.dimensions[0].model_copy(
        update={"quantity": "discrete", "lower": 2.0, "upper": 5.0}
    )
    simulator.facts = replace(
        simulator.facts, contract=contract.model_copy(update={"dimensions": (choice,)})
    )
    assert kind_of(simulator) == Choices(2, 4)
    free = contract.dimensions[0].model_copy(update={"upper": None})
    simulator.facts = replace(
        simulator.facts, contract=contract.model_copy(update={"dimensions": (free,)})
    )
    with pytest.raises(UsageError, match=r"asks for push; BCO here learns .* that all have limits"):
        kind_of(simulator)


@pytest.mark.slow
def test_demonstrations_become_a_policy_and_a_labeler(tmp_path, monkeypatch):
    monkeypatch.setitem(FAMILIES, "point", "test_bco_numbers:Wide")
    simulator = Wide("line", Views())
    data, out = tmp_path / "demonstrations", tmp_path / "out"
    record_dataset(simulator, scripted_expert(simulator), range(6), data, hide=lambda _: True)
    told = train_bco("point:line", data, out, num_rounds=1)
    assert json.loads((out / "rounds.json").read_text())[0]["mean_return"] == told[0].mean_return
    policy = load_bc_policy(out / "policy")
    teacher = mean_return(simulator, scripted_expert(simulator))
    assert mean_return(simulator, policy.act) > 1.3 * teacher  # returns are negative
    metrics = json.loads((out / "labeler" / "metrics.json").read_text())
    assert metrics["mean_r2"] > 0.98
