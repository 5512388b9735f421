"""Who acts in episodes that are recorded: an expert, or one from whom other motion is learned.

All but the expert draw from a generator that the episode's seed decides: the same seed gives the
same episode, whatever was recorded before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.rollout import Act, rollout, scripted_expert
from rotoscope.models.simulators.simulator import Observation, Simulator, Views
from rotoscope.pipeline.errors import UsageError, quoted

Behavior = Literal["expert", "noisy", "play", "random", "failed"]
"""`expert` does the task; `noisy` does it with noise on every action; `play` does some of it and
wanders, in turn; `random` draws each action anew; `failed` begins well and then wanders, and only
episodes that do not solve the task are kept."""
BEHAVIORS: tuple[Behavior, ...] = get_args(Behavior)
DEFAULT_NOISE = 0.3
"""1-sigma of the noise of `noisy`, as a share of half an action's range."""
_WANDER_SIGMA, _WANDER_S = 0.5, 0.4
"""How far wandering goes, as a share of half the range, and how long it keeps its way [s]."""
_STRETCH_S = (0.5, 1.5)
"""How long play keeps to the task, or away from it [s]."""
_GIVES_UP = (0.1, 0.6)
"""When `failed` leaves the task, as a share of the time that the expert needs."""
_TRIES_PER_EPISODE, _TRIES_AT_LEAST = 10, 20


def check_behavior(name: str) -> Behavior:
    """A behavior by its name.

    Raises:
        UsageError: There is none of this name.
    """
    for known in BEHAVIORS:
        if name == known:
            return known
    raise UsageError(f"--how {name} is unknown; valid are {quoted(BEHAVIORS)}")


def behaving(simulator: Simulator, how: Behavior, noise: float = DEFAULT_NOISE) -> Act:
    """What acts in a simulator.

    Args:
        simulator: Where.
        how: See `Behavior`.
        noise: Of `noisy`, as a share of half an action's range.

    Raises:
        UsageError: It needs an expert and there is none, or limits of actions and there are none.
    """
    facts = simulator.facts
    if how not in ("play", "random") and not facts.has_expert:
        raise UsageError(
            f"{facts.name} has no scripted expert, which --how {how} needs; --how play and "
            "--how random need none"
        )
    if how == "expert":
        return scripted_expert(simulator)
    low, high = facts.contract.bounds()
    if not np.isfinite([low, high]).all():
        unlimited = [
            d.name for d, a, b in zip(facts.contract.dimensions, low, high, strict=True)
            if not np.isfinite([a, b]).all()
        ]  # fmt: skip
        raise UsageError(
            f"actions of {facts.name} have no limits in {quoted(unlimited)}: --how {how} does not "
            "know how far to go; only --how expert can be recorded"
        )
    kinds: dict[str, type[_Drawing]] = {
        "noisy": _Noisy,
        "play": _Play,
        "random": _Random,
        "failed": _Failing,
    }
    return kinds[how](simulator, noise)


def starts(simulator: Simulator, how: Behavior, act: Act, first_seed: int) -> Iterator[int]:
    """Seeds of the episodes to record, one after the other; of `failed` those that do fail.

    Raises:
        UsageError: Hardly any of them fails.
    """
    seed, found = first_seed, 0
    while True:
        if how != "failed" or not _is_solved(simulator, act, seed):
            found += 1
            yield seed
        seed += 1
        tried = seed - first_seed
        if tried >= _TRIES_AT_LEAST and found * _TRIES_PER_EPISODE < tried:
            raise UsageError(
                f"--how failed: only {found} of {tried} episodes failed in "
                f"{simulator.facts.name}; another --seed, or --how play, shows what is no success"
            )


def _is_solved(simulator: Simulator, act: Act, seed: int) -> bool:
    with _Unseen(simulator):
        return any(t.step.is_success for t in rollout(simulator, act, seed=seed))


