"""BCO where an action is a vector of numbers between limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.bco.perceptron import Fit, Mlp, fit_regression
from rotoscope.models.bco.rounds import BcoSettings, Kept, Learned, transition_features
from rotoscope.models.simulators.rollout import Act
from rotoscope.models.simulators.simulator import STATE

RIGHT_WITHIN = 0.2
"""What counts as right for confidence: an error below this share of a number's spread."""
_HELD_OUT = 10
"""One transition of so many is kept from the inverse model, to know its errors."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers between limits; scaled, they go from -1 to 1."""

    lower: Float[np.ndarray, " action"]
    """Lower limits, in the contract's units."""
    upper: Float[np.ndarray, " action"]
    """Upper limits."""

    @property
    def settings(self) -> BcoSettings:
        """As first tried on HalfCheetah."""
        return BcoSettings(
            num_random_episodes=10,
            num_own_episodes=10,
            min_transitions_per_round=10_000,
            max_transitions_per_round=10_000,
            inverse=Fit(hidden=(256, 256), num_steps=6000, spread_floor=1e-6, is_robust=True),
            policy=Fit(hidden=(256, 256), num_steps=5000, spread_floor=1e-6),
        )

    def random_act(self, generator: np.random.Generator) -> Act:
        """Uniform between the limits."""
        return lambda _: generator.uniform(self.lower, self.upper)

    def act(self, policy: Mlp) -> Act:
        """What the policy says, inside the limits."""
        return lambda seen: self._raw(policy(seen[STATE]))

    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """Half the range, and its middle."""
        return (self.upper - self.lower) / 2, (self.upper + self.lower) / 2

    def learn(
        self, kept: Sequence[Kept], demonstrations: Sequence[np.ndarray], settings: BcoSettings
    ) -> Learned:
        """Actions of the least squared error; how often others were right is their confidence."""
        features = np.concatenate([f for f, _ in kept])
        half, middle = self.scaling()
        scaled = (np.concatenate([a for _, a in kept]) - middle) / half
        is_held = np.arange(len(scaled)) % _HELD_OUT == 0
        inverse = fit_regression(features[~is_held], scaled[~is_held], settings.inverse)
        off = np.abs(np.clip(inverse(features[is_held]), -1, 1) - scaled[is_held])
        right = float((off <= RIGHT_WITHIN * scaled.std(axis=0)).mean())
        said = [np.clip(inverse(transition_features(s)), -1, 1) for s in demonstrations]
        policy = fit_regression(
            np.concatenate([s[:-1] for s in demonstrations]), np.concatenate(said), settings.policy
        )
        confidence = tuple(np.full(len(labels), right) for labels in said)
        return Learned(policy, tuple(map(self._raw, said)), confidence)

    def _raw(self, scaled: Float[np.ndarray, "*rows action"]) -> Float[np.ndarray, "*rows action"]:
        half, middle = self.scaling()
        return middle + half * np.clip(scaled, -1, 1).astype(float)
