"""A measure of what remains to be done, learned from demonstrations alone: temporal cycles.

A small network places rows so that going from one demonstration to the nearest rows of another and
back ends where it began (temporal cycle consistency, 1904.07846, equations 4 to 6); what remains
is read off the nearest rows of the demonstrations. Distance to their ends, as XIRL has it
(2106.03911), does not do: of few demonstrations the learned way curls, and passes its end by. Of a
single demonstration, the second is the same one in another time, with noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.rewards.features import FeatureScale, scaled

if TYPE_CHECKING:
    import torch

    from rotoscope.pipeline.rewards.subgoals import Subgoals

NUM_STEPS = 100
"""Steps of training; 300 tell success from failure no better (.82 for .83 on three tasks of
`benchmarks._reward_rollouts.CHOSEN_ON`)."""
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
    places: Float[np.ndarray, "subgoal number"]
    """Where it puts the subgoals of all demonstrations."""
    progress: Float[np.ndarray, " subgoal"]
    """How far along its demonstration each is, 0..1."""

    def reward(self, rows: Float[np.ndarray, "row number"]) -> Float[np.ndarray, " row"]:
        """Less what remains to be done: -1 where demonstrations start, 0 where they end.

        NaN in rows that are not known.
        """
        out = np.full(len(rows), np.nan)
        numbers = scaled(rows, self.scale)
        known = np.isfinite(numbers).all(1)
        if known.any():
            there = _placed(self.network, numbers[known])
            apart = ((there[:, None] - self.places[None]) ** 2).sum(2)
            near = np.exp(apart.min(1, keepdims=True) - apart)
            out[known] = near @ self.progress / near.sum(1) - 1
        return out


def learn_time(demos: Sequence[Subgoals], *, seed: int = 0) -> TimeContrastive:
    """Trains on the subgoals of demonstrations, on the CPU, in seconds.

    Args:
        demos: In one scale.
        seed: Of everything random.
    """
    import torch

    generator = np.random.default_rng(seed)
    parts = [scaled(demo.features, demo.scale) for demo in demos]
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
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    places = _placed(network, np.concatenate(parts))
    progress = np.concatenate([demo.progress for demo in demos])
    return TimeContrastive(network, demos[0].scale, places, progress)


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


def _placed(
    network: torch.nn.Module, rows: Float[np.ndarray, "row scaled"]
) -> Float[np.ndarray, "row number"]:
    import torch

    with torch.no_grad():
        placed: np.ndarray = network(torch.tensor(rows, dtype=torch.float32)).numpy()
    return placed.astype(float)
