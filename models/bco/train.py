"""Behavioral cloning from observation, iterated: BCO(alpha) (Torabi et al. 2018, 1805.01954).

An inverse model learns from transitions of one's own and labels demonstrations whose actions are
hidden; a policy clones the labels; the policy's own episodes teach the inverse model where it
matters. As in ABCO (Monteiro et al. 2020, 2003.02117) the inverse model keeps a mix of random and
own episodes, so that an action the policy has stopped using is not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.bco.perceptron import Fit, Mlp, fit_classes, fit_probabilities
from rotoscope.models.simulators.rollout import Act, rollout
from rotoscope.models.simulators.simulator import STATE, Observation, Simulator
from rotoscope.pipeline.errors import UsageError

_INVERSE = Fit(hidden=(128, 128), num_steps=5000, spread_floor=1e-6, is_robust=True)
_HABIT = Fit(hidden=(32,), num_steps=1200, spread_floor=1e-6)
_POLICY = Fit(hidden=(128, 128), num_steps=4000, spread_floor=1e-6)
_NEVER = 0.01
"""The least that habit says of any choice."""
_RANDOM_STARTS, _OWN_STARTS = 1_000_000, 2_000_000


@dataclass(frozen=True, kw_only=True)
class BcoSettings:
    """How long and on how much BCO learns; the same for every task."""

    num_random_episodes: int = 20
    """Episodes under uniformly random actions before the first round."""
    num_rounds: int = 8
    """Rounds of labeling, cloning and acting; one is plain BCO(0)."""
    num_own_episodes: int = 40
    """Episodes under the policy after each round; every one with some random actions."""
    random_share: float = 0.2
    """Share of actions in these that are random, so that all actions are seen where it goes."""
    max_transitions_per_round: int = 8000
    """Kept of each round, drawn at random; long episodes repeat themselves."""
    inverse: Fit = _INVERSE
    """Training of the inverse model, in every round from the start."""
    habit: Fit = _HABIT
    """Training of the small model of what a demonstrator does in a state; see `_agreed`."""
    policy: Fit = _POLICY
    """Training of the policy, in every round from the start."""

    def __post_init__(self) -> None:
        counts = ("num_random_episodes", "num_rounds", "num_own_episodes")
        for name in (*counts, "max_transitions_per_round"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; BCO needs at least 1")
        if not 0 <= self.random_share <= 1:
            raise UsageError(f"random_share is {self.random_share:g}; a share is 0..1")


@dataclass(frozen=True, eq=False)
class OwnEpisode:
    """What happened when one acted oneself."""

    states: Float[np.ndarray, "step number"]
    """One more than there are actions."""
    choices: Int[np.ndarray, " time"]
    """What was chosen, counted from 0."""


@dataclass(frozen=True, eq=False)
class BcoRound:
    """What one round came to."""

    number: int
    """Counted from 1."""
    policy: Mlp
    """Logits of choices from a state."""
    labels: tuple[Int[np.ndarray, " time"], ...]
    """Choices in every demonstration, counted from 0."""
    confidence: tuple[Float[np.ndarray, " time"], ...]
    """How likely the choice is that is named, by transition and habit together, 0..1."""
    own: tuple[OwnEpisode, ...]
    """The episodes of one's own that were new in this round."""


def iterate_bco(
    simulator: Simulator,
    demonstrations: Sequence[Float[np.ndarray, "step number"]],
    settings: BcoSettings,
    *,
    seed: int,
    listener: Callable[[BcoRound], None] | None = None,
) -> list[BcoRound]:
    """All rounds; the last is the result.

    Args:
        simulator: What can be asked; its actions are one choice.
        demonstrations: States of the demonstrations, as the simulator gives them; no actions.
        settings: How long and on how much.
        seed: Of everything random. Own episodes begin from starts at one million and above.
        listener: Told of every round.

    Raises:
        UsageError: Actions that are not one choice, or states of another length.
    """
    num_choices = check_simulator(simulator, demonstrations)
    generator = np.random.default_rng(seed)
    first = _RANDOM_STARTS + 10_000 * seed
    act = random_act(simulator, generator)
    own = _episodes(simulator, act, range(first, first + settings.num_random_episodes))
    kept = [_thinned(own, settings.max_transitions_per_round, generator)]
    rounds: list[BcoRound] = []
    for number in range(settings.num_rounds):
        made = _round(number + 1, own, demonstrations, kept, num_choices, settings, seed)
        rounds.append(made)
        if listener is not None:
            listener(made)
        if number + 1 < settings.num_rounds:
            act = _sometimes_random(
                greedy(made.policy, simulator), act, settings.random_share, generator
            )
            first = _OWN_STARTS + 10_000 * seed + 1000 * number
            own = _episodes(simulator, act, range(first, first + settings.num_own_episodes))
            kept.append(_thinned(own, settings.max_transitions_per_round, generator))
            act = random_act(simulator, generator)
    return rounds


