"""A reward that learns to tell the policy's steps from those demonstrated: GAIfO.

F. Torabi et al., "Generative adversarial imitation from observation", 2018 (1807.06158): a network
tells transitions of the demonstrations from those of the policy, which is rewarded for what it
takes for demonstrated. With a penalty on its gradient, without which it soon tells all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.rewards.features import FeatureScale, scaled

_HIDDEN, _LEARNING_RATE, _PENALTY = 64, 3e-4, 10.0
_BATCH, _UPDATES = 64, 20
"""Pairs of transitions in a step of the network, and its steps after each episode. All of these
are usual sizes; none was tuned."""
_MEMORY = 20
"""Episodes of the policy that are told from the demonstrations; older ones are no longer its."""


class AdversarialReward:
    """Rewards transitions that look demonstrated; what it says changes with every episode.

    Demonstrations must show as many rows a second as episodes do: a faster hand is told apart.

    Args:
        demos: Features of demonstrations.
        scale: What they are divided by.
        seed: Of everything random.
    """

    def __init__(
        self, demos: Sequence[Float[np.ndarray, "_ number"]], scale: FeatureScale, *, seed: int
    ) -> None:
        import torch

        self._scale = scale
        self._step_scale = np.ones(1)
        steps = np.concatenate([np.diff(scaled(demo, scale), axis=0) for demo in demos])
        self._step_scale = np.maximum(steps[np.isfinite(steps).all(1)].std(0), 1e-3)
        self._shown = np.concatenate([self._transitions(demo) for demo in demos])
        self._shown = self._shown[np.isfinite(self._shown).all(1)]
        self._own: list[np.ndarray] = []
        self._random = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._network: Any = torch.nn.Sequential(
                torch.nn.Linear(self._shown.shape[1], _HIDDEN),
                torch.nn.Tanh(),
                torch.nn.Linear(_HIDDEN, _HIDDEN),
                torch.nn.Tanh(),
                torch.nn.Linear(_HIDDEN, 1),
            )
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=_LEARNING_RATE)

    def __call__(self, rows: Float[np.ndarray, "row number"]) -> Float[np.ndarray, " row"]:
        """What the step to each row is worth, 0 and more; 0 for the first, and where not known."""
        import torch

        pairs = self._transitions(rows)
        known = np.isfinite(pairs).all(1)
        out = np.zeros(len(rows))
        with torch.no_grad():
            said = self._network(torch.tensor(pairs[known], dtype=torch.float32))[:, 0]
            # -log(1 - D), D being the chance that a transition was demonstrated.
            out[1:][known] = torch.nn.functional.softplus(said).numpy()
        return out

    def learn(self, rows: Float[np.ndarray, "row number"]) -> None:
        """Learns from one more episode of the policy."""
        pairs = self._transitions(rows)
        self._own = [*self._own[1 - _MEMORY :], pairs[np.isfinite(pairs).all(1)]]
        own = np.concatenate(self._own)
        if not len(own):
            return
        for _ in range(_UPDATES):
            self._update(*(self._drawn(some) for some in (self._shown, own)))

    def _update(self, shown: Any, own: Any) -> None:
        import torch

        softplus = torch.nn.functional.softplus
        share = torch.tensor(self._random.uniform(size=(len(own), 1)), dtype=torch.float32)
        mixed = (share * shown + (1 - share) * own).requires_grad_()
        slope = torch.autograd.grad(self._network(mixed).sum(), mixed, create_graph=True)[0]
        penalty = _PENALTY * ((slope.norm(dim=1) - 1) ** 2).mean()
        loss = softplus(-self._network(shown)).mean() + softplus(self._network(own)).mean()
        self._optimizer.zero_grad()
        (loss + penalty).backward()
        self._optimizer.step()

    def _drawn(self, pairs: np.ndarray) -> Any:
        import torch

        rows = self._random.integers(len(pairs), size=_BATCH)
        return torch.tensor(pairs[rows], dtype=torch.float32)

    def _transitions(
        self, rows: Float[np.ndarray, "row number"]
    ) -> Float[np.ndarray, "step number2"]:
        """Each row but the last, and how far the next is from it."""
        there = scaled(rows, self._scale)
        return np.concatenate([there[:-1], np.diff(there, axis=0) / self._step_scale], axis=1)
