"""What rewards from one demonstration without actions are worth to who learns from them.

Reinforcement learning in Meta-World from one start, `STEPS` steps in all, against the same with the
task's own reward. Settings were chosen on `CHOSEN_ON`; figures are of `REPORTED`. The policy that
is kept is the one whose trial was worth most to its own reward. Runs that are done are kept in
`ROTOSCOPE_BENCH_OUT`, or `outputs/reinforcement`, until the code that they run changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers.code import code_hash
from rotoscope.models.reinforcement.command import (
    CURVES,
    ReinforcementRequest,
    train_by_reinforcement,
)
from rotoscope.models.rewards.seen import Seen
from rotoscope.models.simulators.record import record_dataset
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import Views, open_simulator

CHOSEN_ON = ("window-open-v3", "drawer-close-v3")
"""Tasks on which settings were chosen."""
REPORTED = ("door-close-v3", "handle-press-v3", "plate-slide-v3", "faucet-close-v3")
"""Tasks that chose nothing, named before anything learned on them; the last two a second look."""
STEPS, HORIZON, START, SEEDS = 8_000, 150, 0, (0, 1)
"""Steps in the simulator of each run, and of each episode; whose start is shown and learned from;
seeds of the networks and of what is random."""
CAMERA, SIDE_PX = "corner2", 64
SETTINGS = (f"steps={STEPS}", f"horizon={HORIZON}", f"start={START}")
_ORCA_BAR = 0.5


@dataclass(frozen=True)
class Row:
    """One way to learn."""

    name: str
    """How it is called in figures."""
    reward: str
    """What is learned from."""
    overrides: tuple[str, ...] = ()
    """Settings beside `SETTINGS`."""
    seen: Seen = field(default_factory=Seen)
    """What counts of the demonstration."""
    seeds: tuple[int, ...] = SEEDS
    """Seeds that are run."""


ROWS = (
    Row("true", "true"),
    Row("orca", "orca"),
    Row("orca_ads", "orca", ("schedule=ads",), seeds=(0,)),
    Row("temporal_ot", "temporal_ot", seeds=(0,)),
    Row("temporal_ot_ads", "temporal_ot", ("schedule=ads",), seeds=(0,)),
    Row("gaifo", "gaifo", seeds=(0,)),
    Row("orca_64px", "orca", ("look_every=4",), Seen(camera=f"observation.images.{CAMERA}"), (0,)),
)
"""The first is what the others are held against."""


def run() -> list[Figure]:
    """Returns of every row, and what share of the first row's they are."""
    figures: list[Figure] = []
    for task in REPORTED:
        figures += measure(f"metaworld:{task}", task, ROWS, SETTINGS, folder())
    return figures


def folder() -> Path:
    """Where runs that are done are kept."""
    return Path(os.environ.get("ROTOSCOPE_BENCH_OUT", "outputs/reinforcement"))


def measure(
    env: str, name: str, rows: Sequence[Row], settings: Sequence[str], kept_in: Path
) -> list[Figure]:
    """Figures of one task.

    Args:
        env: Simulator.
        name: How the task is called in figures.
        rows: What is run; the first is what the others are held against.
        settings: Of all rows.
        kept_in: Folder of runs that are done, and of those that come.
    """
    figures = list(_without_learning(env, name))
    returns: dict[str, float] = {}
    for row in rows:
        done = [_run_of(env, row, settings, seed, kept_in) for seed in row.seeds]
        for seed, one in zip(row.seeds, done, strict=True):
            figures.append(
                Figure(f"reinforcement.{name}.{row.name}.{seed}.return", one["return"], "1")
            )
            print(figures[-1].line(), flush=True)
        returns[row.name] = float(np.mean([one["return"] for one in done]))
        solved = float(np.mean([one["success"] for one in done]))
        cpu_s = float(np.mean([one["cpu_s"] for one in done]))
        share = returns[row.name] / returns[rows[0].name]
        bar = Bar(">=", _ORCA_BAR) if row.name == "orca" else None
        prefix = f"reinforcement.{name}.{row.name}"
        figures += [
            Figure(f"{prefix}.return", returns[row.name], "1"),
            Figure(f"{prefix}.of_true", share, "1", bar),
            Figure(f"{prefix}.solved", solved, "1"),
            Figure(f"{prefix}.cpu", cpu_s, "s"),
        ]
    return figures


def _without_learning(env: str, name: str) -> Iterator[Figure]:
    """Returns of who knows the task, of who acts at random, and of who stands still."""
    simulator = open_simulator(env)
    low, high = simulator.facts.contract.bounds()
    draw = np.random.default_rng(0)
    acts = {
        "expert": scripted_expert(simulator),
        "random": lambda seen: draw.uniform(low, high),
        "still": lambda seen: np.clip(np.zeros(len(low)), low, high),
    }
    horizon = min(HORIZON, simulator.facts.horizon)
    for who, act in acts.items():
        steps = rollout(simulator, act, seed=START, horizon=horizon, steps_after_success=horizon)
        total = sum(one.step.reward for one in steps)
        yield Figure(f"reinforcement.{name}.{who}.return", float(total), "1")
    simulator.close()


def _run_of(
    env: str, row: Row, settings: Sequence[str], seed: int, kept_in: Path
) -> dict[str, float]:
    """What came out, now or in an earlier run of the same code."""
    overrides = (*settings, *row.overrides, f"seed={seed}")
    code = code_hash(("rotoscope.models.reinforcement.command", __name__))
    facts: dict[str, Any] = {
        "env": env, "reward": row.reward, "seen": repr(row.seen), "settings": overrides,
    }  # fmt: skip
    key = hashlib.sha256(json.dumps([facts, code]).encode()).hexdigest()[:16]
    path = kept_in / f"{key}.json"
    if path.is_file():
        found: dict[str, float] = json.loads(path.read_text())["found"]
        return found
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _record(env, place / "shown", has_pictures=bool(row.seen.camera))
        before = time.process_time()
        request = ReinforcementRequest(
            env, place / "out", place / "shown", seen=row.seen, reward=row.reward,
            overrides=overrides,
        )  # fmt: skip
        kept = train_by_reinforcement(request).kept
        found = {
            "return": kept.mean_return,
            "success": kept.success,
            "step": kept.step,
            "cpu_s": time.process_time() - before,
        }
        kept_in.mkdir(parents=True, exist_ok=True)
        shutil.copy(place / "out" / CURVES, kept_in / f"{key}.curves.json")
    path.write_text(json.dumps(facts | {"row": row.name, "found": found}, indent=2) + "\n")
    return found


def _record(env: str, out: Path, *, has_pictures: bool) -> None:
    """The scripted expert from the one start; its actions are withheld."""
    views = Views((CAMERA,), SIDE_PX, SIDE_PX) if has_pictures else Views()
    simulator = open_simulator(env, views)
    record_dataset(simulator, scripted_expert(simulator), [START], out, hide=lambda _: True)
    simulator.close()
