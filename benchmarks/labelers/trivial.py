"""Labelers that know next to nothing: what any other has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration, Labels, all_actions
from benchmarks.labelers.labeler import OPENING, Labeled
from rotoscope.models.bco.perceptron import Fit, fit_regression

MAX_AHEAD = 10
"""Frames ahead that are tried when a state is copied."""
_OPENING_MOVES = 0.005
_METERS_PER_ACTION = 0.01


def zero(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labeled:
    """Nothing is ever done."""
    del seed
    width = labeled[0].actions.shape[1]
    return Labeled(tuple(Labels(np.zeros((len(o) - 1, width))) for o in observations), 0)


def mean(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labeled:
    """Always the mean of the labeled actions."""
    del seed
    action = all_actions(labeled).mean(0)
    labels = tuple(Labels(np.tile(action, (len(o) - 1, 1))) for o in observations)
    return Labeled(labels, len(action))


def copy_state_ahead(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labeled:
    """The state k frames ahead, in the action's unit, at the k that fits the labeled set best.

    Action dimension d is taken from state column d, scaled and shifted by least squares, each with
    its own k.
    """
    del seed
    width = labeled[0].actions.shape[1]
    truth = all_actions(labeled)
    fits = []
    for ahead in range(MAX_AHEAD + 1):
        copied = np.concatenate([_ahead(d.observations, ahead, width) for d in labeled])
        slope, offset = _line(copied, truth)
        fits.append((((slope * copied + offset - truth) ** 2).mean(0), slope, offset))
    best = np.argmin([error for error, _, _ in fits], axis=0)
    columns = np.arange(width)
    slope = np.array([fit[1] for fit in fits])[best, columns]
    offset = np.array([fit[2] for fit in fits])[best, columns]
    labels = []
    for observed in observations:
        copied = np.stack([_ahead(observed, ahead, width) for ahead in range(MAX_AHEAD + 1)])
        labels.append(Labels(slope * copied[best, :, columns].T + offset))
    return Labeled(tuple(labels), 3 * width)


def clone_state(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labeled:
    """What a policy cloned from the labeled set would do, blind to what happens next."""
    features = np.concatenate([d.observations[:-1] for d in labeled])
    model = fit_regression(
        features, all_actions(labeled), Fit(hidden=(128, 128), weight_decay=1e-2, seed=seed)
    )
    labels = tuple(Labels(np.clip(model(o[:-1]), -1, 1)) for o in observations)
    return Labeled(labels, model.num_parameters)


def kinematic(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labeled:
    """The hand's displacement over what an action of 1 asks for; the gripper by its last move."""
    del labeled, seed
    return Labeled(tuple(Labels(_kinematic(o)) for o in observations), 0)


def _kinematic(observations: np.ndarray) -> np.ndarray:
    move = np.diff(observations[:, :3], axis=0) / _METERS_PER_ACTION
    opening = np.diff(observations[:, OPENING])
    command = np.where(opening > _OPENING_MOVES, -1.0, np.where(opening < -_OPENING_MOVES, 1.0, 0))
    # A gripper that holds still obeys the command that moved it last; open before the first.
    last = np.maximum.accumulate(np.where(command != 0, np.arange(len(command)), -1))
    grip = np.where(last >= 0, command[np.maximum(last, 0)], -1.0)
    return np.clip(np.column_stack([move, grip]), -1, 1)


def _ahead(observations: np.ndarray, ahead: int, width: int) -> np.ndarray:
    last = len(observations) - 1
    return observations[np.minimum(np.arange(last) + ahead, last), :width]


def _line(inputs: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centered = inputs - inputs.mean(0)
    slope = (centered * (outputs - outputs.mean(0))).sum(0) / np.maximum((centered**2).sum(0), 1e-9)
    return slope, outputs.mean(0) - slope * inputs.mean(0)
