"""Small multilayer perceptrons: trained with torch on one thread, run with NumPy in rollouts.

A rollout asks for one action at a time, where torch costs five times what the product itself does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    import torch

Activation = Literal["relu", "tanh"]


@dataclass(frozen=True)
class Scaler:
    """Brings features to zero mean and unit spread."""

    mean: Float[np.ndarray, " feature"]
    """Mean of the features it was made from."""
    spread: Float[np.ndarray, " feature"]
    """Their standard deviation, never under the floor it was made with."""

    @classmethod
    def of(cls, features: Float[np.ndarray, "time feature"], *, floor: float) -> Scaler:
        """From data; what spreads less than `floor` is noise and is not blown up."""
        return cls(features.mean(0), np.maximum(features.std(0), floor))

    @classmethod
    def robust(cls, features: Float[np.ndarray, "time feature"], *, floor: float) -> Scaler:
        """From the middle two thirds of the data, so that a few impacts do not hide the rest.

        Features that hardly ever differ from one value (contact flags) keep their full spread.
        """
        low, middle, high = np.quantile(features, [1 / 6, 1 / 2, 5 / 6], axis=0)
        spread = np.where(high - low > floor, (high - low) / 2, features.std(0))
        return cls(middle, np.maximum(spread, floor))

    def __call__(
        self, features: Float[np.ndarray, "... feature"]
    ) -> Float[np.ndarray, "... feature"]:
        """The scaled features; held within ten spreads, beyond which nothing was seen."""
        return np.clip((features - self.mean) / self.spread, -10, 10)


@dataclass(frozen=True)
class Mlp:
    """A trained perceptron in NumPy."""

    scaler: Scaler
    """Applied to its inputs."""
    weights: tuple[Float[np.ndarray, "_ _"], ...]
    """One matrix a layer."""
    biases: tuple[Float[np.ndarray, " _"], ...]
    """One vector a layer."""
    activation: Activation = "relu"
    """Between layers."""

    def __call__(
        self, features: Float[np.ndarray, "... feature"]
    ) -> Float[np.ndarray, "... outputs"]:
        """Outputs, logits where it was trained to classify."""
        hidden = self.scaler(features).astype(np.float32)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = hidden @ weight + bias
            hidden = np.maximum(hidden, 0) if self.activation == "relu" else np.tanh(hidden)
        return hidden @ self.weights[-1] + self.biases[-1]

    @property
    def num_parameters(self) -> int:
        """Weights and biases of all layers."""
        return sum(array.size for array in (*self.weights, *self.biases))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a perceptron is trained."""

    hidden: tuple[int, ...] = (256, 256)
    """Width of each hidden layer."""
    num_steps: int = 2000
    """Gradient steps."""
    batch_size: int = 256
    """Samples a step, drawn with replacement."""
    learning_rate: float = 1e-3
    """At the start; follows half a cosine down to a tenth."""
    weight_decay: float = 0.0
    """Decoupled, of AdamW."""
    activation: Activation = "relu"
    """Between layers."""
    spread_floor: float = 1e-3
    """See `Scaler.of`."""
    is_robust: bool = False
    """Whether inputs are scaled by `Scaler.robust`."""
    seed: int = 0
    """Seed of initial weights and batches."""


@dataclass(frozen=True)
class _Data:
    inputs: torch.Tensor
    targets: torch.Tensor
    is_class: bool


def fit_regression(
    features: Float[np.ndarray, "time feature"],
    targets: Float[np.ndarray, "time target"],
    how: Fit,
) -> Mlp:
    """A perceptron that predicts `targets` with the least squared error."""
    return _fit(features, targets.astype(np.float32), targets.shape[1], how)


def fit_classes(
    features: Float[np.ndarray, "time feature"],
    targets: Int[np.ndarray, " time"],
    how: Fit,
    *,
    num_classes: int,
) -> Mlp:
    """A perceptron whose outputs are logits of the classes."""
    return _fit(features, targets.astype(np.int64), num_classes, how)


def fit_probabilities(
    features: Float[np.ndarray, "time feature"],
    targets: Float[np.ndarray, "time class"],
    how: Fit,
) -> Mlp:
    """A perceptron whose outputs are logits, trained on how likely each class is."""
    return _fit(features, targets.astype(np.float32), targets.shape[1], how, is_class=True)


def _fit(
    features: np.ndarray, targets: np.ndarray, num_outputs: int, how: Fit, *, is_class: bool = False
) -> Mlp:
    import torch

    torch.set_num_threads(1)
    scaler_from = Scaler.robust if how.is_robust else Scaler.of
    scaler = scaler_from(features, floor=how.spread_floor)
    data = _Data(
        torch.as_tensor(scaler(features), dtype=torch.float32),
        torch.as_tensor(targets),
        is_class or targets.dtype == np.int64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        layers = _layers((features.shape[1], *how.hidden, num_outputs))
        _train(layers, data, how)
    return Mlp(
        scaler,
        tuple(layer.weight.detach().numpy().T.copy() for layer in layers),
        tuple(layer.bias.detach().numpy().copy() for layer in layers),
        how.activation,
    )


def _layers(sizes: Sequence[int]) -> list[torch.nn.Linear]:
    import torch

    return [torch.nn.Linear(a, b) for a, b in pairwise(sizes)]


def _train(layers: list[torch.nn.Linear], data: _Data, how: Fit) -> None:
    import torch

    activation = torch.relu if how.activation == "relu" else torch.tanh
    loss_of = torch.nn.functional.cross_entropy if data.is_class else torch.nn.functional.mse_loss
    parameters = [p for layer in layers for p in layer.parameters()]
    optimizer = torch.optim.AdamW(
        parameters, lr=how.learning_rate, weight_decay=how.weight_decay, foreach=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, how.num_steps, eta_min=how.learning_rate / 10
    )
    for _ in range(how.num_steps):
        rows = torch.randint(len(data.inputs), (how.batch_size,))
        hidden = data.inputs[rows]
        for layer in layers[:-1]:
            hidden = activation(layer(hidden))
        loss = loss_of(layers[-1](hidden), data.targets[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        optimizer.step()
        schedule.step()
