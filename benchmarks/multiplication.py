"""What five demonstrations are worth when they are multiplied, or when more like them are found.

Constants were chosen on Meta-World's push, pick-place and drawer-open; figures are of tasks that
chose nothing. Policies are the built-in one, which sees states, tried on 50 unseen starts each.
`worth`: a curve of some demonstrations is held against what more of them brought.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks._curation_episodes import Demonstration, demonstrations
from benchmarks.figure import Bar, Figure
from rotoscope.models.multiplication.multiply import CORRECT, MultiplyRequest, multiply
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate import FIRST_SEED, try_policy
from rotoscope.models.policy.evaluate_folder import load_policy
from rotoscope.models.search.find import FindRequest, find
from rotoscope.models.simulators.record import STEPS_AFTER_SUCCESS
from rotoscope.models.simulators.rollout import rollout
from rotoscope.models.simulators.simulator import STATE, Simulator, open_simulator
from rotoscope.models.worth.forecast import forecast
from rotoscope.models.worth.measure import Measured, WorthRequest, measure
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

CHOSEN_ON = ("push-v3", "pick-place-v3", "drawer-open-v3")
"""Tasks on which constants of multiplication were chosen."""
REPORTED_ON = ("sweep-into-v3", "coffee-push-v3")
"""Tasks that chose nothing; they were named before anything was run on them."""
OTHERS = ("push-v3", "plate-slide-v3", "push-back-v3", "soccer-v3", "reach-v3", "sweep-v3")
"""Tasks in whose episodes stretches like those of sweep-into are looked for."""
SEEDS = (0, 1, 2)
FEW, MANY, MADE = 5, 50, 50
CORRECTED, TREMBLING = 20, 0.3
"""Episodes of rows beside five demonstrations; standard deviation of a trembling hand's actions."""
OTHERS_EACH, FOUND_EACH = 20, 10
"""Episodes of each other task, and stretches for each demonstration: the command's own count."""
STARTS, STEPS = 50, 150
"""A start counts as failed after so many steps; the experts need 50 to 100."""
_FIRST, _APART = 60_000, 400
"""Where the starts of demonstrations begin, and how far those of two seeds are apart."""
_LEARNED_FROM = (
    "five", "fifty", "played", "states", "five.corrected", "trembling", "trembling.corrected",
)  # fmt: skip
WORTH_COUNTS = (2, 4, 8, 16, 40)
"""A curve of all but the last is held against the last."""


def run() -> list[Figure]:
    """Success of policies by what they learned from, and how well `worth` foretold errors."""
    figures: list[Figure] = []
    for task in REPORTED_ON:
        simulator = open_simulator(f"metaworld:{task}")
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as name:
                figures += _task(task, simulator, seed, Path(name))
        simulator.close()
        figures += _foretold(task)
    return figures + _means(figures)


def _task(task: str, simulator: Simulator, seed: int, folder: Path) -> list[Figure]:
    many = demonstrations(simulator, MANY, has_detours=False, first_seed=_FIRST + _APART * seed)
    few = many[:FEW]
    write(simulator, few, folder / "five")
    write(simulator, many, folder / "fifty")
    request = MultiplyRequest(folder / "five", folder / "played", MADE, seed=1000 * seed)
    played = multiply(replace(request, env=simulator.facts.name))
    multiply(replace(request, out=folder / "states"))
    names = ["five", "fifty", "played", "states"]
    figures = [
        Figure(f"multiplication.{task}.{seed}.starts_solved", played.made / played.tried, "1")
    ]
    figures += corrected(task, simulator, seed, folder)
    if task == REPORTED_ON[0]:
        found = _found(folder / "five", len(few), folder)
        write(simulator, [*few, *found], folder / "found")
        rows = float(sum(len(one.action) for one in found))
        figures.append(Figure(f"multiplication.{task}.{seed}.found.rows", rows, "rows"))
        write(simulator, [*few, *_drawn(found, folder, seed)], folder / "drawn")
        names += ["found", "drawn"]
    for name in names:
        policy = folder / f"{name}.policy"
        train_policy(folder / name, policy, overrides=[f"loop.seed={seed}"])
        solved = success(simulator, policy)
        figures.append(Figure(f"multiplication.{task}.{seed}.{name}", solved, "of 50"))
        print(figures[-1].line(), flush=True)
    return figures


