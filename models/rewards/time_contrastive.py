"""A measure of what remains to be done, learned from demonstrations alone: temporal cycles.

A small network places rows so that going from one demonstration to the nearest rows of another and
back ends where it began (temporal cycle consistency, 1904.07846, equations 4 to 6); the distance
to where demonstrations end is then what remains (XIRL, 2106.03911). Of a single demonstration, the
second is the same one in another time, with noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import torch

    from rotoscope.pipeline.rewards.features import FeatureScale

NUM_STEPS = 100
"""Steps of training. On `benchmarks._reward_rollouts.CHOSEN_ON` 300 told success from failure less
well: nothing shows the network what failing looks like."""
_ROWS, _HIDDEN, _OUT = 24, 64, 16
_LEARNING_RATE, _NOISE, _SHIFT = 1e-3, 0.1, 0.2
_VARIANCE_WEIGHT, _LEAST_VARIANCE = 0.001, 1e-3


@dataclass(frozen=True, eq=False)
class TimeContrastive:
    """A network that was trained on demonstrations, and where they end."""

    network: torch.nn.Module
    """From scaled features to a place."""
    scale: FeatureScale
    """What features are divided by."""
    goal: Float[np.ndarray, " number"]
    """Mean place of the demonstrations' ends."""
    way: float
    """Mean distance from their starts to `goal`."""

    def reward(self, rows: Float[np.ndarray, "row number"]) -> Float[np.ndarray, " row"]:
        """Less the distance to the goal: -1 where demonstrations start, 0 where they end.

        NaN in rows that are not known.
        """
        out = np.full(len(rows), np.nan)
        scaled = _scaled(rows, self.scale)
        known = np.isfinite(scaled).all(1)
        if known.any():
            away = _placed(self.network, scaled[known]) - self.goal
            out[known] = -np.linalg.norm(away, axis=1) / self.way
        return out


def learn_time(
    demos: Sequence[Float[np.ndarray, "_ number"]], scale: FeatureScale, *, seed: int = 0
) -> TimeContrastive:
    """Trains on the known rows of demonstrations, on the CPU, in seconds.

    Args:
        demos: Features of their rows, pauses and idle ends left out.
        scale: Of these features.
        seed: Of everything random.
    """
    import torch

    generator = np.random.default_rng(seed)
    parts = [_scaled(demo, scale) for demo in demos]
    parts = [part[np.isfinite(part).all(1)] for part in parts]
    parts = [part for part in parts if len(part) > 1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = torch.nn.Sequential(
            torch.nn.Linear(parts[0].shape[1], _HIDDEN),
            torch.nn.ReLU(),
            torch.nn.Linear(_HIDDEN, _HIDDEN),
            torch.nn.ReLU(),
            torch.nn.Linear(_HIDDEN, _OUT),
        )
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE)
    for _ in range(NUM_STEPS):
        pair = generator.choice(len(parts), 2, replace=len(parts) < 2)
        one, other = (
            network(torch.tensor(_drawn(parts[i], generator), dtype=torch.float32)) for i in pair
        )
        loss = _cycle_loss(one, other) + _cycle_loss(other, one)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    goal = np.mean([_placed(network, part[-1:])[0] for part in parts], axis=0)
    starts = [_placed(network, part[:1])[0] for part in parts]
    way = float(np.mean([np.linalg.norm(start - goal) for start in starts]))
    return TimeContrastive(network, scale, goal, max(way, 1e-9))


def _drawn(
    part: Float[np.ndarray, "row number"], generator: np.random.Generator
) -> Float[np.ndarray, "drawn number"]:
    """Some rows in order at moments drawn anew, shifted as a whole, with noise."""
    when = np.sort(generator.uniform(0, len(part) - 1, _ROWS))
    rows = np.stack([np.interp(when, np.arange(len(part)), column) for column in part.T], axis=1)
    shift = _SHIFT * generator.normal(size=part.shape[1])
    return np.asarray(rows + shift + _NOISE * generator.normal(size=rows.shape))


def _cycle_loss(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """How far from where it began the way to the other sequence and back ends."""
    import torch

    there = torch.softmax(-(torch.cdist(one, other) ** 2), dim=1) @ other
    back = torch.softmax(-(torch.cdist(there, one) ** 2), dim=1)
    moments = torch.linspace(0, 1, len(one))
    mean = back @ moments
    variance = (back @ moments**2 - mean**2).clamp_min(_LEAST_VARIANCE)
    off = (mean - moments) ** 2 / variance
    return (off + _VARIANCE_WEIGHT * variance.log()).mean()


def _scaled(
    rows: Float[np.ndarray, "row number"], scale: FeatureScale
) -> Float[np.ndarray, "row scaled"]:
    parts = zip(scale.groups, scale.scales, strict=True)
    return np.concatenate([rows[:, columns] / size for columns, size in parts], axis=1)


def _placed(
    network: torch.nn.Module, rows: Float[np.ndarray, "row scaled"]
) -> Float[np.ndarray, "row number"]:
    import torch

    with torch.no_grad():
        placed: np.ndarray = network(torch.tensor(rows, dtype=torch.float32)).numpy()
    return placed.astype(float)
