"""Which numbers of a dataset say where hand, thing and goal are, and which move the hand."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted

HANDS = ("hand", "ee", "eef", "tcp", "end_effector", "gripper", "agent")
OBJECTS = ("object", "obj", "cube", "block", "thing")
GOALS = ("goal", "target")
"""What places are called where no option says; the first that is there counts."""
_PLACE = re.compile(r"(.+?)[._]([xyz])")


@dataclass(frozen=True)
class Roles:
    """Where in `observation.state`, and in `action`, the numbers stand."""

    hand: tuple[int, ...]
    """Where the end effector is, two or three axes."""
    object: tuple[int, ...]
    """Where the thing is, the same axes in the same order."""
    goal: tuple[int, ...]
    """Where the goal is; empty where it goes with the thing, or is nothing of its own."""
    moves: tuple[int, ...]
    """Numbers of the action that move the hand along these axes."""
    others: tuple[str, ...]
    """Numbers of the state that are none of these; they stay as they were demonstrated."""


NO_ROLES = Roles((), (), (), (), ())
"""Where it does not matter what numbers are."""


@dataclass(frozen=True)
class RoleNames:
    """How the numbers are named: patterns separated by commas, such as `hand.*`."""

    hand: str = ""
    """Of the end effector; looked for by usual names where empty."""
    object: str = ""
    """Of the thing; the same."""
    goal: str = ""
    """Of the goal; the same. `none` for none."""
    moves: str = ""
    """Of the action; what the contract calls a position where empty."""


def find_roles(
    state_names: Sequence[str], contract: ActionContract, wanted: RoleNames | None = None
) -> Roles:
    """Finds the numbers.

    Args:
        state_names: What the numbers of `observation.state` are.
        contract: What those of `action` are.
        wanted: How they are named; by their usual names where not given.

    Raises:
        DatasetError: Nothing has a usual name.
        UsageError: A pattern fits nothing, or they have different numbers of axes.
    """
    wanted = wanted or RoleNames()
    hand = _place(state_names, wanted.hand, HANDS, "hand")
    thing = _place(state_names, wanted.object, OBJECTS, "object")
    is_none = wanted.goal == "none"
    goal = () if is_none else _place(state_names, wanted.goal, GOALS, "goal", is_needed=False)
    moves = _matching(contract.names, wanted.moves, "--moves") if wanted.moves else tuple(
        i for i, one in enumerate(contract.dimensions) if one.quantity == "position"
    )  # fmt: skip
    sizes = {"hand": len(hand), "object": len(thing), "goal": len(goal), "moves": len(moves)}
    if len(hand) not in (2, 3) or any(n != len(hand) for n in sizes.values() if n) or not moves:
        raise UsageError(
            f"--hand, --object, --goal and --moves must name two or three numbers, the same axes "
            f"each; found {sizes}: the state has {quoted(state_names)}, the action "
            f"{quoted(contract.names)}"
        )
    used = {*hand, *thing, *goal}
    others = tuple(name for i, name in enumerate(state_names) if i not in used)
    return Roles(hand, thing, goal, moves, others)


def _place(
    names: Sequence[str], patterns: str, usual: Sequence[str], what: str, *, is_needed: bool = True
) -> tuple[int, ...]:
    if patterns:
        return _matching(names, patterns, f"--{what}")
    stems: dict[str, dict[str, int]] = {}
    for i, name in enumerate(names):
        found = _PLACE.fullmatch(name)
        if found is not None:
            stems.setdefault(found[1], {})[found[2]] = i
    for stem in usual:
        if len(stems.get(stem, {})) >= 2:
            return tuple(stems[stem][axis] for axis in sorted(stems[stem]))
    if not is_needed:
        return ()
    raise DatasetError(
        f"no numbers of observation.state are called {usual[0]}.x, {usual[0]}.y or as usual "
        f"otherwise ({quoted(usual)}); it has {quoted(names)}: name them, --{what} 'NAME.*'"
    )


def _matching(names: Sequence[str], patterns: str, option: str) -> tuple[int, ...]:
    wanted = [p.strip() for p in patterns.split(",") if p.strip()]
    found = tuple(i for i, n in enumerate(names) if any(fnmatch.fnmatch(n, p) for p in wanted))
    if not found:
        raise UsageError(f"{option} {patterns!r} fits none of {quoted(names)}")
    return found