def corrected(task: str, simulator: Simulator, seed: int, folder: Path) -> list[Figure]:
    """Rows beside demonstrations: how many are sure, and policies with and without them.

    Of the scripted expert's demonstrations, and of five whose hand trembles: an expert that always
    does the same in a state does not show what its actions do.
    """
    figures: list[Figure] = []
    for name, noise in (("five", 0.0), ("trembling", TREMBLING)):
        few = folder / f"{name}.shown"
        write(simulator, _few(simulator, seed, noise), few)
        request = MultiplyRequest(few, folder / f"{name}.corrected", CORRECTED, seed=1000 * seed,
                                  method=CORRECT)  # fmt: skip
        prefix = f"multiplication.{task}.{seed}.{name}"
        try:
            sure = multiply(request).sure
        except DatasetError:
            # None is sure: nothing is made.
            sure = 0.0
        figures.append(Figure(f"{prefix}.corrected.sure", sure, "1"))
        if not sure:
            continue
        # Policies of five demonstrations without noise are a row of their own.
        for data in (few, request.out) if noise else (request.out,):
            train_policy(data, data.with_suffix(".policy"), overrides=[f"loop.seed={seed}"])
            solved = success(simulator, data.with_suffix(".policy"))
            kind = prefix if data == few else f"{prefix}.corrected"
            figures.append(Figure(kind, solved, "of 50"))
            print(figures[-1].line(), flush=True)
    return figures


def _few(simulator: Simulator, seed: int, noise: float) -> list[Demonstration]:
    """Five demonstrations by the expert, whose actions tremble by so much."""
    draw = np.random.default_rng(seed)
    out: list[Demonstration] = []
    start = _FIRST + _APART * seed
    while len(out) < FEW:
        act = lambda seen: simulator.expert() + noise * draw.normal(size=4)  # noqa: E731
        steps = list(rollout(simulator, act, seed=start, steps_after_success=STEPS_AFTER_SUCCESS))
        if any(one.step.is_success for one in steps):
            state = np.array([one.observation[STATE] for one in steps])
            action = np.array([one.action for one in steps])
            out.append(Demonstration(f"few-{start}", state, action, np.zeros(len(steps), bool)))
        start += 1
    return out


def _means(figures: Sequence[Figure]) -> list[Figure]:
    """Over the seeds, with the bars."""
    out = []
    for task in REPORTED_ON:
        mean = {}
        for name in (*_LEARNED_FROM, "found", "drawn"):
            values = [
                one.value
                for one in figures
                if one.name in [f"multiplication.{task}.{seed}.{name}" for seed in SEEDS]
            ]
            if values:
                mean[name] = float(np.mean(values))
        for name, value in mean.items():
            bar = Bar(">=", 45) if name == "played" else None
            out.append(Figure(f"multiplication.{task}.{name}", value, "of 50", bar))
        if "found" in mean:
            closed = (mean["found"] - mean["five"]) / max(mean["fifty"] - mean["five"], 1e-9)
            out.append(Figure(f"multiplication.{task}.found.closed", closed, "1", Bar(">=", 0.25)))
    return out


def success(simulator: Simulator, policy: Path) -> float:
    """Starts of fifty that a policy solves."""
    starts = range(FIRST_SEED, FIRST_SEED + STARTS)
    results = try_policy(load_policy(policy), simulator, starts, horizon=STEPS)
    return float(sum(one.is_success for one in results))


