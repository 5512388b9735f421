"""Demonstrations as they are multiplied, and what their actions do to the hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.multiplication.roles import Roles
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import DatasetError

_WINDOW = 5
"""Rows over which motion is held against actions: a hand that lags some rows behind still fits."""
_STANDS = 0.1
"""Axes that move less than this share of the most that any does in so many rows do not count. That
they must not was seen on sweep-into, whose hand presses down on the table; set, not tuned."""
_MIN_EXPLAINED = 0.5
"""Share of the hand's motion that actions must explain. Set, not tuned: steps and places explain
most of it, actions of other numbers or a wrong sign next to nothing."""


@dataclass(frozen=True, eq=False)
class Source:
    """One demonstration."""

    index: int
    """Episode index in the dataset."""
    state: Float[np.ndarray, "row state"]
    """`observation.state`, finite."""
    action: Float[np.ndarray, "row action"]
    """`action`, finite."""
    roles: Roles
    """What the numbers are."""

    @property
    def hand(self) -> Float[np.ndarray, "row axis"]:
        """Where the end effector is."""
        return self.state[:, list(self.roles.hand)]

    @property
    def object(self) -> Float[np.ndarray, "row axis"]:
        """Where the thing is."""
        return self.state[:, list(self.roles.object)]

    @property
    def goal(self) -> Float[np.ndarray, "row axis"]:
        """Where the goal is; where the thing is in the end if nothing else says."""
        if not self.roles.goal:
            return np.repeat(self.object[-1:], len(self.state), axis=0)
        return self.state[:, list(self.roles.goal)]

    @property
    def moves(self) -> Float[np.ndarray, "row axis"]:
        """What the action asks of the hand."""
        return self.action[:, list(self.roles.moves)]

    @property
    def placement(self) -> Float[np.ndarray, " number"]:
        """Where thing and goal are at the beginning, one after the other."""
        return placement_of(self.state[0], self.roles)


def placement_of(state: Float[np.ndarray, " state"], roles: Roles) -> Float[np.ndarray, " number"]:
    """Where thing and goal are in a state; the thing alone where no goal is told."""
    return state[[*roles.object, *roles.goal]].astype(float)


@dataclass(frozen=True, eq=False)
class Drive:
    """What actions do to the hand."""

    is_place: bool
    """Whether an action says where the hand is to be, rather than how far it is to go."""
    gain: float
    """How far the hand goes for a row of action 1, in the state's unit; 1 for places."""
    limit: Float[np.ndarray, " axis"]
    """Largest action of each axis; for places the largest step of a row."""


def drive_of(sources: Sequence[Source], contract: ActionContract) -> Drive:
    """What actions do, read off the demonstrations.

    Raises:
        DatasetError: They explain less than half of the hand's motion.
    """
    moved = np.concatenate([s.hand[_WINDOW:] - s.hand[:-_WINDOW] for s in sources])
    asked = np.concatenate([_sums(s.moves) for s in sources])
    after = np.concatenate([s.hand[1:] for s in sources])
    aimed = np.concatenate([s.moves[:-1] for s in sources])
    # A hand that is pressed onto a table stands still whatever it is asked.
    free = np.abs(moved) > _STANDS * np.abs(moved).max()
    asked, moved = asked[free], moved[free]
    gain = float((asked * moved).sum() / max(float((asked**2).sum()), 1e-12))
    as_steps = 1 - ((moved - gain * asked) ** 2).sum() / max(float((moved**2).sum()), 1e-12)
    spread = max(float(((after - after.mean(0)) ** 2).sum()), 1e-12)
    as_places = 1 - ((after - aimed) ** 2).sum() / spread
    if max(as_steps, as_places) < _MIN_EXPLAINED or (gain <= 0 and as_places < _MIN_EXPLAINED):
        raise DatasetError(
            f"the actions explain {max(as_steps, as_places, 0):.0%} of the hand's motion, at least "
            f"{_MIN_EXPLAINED:.0%} is needed: is --hand the end effector that --moves moves, along "
            "the same axes?"
        )
    if as_places >= as_steps:
        steps = np.concatenate([np.abs(np.diff(s.hand, axis=0)) for s in sources])
        return Drive(True, 1.0, np.repeat(steps.max(), steps.shape[1]))
    low, high = contract.bounds()
    bound = np.minimum(-low, high)[list(sources[0].roles.moves)]
    shown = np.abs(np.concatenate([s.moves for s in sources])).max()
    return Drive(False, gain, np.where(np.isfinite(bound) & (bound > 0), bound, shown))


def _sums(moves: Float[np.ndarray, "row axis"]) -> Float[np.ndarray, "window axis"]:
    """Of each row and the four after it, as long as there is motion to hold them against."""
    total = np.concatenate([np.zeros((1, moves.shape[1])), np.cumsum(moves, axis=0)])
    return total[_WINDOW:-1] - total[: -_WINDOW - 1]