def check_simulator(
    simulator: Simulator, demonstrations: Sequence[Float[np.ndarray, "step number"]]
) -> int:
    """How many choices there are.

    Raises:
        UsageError: Actions that are not one choice, or states of another length.
    """
    facts = simulator.facts
    dimensions = facts.contract.dimensions
    if [d.quantity for d in dimensions] != ["discrete"]:
        raise UsageError(
            f"{facts.name} asks for {', '.join(d.name for d in dimensions)}; BCO here learns tasks "
            "whose action is one choice, such as gymnasium:CartPole-v1"
        )
    sizes = {demonstration.shape[1] for demonstration in demonstrations}
    if sizes != {len(facts.state_names)}:
        raise UsageError(
            f"the demonstrations' states have {sorted(sizes)} numbers, those of {facts.name} "
            f"{len(facts.state_names)} ({', '.join(facts.state_names)}); record them there"
        )
    low, high = facts.contract.bounds()
    return round(float(high[0] - low[0])) + 1


def greedy(policy: Mlp, simulator: Simulator) -> Act:
    """The likeliest choice."""
    low, _ = simulator.facts.contract.bounds()
    return lambda seen: low + np.argmax(policy(seen[STATE]))


def random_act(simulator: Simulator, generator: np.random.Generator) -> Act:
    """Every choice equally likely."""
    low, high = (int(bound[0]) for bound in simulator.facts.contract.bounds())
    return lambda _: np.array([generator.integers(low, high + 1)], float)


def transition_features(
    states: Float[np.ndarray, "step number"],
) -> Float[np.ndarray, "time feature"]:
    """A state and what changed until the next: the change is small and is scaled on its own."""
    return np.concatenate([states[:-1], np.diff(states, axis=0)], axis=1)


def _round(
    number: int,
    own: Sequence[OwnEpisode],
    demonstrations: Sequence[np.ndarray],
    kept: Sequence[tuple[np.ndarray, np.ndarray]],
    num_choices: int,
    settings: BcoSettings,
    seed: int,
) -> BcoRound:
    seed = seed + 100 * (number - 1)
    features = np.concatenate([f for f, _ in kept])
    choices = np.concatenate([a for _, a in kept])
    inverse = fit_classes(
        features, choices, replace(settings.inverse, seed=seed), num_classes=num_choices
    )
    # Averaging the models of several rounds was tried: it holds on to the first, poor ones (0.72
    # instead of 1.0 of the teacher on one seed of LunarLander).
    likely = [_softmax(inverse(transition_features(states))) for states in demonstrations]
    likely = _agreed(likely, demonstrations, replace(settings.habit, seed=seed))
    # Where the inverse model wavers, as on the ground where no engine moves anything, its doubt
    # is averaged over like states instead of a coin being tossed for each.
    policy = fit_probabilities(
        np.concatenate([states[:-1] for states in demonstrations]),
        np.concatenate(likely),
        replace(settings.policy, seed=seed),
    )
    labels = tuple(np.argmax(shares, axis=1) for shares in likely)
    return BcoRound(number, policy, labels, tuple(s.max(axis=1) for s in likely), tuple(own))


def _agreed(
    likely: Sequence[np.ndarray], demonstrations: Sequence[np.ndarray], how: Fit
) -> list[Float[np.ndarray, "time choice"]]:
    """Choices as likely as both the transition and the demonstrator's habits make them.

    A step of expectation maximization: a model too small to learn single transitions by heart says
    what is done in states like this one, and settles what the inverse model alone cannot tell.
    """
    # Away from where it learned, the inverse model is surer than it is right.
    doubtful = [np.sqrt(shares) for shares in likely]
    doubtful = [shares / shares.sum(axis=1, keepdims=True) for shares in doubtful]
    states = [states[:-1] for states in demonstrations]
    habit = fit_probabilities(np.concatenate(states), np.concatenate(doubtful), how)
    both = [
        shares * np.maximum(_softmax(habit(seen)), _NEVER)
        for shares, seen in zip(doubtful, states, strict=True)
    ]
    return [shares / shares.sum(axis=1, keepdims=True) for shares in both]


def _episodes(simulator: Simulator, act: Act, seeds: range) -> list[OwnEpisode]:
    low, _ = simulator.facts.contract.bounds()
    found = []
    for seed in seeds:
        steps = list(rollout(simulator, act, seed=seed))
        states = [t.observation[STATE] for t in steps] + [steps[-1].step.observation[STATE]]
        choices = np.array([round(float(t.action[0] - low[0])) for t in steps])
        found.append(OwnEpisode(np.array(states), choices))
    return found


def _thinned(
    episodes: Sequence[OwnEpisode], limit: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    features = np.concatenate([transition_features(e.states) for e in episodes])
    choices = np.concatenate([e.choices for e in episodes])
    rows = generator.permutation(len(choices))[:limit]
    return features[rows], choices[rows]


def _sometimes_random(act: Act, other: Act, share: float, generator: np.random.Generator) -> Act:
    def choose(seen: Observation) -> Float[np.ndarray, " action"]:
        return other(seen) if generator.random() < share else act(seen)

    return choose


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