def _found(few: Path, num: int, folder: Path) -> list[Demonstration]:
    """Stretches of other tasks' episodes that are like any of the demonstrations, each row once."""
    for task in OTHERS:
        if not (folder / task).exists():
            other = open_simulator(f"metaworld:{task}")
            write(other, demonstrations(other, OTHERS_EACH, has_detours=False), folder / task)
            other.close()
    places = tuple(folder / task for task in OTHERS)
    found = [
        one
        for index in range(num)
        for one in find(FindRequest(f"{few}#{index}", places, count=FOUND_EACH)).stretches
    ]
    out: list[Demonstration] = []
    taken: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for one in sorted(found, key=lambda stretch: stretch.cost):
        place = (str(one.source.dataset.root), one.source.index)
        if any(one.start < end and start < one.end for start, end in taken.get(place, [])):
            continue
        taken.setdefault(place, []).append((one.start, one.end))
        name = f"found-{one.source.dataset.root.name}-{one.source.index}-{one.start}"
        out.append(_stretch(one.source.dataset, one.source.row, one.start, one.end, name))
    return out


def _drawn(found: Sequence[Demonstration], folder: Path, seed: int) -> list[Demonstration]:
    """As many stretches as were found, as long, at places of the same datasets drawn at random."""
    draw = np.random.default_rng(seed)
    datasets = [open_dataset(folder / task) for task in OTHERS]
    out = []
    for number, one in enumerate(found):
        dataset = datasets[draw.integers(len(datasets))]
        row = int(draw.integers(len(dataset)))
        length = int(dataset.table[row]["length"])
        num = min(len(one.action), length)
        start = int(draw.integers(length - num + 1))
        out.append(_stretch(dataset, row, start, start + num, f"drawn-{number}"))
    return out


def _stretch(dataset: Dataset, row: int, start: int, end: int, name: str) -> Demonstration:
    columns = dataset.episode(row).columns
    state, action = (
        np.asarray(columns[name], float)[start:end] for name in ("observation.state", "action")
    )
    return Demonstration(name, state, action, np.zeros(len(action), bool))


def write(simulator: Simulator, episodes: Sequence[Demonstration], out: Path) -> None:
    """A dataset of these episodes, without pictures."""
    facts = simulator.facts
    told = StateColumns(facts.state_names, "m", "Where hand, thing and goal are.")
    with DatasetRecorder(facts.contract, told, camera="") as recorder:
        for one in episodes:
            rows = len(one.action)
            recorder.add(
                Rows(one.name, facts.task, one.action.astype(np.float32), np.ones(rows, bool),
                     np.ones(rows), one.state.astype(np.float32))
            )  # fmt: skip
        recorder.publish(out, made_by="a benchmark")


def _foretold(task: str) -> list[Figure]:
    """Held-out errors of many demonstrations, and what a curve of fewer said of them."""
    simulator = open_simulator(f"metaworld:{task}")
    with tempfile.TemporaryDirectory() as name:
        many = demonstrations(simulator, MANY, has_detours=False, first_seed=_FIRST)
        write(simulator, many, Path(name) / "many")
        whole = measure(WorthRequest(Path(name) / "many", counts=WORTH_COUNTS))
    simulator.close()
    seen = Measured(WORTH_COUNTS[-2], WORTH_COUNTS[:-1], whole.errors[:-1], is_success=False)
    told = forecast(seen, WORTH_COUNTS[-1] - WORTH_COUNTS[-2])
    before, after = (float(whole.errors[i].mean()) for i in (-2, -1))
    gain, low, high = told.gain
    return [
        Figure(f"worth.{task}.unexplained_by_{WORTH_COUNTS[-2]}", before, "1"),
        Figure(f"worth.{task}.unexplained_by_{WORTH_COUNTS[-1]}", after, "1"),
        Figure(f"worth.{task}.gain", before - after, "1"),
        Figure(f"worth.{task}.gain_foretold", gain, "1"),
        Figure(f"worth.{task}.gain_foretold.low", low, "1"),
        Figure(f"worth.{task}.gain_foretold.high", high, "1"),
    ]