class _Unseen:
    """Draws no pictures meanwhile."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator, self._views = simulator, simulator.views

    def __enter__(self) -> None:
        self._simulator.views = Views()

    def __exit__(self, *about: object) -> None:
        self._simulator.views = self._views


@dataclass
class _Drawing(ABC):
    """What all of them share: limits, choices and a generator of the episode's own."""

    simulator: Simulator
    noise: float
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    wandered: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @abstractmethod
    def __call__(self, seen: Observation) -> Float[np.ndarray, " action"]:
        """What is done now."""

    def begin(self, seed: int) -> None:
        """Told before an episode is reset."""
        self.rng = np.random.default_rng([seed, 0xAC7])
        self.wandered = self.rng.normal(size=len(self.middle))

    @property
    def middle(self) -> Float[np.ndarray, " action"]:
        low, high = self.simulator.facts.contract.bounds()
        return (low + high) / 2

    @property
    def reach(self) -> Float[np.ndarray, " action"]:
        low, high = self.simulator.facts.contract.bounds()
        return (high - low) / 2

    @property
    def is_choice(self) -> np.ndarray:
        dimensions = self.simulator.facts.contract.dimensions
        return np.array([d.quantity == "discrete" for d in dimensions])

    def anything(self) -> Float[np.ndarray, " action"]:
        """Any action inside the limits, all alike; of choices any."""
        low, high = self.simulator.facts.contract.bounds()
        choice = self.rng.integers(np.floor(low), np.floor(high) + 1)
        return np.where(self.is_choice, choice, self.rng.uniform(low, high))

    def wander(self) -> Float[np.ndarray, " action"]:
        """Smooth noise (Ornstein and Uhlenbeck 1930); choices are held for as long."""
        kept = np.exp(-1 / (_WANDER_S * self.simulator.facts.fps))
        fresh = self.rng.normal(size=len(self.wandered))
        self.wandered = kept * self.wandered + np.sqrt(1 - kept**2) * fresh
        # Choices of all values alike, whatever their number.
        share = np.where(self.is_choice, _uniform(self.wandered), _WANDER_SIGMA * self.wandered)
        low, high = self.simulator.facts.contract.bounds()
        far = self.middle + share * (self.reach + np.where(self.is_choice, 0.5, 0))
        return np.clip(np.where(self.is_choice, np.round(far), far), low, high)


def _uniform(normal: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Between -1 and 1, all values alike, of normal numbers."""
    from scipy.special import erf

    return np.asarray(erf(normal / np.sqrt(2)))


class _Random(_Drawing):
    def __call__(self, seen: Observation) -> Float[np.ndarray, " action"]:
        return self.anything()


class _Noisy(_Drawing):
    def __call__(self, seen: Observation) -> Float[np.ndarray, " action"]:
        wanted = self.simulator.expert()
        noisy = wanted + self.noise * self.reach * self.rng.normal(size=len(wanted))
        is_other = self.is_choice & (self.rng.uniform(size=len(wanted)) < self.noise)
        kept = np.where(self.is_choice, wanted, noisy)
        return np.where(is_other, self.anything(), kept)


class _Play(_Drawing):
    left, is_task = 0, False

    def begin(self, seed: int) -> None:
        super().begin(seed)
        self.left, self.is_task = 0, bool(self.rng.integers(2))

    def __call__(self, seen: Observation) -> Float[np.ndarray, " action"]:
        facts = self.simulator.facts
        if self.left <= 0:
            self.left = max(1, round(self.rng.uniform(*_STRETCH_S) * facts.fps))
            self.is_task = facts.has_expert and not self.is_task
        self.left -= 1
        wandered = self.wander()
        return self.simulator.expert() if self.is_task else wandered


class _Failing(_Drawing):
    left = 0

    def begin(self, seed: int) -> None:
        with _Unseen(self.simulator):
            whole = rollout(self.simulator, scripted_expert(self.simulator), seed=seed)
            num = sum(1 for _ in whole)
        super().begin(seed)
        self.left = int(self.rng.uniform(*_GIVES_UP) * num)

    def __call__(self, seen: Observation) -> Float[np.ndarray, " action"]:
        self.left -= 1
        return self.simulator.expert() if self.left >= 0 else self.wander()
