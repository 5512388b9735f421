"""A kernel regression beside an ensemble of networks: `kind=blend` says the mean of the two.

Networks see every sample of a window, and where a few episodes do not say enough they err in their
own way; a kernel of all episodes sees where things are and how they change over the whole window,
and errs in another. What unlike models are wrong about partly cancels (Krogh and Vedelsby 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.kernel_ridge import (
    exponent_of,
    fit_kernel,
    gaussian,
    predict_kernel,
    solve,
)
from rotoscope.models.inverse_dynamics.kernel_search import MAX_ROWS, PENALTIES, WIDTHS
from rotoscope.models.inverse_dynamics.rows import LEVEL_WEIGHT
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.folds import MIN_EPISODES, Folds, Groups

_NUM_FOLDS = 4
_START = 0.7, 0.3
"""Width and penalty where too few episodes are there to choose."""

Part = tuple[np.ndarray, np.ndarray]
"""Inputs (row, input) and standardized encoded actions (row, encoded) of an episode."""


def seen_beside(
    inputs: Float[np.ndarray, "row input"], config: InverseDynamicsConfig, rate_hz: float
) -> Float[np.ndarray, "row few"]:
    """What the kernel sees of standardized windows: their ends, a sample halfway ahead, the moment.

    Args:
        inputs: Standardized windows.
        config: Settings.
        rate_hz: Of the actions.
    """
    offsets_s = config.window.offsets_s(rate_hz)
    others, num_before = len(offsets_s) - 1, int((offsets_s < 0).sum())
    size = inputs.shape[1] // (others + config.window.has_levels)
    halfway = num_before + max(0, (others - num_before + 1) // 2 - 1)
    samples = sorted({0, min(halfway, others - 1), others - 1})
    seen = [inputs[:, s * size : (s + 1) * size] for s in samples]
    return np.concatenate([*seen, LEVEL_WEIGHT * inputs[:, others * size :]], axis=1)


def fit_beside(
    parts: Sequence[Part],
    groups: Groups,
    weights: Float[np.ndarray, "encoded action"],
    space: ActionSpace,
) -> dict[str, np.ndarray]:
    """A kernel regression of all episodes, with what does best on episodes left out.

    Args:
        parts: What it sees of each episode (`seen_beside`), and what was done.
        groups: Episodes that are left out together.
        weights: `LabelerScaling.error_weights`.
        space: The contract's blocks, each of which has a penalty of its own.
    """
    width, penalties = _START[0], np.full(len(space.blocks), _START[1])
    if len(groups) >= MIN_EPISODES:
        width, penalties = _chosen(parts, groups, weights, space)
    inputs, encoded = (np.concatenate(side) for side in zip(*parts, strict=True))
    sizes = [block.encoded.stop - block.encoded.start for block in space.blocks]
    return fit_kernel(inputs, encoded, width=width, penalties=np.repeat(penalties, sizes))


def said_beside(
    arrays: Mapping[str, np.ndarray], seen: Float[np.ndarray, "row few"]
) -> Float[np.ndarray, "row encoded"]:
    """Standardized encoded actions by what `fit_beside` gave."""
    return predict_kernel(arrays, seen)[0]


def _chosen(
    parts: Sequence[Part], groups: Groups, weights: np.ndarray, space: ActionSpace
) -> tuple[float, Float[np.ndarray, " block"]]:
    """Width, and the penalty of each block."""
    folds = Folds.of(groups, _NUM_FOLDS, seed=0)
    losses = np.zeros((len(WIDTHS), len(PENALTIES), len(space.blocks)))
    for number, part in enumerate(folds.parts):
        inputs, encoded = _few([parts[i] for i in folds.others(number)])
        unseen, truth = _few([parts[i] for i in part])
        for k, width in enumerate(WIDTHS):
            exponent = exponent_of(inputs, width)
            kernel, near = (gaussian(rows, inputs, exponent) for rows in (inputs, unseen))
            found = solve(kernel, inputs, encoded, inputs, exponent, PENALTIES)
            off = np.stack([((near @ one - truth) ** 2).mean(axis=0) @ weights for one in found])
            losses[k] += np.stack([off[:, b.columns].sum(axis=1) for b in space.blocks], axis=1)
    best = int(losses.min(axis=1).sum(axis=1).argmin())
    return WIDTHS[best], np.array(PENALTIES)[losses[best].argmin(axis=0)]


def _few(parts: Sequence[Part]) -> Part:
    """Rows of some episodes, evenly spread, not more than a choice needs."""
    step = -(-max(1, sum(len(inputs) for inputs, _ in parts)) // MAX_ROWS)
    inputs, encoded = (np.concatenate(side)[::step] for side in zip(*parts, strict=True))
    return inputs, encoded
