"""Labelers that know next to nothing: what any other has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration, Labels, all_actions
from benchmarks.labelers.labeler import OPENING, Labelled
from rotoscope.models.bco.perceptron import Fit, fit_regression

MAX_AHEAD = 10
"""Frames ahead that are tried when a state is copied."""
_OPENING_MOVES = 0.005
_METRES_PER_ACTION = 0.01


def zero(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """Nothing is ever done."""
    del seed
    width = labelled[0].actions.shape[1]
    return Labelled(tuple(Labels(np.zeros((len(o) - 1, width))) for o in observations), 0)


def mean(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """Always the mean of the labelled actions."""
    del seed
    action = all_actions(labelled).mean(0)
    labels = tuple(Labels(np.tile(action, (len(o) - 1, 1))) for o in observations)
    return Labelled(labels, len(action))


def copy_state_ahead(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """The state k frames ahead, in the action's unit, at the k that fits the labelled set best.

    Action dimension d is taken from state column d, scaled and shifted by least squares, each with
    its own k.
    """
    del seed
    width = labelled[0].actions.shape[1]
    truth = all_actions(labelled)
    fits = []
    for ahead in range(MAX_AHEAD + 1):
        copied = np.concatenate([_ahead(d.observations, ahead, width) for d in labelled])
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
    return Labelled(tuple(labels), 3 * width)


def clone_state(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """What a policy cloned from the labelled set would do, blind to what happens next."""
    features = np.concatenate([d.observations[:-1] for d in labelled])
    model = fit_regression(
        features, all_actions(labelled), Fit(hidden=(128, 128), weight_decay=1e-2, seed=seed)
    )
    labels = tuple(Labels(np.clip(model(o[:-1]), -1, 1)) for o in observations)
    return Labelled(labels, model.num_parameters)


def kinematic(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
) -> Labelled:
    """The hand's displacement over what an action of 1 asks for; the gripper by its last move."""
    del labelled, seed
    return Labelled(tuple(Labels(_kinematic(o)) for o in observations), 0)


def _kinematic(observations: np.ndarray) -> np.ndarray:
    move = np.diff(observations[:, :3], axis=0) / _METRES_PER_ACTION
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
    centred = inputs - inputs.mean(0)
    slope = (centred * (outputs - outputs.mean(0))).sum(0) / np.maximum((centred**2).sum(0), 1e-9)
    return slope, outputs.mean(0) - slope * inputs.mean(0)
