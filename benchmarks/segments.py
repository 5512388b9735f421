"""Do segments of episodes agree with the phases that a simulator's contacts and motions say?

Meta-World's experts; after success the gripper opens and the hand leaves. Constants were chosen on
`CHOSEN_ON` of `_skill_phases`; figures are of `REPORTED_ON`. A boundary is found where one lies
within .2 s of it, each used once. For comparison: as many boundaries as are true, evenly.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from benchmarks._skill_phases import REPORTED_ON, TruePhases, boundaries, matched, solved
from benchmarks.figure import Bar, Figure
from rotoscope.models.simulators.simulator import STATE, open_simulator
from rotoscope.pipeline.datasets.read import EpisodeRows
from rotoscope.pipeline.segments.cues import cues_of
from rotoscope.pipeline.segments.roles import Numbers, Roles
from rotoscope.pipeline.segments.skills import Segment, segments_of

EPISODES = 20
WITHIN_S, STRICT_S = 0.2, 0.05
_HAND = Numbers(STATE, "hand", (0, 1, 2), True)
_GRIPPER = Numbers(STATE, "gripper.opening", (3,), False)
_THING = Numbers(STATE, "object", (4, 5, 6), True)
ROLES = {
    "things": Roles((_HAND,), (_GRIPPER,), (_THING,), ""),
    "no_things": Roles((_HAND,), (_GRIPPER,), (), ""),
}
"""What is known: where the thing is, too, or hand and gripper alone."""


def run() -> list[Figure]:
    """F1 of boundaries by task, and over all tasks; what it costs."""
    figures: list[Figure] = []
    counts: dict[str, list[np.ndarray]] = {}
    for task in REPORTED_ON:
        simulator = open_simulator(f"metaworld:{task}")
        episodes, fps = solved(simulator, EPISODES), simulator.facts.fps
        simulator.close()
        for name, roles in ROLES.items():
            begin = time.process_time()
            found = cut(episodes, roles, fps)
            spent_ms = 1e3 * (time.process_time() - begin)
            count = counted(episodes, found, fps)
            counts.setdefault(name, []).append(count)
            bar = Bar(">=", 0.8) if name == "things" else None
            figures.append(Figure(f"segments.{task}.{name}.f1", f1(count, 0), "1", bar))
            figures.append(Figure(f"segments.{task}.{name}.f1_strict", f1(count, 1), "1"))
            if name == "things":
                rows = sum(len(one.state) for one in episodes)
                figures.append(Figure(f"segments.{task}.evenly.f1", f1(count, 2), "1"))
                figures.append(Figure(f"segments.{task}.true", count[4] / EPISODES, "1/episode"))
                figures.append(Figure(f"segments.{task}.cpu", spent_ms / rows, "ms/row"))
    for name, some in counts.items():
        bar = Bar(">=", 0.8) if name == "things" else None
        total = np.sum(some, axis=0)
        figures.append(Figure(f"segments.all.{name}.f1", f1(total, 0), "1", bar))
        figures.append(Figure(f"segments.all.{name}.f1_strict", f1(total, 1), "1"))
    figures.append(Figure("segments.all.evenly.f1", f1(np.sum(counts["things"], axis=0), 2), "1"))
    return figures


def cut(episodes: Sequence[TruePhases], roles: Roles, fps: float) -> list[Segment]:
    """Segments of these episodes."""
    rows = [
        EpisodeRows(n, {STATE: one.state, "frame_index": np.arange(len(one.state))}, None, 0.0, {})
        for n, one in enumerate(episodes)
    ]
    return segments_of(cues_of(rows, roles, fps), fps)


def counted(episodes: Sequence[TruePhases], found: Sequence[Segment], fps: float) -> np.ndarray:
    """Boundaries that agree: found within .2 s, within .05 s, evenly within .2 s; found; true."""
    out = np.zeros(5)
    for number, one in enumerate(episodes):
        true = [row for row, _ in boundaries(one, fps)]
        mine = [s.start for s in found if s.episode == number and s.start > 0]
        even = [round(len(one.state) * (k + 1) / (len(true) + 1)) for k in range(len(true))]
        out += [
            matched(mine, true, within=WITHIN_S * fps),
            matched(mine, true, within=STRICT_S * fps),
            matched(even, true, within=WITHIN_S * fps),
            len(mine),
            len(true),
        ]
    return out


def f1(count: np.ndarray, which: int) -> float:
    """F1 of the boundaries of `counted`, by which of its first three numbers agree."""
    num_found = count[4] if which == 2 else count[3]
    return float(2 * count[which] / max(num_found + count[4], 1))
