"""The state of a robot and of things around it, read off what was seen of them.

Labeled recordings know the state at every frame; video does not. A map from what is seen (tracks,
color moments of pictures) to states, learned on the former, gives the latter a state, smoothed
over time, for a labeler that turns states into actions. That labeler is to learn from states which
were read off by maps that had not seen their episode: it then knows how wrong such states are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.smoothing import smooth_vectors

_WIDTHS = (0.1, 0.3)
"""Kernel widths tried, as the inverse of squared distance over the number of columns."""
_PENALTIES = (1e-3, 1e-2)
_NUM_FOLDS = 5
_LONGEST_GAP_S = 1.0
_MAX_ROWS = 4000
"""Training frames that are kept, evenly spaced; neighbors say the same."""


@dataclass(frozen=True, eq=False)
class StateRegressor:
    """Kernel ridge regression with a linear part from what is seen to states."""

    centre: Float[np.ndarray, " feature"]
    """Mean of what was seen."""
    spread: Float[np.ndarray, " feature"]
    """Standard deviation of what was seen."""
    anchors: Float[np.ndarray, "row feature"]
    """Training frames, scaled."""
    weights: Float[np.ndarray, "row state"]
    """What each contributes to the state, in its units."""
    mean: Float[np.ndarray, " state"]
    """Mean of the training states."""
    width: float
    """Inverse width of the kernel; see `_WIDTHS`."""

    def __call__(self, seen: Float[np.ndarray, "time feature"]) -> Float[np.ndarray, "time state"]:
        """States of frames; each by itself."""
        scaled = (seen - self.centre) / self.spread
        return _kernel(scaled, self.anchors, self.width) @ self.weights + self.mean


@dataclass(frozen=True, eq=False)
class Learned:
    """A map, and what it is worth."""

    model: StateRegressor
    """Learned from all episodes."""
    cross_fitted: tuple[Float[np.ndarray, "_ state"], ...]
    """States of each training episode, read off without it."""
    width: float
    """Chosen on left-out episodes."""
    penalty: float
    """Chosen on left-out episodes."""


def learn_states(
    seen: Sequence[Float[np.ndarray, "_ feature"]],
    states: Sequence[Float[np.ndarray, "_ state"]],
) -> Learned:
    """The map from what was seen to states that is best on left-out episodes.

    Args:
        seen: Of each episode, without NaN (see `bridged`).
        states: Of each episode, at the same frames.

    Raises:
        DatasetError: Fewer than two episodes.
    """
    if len(seen) < 2:
        raise DatasetError(f"{len(seen)} episodes cannot be left out in turn; 2 at least")
    step = int(np.ceil(sum(map(len, seen)) / _MAX_ROWS))
    folds = min(_NUM_FOLDS, len(seen))
    best: Learned | None = None
    least = np.inf
    truth = np.concatenate(states)
    for width, penalty in product(_WIDTHS, _PENALTIES):
        cross_fitted = [np.zeros((0, 0))] * len(seen)
        for fold in range(folds):
            kept = [i for i in range(len(seen)) if i % folds != fold]
            model = _fit([seen[i] for i in kept], [states[i] for i in kept], step, width, penalty)
            for index in range(fold, len(seen), folds):
                cross_fitted[index] = model(seen[index])
        error = float(
            (((np.concatenate(cross_fitted) - truth) / (truth.std(0) + 1e-6)) ** 2).mean()
        )
        if error < least:
            least = error
            model = _fit(seen, states, step, width, penalty)
            best = Learned(model, tuple(cross_fitted), width, penalty)
    assert best is not None
    return best


def bridged(seen: Float[np.ndarray, "time feature"]) -> Float[np.ndarray, "time feature"]:
    """What was seen, with straight lines over the frames in which it was not; 0 where it never was.

    A map cannot do without: one hidden finger must not cost it all the rest.
    """
    out, frames = seen.copy(), np.arange(len(seen))
    for column in out.T:
        known = np.isfinite(column)
        column[~known] = (
            np.interp(frames[~known], frames[known], column[known]) if any(known) else 0
        )
    return out


def smoothed_states(
    states: Float[np.ndarray, "time state"], groups: Sequence[slice], *, rate_hz: float
) -> Float[np.ndarray, "time state"]:
    """States smoothed over time, each group of columns as one motion.

    Frames at which the smoother trusts no sample are bridged like those of `bridged`.
    """
    time_s = np.arange(len(states)) / rate_hz
    everywhere = np.ones(len(states), bool)
    out = np.full(states.shape, np.nan)
    for group in groups:
        out[:, group] = smooth_vectors(
            time_s, states[:, group], everywhere, max_gap_s=_LONGEST_GAP_S
        ).mean
    return bridged(out)


def _fit(
    seen: Sequence[np.ndarray],
    states: Sequence[np.ndarray],
    step: int,
    width: float,
    penalty: float,
) -> StateRegressor:
    from scipy.linalg import cho_factor, cho_solve

    rows = np.concatenate([s[::step] for s in seen])
    targets = np.concatenate([s[::step] for s in states]).astype(float)
    center, spread = rows.mean(0), rows.std(0) + 1e-6
    scaled = (rows - center) / spread
    gram = _kernel(scaled, scaled, width)
    gram[np.diag_indices(len(gram))] += penalty
    mean = targets.mean(0)
    weights = cho_solve(cho_factor(gram), targets - mean)
    return StateRegressor(center, spread, scaled, weights, mean, width)


def _kernel(left: np.ndarray, right: np.ndarray, width: float) -> np.ndarray:
    """Gaussian plus linear kernel, both of the mean over columns."""
    num = left.shape[1]
    inner = left @ right.T
    apart = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * inner
    return np.asarray(np.exp(-width / num * np.maximum(apart, 0)) + inner / num)
