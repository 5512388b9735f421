"""Are spoilt labels and detours found, and is a policy better without them, its data as long?

Constants were chosen on Meta-World's reach, drawer-open and button-press; figures are of other
tasks. Policies are the built-in one, tried on 50 unseen starts; of the control as many rows are cut
as curation cut, in stretches as long, at places drawn at random.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks._curation_episodes import (
    REPORTED_ON,
    SPOILT,
    Demonstration,
    demonstrations,
    separation,
    spoil,
    write,
)
from benchmarks._information import information
from benchmarks.figure import Bar, Figure
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import load_policy
from rotoscope.models.simulators.rollout import rollout
from rotoscope.models.simulators.simulator import Simulator, open_simulator
from rotoscope.pipeline.curation.config import load_curation
from rotoscope.pipeline.curation.consistency import consistency
from rotoscope.pipeline.curation.decide import MIN_ROWS
from rotoscope.pipeline.curation.detours import find_detours
from rotoscope.pipeline.curation.divergence import divergence
from rotoscope.pipeline.curation.motion_quality import saturation, smoothness
from rotoscope.pipeline.curation.run import curate, measure
from rotoscope.pipeline.curation.score import Score
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.export.pieces import Piece, write_pieces

SEEDS = (0, 1, 2)
EPISODES = 40
POLICIES_ON = ("push-v3", "sweep-into-v3")
"""Tasks whose policies are trained: minutes each."""
STARTS, FIRST_START, STEPS = 50, 70_000, 150
"""A start counts as failed after so many steps; the experts need 50 to 100."""


def run() -> list[Figure]:
    """Separation of spoilt episodes and of detours, success of policies, and what it costs."""
    figures: list[Figure] = []
    for task in REPORTED_ON:
        simulator = open_simulator(f"metaworld:{task}")
        clean = demonstrations(simulator, EPISODES, has_detours=False)
        astray = demonstrations(simulator, 30, has_detours=True)
        figures += _spoilt(task, clean)
        figures += _found(task, clean[:30], astray)
        if task in POLICIES_ON:
            with tempfile.TemporaryDirectory() as name:
                figures += _policies(task, simulator, astray, Path(name))
        simulator.close()
    return figures


def _spoilt(task: str, clean: Sequence[Demonstration]) -> list[Figure]:
    """`motion_error` by kind, and the other scores' worst kind, for comparison."""
    by_kind: dict[str, list[float]] = {kind: [] for kind in SPOILT}
    worst: dict[str, float] = {}
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        for kind in SPOILT:
            episodes, is_bad = spoil(clean, kind, draw)
            scores = _labels(episodes) if seed else _scores(episodes)
            found = _bad_side_up(scores)
            by_kind[kind].append(separation(found["motion_error"], is_bad))
            if not seed:
                found["information"] = -information([e.moves(0) for e in episodes])
                for name, values in found.items():
                    worst[name] = min(worst.get(name, 1.0), separation(values, is_bad))
    out = [
        Figure(f"curation.{task}.spoilt.{kind}.auc", float(np.mean(v)), "1", Bar(">=", 0.97))
        for kind, v in by_kind.items()
    ]
    out += [Figure(f"curation.{task}.{name}.worst_auc", v, "1") for name, v in worst.items()]
    lengths = [len(e.action) for e in clean]
    for name, values in _bad_side_up(_scores(clean)).items():
        rank = _rank_correlation(values, lengths)
        out.append(Figure(f"curation.{task}.{name}.rank_with_length", rank, "1"))
    return out


def _labels(episodes: Sequence[Demonstration]) -> list[Score]:
    return consistency([e.moves(n) for n, e in enumerate(episodes)], fps=80, source="state")


def _scores(episodes: Sequence[Demonstration]) -> list[Score]:
    moves = [e.moves(n) for n, e in enumerate(episodes)]
    return [
        *_labels(episodes),
        divergence(moves, source="state"),
        smoothness(moves, fps=80, source="state"),
        saturation(moves, None),
    ]


