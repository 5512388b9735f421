"""Behavioral cloning on labels, and what the policy then achieves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration, Labels
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from rotoscope.models.bco.perceptron import Fit, Mlp, fit_regression

POLICY = Fit(hidden=(256, 256), num_steps=2000)
"""The same policy for every labeler."""
_INPUTS = [*range(7), -3, -2, -1]
"""Hand, gripper, object and goal."""


def policy_inputs(
    observations: Float[np.ndarray, "... observation"],
) -> Float[np.ndarray, "... input"]:
    """The part of the state a policy sees."""
    return observations[..., _INPUTS]


def clone(
    observations: Sequence[Float[np.ndarray, "step observation"]],
    labels: Sequence[Labels],
    how: Fit,
) -> Mlp:
    """A policy that does what the labels say."""
    inputs = np.concatenate([policy_inputs(o[:-1]) for o in observations])
    return fit_regression(inputs, np.concatenate([label.values for label in labels]), how)


def num_policy_successes(simulator: MetaWorldSimulator, policy: Mlp, seeds: range) -> int:
    """Layouts that the policy solves."""
    return simulator.num_successes(lambda state: policy(policy_inputs(state)), seeds)


def replay(
    simulator: MetaWorldSimulator,
    demonstrations: Sequence[Demonstration],
    labels: Sequence[Labels],
) -> tuple[float, float]:
    """Executes labels without looking.

    Returns:
        Share of episodes solved, and how far the hand ends from where it ended in the
        demonstration, root mean square [m].
    """
    solved, distances_m = 0, []
    for demonstration, label in zip(demonstrations, labels, strict=True):
        actions = iter(label.values)
        outcome = simulator.episode(
            lambda _, actions=actions: next(actions),  # type: ignore[misc]
            seed=demonstration.seed,
            num_steps=len(label.values),
            num_steps_after_success=len(label.values),
        )
        solved += outcome.is_success
        ends = outcome.demonstration.observations[-1, :3] - demonstration.observations[-1, :3]
        distances_m.append(float(np.linalg.norm(ends)))
    return solved / len(labels), float(np.sqrt(np.mean(np.square(distances_m))))
