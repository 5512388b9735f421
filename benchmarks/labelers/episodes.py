"""What labelers are given and what they give back."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.files.atomic import atomic_path


@dataclass(frozen=True)
class Demonstration:
    """One episode of a task, its true actions included."""

    observations: Float[np.ndarray, "step observation"]
    """One more than there are actions: the last is what the last action led to."""
    actions: Float[np.ndarray, "time action"]
    """What was executed, after clipping to the simulator's limits. Labelers of hidden
    demonstrations never see these."""
    seed: int
    """What the simulator was reset with."""

    def __post_init__(self) -> None:
        """Checks that every action has an observation before and after it."""
        if len(self.observations) != len(self.actions) + 1:
            raise ValueError(
                f"{len(self.observations)} observations around {len(self.actions)} actions; "
                f"{len(self.actions) + 1} are needed, one before each and one after the last"
            )


@dataclass(frozen=True)
class Labels:
    """What a labeler says was done in one demonstration."""

    values: Float[np.ndarray, "time action"]
    """The inferred actions."""
    half_width_90: Float[np.ndarray, "time action"] | None = None
    """Half the interval that should hold the true action in 90 % of all cases; `None` where the
    labeler gives no confidence."""


def cached(folder: Path, name: str, make: Callable[[], list[Demonstration]]) -> list[Demonstration]:
    """Episodes from `folder/name.npz`, made and written there the first time."""
    path = folder / f"{name}.npz"
    with locked(path.with_suffix(".lock")):
        if not path.is_file():
            _write(path, make())
    with np.load(path, allow_pickle=False) as stored:
        return [
            Demonstration(stored[f"observations_{i}"], stored[f"actions_{i}"], int(seed))
            for i, seed in enumerate(stored["seeds"])
        ]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time.

    Cells run side by side: the second waits for the first's episodes instead of making its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, made: list[Demonstration]) -> None:
    arrays: dict[str, np.ndarray] = {"seeds": np.array([d.seed for d in made])}
    for index, demonstration in enumerate(made):
        arrays[f"observations_{index}"] = demonstration.observations
        arrays[f"actions_{index}"] = demonstration.actions
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's own stub


def all_actions(demonstrations: Sequence[Demonstration]) -> Float[np.ndarray, "time action"]:
    """The true actions of all episodes, one after the other."""
    return np.concatenate([d.actions for d in demonstrations])
