"""How the experts of HalfCheetah and Hopper were found: augmented random search, V2-t.

Mania et al. 2018 (1803.07055): a linear policy of standardized states; each step moves it along
random directions, weighted by how much better one side of each does.

`python -m benchmarks._locomotion_teachers HalfCheetah-v5 75 0` searches for 75 s of CPU with seed 0
and prints weights and offset, as `models/simulators/linear_gaits.py` holds them. Those there come
from such searches (HalfCheetah seed 0, 70 s; Hopper seed 2, 40 s; states in double precision).
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

import numpy as np

from rotoscope.models.simulators.simulator import STATE, Simulator, open_simulator

NUM_DIRECTIONS, NUM_KEPT = 8, 4
ALIVE = {"Hopper-v5": 0.5}
"""Taken off what a robot gets in every step for being alive, 1: without, it stands still."""
HOW = {"HalfCheetah-v5": (0.02, 0.03, 300), "Hopper-v5": (0.02, 0.025, 1000)}
"""Size of a step, of the noise, and steps of an episode."""
_TRIED = range(1_000_000, 1_000_003)
_EVERY = 15


@dataclass
class Moments:
    """Mean and spread of all states so far."""

    size: int
    count: float = 1e-4
    mean: np.ndarray = field(init=False)
    squares: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.mean, self.squares = np.zeros(self.size), np.ones(self.size)

    @property
    def spread(self) -> np.ndarray:
        """1 until something is known."""
        if self.count < 1:
            return np.ones(self.size)
        return np.sqrt(np.maximum(self.squares / self.count, 1e-6))

    def add(self, states: np.ndarray) -> None:
        """More states (Chan et al. 1979)."""
        num, total = len(states), self.count + len(states)
        off = states.mean(axis=0) - self.mean
        self.squares = self.squares + states.var(axis=0) * num + off**2 * self.count * num / total
        self.mean = self.mean + off * num / total
        self.count = total


def search(task: str, limit_s: float, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights (action, state), offset (action), and the mean return of three episodes."""
    step, noise, horizon = HOW[task]
    simulator = open_simulator(f"gymnasium:{task}")
    size = (len(simulator.facts.contract.dimensions), len(simulator.facts.state_names))
    generator, moments = np.random.default_rng(seed), Moments(size[1])
    weight, best = np.zeros(size), (np.zeros(size), np.zeros(size[0]), -np.inf)
    number, started_s = 0, time.process_time()
    while time.process_time() - started_s < limit_s:
        mean, spread = moments.mean.copy(), moments.spread
        directions = generator.normal(size=(NUM_DIRECTIONS, *size))
        start, seen = int(generator.integers(1 << 30)), []
        returns = np.zeros((NUM_DIRECTIONS, 2))
        for k, direction in enumerate(directions):
            for side, sign in enumerate((1, -1)):
                there = (weight + sign * noise * direction) / spread
                states, total = _episode(simulator, there, -there @ mean, start, horizon)
                returns[k, side] = total - ALIVE.get(task, 0.0) * len(states)
                seen.append(states)
        kept = np.argsort(-returns.max(axis=1))[:NUM_KEPT]
        gain = (returns[kept, 0] - returns[kept, 1]) / (returns[kept].std() + 1e-8)
        weight = weight + step / NUM_KEPT * np.einsum("k,kas->as", gain, directions[kept])
        moments.add(np.concatenate(seen))
        number += 1
        if number % _EVERY == 0:
            there = weight / moments.spread
            offset = -there @ moments.mean
            tried = float(np.mean([_episode(simulator, there, offset, s)[1] for s in _TRIED]))
            best = max(best, (there, offset, tried), key=lambda one: one[2])
    simulator.close()
    return best


def _episode(
    simulator: Simulator, weight: np.ndarray, offset: np.ndarray, seed: int, horizon: int = 1000
) -> tuple[np.ndarray, float]:
    state, states, total = simulator.reset(seed)[STATE], [], 0.0
    for _ in range(horizon):
        states.append(state)
        done = simulator.step(np.clip(weight @ state + offset, -1, 1))
        state, total = done.observation[STATE], total + done.reward
        if done.is_over:
            break
    return np.array(states), total


if __name__ == "__main__":
    found_weight, found_offset, reached = search(
        sys.argv[1], float(sys.argv[2]), seed=int(sys.argv[3])
    )
    print(f"mean return {reached:.0f}")
    for values in (found_weight, found_offset):
        print(np.array2string(values, precision=4, separator=", ", max_line_width=96))
