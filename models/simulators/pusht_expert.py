"""A planner for PushT: tries many straight pushes in its head, makes the best, looks again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.models.simulators.pusht_physics import (
    AGENT_RADIUS_PX,
    BOXES,
    FIELD_PX,
    GOAL,
    center,
    corners,
    distance,
    pushed,
)

_GAP_PX = 6.0
"""How far from the block a push begins."""
_ROUND_PX = 118.0
"""Radius of the circle about the block's center on which the disc goes round it."""
_CONTACT_SPACING_PX = 10.0
_MAX_PUSH_PX = 160.0
_ROOM_PX = 120.0
"""How far from the border the block's center should stay."""
_NUM_WAYS_OUT = 24
_STEP_COST_PX = 0.12
"""How much nearer to the goal a push must bring the corners for every step that it takes."""
_TRANSIT_PX_PER_STEP = 30.0


@dataclass
class PushExpert:
    """Goes round the block, pushes along a straight line, and plans again."""

    _path: list[np.ndarray] = field(default_factory=list)
    _patience: int = 0

    def reset(self) -> None:
        """Forgets its plan."""
        self._path = []

    def act(
        self, agent: Float[np.ndarray, " 2"], block: Float[np.ndarray, " 3"]
    ) -> Float[np.ndarray, " 2"]:
        """Where to send the disc now."""
        self._patience -= 1
        if not self._path or self._patience < 0:
            self._path = _plan(agent, block)
            self._patience = 40
        while len(self._path) > 1 and self._is_near(agent):
            self._path.pop(0)
        target = self._path[0]
        if len(self._path) == 1 and np.linalg.norm(target - agent) < 0.7:
            self._path = []
        return target

    def _is_near(self, agent: np.ndarray) -> bool:
        # The last stop before a push is met exactly: the push starts there.
        reach = 2.0 if len(self._path) == 2 else 25.0
        return bool(np.linalg.norm(self._path[0] - agent) < reach)


def _plan(agent: np.ndarray, block: np.ndarray) -> list[np.ndarray]:
    """Stops on the way to the best push, and its end."""
    starts, ways_in = _starts(block)
    ways_out = _ways_out(agent[None], block)[0]
    if not len(starts) or not len(ways_out):
        return [center(block[None])[0] + _ROUND_PX * np.array([1.0, 0.0])]
    detours = [_detour(agent, ways_out, ways, block) for ways in ways_in]
    transit_px = np.array([_length([agent, *d, s]) for d, s in zip(detours, starts, strict=True)])
    inward = -distance(np.tile(block, (len(starts), 1)), starts)[1]
    blocks, agents = np.tile(block, (len(starts), 1)), starts
    best = (np.inf, 0, starts[0])
    for number in range(1, int(_MAX_PUSH_PX / 2)):
        blocks, agents = pushed(blocks, agents, 2.0 * inward)
        inside = ((agents > AGENT_RADIUS_PX) & (agents < FIELD_PX - AGENT_RADIUS_PX)).all(1)
        steps = transit_px / _TRANSIT_PX_PER_STEP + 6 + number / 10
        cost = _error_px(blocks) + _STEP_COST_PX * steps + _crowding_px(blocks)
        cost = np.where(inside, cost, np.inf)
        first = int(np.argmin(cost))
        if cost[first] < best[0]:
            best = (float(cost[first]), first, agents[first])
    return [*detours[best[1]], starts[best[1]], best[2]]


def _crowding_px(blocks: np.ndarray) -> np.ndarray:
    """How much closer blocks are to the border than lets the disc get behind them."""
    middle = center(blocks)
    return np.maximum(0, _ROOM_PX - np.minimum(middle, FIELD_PX - middle).min(1))


def _error_px(blocks: np.ndarray) -> np.ndarray:
    """Root mean square distance of the corners from where they should be."""
    wanted = corners(GOAL).reshape(-1, 2)
    local = corners(np.zeros(3)).reshape(-1, 2)
    cos, sin = np.cos(blocks[:, 2:]), np.sin(blocks[:, 2:])
    x = blocks[:, :1] + cos * local[:, 0] - sin * local[:, 1] - wanted[:, 0]
    y = blocks[:, 1:2] + sin * local[:, 0] + cos * local[:, 1] - wanted[:, 1]
    return np.sqrt((x**2 + y**2).mean(1))


def _starts(block: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Where pushes may begin, and from which directions each can be reached."""
    points = []
    for left, top, right, bottom in BOXES:
        x = np.arange(left + 5, right, _CONTACT_SPACING_PX)
        y = np.arange(top + 5, bottom, _CONTACT_SPACING_PX)
        away = AGENT_RADIUS_PX + _GAP_PX
        points += [np.column_stack([x, np.full(len(x), v)]) for v in (top - away, bottom + away)]
        points += [np.column_stack([np.full(len(y), v), y]) for v in (left - away, right + away)]
    local = np.concatenate(points)
    cos, sin = np.cos(block[2]), np.sin(block[2])
    world = block[:2] + local @ np.array([[cos, sin], [-sin, cos]])
    signed, _ = distance(np.tile(block, (len(world), 1)), world)
    inside = ((world > AGENT_RADIUS_PX) & (world < FIELD_PX - AGENT_RADIUS_PX)).all(1)
    world = world[inside & (signed > AGENT_RADIUS_PX + 1)]
    ways = _ways_out(world, block)
    usable = [i for i, found in enumerate(ways) if len(found)]
    return world[usable], [ways[i] for i in usable]


def _ways_out(points: np.ndarray, block: np.ndarray) -> list[np.ndarray]:
    """For each point, places on the circle round the block that a straight free line leads to."""
    middle = center(block[None])[0]
    angles = np.arange(_NUM_WAYS_OUT) * 2 * np.pi / _NUM_WAYS_OUT
    rim = middle + _ROUND_PX * np.column_stack([np.cos(angles), np.sin(angles)])
    share = np.linspace(0.08, 1, 12)
    lines = points[:, None, None] + share[:, None] * (rim[None, :, None] - points[:, None, None])
    flat = lines.reshape(-1, 2)
    signed, _ = distance(np.tile(block, (len(flat), 1)), flat)
    clearance = signed.reshape(len(points), len(rim), -1).min(axis=2)
    is_free = clearance > AGENT_RADIUS_PX + 0.2
    return [rim[is_free[number]] for number in range(len(points))]


def _detour(
    agent: np.ndarray, ways_out: np.ndarray, ways_in: np.ndarray, block: np.ndarray
) -> list[np.ndarray]:
    """Stops on the circle: out, round the short way, and in."""
    middle = center(block[None])[0]
    turns = _angle(ways_in - middle)[None] - _angle(ways_out - middle)[:, None]
    turns = (turns + np.pi) % (2 * np.pi) - np.pi
    out, into = np.unravel_index(int(np.argmin(np.abs(turns))), turns.shape)
    first, turn = _angle(ways_out - middle)[out], turns[out, into]
    num = int(np.ceil(abs(turn) / np.radians(25)))
    angles = first + turn * np.linspace(0, 1, num + 1)
    stops = middle + _ROUND_PX * np.column_stack([np.cos(angles), np.sin(angles)])
    return list(np.clip(stops, AGENT_RADIUS_PX, FIELD_PX - AGENT_RADIUS_PX))


def _angle(vectors: np.ndarray) -> np.ndarray:
    return np.arctan2(vectors[..., 1], vectors[..., 0])


def _length(stops: list[np.ndarray]) -> float:
    return float(np.linalg.norm(np.diff(np.array(stops), axis=0), axis=1).sum())
