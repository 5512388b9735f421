"""Episodes held against demonstrations: progress, rewards, and whether they get to the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.rewards.alignment import METHODS
from rotoscope.pipeline.rewards.features import distances
from rotoscope.pipeline.rewards.progress import Progress, progress_along, start_sigma
from rotoscope.pipeline.rewards.subgoals import Subgoals

DONE = 0.85
"""Progress at the end from which an episode is done. Chosen on
`benchmarks._reward_rollouts.CHOSEN_ON`."""


@dataclass(frozen=True, eq=False)
class Judgment:
    """What demonstrations say of an episode."""

    progress: Float[np.ndarray, " row"]
    """0..1; NaN in rows that are not known."""
    sigma: Float[np.ndarray, " row"]
    """Its 1-sigma."""
    off: Float[np.ndarray, " row"]
    """Chance that the row shows what no demonstration shows."""
    rewards: Mapping[str, Float[np.ndarray, " row"]]
    """By name of the method; NaN in rows that are not known."""
    demo: int
    """The demonstration that explains the episode best."""

    @property
    def end(self) -> float:
        """Progress in the last row that is known; NaN where none is."""
        known = self.progress[np.isfinite(self.progress)]
        return float(known[-1]) if len(known) else np.nan

    @property
    def is_done(self) -> bool:
        """Whether it gets to the demonstration's end and stays there; False where not known."""
        return self.end >= DONE


def judge(
    rows: Float[np.ndarray, "row number"],
    demos: Sequence[Subgoals],
    methods: Sequence[str] = ("orca",),
) -> Judgment:
    """Progress of an episode along demonstrations, and its rewards.

    Of several demonstrations each counts by how well it explains the episode; a reward is that of
    the demonstration which gives most.

    Args:
        rows: Features of the episode.
        demos: One demonstration or several of the same task.
        methods: Names out of `METHODS`.
    """
    known = demos[0].scale.known(rows)
    nothing = np.full(len(rows), np.nan)
    if not known.any():
        return Judgment(nothing, nothing, nothing, dict.fromkeys(methods, nothing), 0)
    found, weights = _followed(rows[known], demos)
    mean = _mixed(weights, found, lambda one: one.values)
    square = _mixed(weights, found, lambda one: one.sigma**2 + one.values**2)
    parts = {
        "progress": mean,
        "sigma": np.sqrt(np.maximum(square - mean**2, 0)),
        "off": _mixed(weights, found, lambda one: one.off),
    } | {method: reward_of(rows[known], demos, method) for method in methods}
    whole = {name: nothing.copy() for name in parts}
    for name, values in parts.items():
        whole[name][known] = values
    return Judgment(
        progress=whole.pop("progress"),
        sigma=whole.pop("sigma"),
        off=whole.pop("off"),
        rewards=whole,
        demo=int(weights.argmax()),
    )


def _followed(
    rows: Float[np.ndarray, "row number"], demos: Sequence[Subgoals]
) -> tuple[list[Progress], Float[np.ndarray, " demo"]]:
    """Progress along each demonstration, and how much each counts."""
    sigma = min(start_sigma(rows, demo) for demo in demos)
    found = [progress_along(rows, demo, sigma) for demo in demos]
    evidence = np.array([one.evidence for one in found])
    weights = np.exp(evidence - evidence.max())
    return found, weights / weights.sum()


def _mixed(
    weights: Float[np.ndarray, " demo"],
    found: Sequence[Progress],
    what: Callable[[Progress], np.ndarray],
) -> Float[np.ndarray, " row"]:
    mixed: np.ndarray = weights @ np.array([what(one) for one in found])
    return mixed


def reward_of(
    rows: Float[np.ndarray, "row number"], demos: Sequence[Subgoals], method: str
) -> Float[np.ndarray, " row"]:
    """The rewards of known rows, against the demonstration that gives most in all.

    Args:
        rows: Features of the episode, all rows known.
        demos: One demonstration or several of the same task.
        method: A name out of `METHODS`.
    """
    best = np.full(len(rows), -np.inf)
    for demo in demos:
        one = METHODS[method](distances(rows, demo.features, demo.scale))
        if one.mean() > best.mean():
            best = one
    return best
