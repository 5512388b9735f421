"""Demonstrations of simulators' experts, with detours on the way, and labels that were spoilt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.simulators.record import STEPS_AFTER_SUCCESS
from rotoscope.models.simulators.rollout import Act, rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, Observation, Simulator
from rotoscope.pipeline.curation.forward_model import Moves
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

CHOSEN_ON = ("reach-v3", "drawer-open-v3", "button-press-v3")
"""Tasks of Meta-World on which constants of curation were chosen."""
REPORTED_ON = ("sweep-into-v3", "push-v3", "plate-slide-v3", "door-open-v3")
"""Tasks that chose nothing."""
DETOUR_ROWS = 25
CLEAN_SEED, DETOUR_SEED = 1000, 3000


@dataclass(frozen=True, eq=False)
class Demonstration:
    """An episode in which the task was solved."""

    name: str
    """Which start."""
    state: Float[np.ndarray, "row state"]
    """The simulator's state before each action."""
    action: Float[np.ndarray, "row action"]
    """What was done."""
    is_detour: Bool[np.ndarray, " row"]
    """Rows in which the hand went somewhere else."""

    def moves(self, episode: int) -> Moves:
        """The form in which curation takes it."""
        valid = np.ones(len(self.action), bool)
        return Moves(episode, self.action.astype(float), self.state.astype(float), valid)


def demonstrations(
    simulator: Simulator, num: int, *, has_detours: bool, first_seed: int | None = None
) -> list[Demonstration]:
    """The first `num` solved episodes of starts that count up; each with one detour where asked.

    Args:
        simulator: Where.
        num: How many.
        has_detours: Whether each goes astray once.
        first_seed: The first start; one of its own for either kind where not given.
    """
    out: list[Demonstration] = []
    usual = DETOUR_SEED if has_detours else CLEAN_SEED
    seed = usual if first_seed is None else first_seed
    while len(out) < num:
        act, away = _detour(simulator, seed) if has_detours else (scripted_expert(simulator), [])
        steps = list(rollout(simulator, act, seed=seed, steps_after_success=STEPS_AFTER_SUCCESS))
        if any(step.step.is_success for step in steps):
            rows = len(steps)
            out.append(
                Demonstration(
                    f"{simulator.facts.name}-{seed}",
                    np.array([step.observation[STATE] for step in steps]),
                    np.array([step.action for step in steps]),
                    np.array(away[:rows], bool) if has_detours else np.zeros(rows, bool),
                )
            )
        seed += 1
    return out


def _detour(simulator: Simulator, seed: int) -> tuple[Act, list[bool]]:
    """The expert, but for 25 rows that begin at row 5 to 14 and lead to a place drawn at random.

    The list says, when the episode is over, which rows these were.
    """
    draw = np.random.default_rng(seed)
    first, target = int(draw.integers(5, 15)), draw.uniform([-0.3, 0.4, 0.2], [0.3, 0.8, 0.35])
    away: list[bool] = []

    def act(seen: Observation) -> np.ndarray:
        is_away = first <= len(away) < first + DETOUR_ROWS
        away.append(is_away)
        if not is_away:
            return simulator.expert()
        return np.append(10 * (target - seen[STATE][:3]), -1.0).clip(-1, 1).astype(np.float32)

    return act, away


Spoil = Callable[[Demonstration, Demonstration, np.random.Generator], np.ndarray]


def _noise(one: Demonstration, _: Demonstration, draw: np.random.Generator) -> np.ndarray:
    return np.clip(one.action + draw.normal(0, 0.5, one.action.shape), -1, 1)


def _shift(one: Demonstration, _: Demonstration, draw: np.random.Generator) -> np.ndarray:
    return np.concatenate([one.action[3:], np.repeat(one.action[-1:], 3, axis=0)])


def _flip(one: Demonstration, _: Demonstration, draw: np.random.Generator) -> np.ndarray:
    return one.action * [-1, 1, 1, 1]


def _half(one: Demonstration, _: Demonstration, draw: np.random.Generator) -> np.ndarray:
    return one.action * [0.5, 0.5, 0.5, 1]


def _another(one: Demonstration, other: Demonstration, draw: np.random.Generator) -> np.ndarray:
    return other.action[np.minimum(np.arange(len(one.action)), len(other.action) - 1)]


def _frozen(one: Demonstration, _: Demonstration, draw: np.random.Generator) -> np.ndarray:
    return np.repeat(one.action.mean(axis=0, keepdims=True), len(one.action), axis=0)


SPOILT: dict[str, Spoil] = {
    "noise": _noise,
    "shift3": _shift,
    "flip": _flip,
    "half_gain": _half,
    "other_episode": _another,
    "frozen": _frozen,
}
"""Ways in which labels of an episode are wrong."""


def spoil(
    clean: Sequence[Demonstration], kind: str, draw: np.random.Generator
) -> tuple[list[Demonstration], Bool[np.ndarray, " episode"]]:
    """A quarter of the episodes with spoilt actions, and which they are."""
    num = len(clean)
    is_bad = np.zeros(num, bool)
    is_bad[draw.permutation(num)[: num // 4]] = True
    out = [
        replace(one, action=SPOILT[kind](one, clean[(n + 7) % num], draw)) if bad else one
        for n, (one, bad) in enumerate(zip(clean, is_bad, strict=True))
    ]
    return out, is_bad


def write(simulator: Simulator, episodes: Sequence[Demonstration], out: Path) -> None:
    """A dataset of these episodes, without pictures."""
    facts = simulator.facts
    told = StateColumns(facts.state_names, "1", f"State of {facts.name}.")
    with DatasetRecorder(facts.contract, told, camera="") as recorder:
        for one in episodes:
            rows = len(one.action)
            recorder.add(
                Rows(one.name, facts.task, one.action.astype(np.float32), np.ones(rows, bool),
                     np.ones(rows), one.state)
            )  # fmt: skip
        recorder.publish(out, made_by="a benchmark")


def separation(
    values: Float[np.ndarray, " episode"], is_bad: Bool[np.ndarray, " episode"]
) -> float:
    """Chance that a bad episode has the larger value, half where they are equal (AUC)."""
    good, bad = values[~is_bad][:, None], values[is_bad][None]
    return float((bad > good).mean() + 0.5 * (bad == good).mean())
