"""BCO where an action is one choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.bco.perceptron import Fit, Mlp, fit_classes, fit_probabilities
from rotoscope.models.bco.rounds import BcoSettings, Kept, Learned, transition_features
from rotoscope.models.simulators.rollout import Act
from rotoscope.models.simulators.simulator import STATE

_NEVER = 0.01
"""The least that habit says of any choice."""


@dataclass(frozen=True)
class Choices:
    """A whole number from the lowest on."""

    lowest: int
    """The first choice, as the contract counts."""
    num: int
    """How many there are."""

    @property
    def settings(self) -> BcoSettings:
        """Chosen on CartPole, MountainCar, Acrobot and LunarLander."""
        return BcoSettings()

    def random_act(self, generator: np.random.Generator) -> Act:
        """Every choice equally likely."""
        low, end = self.lowest, self.lowest + self.num
        return lambda _: np.array([generator.integers(low, end)], float)

    def act(self, policy: Mlp) -> Act:
        """The likeliest choice."""
        return lambda seen: np.atleast_1d(self.lowest + np.argmax(policy(seen[STATE])))

    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """Logits are what they are."""
        return np.ones(self.num), np.zeros(self.num)

    def learn(
        self, kept: Sequence[Kept], demonstrations: Sequence[np.ndarray], settings: BcoSettings
    ) -> Learned:
        """Choices that transitions and the demonstrator's habits make likely together."""
        features = np.concatenate([f for f, _ in kept])
        choices = np.concatenate([a for _, a in kept])[:, 0]
        inverse = fit_classes(
            features,
            np.round(choices - self.lowest).astype(int),
            settings.inverse,
            num_classes=self.num,
        )
        # Averaging the models of several rounds was tried: it holds on to the first, poor ones
        # (0.72 instead of 1.0 of the teacher on one seed of LunarLander).
        likely = [_softmax(inverse(transition_features(states))) for states in demonstrations]
        likely = _agreed(likely, demonstrations, settings.habit)
        # Where the inverse model wavers, as on the ground where no engine moves anything, its
        # doubt is averaged over like states instead of a coin being tossed for each.
        policy = fit_probabilities(
            np.concatenate([states[:-1] for states in demonstrations]),
            np.concatenate(likely),
            settings.policy,
        )
        labels = tuple(np.argmax(shares, axis=1) for shares in likely)
        return Learned(policy, labels, tuple(s.max(axis=1) for s in likely))


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


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
