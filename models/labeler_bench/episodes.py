"""Episodes of a simulator's scripted expert, as the dataset holds them that `record` writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.record import STEPS_AFTER_SUCCESS
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, Simulator
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.read import ACTION
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.files.atomic import atomic_path

FIRST_HIDDEN, FIRST_LABELED = 50_000, 60_000
"""Starts of the episodes that are labeled, and of those that labelers learn from; seed after seed
takes the next ones. Policies are tried from `rotoscope.models.policy.evaluate.FIRST_SEED` on."""


@dataclass(frozen=True, eq=False)
class Demonstration:
    """What one episode's rows hold."""

    seed: int
    """Which start."""
    states: Float[np.ndarray, "time state"]
    """What was seen before each action."""
    actions: Float[np.ndarray, "time action"]
    """What was executed."""

    def shown(self, inputs: Sequence[str], rate_hz: float) -> LabeledEpisode:
        """As a labeler sees it.

        Raises:
            UsageError: A feature that simulators do not give.
        """
        there = {STATE: self.states, ACTION: self.actions}
        missing = [name for name in inputs if name not in there]
        if missing:
            raise UsageError(
                f"simulators give {quoted(there)}, no {quoted(missing)}: set inputs, or bench this "
                "labeler on a dataset with --data"
            )
        num = len(self.actions)
        parts = [np.zeros((num, 0)), *(there[name] for name in inputs)]
        return LabeledEpisode(
            name=f"start {self.seed}",
            time_s=np.arange(num) / rate_hz,
            features=np.concatenate(parts, axis=1).astype(float),
            actions=self.actions.astype(float),
            valid=np.ones(num, bool),
            state=self.states.astype(float),
        )


def labeled_set(
    demonstrations: Sequence[Demonstration], inputs: Sequence[str], simulator: Simulator
) -> LabeledSet:
    """Demonstrations as a labeler, or a policy, learns from them."""
    facts = simulator.facts
    episodes = tuple(d.shown(inputs, facts.contract.rate_hz) for d in demonstrations)
    sizes = {STATE: len(facts.state_names), ACTION: len(facts.contract.dimensions)}
    return LabeledSet(
        episodes, facts.contract, tuple(inputs), tuple(sizes[name] for name in inputs)
    )


def without_actions(episode: LabeledEpisode) -> LabeledEpisode:
    """The same, its actions hidden."""
    return replace(
        episode,
        actions=np.full_like(episode.actions, np.nan),
        valid=np.zeros(len(episode.valid), bool),
    )


def demonstrations(simulator: Simulator, seeds: Sequence[int], folder: Path) -> list[Demonstration]:
    """The expert's episodes from these starts; each is run once and kept in `folder`."""
    return [_kept(simulator, seed, folder) for seed in seeds]


def _kept(simulator: Simulator, seed: int, folder: Path) -> Demonstration:
    path = folder / f"{simulator.facts.name.replace(':', '-')}-{seed}.npz"
    if not path.is_file():
        act = scripted_expert(simulator)
        steps = list(rollout(simulator, act, seed=seed, steps_after_success=STEPS_AFTER_SUCCESS))
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                states=np.stack([step.observation[STATE] for step in steps]),
                actions=np.stack([step.action for step in steps]),
            )
    with np.load(path, allow_pickle=False) as stored:
        return Demonstration(seed, stored["states"], stored["actions"])
