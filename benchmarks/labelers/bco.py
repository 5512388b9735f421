"""Behavioural cloning from observation, iterated: BCO(alpha) (Torabi et al. 2018, algorithm 1).

An inverse model learns from transitions of one's own and labels the demonstrations; a policy
clones the labels; the policy's own episodes teach the inverse model where it matters. As in ABCO
(Monteiro et al. 2020) the inverse model keeps a mix of random and own episodes, so that an action
the policy has stopped using is not forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from benchmarks.labelers import scores
from benchmarks.labelers.episodes import Demonstration, all_actions
from benchmarks.labelers.networks import Fit, Mlp, fit_classes, fit_probabilities
from benchmarks.labelers.tasks.classic import Act, ClassicSimulator

_INVERSE = Fit(hidden=(128, 128), num_steps=2500, spread_floor=1e-6, is_robust=True)
_POLICY = Fit(hidden=(128, 128), num_steps=4000, spread_floor=1e-6)


@dataclass(frozen=True, kw_only=True)
class BcoSettings:
    """How long and on how much BCO learns; the same for every task."""

    num_random_episodes: int = 20
    """Before the first round, under uniformly random actions."""
    num_rounds: int = 8
    """Rounds of labelling, cloning and acting."""
    num_own_episodes: int = 10
    """Episodes under the policy after each round; every one with some random actions."""
    random_share: float = 0.2
    """Share of actions in these that are random, so that all actions are seen where it goes."""
    max_transitions_per_round: int = 5000
    """Kept of each round, drawn at random; long episodes repeat themselves."""
    inverse: Fit = _INVERSE
    """Training of the inverse model, in every round from the start."""
    policy: Fit = _POLICY
    """Training of the policy, in every round from the start."""


@dataclass(frozen=True)
class BcoRound:
    """What one round came to."""

    policy: Mlp
    """Logits of actions from a state."""
    labels: tuple[Int[np.ndarray, " time"], ...]
    """Of every demonstration."""
    label_accuracy: float
    """Against the demonstrations' true actions; measured, never used."""


def greedy(policy: Mlp) -> Act:
    """The likeliest action."""
    return lambda state: int(np.argmax(policy(state)))


def transition_features(
    observations: Float[np.ndarray, "step observation"],
) -> Float[np.ndarray, "time feature"]:
    """A state and what changed until the next: the change is small and is scaled on its own."""
    return np.concatenate([observations[:-1], np.diff(observations, axis=0)], axis=1)


def run_bco(
    simulator: ClassicSimulator,
    demonstrations: Sequence[Demonstration],
    settings: BcoSettings,
    *,
    seed: int,
) -> list[BcoRound]:
    """All rounds; the last is the result, the first is plain BCO(0)."""
    generator = np.random.default_rng(seed)
    random_act = simulator.random_policy(seed)
    own = [
        simulator.episode(random_act, seed=1_000_000 + 10_000 * seed + index).demonstration
        for index in range(settings.num_random_episodes)
    ]
    kept = [_thinned(own, settings.max_transitions_per_round, generator)]
    rounds: list[BcoRound] = []
    for number in range(settings.num_rounds):
        rounds.append(_round(simulator, demonstrations, kept, settings, seed + 100 * number))
        if number + 1 == settings.num_rounds:
            break
        acting = _sometimes_random(
            greedy(rounds[-1].policy), simulator.task.num_actions, settings.random_share, generator
        )
        first_seed = 2_000_000 + 10_000 * seed + 100 * number
        own = [
            simulator.episode(acting, seed=first_seed + index).demonstration
            for index in range(settings.num_own_episodes)
        ]
        kept.append(_thinned(own, settings.max_transitions_per_round, generator))
    return rounds


def _round(
    simulator: ClassicSimulator,
    demonstrations: Sequence[Demonstration],
    kept: Sequence[tuple[np.ndarray, np.ndarray]],
    settings: BcoSettings,
    seed: int,
) -> BcoRound:
    num_actions = simulator.task.num_actions
    features = np.concatenate([f for f, _ in kept])
    actions = np.concatenate([a for _, a in kept])
    inverse = fit_classes(
        features, actions, _seeded(settings.inverse, seed), num_classes=num_actions
    )
    # Averaging the models of several rounds was tried: it holds on to the first, poor ones (0.72
    # instead of 1.0 of the teacher on one seed of LunarLander).
    likely = [_softmax(inverse(transition_features(d.observations))) for d in demonstrations]
    labels = tuple(np.argmax(shares, axis=1) for shares in likely)
    # Where the inverse model wavers, as on the ground where no engine moves anything, its doubt
    # is averaged over like states instead of a coin being tossed for each.
    policy = fit_probabilities(
        np.concatenate([d.observations[:-1] for d in demonstrations]),
        np.concatenate(likely),
        _seeded(settings.policy, seed),
    )
    truth = all_actions(demonstrations)[:, 0]
    return BcoRound(policy, labels, scores.accuracy(np.concatenate(labels), truth))


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _seeded(how: Fit, seed: int) -> Fit:
    return replace(how, seed=seed)


def _thinned(
    episodes: Sequence[Demonstration], limit: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    features = np.concatenate([transition_features(e.observations) for e in episodes])
    actions = all_actions(episodes)[:, 0]
    rows = generator.permutation(len(actions))[:limit]
    return features[rows], actions[rows]


def _sometimes_random(
    act: Act, num_actions: int, share: float, generator: np.random.Generator
) -> Act:
    def choose(state: np.ndarray) -> int:
        return int(generator.integers(num_actions)) if generator.random() < share else act(state)

    return choose
