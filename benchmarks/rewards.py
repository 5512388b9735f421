"""Do rewards from one demonstration tell success from failure, and does progress follow a task?

Meta-World episodes by the scripted expert, by the expert with noise, and by five drivers that stop
or do something else; the simulator says which succeed. Constants were chosen on `CHOSEN_ON` of
`_reward_rollouts`; figures are of `REPORTED`. A demonstration is *aligned* where it shows every
second step, *misaligned* where it shows a third of itself densely and the rest sparsely.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import _reward_rollouts as rollouts
from benchmarks._reward_rollouts import REPORTED, Rollout
from benchmarks.figure import Bar, Figure
from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.rewards.seen import NUM_COMPONENTS
from rotoscope.models.rewards.time_contrastive import learn_time
from rotoscope.models.simulators.metaworld import STATE_NAMES
from rotoscope.pipeline.rewards.alignment import METHODS
from rotoscope.pipeline.rewards.features import distances, scale_of
from rotoscope.pipeline.rewards.judge import Judgment, judge
from rotoscope.pipeline.rewards.subgoals import Subgoals, subgoals_of

SEEDS, PIXEL_SEEDS, OTHER_SEEDS = range(20, 23), range(20, 22), range(30, 34)
SPEEDS = {"half": 0.5, "same": 1.0, "twice": 2.0}
OTHER_STEPS = 200
_REACHED, _AFTER = 0.99, 5
_BARS = {("orca", "aligned"): 1.0, ("orca", "misaligned"): 0.95}
_PIXEL_BAR, _RANK_BAR, _SIGMA_BAR = 0.9, 0.9, 0.9

Score = Callable[[np.ndarray], float]
"""From the features of an episode to its reward in all."""


@dataclass(frozen=True, eq=False)
class Case:
    """A demonstration and episodes from its start, as features."""

    demo: np.ndarray
    """Rows that are shown."""
    episodes: Sequence[np.ndarray]
    """Features of each episode."""
    is_success: Sequence[bool]
    """Whether the simulator says that it succeeds."""
    names: Sequence[str]
    """Names of the numbers."""


def run() -> list[Figure]:
    """Figures by method and kind of demonstration, of progress, of verdicts, of cost."""
    state: dict[str, list[Case]] = {"aligned": [], "misaligned": []}
    pixels: dict[str, list[Case]] = {"aligned": [], "misaligned": []}
    demos: list[Sequence[Rollout]] = []
    others: list[Sequence[Rollout]] = []
    for task in REPORTED:
        with_pictures = _candidates(task, PIXEL_SEEDS, has_pictures=True)
        without = _candidates(task, SEEDS[len(PIXEL_SEEDS) :], has_pictures=False)
        for kind, cases in state.items():
            cases += [_state_case(some, kind) for some in (*with_pictures, *without)]
        for kind, cases in pixels.items():
            cases += [_pixel_case(some, kind) for some in with_pictures]
        demos += [*with_pictures, *without]
        simulator = rollouts.open_task(task, has_pictures=False)
        others.append(
            [rollouts.demonstration(simulator, seed, OTHER_STEPS) for seed in OTHER_SEEDS]
        )
    return [
        *_orderings("state", state, _BARS),
        *_orderings("pixels", pixels, {(m, k): _PIXEL_BAR for m, k in _BARS}),
        *_verdicts(demos, others),
        *_progress(demos, others),
        *_costs(state["aligned"], pixels["aligned"]),
    ]


def _candidates(task: str, seeds: Sequence[int], *, has_pictures: bool) -> list[list[Rollout]]:
    simulator = rollouts.open_task(task, has_pictures=has_pictures)
    try:
        demos = [rollouts.demonstration(simulator, seed) for seed in seeds]
        return [
            list(rollouts.candidates(simulator, seed, demo))
            for seed, demo in zip(seeds, demos, strict=True)
        ]
    finally:
        simulator.close()


def _shown(demo: Rollout, kind: str) -> np.ndarray:
    """Steps of a demonstration that are shown."""
    end = rollouts.settled(demo)
    if kind == "aligned":
        return np.arange(0, end, 2)
    return rollouts.misaligned(len(demo.state), end)


def _state_case(some: Sequence[Rollout], kind: str) -> Case:
    demo = some[0].state[_shown(some[0], kind)]
    episodes = [one.state[::2] for one in some]
    return Case(demo, episodes, [one.is_success for one in some], STATE_NAMES)


def _pixel_case(some: Sequence[Rollout], kind: str) -> Case:
    """Principal components of these episodes' pictures, one of every second step."""
    embed = PictureComponents.of(np.concatenate([one.pictures for one in some]), NUM_COMPONENTS)
    described = [embed(one.pictures, one.pictures) for one in some]
    shown = np.unique(_shown(some[0], kind) // 2)
    names = [f"picture.{i}" for i in range(described[0].shape[1])]
    return Case(described[0][shown], described, [one.is_success for one in some], names)


def _orderings(
    what: str, cases: Mapping[str, Sequence[Case]], bars: Mapping[tuple[str, str], float]
) -> list[Figure]:
    """Share of pairs of a success and a failure of which the success is worth more."""
    figures = []
    for method in (*METHODS, "time_contrastive"):
        for kind, some in cases.items():
            bar = bars.get((method, kind))
            value = float(np.mean([_ordered(case, _score(case, method)) for case in some]))
            name = f"rewards.{what}.{method}.{kind}"
            figures.append(Figure(name, value, "1", None if bar is None else Bar(">=", bar)))
            if method in METHODS:
                value = float(
                    np.mean([_ordered(case, _by_subgoals(case, method)) for case in some])
                )
                figures.append(Figure(f"rewards.{what}.subgoals.{method}.{kind}", value, "1"))
    return figures


def _score(case: Case, method: str) -> Score:
    """A method as it was published: against every row that the demonstration shows."""
    if method == "time_contrastive":
        model = learn_time(subgoals_of([case.demo], case.names))
        return lambda rows: float(model.reward(rows).mean())
    scale = scale_of([case.demo], case.names)
    return lambda rows: float(METHODS[method](distances(rows, case.demo, scale)).mean())


def _by_subgoals(case: Case, method: str) -> Score:
    """The same against subgoals, as the product has it."""
    goals = subgoals_of([case.demo], case.names)
    return lambda rows: float(judge(rows, goals, (method,)).rewards[method].mean())


def _ordered(case: Case, score: Score) -> float:
    worth = [score(rows) for rows in case.episodes]
    good = [w for w, s in zip(worth, case.is_success, strict=True) if s]
    bad = [w for w, s in zip(worth, case.is_success, strict=True) if not s]
    return float(np.mean([(g > b) + 0.5 * (g == b) for g in good for b in bad]))


def _verdicts(
    demos: Sequence[Sequence[Rollout]], others: Sequence[Sequence[Rollout]]
) -> list[Figure]:
    """How often an episode is rightly called done, or not done."""
    by_name: dict[str, list[bool]] = {}

    def note(name: str, one: Rollout, goals: Sequence[Subgoals], *, is_done: bool) -> None:
        label = name.replace(" ", "_").replace(",", "")
        by_name.setdefault(label, []).append(judge(one.state, goals).is_done == is_done)

    for number, some in enumerate(demos):
        own = subgoals_of([some[0].state[: rollouts.settled(some[0])]], STATE_NAMES)
        theirs = _goals_of(others[number * len(others) // len(demos)])
        for one in some:
            if one is not some[0]:
                note(f"own_start.{one.name}", one, own, is_done=one.is_success)
            note(f"other_starts.{one.name}", one, theirs, is_done=one.is_success)
    for starts in others:
        for left_out, one in enumerate(map(_to_success, starts)):
            goals = _goals_of(starts, left_out)
            note("left_out", one, goals, is_done=True)
            half = Rollout(
                "half", one.state[: len(one.state) // 2], one.pictures, one.reward, False
            )
            note("half_of_left_out", half, goals, is_done=False)
    return [Figure(f"rewards.verdict.{n}", float(np.mean(v)), "1") for n, v in by_name.items()]


def _progress(
    demos: Sequence[Sequence[Rollout]], others: Sequence[Sequence[Rollout]]
) -> list[Figure]:
    """Rank correlation with the highest reward of the task so far, and how sure sigma is."""
    ranks: dict[str, list[float]] = {f"{w}.{s}": [] for w in ("start", "other") for s in SPEEDS}
    inside: dict[str, list[np.ndarray]] = {"start": [], "other": []}
    for some in demos:
        if some[1].is_success:
            demo = _to_success(some[0])
            goals = subgoals_of([demo.state], STATE_NAMES)
            _follow("start", _to_success(some[1]), [demo], goals, ranks, inside)
    for starts in others:
        for left_out, one in enumerate(starts):
            rest = [_to_success(s) for i, s in enumerate(starts) if i != left_out]
            _follow("other", _to_success(one), rest, _goals_of(starts, left_out), ranks, inside)
    figures = []
    for name, values in ranks.items():
        bar = Bar(">=", _RANK_BAR)
        figures.append(Figure(f"rewards.progress.rank.{name}", float(np.mean(values)), "1", bar))
        figures.append(Figure(f"rewards.progress.rank.{name}.worst", min(values), "1"))
    for name, rows in inside.items():
        share = float(np.concatenate(rows).mean())
        bar = Bar(">=", _SIGMA_BAR)
        figures.append(Figure(f"rewards.progress.inside_two_sigma.{name}", share, "1", bar))
    return figures


def _follow(
    what: str,
    one: Rollout,
    demos: Sequence[Rollout],
    goals: Sequence[Subgoals],
    ranks: Mapping[str, list[float]],
    inside: Mapping[str, list[np.ndarray]],
) -> None:
    from scipy.stats import spearmanr

    for name, speed in SPEEDS.items():
        played = rollouts.at_speed(one, speed)
        found = judge(played.state, goals)
        so_far = np.maximum.accumulate(played.reward)
        ranks[f"{what}.{name}"].append(float(spearmanr(found.progress, so_far).statistic))
        if speed == 1.0:
            demo = demos[found.demo]
            inside[what].append(_inside(found, so_far, demo, goals[found.demo]))


def _inside(found: Judgment, so_far: np.ndarray, demo: Rollout, goals: Subgoals) -> np.ndarray:
    """Rows whose progress is within two sigma of where the demonstration has the same reward.

    Where its reward stands still for more than a tenth of the way, nothing is said.
    """
    reached = np.maximum.accumulate(demo.reward)
    place = np.interp(np.arange(len(reached)), goals.rows, goals.progress)
    last = len(place) - 1
    low = place[np.minimum(np.searchsorted(reached, so_far, "left"), last)]
    high = place[np.minimum(np.searchsorted(reached, so_far, "right"), last)]
    off = np.maximum(low - found.progress, found.progress - high).clip(min=0)
    told: np.ndarray = (off < 2 * found.sigma)[high - low < 0.1]
    return told


def _to_success(one: Rollout) -> Rollout:
    """To a little after the task's reward is as high as it gets."""
    end = int(np.argmax(one.reward >= _REACHED * one.reward.max())) + _AFTER
    return Rollout(
        one.name, one.state[:end], one.pictures[: -(-end // 2)], one.reward[:end], one.is_success
    )


def _goals_of(starts: Sequence[Rollout], left_out: int | None = None) -> list[Subgoals]:
    """Subgoals of the others, or of all, from their own starts."""
    rest = [_to_success(one).state for i, one in enumerate(starts) if i != left_out]
    return subgoals_of(rest, STATE_NAMES)


def _costs(state: Sequence[Case], pixels: Sequence[Case]) -> list[Figure]:
    """CPU a row, progress and all rewards by alignment included."""
    figures = []
    for name, cases in (("state", state), ("pixels", pixels)):
        start, num_rows = time.process_time(), 0
        for case in cases:
            goals = subgoals_of([case.demo], case.names)
            for rows in case.episodes:
                judge(rows, goals, tuple(METHODS))
                num_rows += len(rows)
        spent_ms = 1e3 * (time.process_time() - start) / num_rows
        figures.append(Figure(f"rewards.cpu.{name}", spent_ms, "ms"))
    return figures