def _bad_side_up(scores: Sequence[Score]) -> dict[str, np.ndarray]:
    out = {}
    for score in scores:
        values = np.array(list(score.of_episodes().values()))
        out[score.name] = values if score.worse == "high" else -values
    return out


def _rank_correlation(values: np.ndarray, lengths: Sequence[int]) -> float:
    from scipy.stats import spearmanr

    if np.ptp(values) == 0:
        return 0.0
    return float(spearmanr(values, lengths).statistic)


def _found(
    task: str, clean: Sequence[Demonstration], astray: Sequence[Demonstration]
) -> list[Figure]:
    """Ten episodes with a detour among thirty without; then what is marked where all have one."""
    mixed = [*clean, *astray[:10]]
    marked, _ = find_detours([e.moves(n) for n, e in enumerate(mixed)])
    is_bad = np.arange(len(mixed)) >= len(clean)
    rows = np.array([float(mark.sum()) for mark in marked])
    begin = time.process_time()
    all_astray, _ = find_detours([e.moves(n) for n, e in enumerate(astray)])
    _scores(astray)
    cost = 1e3 * (time.process_time() - begin) / sum(len(e.action) for e in astray)
    cut, true = np.concatenate(all_astray), np.concatenate([e.is_detour for e in astray])
    return [
        Figure(f"curation.{task}.detour.auc", separation(rows, is_bad), "1", Bar(">=", 0.95)),
        Figure(f"curation.{task}.detour.rows_cut", float(cut[true].mean()), "1"),
        Figure(f"curation.{task}.detour.others_kept", float((~cut[~true]).mean()), "1"),
        Figure(f"curation.{task}.cpu", cost, "ms/row"),
    ]


def _policies(
    task: str, simulator: Simulator, astray: Sequence[Demonstration], folder: Path
) -> list[Figure]:
    """Success of policies trained on what was recorded, and on what is left of it."""
    write(simulator, astray, folder / "raw")
    dataset = open_dataset(folder / "raw")
    config = load_curation("detours")
    decision = curate(dataset, config, measure(dataset, config), folder / "curated")
    pieces = {
        "oracle": _pieces([e.is_detour for e in astray]),
        "random": _pieces(_random_cuts(astray, decision.kept)),
    }
    for name, kept in pieces.items():
        write_pieces(dataset, kept, {}, folder / name, made={"tool": "benchmark"})
    out = []
    for name in ("raw", "curated", "random", "oracle"):
        train_policy(folder / name, folder / f"{name}.policy")
        bar = Bar(">=", 0.85) if name == "curated" else None
        success = _success(simulator, folder / f"{name}.policy")
        out.append(Figure(f"curation.{task}.detour.{name}.success", success, "1", bar))
        rows = float(open_dataset(folder / name).info["total_frames"])
        out.append(Figure(f"curation.{task}.detour.{name}.rows", rows, "rows"))
    return out


def _success(simulator: Simulator, folder: Path) -> float:
    policy = load_policy(folder)
    solved = 0
    for seed in range(FIRST_START, FIRST_START + STARTS):
        policy.reset(seed)
        for number, step in enumerate(rollout(simulator, policy.act, seed=seed)):
            if step.step.is_success or number + 1 == STEPS:
                solved += step.step.is_success
                break
    return solved / STARTS


def _pieces(cuts: Sequence[np.ndarray]) -> list[Piece]:
    from rotoscope.pipeline.tracks import runs

    kept = [Piece(n, a, b) for n, cut in enumerate(cuts) for a, b in runs(~cut)]
    return [piece for piece in kept if piece.num_rows >= MIN_ROWS]


def _random_cuts(astray: Sequence[Demonstration], kept: Sequence[Piece]) -> list[np.ndarray]:
    """As many rows of each episode as curation left out, in one stretch at random."""
    draw = np.random.default_rng(0)
    out = []
    for number, one in enumerate(astray):
        left = sum(piece.num_rows for piece in kept if piece.episode == number)
        num = min(len(one.action) - left, len(one.action) - 2)
        first = int(draw.integers(1, len(one.action) - num))
        cut = np.zeros(len(one.action), bool)
        cut[first : first + num] = True
        out.append(cut)
    return out
