"""Behavioral cloning from observation, iterated: BCO(alpha) (Torabi et al. 2018, 1805.01954).

An inverse model learns from transitions of one's own and labels demonstrations whose actions are
hidden; a policy clones the labels; the policy's own episodes teach the inverse model where it
matters. As in ABCO (Monteiro et al. 2020, 2003.02117) the inverse model keeps a mix of random and
own episodes, so that an action the policy has stopped using is not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rotoscope.models.bco.choices import Choices
from rotoscope.models.bco.numbers import Numbers
from rotoscope.models.bco.perceptron import Mlp
from rotoscope.models.bco.rounds import (
    ActionKind,
    BcoRound,
    BcoSettings,
    Kept,
    OwnEpisode,
    transition_features,
)
from rotoscope.models.simulators.rollout import Act, rollout
from rotoscope.models.simulators.simulator import STATE, Observation, Simulator
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.pipeline.errors import UsageError

_RANDOM_STARTS, _OWN_STARTS = 1_000_000, 2_000_000
_MOST_EPISODES = 1000
"""Of a round: its starts are so far from those of the next."""


def iterate_bco(
    simulator: Simulator,
    demonstrations: Sequence[Float[np.ndarray, "_ number"]],
    settings: BcoSettings,
    *,
    seed: int,
    listener: Callable[[BcoRound], None] | None = None,
) -> list[BcoRound]:
    """All rounds; the last is the result.

    Args:
        simulator: What can be asked; its actions are one choice, or numbers between limits.
        demonstrations: States of the demonstrations, as the simulator gives them; no actions.
        settings: How long and on how much, such as `kind_of(simulator).settings`.
        seed: Of everything random. Own episodes begin from starts at one million and above.
        listener: Told of every round.

    Raises:
        UsageError: Actions of another kind, or states of another length.
    """
    kind = check_simulator(simulator, demonstrations)
    generator = np.random.default_rng(seed)
    first = _RANDOM_STARTS + 10_000 * seed
    act = kind.random_act(generator)
    least = settings.min_transitions_per_round
    own = _episodes(simulator, act, first, settings.num_random_episodes, least)
    kept = [_thinned(own, settings.max_transitions_per_round, generator)]
    rounds: list[BcoRound] = []
    for number in range(settings.num_rounds):
        learned = kind.learn(kept, demonstrations, _seeded(settings, seed + 100 * number))
        rounds.append(BcoRound(**vars(learned), number=number + 1, own=tuple(own)))
        if listener is not None:
            listener(rounds[-1])
        if number + 1 < settings.num_rounds:
            act = _sometimes_random(kind.act(learned.policy), act, settings.random_share, generator)
            first = _OWN_STARTS + 10_000 * seed + 1000 * number
            own = _episodes(simulator, act, first, settings.num_own_episodes, least)
            kept.append(_thinned(own, settings.max_transitions_per_round, generator))
            act = kind.random_act(generator)
    return rounds


def check_simulator(
    simulator: Simulator, demonstrations: Sequence[Float[np.ndarray, "_ number"]]
) -> ActionKind:
    """Of what kind its actions are.

    Raises:
        UsageError: Neither one choice nor numbers between limits, or states of another length.
    """
    facts, kind = simulator.facts, kind_of(simulator)
    sizes = {demonstration.shape[1] for demonstration in demonstrations}
    if sizes != {len(facts.state_names)}:
        raise UsageError(
            f"the demonstrations' states have {sorted(sizes)} numbers, those of {facts.name} "
            f"{len(facts.state_names)} ({', '.join(facts.state_names)}); record them there"
        )
    return kind


def kind_of(simulator: Simulator) -> ActionKind:
    """Of what kind a simulator's actions are.

    Raises:
        UsageError: Neither one choice nor numbers between limits.
    """
    facts = simulator.facts
    low, high = facts.contract.bounds()
    kinds = [block.kind for block in ActionSpace.of(facts.contract).blocks]
    if kinds == ["discrete"]:
        return Choices(round(float(low[0])), round(float(high[0] - low[0])) + 1)
    if set(kinds) != {"plain"} or not np.isfinite([low, high]).all():
        names = ", ".join(d.name for d in facts.contract.dimensions)
        raise UsageError(
            f"{facts.name} asks for {names}; BCO here learns tasks whose action is one choice, "
            "such as gymnasium:CartPole-v1, or plain numbers that all have limits, such as "
            "gymnasium:HalfCheetah-v5"
        )
    return Numbers(low, high)


def greedy(policy: Mlp, simulator: Simulator) -> Act:
    """What a round's policy does, nothing of it random."""
    return kind_of(simulator).act(policy)


def random_act(simulator: Simulator, generator: np.random.Generator) -> Act:
    """Acts at random, all actions equally likely."""
    return kind_of(simulator).random_act(generator)


def _seeded(settings: BcoSettings, seed: int) -> BcoSettings:
    names = ("inverse", "habit", "policy")
    return replace(settings, **{n: replace(getattr(settings, n), seed=seed) for n in names})


def _episodes(simulator: Simulator, act: Act, first: int, num: int, least: int) -> list[OwnEpisode]:
    """So many episodes from the first start on, and more where they hold too few transitions."""
    found: list[OwnEpisode] = []
    for seed in range(first, first + max(num, _MOST_EPISODES)):
        if len(found) >= num and sum(len(e.actions) for e in found) >= least:
            break
        steps = list(rollout(simulator, act, seed=seed))
        states = [t.observation[STATE] for t in steps] + [steps[-1].step.observation[STATE]]
        actions = np.array([t.action for t in steps], float)
        found.append(OwnEpisode(np.array(states), actions))
    return found


def _thinned(episodes: Sequence[OwnEpisode], limit: int, generator: np.random.Generator) -> Kept:
    features = np.concatenate([transition_features(e.states) for e in episodes])
    actions = np.concatenate([e.actions for e in episodes])
    rows = generator.permutation(len(actions))[:limit]
    return features[rows], actions[rows]


def _sometimes_random(act: Act, other: Act, share: float, generator: np.random.Generator) -> Act:
    def choose(seen: Observation) -> Float[np.ndarray, " action"]:
        return other(seen) if generator.random() < share else act(seen)

    return choose
