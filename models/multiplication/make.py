"""Makes episodes out of demonstrations: of states alone, or played in a simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.multiplication.placements import draw_placements, nearest
from rotoscope.models.multiplication.source import Drive, Source, placement_of
from rotoscope.models.multiplication.transform import MadePath, at_rows, move_path
from rotoscope.models.simulators.record import STEPS_AFTER_SUCCESS
from rotoscope.models.simulators.rollout import rollout
from rotoscope.models.simulators.simulator import STATE, Observation, Simulator

FIRST_SEED = 90_000
"""First start of a simulator that is played; none of those that policies are tried from."""
FEEDBACK = 0.25
"""Share of what the hand is off its way that is made good in a row. Chosen on Meta-World's push and
pick-place, where every start is solved with 0.25 and 0.5 and 60 to 100 % without."""
_LONGER = 20
"""Rows that the last action is held for, while nothing is solved yet."""
_TRIES = 4
"""Starts for each episode that is wanted, at most."""


@dataclass(frozen=True, eq=False)
class MadeEpisode:
    """An episode that nobody demonstrated."""

    source: Source
    """What it is made of."""
    name: str
    """Such as `from-3-start-90017`."""
    state: Float[np.ndarray, "row state"]
    """`observation.state`."""
    action: Float[np.ndarray, "row action"]
    """`action`."""
    success: Bool[np.ndarray, " row"] | None
    """Rows whose action left the task solved; `None` where nobody tried."""
    valid: Bool[np.ndarray, " row"] | None = None
    """Rows that can be learned from; all where `None`."""


def make_of_states(
    sources: Sequence[Source], drive: Drive, num: int, *, seed: int
) -> list[MadeEpisode]:
    """Episodes whose states are those of a demonstration, shifted; nothing is tried.

    Args:
        sources: Demonstrations.
        drive: What actions do.
        num: How many episodes.
        seed: Of the places of thing and goal.

    Raises:
        DatasetError: The demonstrations show no range of places.
    """
    out = []
    for number, placement in enumerate(draw_placements(sources, num, seed=seed)):
        source = nearest(sources, placement)
        path = _moved(source, placement, drive)
        state, action = at_rows(source.state, path.row), _actions(source, path)
        state[:, list(source.roles.hand)] = path.hand
        state[:, list(source.roles.object)] = path.object
        shift = (placement - source.placement)[len(source.roles.object) :]
        state[:, list(source.roles.goal)] += shift
        out.append(MadeEpisode(source, f"from-{source.index}-{seed}-{number}", state, action, None))
    return out


def make_in_simulator(
    sources: Sequence[Source],
    drive: Drive,
    simulator: Simulator,
    num: int,
    *,
    seed: int,
    columns: Sequence[int],
    tell: Callable[[int, bool], None] = lambda start, is_solved: None,
) -> list[MadeEpisode]:
    """Episodes played in a simulator from starts of its own; those that fail are left out.

    Args:
        sources: Demonstrations.
        drive: What actions do.
        simulator: Where.
        num: How many episodes; there are fewer where more than three of four starts fail.
        seed: The first start is this far behind `FIRST_SEED`.
        columns: Which numbers of the simulator's state those of the demonstrations are.
        tell: Told of each start.
    """
    low, high = simulator.facts.contract.bounds()
    out: list[MadeEpisode] = []
    for start in range(FIRST_SEED + seed, FIRST_SEED + seed + _TRIES * num):
        if len(out) == num:
            break
        play = _Play(sources, drive, list(columns))
        steps = list(
            rollout(
                simulator,
                play.act,
                seed=start,
                steps_after_success=STEPS_AFTER_SUCCESS,
                horizon=_LONGER + max(_SLOWEST * len(one.state) for one in sources),
            )
        )
        success = np.array([one.step.is_success for one in steps])
        tell(start, bool(success.any()))
        if success.any():
            state = np.array([one.observation[STATE][list(columns)] for one in steps], float)
            action = np.clip(np.array(play.actions), low, high)
            name = f"from-{play.source.index}-start-{start}"
            out.append(MadeEpisode(play.source, name, state, action, success))
    return out


_SLOWEST = 4
"""How much longer than its demonstration an episode may take."""


@dataclass(eq=False)
class _Play:
    """Follows the way of the demonstration that is nearest to what is seen at the start."""

    sources: Sequence[Source]
    drive: Drive
    columns: list[int]
    actions: list[np.ndarray] = field(default_factory=list)
    source: Source = field(init=False)
    _path: MadePath = field(init=False)
    _asked: np.ndarray = field(init=False)

    def act(self, seen: Observation) -> Float[np.ndarray, " action"]:
        state = seen[STATE][self.columns].astype(float)
        number = len(self.actions)
        if not number:
            placement = placement_of(state, self.sources[0].roles)
            self.source = nearest(self.sources, placement)
            self._path = _moved(self.source, placement, self.drive)
            self._asked = _actions(self.source, self._path)
        path, last = self._path, len(self._path.row) - 1
        roles, at = self.source.roles, min(number, last)
        action = self._asked[at].copy()
        if not self.drive.is_place:
            asked = path.moves[at] if number <= last else np.zeros(len(roles.moves))
            off = path.hand[at] - state[list(roles.hand)]
            action[list(roles.moves)] = asked + FEEDBACK * off / self.drive.gain
        self.actions.append(action)
        return action


def _moved(source: Source, placement: np.ndarray, drive: Drive) -> MadePath:
    shift, num = placement - source.placement, len(source.roles.object)
    goal_shift = shift[num:] if source.roles.goal else shift[:num]
    return move_path(source, shift[:num], goal_shift, drive)


def _actions(source: Source, path: MadePath) -> Float[np.ndarray, "time action"]:
    """Those of the demonstration, with what moves the hand made anew."""
    out = source.action[path.row.astype(int)].copy()
    out[:, list(source.roles.moves)] = path.moves
    return out
