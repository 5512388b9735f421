"""Episodes of Meta-World's experts, with the phases that MuJoCo's contacts and motions say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.simulators.simulator import STATE, Simulator
from rotoscope.pipeline.packages import import_mujoco
from rotoscope.pipeline.tracks import runs

CHOSEN_ON = ("pick-place-v3", "push-v3", "drawer-open-v3", "coffee-pull-v3", "window-open-v3")
"""Tasks of Meta-World on which constants of segments were chosen."""
REPORTED_ON = (
    "sweep-into-v3",
    "door-open-v3",
    "plate-slide-v3",
    "basketball-v3",
    "shelf-place-v3",
    "bin-picking-v3",
)
"""Tasks that chose nothing."""
FIRST_SEED = 5000
_HELD_ROWS, _OPEN_ROWS, _AWAY_ROWS = 8, 16, 24
"""Rows after success in which the expert goes on, the gripper opens, and the hand leaves upward."""
_MOST_ROWS = 300
_MOVES_M_S, _TOUCHES_M, _FAR_M = 0.02, 0.001, 0.03
"""Speed from which on a thing moves [m/s]; gap that is contact, and one that is far [m]: an open
finger is 2.5 cm from what it is about to hold."""
_SHORT_S = 0.1
"""A pause of contact or motion that is shorter is none, and a phase that is shorter is part of the
next [s]."""


@dataclass(frozen=True, eq=False)
class TruePhases:
    """An episode in which the task was solved, and what the simulator says of it."""

    state: Float[np.ndarray, "row state"]
    """The simulator's state before each action."""
    action: Float[np.ndarray, "row action"]
    """What was done."""
    gap_m: Float[np.ndarray, " row"]
    """From the robot to what can be moved, 0 at contact; 3 cm where it is more [m]."""
    speed_m_s: Float[np.ndarray, " row"]
    """Speed of the fastest part of what can be moved, to the next row [m/s]."""


def solved(simulator: Simulator, num: int) -> list[TruePhases]:
    """The first `num` solved episodes of starts that count up; the hand lets go and leaves."""
    out: list[TruePhases] = []
    seed = FIRST_SEED
    while len(out) < num:
        one = _episode(simulator, seed)
        out += [one] if one is not None else []
        seed += 1
        if seed - FIRST_SEED > 5 * num:
            raise RuntimeError(f"{simulator.facts.name} is solved from too few starts")
    return out


def boundaries(one: TruePhases, fps: float) -> list[tuple[int, str]]:
    """First row and name of each phase but the first: `grasp`, `move`, `release`.

    A grasp begins when the robot has come within 3 cm of a thing, for good, before that moves, a
    move with its motion, a release with the end of contact after the last motion under contact.
    """
    short = round(_SHORT_S * fps)
    touches = _without_gaps(one.gap_m < _TOUCHES_M, 2 * short)
    near = _without_gaps(one.gap_m < _FAR_M, short)
    moves = _without_gaps((one.speed_m_s > _MOVES_M_S) & near, short)
    spans = [(a, b) for a, b in runs(moves) if b - a >= short]
    if not spans:
        return []
    begins = spans[0][0]
    came = next((a for a, b in runs(near) if a <= begins < b), begins)
    found = [(came, "grasp")] if begins - came >= short else []
    found.append((begins, "move"))
    held = [b for a, b in runs(touches) if any(a < end and b > start for start, end in spans)]
    left = held[-1] if held else len(touches)
    if len(touches) - left >= short:
        found.append((left, "release"))
    return found


def matched(found: Sequence[int], true: Sequence[int], *, within: float) -> int:
    """How many boundaries lie within some rows of each other, each used once, in order."""
    count, left = 0, list(true)
    for row in found:
        near = [other for other in left if abs(other - row) <= within]
        if near:
            best = min(near)
            left = [other for other in left if other > best]
            count += 1
    return count


def _without_gaps(flags: Bool[np.ndarray, " row"], longest: int) -> Bool[np.ndarray, " row"]:
    """The flags with short pauses between two runs filled."""
    out = flags.copy()
    for start, end in runs(~flags):
        if start > 0 and end < len(flags) and end - start < longest:
            out[start:end] = True
    return out


def _episode(simulator: Simulator, seed: int) -> TruePhases | None:
    """The expert to success and a little beyond, then an opening hand that leaves."""
    scene = _Scene(simulator)
    states, actions, gaps, places = [], [], [], []
    seen, left = simulator.reset(seed), _MOST_ROWS
    is_solved = False
    while left > 0:
        states.append(seen[STATE].astype(float))
        gaps.append(scene.gap_m())
        places.append(scene.places_m())
        action = simulator.expert()
        if is_solved and left <= _OPEN_ROWS + _AWAY_ROWS:
            action = np.array([0, 0, float(left <= _AWAY_ROWS), -1], np.float32)
        actions.append(action)
        step = simulator.step(action)
        seen, left = step.observation, left - 1
        if step.is_success and not is_solved:
            is_solved, left = True, _HELD_ROWS + _OPEN_ROWS + _AWAY_ROWS
    if not is_solved:
        return None
    steps_m = np.linalg.norm(np.diff(np.array(places), axis=0), axis=2).max(axis=1)
    speed = np.append(steps_m, steps_m[-1]) * simulator.facts.fps
    return TruePhases(np.array(states), np.array(actions), np.array(gaps), speed)


class _Scene:
    """What belongs to the robot, what can be moved, and where it is."""

    def __init__(self, simulator: Simulator) -> None:
        environment: Any = simulator._environment  # type: ignore[attr-defined]
        self.mujoco = import_mujoco()
        self.model, self.data = environment.model, environment.data
        model = self.model
        robot = self._below("base")
        moved = {
            body
            for body in range(1, model.nbody)
            if body not in robot and model.body_weldid[body] != 0 and model.body_mocapid[body] < 0
        }
        bodies, is_solid = model.geom_bodyid, model.geom_contype | model.geom_conaffinity
        solid = [g for g in range(model.ngeom) if is_solid[g]]
        self.robot = [g for g in solid if int(bodies[g]) in robot]
        self.things = [g for g in solid if int(bodies[g]) in moved]

    def gap_m(self) -> float:
        """Least distance between robot and things, 3 cm at most."""
        return min(
            self.mujoco.mj_geomDistance(self.model, self.data, ours, thing, _FAR_M, None)
            for ours in self.robot
            for thing in self.things
        )

    def places_m(self) -> np.ndarray:
        """Where the parts of all things are [m]."""
        return np.array(self.data.geom_xpos[self.things])

    def _below(self, name: str) -> set[int]:
        model = self.model
        top = model.body(name).id
        found = {top}
        for body in range(top + 1, model.nbody):
            if int(model.body_parentid[body]) in found:
                found.add(body)
        return found
