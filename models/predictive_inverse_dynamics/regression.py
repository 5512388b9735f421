"""Kernel ridge regression of plain numbers, its settings chosen on episodes that are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from rotoscope.models.inverse_dynamics.kernel_ridge import fit_kernel, predict_kernel
from rotoscope.models.training.folds import MIN_EPISODES, Folds, Groups
from rotoscope.models.training.model_folder import below
from rotoscope.models.training.scaling import safe

WIDTHS = (0.35, 0.7, 1.2, 3.0)
"""Widths of the kernel to choose from, in median distances; the last is nearly linear."""
PENALTIES = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Weights of the squared norm to choose from, for a thousand rows."""
_START = (1.2, 0.1)
"""Width and penalty where too few episodes are there to choose."""
_NUM_FOLDS = 4
_MAX_ROWS = 800
"""Rows that a choice is made on, evenly spread."""
_ROUNDING = 0.3
"""Over the number of rows, the least penalty: kernels in single precision are a little less than
positive definite."""
_EDGE = 8.0
"""Inputs further from the mean than this many spreads are held there."""

Part = tuple[np.ndarray, np.ndarray]
"""Inputs (row, input) and targets (row, target) of an episode."""
Settings = tuple[float, float]
"""Width of the kernel, in median distances, and penalty."""


@dataclass(frozen=True, eq=False)
class KernelRegression:
    """A fitted regression."""

    mean: Float[np.ndarray, " input"]
    """Of the inputs."""
    scale: Float[np.ndarray, " input"]
    """Their spread."""
    target_mean: Float[np.ndarray, " target"]
    """Of the targets."""
    target_scale: Float[np.ndarray, " target"]
    """Their spread."""
    settings: Settings
    """Width and penalty."""
    kernel: Mapping[str, np.ndarray]
    """What `rotoscope.models.inverse_dynamics.kernel_ridge` fits."""

    @classmethod
    def of(
        cls, parts: Sequence[Part], groups: Groups = (), *, settings: Settings | None = None
    ) -> Self:
        """Fitted to all rows of some episodes; at least one row.

        Args:
            parts: Of each episode.
            groups: Episodes that are held out together; each alone where not given.
            settings: Width and penalty; where not given, those of the least squared error on
                episodes left out.
        """
        inputs, targets = (np.concatenate(side) for side in zip(*parts, strict=True))
        bare = cls(
            mean=inputs.mean(axis=0),
            scale=safe(inputs.std(axis=0)),
            target_mean=targets.mean(axis=0),
            target_scale=safe(targets.std(axis=0)),
            settings=_START,
            kernel={},
        )
        scaled = [(bare.inputs(x), (y - bare.target_mean) / bare.target_scale) for x, y in parts]
        chosen = settings or _chosen(scaled, groups or [[i] for i in range(len(parts))])
        return cls(**vars(bare) | {"settings": chosen, "kernel": _fitted(scaled, *chosen)})

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """What `arrays` gave."""
        own: dict[str, Any] = {name: value for name, value in arrays.items() if "." not in name}
        width, penalty = own.pop("settings").tolist()
        return cls(**own, settings=(width, penalty), kernel=below(arrays, "kernel."))

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it by name."""
        own = {name: np.asarray(value) for name, value in vars(self).items() if name != "kernel"}
        return own | {f"kernel.{name}": value for name, value in self.kernel.items()}

    def inputs(self, values: Float[np.ndarray, "row input"]) -> Float[np.ndarray, "row input"]:
        """Standardized inputs."""
        return np.clip((values - self.mean) / self.scale, -_EDGE, _EDGE)

    def __call__(self, values: Float[np.ndarray, "row input"]) -> Float[np.ndarray, "row target"]:
        """What the targets are expected to be."""
        if not len(values):
            return np.zeros((0, len(self.target_mean)))
        found, _ = predict_kernel(self.kernel, self.inputs(values))
        return found * self.target_scale + self.target_mean


def _chosen(parts: Sequence[Part], groups: Groups) -> Settings:
    usable = [kept for g in groups if (kept := [i for i in g if len(parts[i][0])])]
    if len(usable) < MIN_EPISODES:
        return _START
    folds = Folds.of(usable, _NUM_FOLDS, seed=0)
    step = -(-sum(len(x) for x, _ in parts) // _MAX_ROWS)
    few = [(x[::step], y[::step]) for x, y in parts]

    def error(settings: Settings) -> float:
        total = 0.0
        for number, part in enumerate(folds.parts):
            model = _fitted([few[i] for i in folds.others(number)], *settings)
            for x, y in (few[i] for i in part):
                total += float(((predict_kernel(model, x)[0] - y) ** 2).sum())
        return total

    return min(product(WIDTHS, PENALTIES), key=error)


def _fitted(parts: Sequence[Part], width: float, penalty: float) -> dict[str, np.ndarray]:
    inputs, targets = (np.concatenate(side) for side in zip(*parts, strict=True))
    penalties = np.full(targets.shape[1], max(penalty, _ROUNDING / len(inputs)))
    return fit_kernel(inputs, targets, width=width, penalties=penalties)
