"""A demonstration once more about a thing and a goal that lie elsewhere.

The idea is that of A. Mandlekar et al., "MimicGen: a data generation system for scalable robot
learning using human demonstrations", 2023 (2310.17596): what is done near a thing is done again
relative to it, with interpolation between. Places alone are moved; nothing is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.multiplication.source import Drive, Source

RAMP = 1.0
"""Share of the way to the thing over which the hand goes over from its own start to the thing's
frame. Chosen on Meta-World's push (policies on what was moved without a simulator solve 47 of 50
starts; 41 with 0.5) and on pick-place and drawer-open (ways played without feedback solve more)."""
_BEGINS = 0.05
"""Share of the thing's whole displacement at which it counts as touched."""
_STILL = 0.1
"""A thing that moves less than this share of the hand's way is not carried."""


@dataclass(frozen=True, eq=False)
class MadePath:
    """A way that was made of a demonstration."""

    row: Float[np.ndarray, " time"]
    """Row of the demonstration that each row is made of; between two rows where it was slowed."""
    hand: Float[np.ndarray, "time axis"]
    """Where the end effector is to be."""
    object: Float[np.ndarray, "time axis"]
    """Where the thing is, if it goes as it went."""
    moves: Float[np.ndarray, "time axis"]
    """What the action asks of the hand, inside its limits."""


def move_path(
    source: Source,
    object_shift: Float[np.ndarray, " axis"],
    goal_shift: Float[np.ndarray, " axis"],
    drive: Drive,
) -> MadePath:
    """The way of the hand if thing and goal lie elsewhere at the beginning.

    Args:
        source: What was demonstrated.
        object_shift: From where the thing was to where it is now.
        goal_shift: The same of the goal.
        drive: What actions do; where the hand would have to be faster than they can, the way is
            slowed down.
    """
    hand_shift, thing_shift = _shifts(source, object_shift, goal_shift)
    ahead = np.diff(hand_shift, axis=0, append=hand_shift[-1:])
    if drive.is_place:
        moves = source.moves + hand_shift + ahead
        speed = np.diff(source.hand + hand_shift, axis=0, append=np.nan)
        speed[-1] = 0
    else:
        moves = source.moves + ahead / drive.gain
        speed = moves
    slower = np.maximum(1.0, (np.abs(speed) / drive.limit).max(axis=1))
    clock = np.concatenate([[0.0], np.cumsum(slower[:-1])])
    row = np.interp(np.arange(int(clock[-1]) + 1), clock, np.arange(len(clock)))
    below = row.astype(int)
    asked = at_rows(moves, row) if drive.is_place else moves[below] / slower[below, None]
    return MadePath(
        row,
        at_rows(source.hand + hand_shift, row),
        at_rows(source.object + thing_shift, row),
        asked,
    )


def at_rows(
    values: Float[np.ndarray, "row number"], row: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time number"]:
    """Values between rows, in a straight line from one to the next."""
    known = np.arange(len(values))
    return np.stack([np.interp(row, known, column) for column in values.T], axis=1)


def _shifts(
    source: Source, object_shift: np.ndarray, goal_shift: np.ndarray
) -> tuple[Float[np.ndarray, "row axis"], Float[np.ndarray, "row axis"]]:
    """How far hand and thing are shifted at each row.

    The hand begins where it began, is in the thing's frame when it touches it, and goes over to the
    goal's as the thing does.
    """
    thing, hand = source.object, source.hand
    carried = np.linalg.norm(thing - thing[0], axis=1)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(hand, axis=0), axis=1))])
    rows = len(hand)
    if carried.max() <= _STILL * way[-1]:
        # Nothing is carried: the hand goes to whichever of the two it ends nearer to.
        ends = [np.linalg.norm(hand[-1] - place[-1]) for place in (thing, source.goal)]
        reached = object_shift if ends[0] <= ends[1] else goal_shift
        share = _reach(way, rows - 1)
        return share[:, None] * reached, np.repeat(object_shift[None], rows, axis=0)
    touched = int(np.argmax(carried > _BEGINS * carried.max()))
    left = np.linalg.norm(thing - thing[-1], axis=1)
    passed = np.clip(1 - left / max(float(left[0]), 1e-9), 0.0, 1.0)
    passed[:touched] = 0.0
    passed = np.maximum.accumulate(passed)[:, None]
    thing_shift = (1 - passed) * object_shift + passed * goal_shift
    return _reach(way, touched)[:, None] * thing_shift, thing_shift


def _reach(way: Float[np.ndarray, " row"], touched: int) -> Float[np.ndarray, " row"]:
    """From 0 at the beginning to 1 where the way to the thing is passed, or `RAMP` of it."""
    return np.clip(way / max(RAMP * float(way[touched]), 1e-9), 0.0, 1.0)
