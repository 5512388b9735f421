"""What rounds of BCO learn from and come to, whatever kind the actions are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rotoscope.models.bco.perceptron import Fit, Mlp
from rotoscope.models.simulators.rollout import Act
from rotoscope.pipeline.errors import UsageError

_INVERSE = Fit(hidden=(128, 128), num_steps=5000, spread_floor=1e-6, is_robust=True)
_HABIT = Fit(hidden=(32,), num_steps=1200, spread_floor=1e-6)
_POLICY = Fit(hidden=(128, 128), num_steps=4000, spread_floor=1e-6)


@dataclass(frozen=True, kw_only=True)
class BcoSettings:
    """How long and on how much BCO learns; the same for every task of a kind."""

    num_random_episodes: int = 20
    """Episodes under uniformly random actions before the first round."""
    num_rounds: int = 8
    """Rounds of labeling, cloning and acting; one is plain BCO(0)."""
    num_own_episodes: int = 40
    """Episodes under the policy after each round; every one with some random actions."""
    random_share: float = 0.2
    """Share of actions in these that are random, so that all actions are seen where it goes."""
    min_transitions_per_round: int = 0
    """More episodes than named are acted, up to a thousand, until so many transitions are there:
    where falling ends an episode, the first ones are short."""
    max_transitions_per_round: int = 8000
    """Kept of each round, drawn at random; long episodes repeat themselves."""
    inverse: Fit = _INVERSE
    """Training of the inverse model, in every round from the start."""
    habit: Fit = _HABIT
    """Training of the small model of what a demonstrator chooses in a state; see
    `rotoscope.models.bco.choices`."""
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
    actions: Float[np.ndarray, "time action"]
    """What was done, in the contract's units."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What a round learned."""

    policy: Mlp
    """From a state to logits of choices, or to scaled numbers."""
    labels: tuple[np.ndarray, ...]
    """Of every demonstration: choices counted from 0, or actions in the contract's units."""
    confidence: tuple[Float[np.ndarray, " _"], ...]
    """How sure each label is, 0..1."""


@dataclass(frozen=True, eq=False)
class BcoRound(Learned):
    """What one round came to."""

    number: int
    """Counted from 1."""
    own: tuple[OwnEpisode, ...]
    """The episodes of one's own that were new in this round."""


Kept = tuple[Float[np.ndarray, "_ feature"], Float[np.ndarray, "_ action"]]
"""Transitions, and what was done in each."""


@runtime_checkable
class ActionKind(Protocol):
    """What rounds need to know of a kind of actions."""

    @property
    def settings(self) -> BcoSettings:
        """What does well on tasks of the kind."""
        ...

    def random_act(self, generator: np.random.Generator) -> Act:
        """Acts at random, all actions equally likely."""
        ...

    def act(self, policy: Mlp) -> Act:
        """Acts as a policy of the kind says."""
        ...

    def learn(
        self, kept: Sequence[Kept], demonstrations: Sequence[np.ndarray], settings: BcoSettings
    ) -> Learned:
        """Labels the demonstrations by an inverse model of what was kept, and clones the labels."""
        ...

    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """What the policy's outputs are multiplied by, and what is added, to be encoded actions."""
        ...


def transition_features(
    states: Float[np.ndarray, "step number"],
) -> Float[np.ndarray, "time feature"]:
    """A state and what changed until the next: the change is small and is scaled on its own."""
    return np.concatenate([states[:-1], np.diff(states, axis=0)], axis=1)
