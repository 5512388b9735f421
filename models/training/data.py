"""Labeled episodes, and everything that must be true of them before any training starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace
from rotoscope.models.training.maps import blocks_of
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import ContractError, DatasetError

MAX_LEVELS = 4
"""Values of a number that is taken for a choice among them: grippers have two or three."""
_LEAST_AT_LEVEL = 0.02
"""Share of the rows at each: what is met once is none."""

CLOCK_TOLERANCE = 0.02
"""How far a clock may be off, as a share of the time between two rows or of the rate."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Episode:
    """Something with a clock; every array of it holds one entry for each row."""

    name: str
    """How messages call it, such as `episode 3`."""
    time_s: Float[np.ndarray, " time"]
    """Time of each row [s], increasing."""

    def __post_init__(self) -> None:
        lengths = {k: len(v) for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        num_rows = lengths.pop("time_s")
        if set(lengths.values()) - {num_rows}:
            raise DatasetError(
                f"{self.name}: {num_rows} row times, but {lengths}; one each is needed"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class UnlabelledEpisode(Episode):
    """What is seen in one episode."""

    features: Float[np.ndarray, "time feature"]
    """What the labeler sees, one column per number; NaN where unknown. No columns: images only."""
    images: UInt8[np.ndarray, "time height size 3"] | None = None
    """What the camera saw, shrunk to a square of the labeler's size, in memory or in a map; the
    squares of several cameras stand below each other; `None` where it sees none."""
    points: Float[np.ndarray, "time camera point 2"] | None = None
    """Where tracked things are in each camera's square, shares of its side; `None` where the
    labeler is told of none."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LabeledEpisode(UnlabelledEpisode):
    """One episode whose actions are known."""

    actions: Float[np.ndarray, "time action"]
    """The true actions."""
    valid: Bool[np.ndarray, " time"]
    """Rows whose action can be believed."""
    state: Float[np.ndarray, "time state"] | None = None
    """What the robot measured of itself, to compare labels with, never learned from; `None` where
    nothing is recorded."""


@dataclass(frozen=True, eq=False)
class LabeledSet:
    """Labeled episodes that obey one contract."""

    episodes: tuple[LabeledEpisode, ...]
    """In the order of the dataset."""
    contract: ActionContract
    """What each number of an action means."""
    inputs: tuple[str, ...] = ()
    """Names of the features that the columns of `features` come from."""
    input_sizes: tuple[int, ...] = ()
    """How many columns each has."""
    camera: str | tuple[str, ...] = ""
    """Name of the camera feature that `images` come from, or of several; empty for none."""
    image_size: tuple[int, int] = (0, 0)
    """Width and height of that camera's pictures in the dataset, of several the first's [px]."""
    more_sizes: tuple[tuple[int, int], ...] = ()
    """Those of the other cameras."""
    input_names: tuple[tuple[str, ...], ...] = ()
    """For each of `inputs`, what its numbers are; none where nobody said."""
    constant: tuple[str, ...] = field(init=False, default=())
    """Dimensions of the action that never move: they are scored apart."""

    def __post_init__(self) -> None:
        check_episodes(self.episodes, self.contract)
        actions = np.concatenate([e.actions[e.valid] for e in self.episodes])
        still = np.ptp(actions, axis=0) < CONSTANT_SPREAD
        names = tuple(n for n, s in zip(self.contract.names, still, strict=True) if s)
        object.__setattr__(self, "constant", names)
        if still.all():
            raise DatasetError(
                f"no dimension of the action ever changes ({', '.join(names)}): there is nothing "
                "to learn; check that these are the executed actions"
            )

    def pairs(
        self, seen: Callable[[LabeledEpisode], Float[np.ndarray, "time number"]]
    ) -> tuple[Float[np.ndarray, "row number"], Float[np.ndarray, "row action"]]:
        """What is seen and what was done, in the rows that count and where both are known.

        Args:
            seen: Numbers of every row of an episode; NaN where unknown.
        """
        shown = np.concatenate([seen(episode) for episode in self.episodes])
        done = np.concatenate([episode.actions for episode in self.episodes])
        valid = np.concatenate([episode.valid for episode in self.episodes])
        known = valid & np.isfinite(shown).all(axis=1)
        return shown[known], done[known]

    def levels(self) -> dict[str, tuple[float, ...]]:
        """The values of plain numbers that take few, such as a gripper's command; by name.

        At most `MAX_LEVELS`, each in a share of `_LEAST_AT_LEVEL` of the rows that count.
        """
        actions = np.concatenate([e.actions[e.valid] for e in self.episodes])
        plain = {b.columns.start for b in ActionSpace.of(self.contract).blocks if b.kind == "plain"}
        out = {}
        for column, name in enumerate(self.contract.names):
            values, counts = np.unique(actions[:, column], return_counts=True)
            is_few = 2 <= len(values) <= MAX_LEVELS
            if column in plain and is_few and counts.min() >= _LEAST_AT_LEVEL * len(actions):
                out[name] = tuple(values.tolist())
        return out

    def digest(self) -> str:
        """Hash of everything that is learned from."""
        found = hashlib.sha256(self.contract.model_dump_json().encode())
        for episode in self.episodes:
            arrays = (episode.time_s, episode.features, episode.actions, episode.valid)
            for array in (*arrays, episode.images, episode.points):
                if array is not None:
                    found.update(f"{array.dtype}{array.shape}".encode())
                    for block in blocks_of(array):
                        found.update(np.ascontiguousarray(block).data)
        return found.hexdigest()


def check_episodes(episodes: Sequence[LabeledEpisode], contract: ActionContract) -> None:
    """Refuses what no labeler should be trained on.

    Raises:
        DatasetError: No episode, no valid row, NaN in an action that counts, or a clock that does
            not run at the contract's rate.
        ContractError: Actions of another length than the contract says.
    """
    if not episodes:
        raise DatasetError("there is no labeled episode; a labeler needs some")
    if not any(episode.valid.any() for episode in episodes):
        raise DatasetError(
            f"no row of {len(episodes)} episodes is valid: there is nothing to learn; look into "
            "the dataset with 'rotoscope report'"
        )
    for episode in episodes:
        if episode.actions.shape[1] != len(contract.dimensions):
            raise ContractError(
                f"{episode.name}: actions have {episode.actions.shape[1]} numbers, the contract "
                f"names {len(contract.dimensions)} ({', '.join(contract.names)})"
            )
        bad = episode.valid & ~np.isfinite(episode.actions).all(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            where = ~np.isfinite(episode.actions[row])
            names = [n for n, w in zip(contract.names, where, strict=True) if w]
            raise DatasetError(
                f"{episode.name}: the action of row {row} is not finite in {', '.join(names)} "
                f"({int(bad.sum())} such rows); remove them, or mark them in label.valid"
            )
        check_clock(episode.name, episode.time_s, contract.rate_hz)


def check_clock(name: str, time_s: Float[np.ndarray, " time"], rate_hz: float) -> None:
    """Row times must go on by one interval of the rate.

    Raises:
        DatasetError: They do not.
    """
    if len(time_s) < 3:
        raise DatasetError(f"{name} has {len(time_s)} rows; at least 3 are needed")
    steps = np.diff(time_s) * rate_hz
    worst = int(np.argmax(np.abs(steps - 1)))
    if abs(steps[worst] - 1) > CLOCK_TOLERANCE:
        raise DatasetError(
            f"{name}: row {worst + 1} comes {steps[worst] / rate_hz:.4f} s after the row before, "
            f"at {rate_hz:g} rows a second it should be {1 / rate_hz:.4f} s; fps or the time "
            "stamps are wrong: write the dataset again with the true rate"
        )
