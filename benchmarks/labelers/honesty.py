"""Do learned labels know when they are wrong: `python -m benchmarks.labelers.honesty`.

Coverage of 90 % intervals after five demonstrations, by the product's defaults, on Meta-World tasks
on which nothing was chosen; and what familiarity says of strange pictures, on recordings and filmed
tasks on which nothing was chosen either. The tasks that constants were chosen on are named in
`rotoscope.models.inverse_dynamics.calibration` and `...familiarity`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers.cells import bench_folder
from benchmarks.labelers.episodes import Demonstration, cached
from benchmarks.labelers.filmed import filmed
from benchmarks.labelers.product import ALL, TRACKED, Seen
from benchmarks.labelers.real_data import g1, ivideogpt
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.training.data import LabeledEpisode, LabeledSet

TASKS = (
    "sweep-into-v3",
    "handle-pull-side-v3",
    "peg-insert-side-v3",
    "plate-slide-v3",
    "coffee-button-v3",
    "door-lock-v3",
    "lever-pull-v3",
    "hammer-v3",
    "soccer-v3",
    "stick-push-v3",
)
FILMED = ("sweep-into-v3", "handle-pull-side-v3", "peg-insert-side-v3", "plate-slide-v3")
RECORDED = ("door-lock", "hammer")
KINDS = ("blend", "mlp", "ridge", "kernel")
NUM_LABELED, NUM_HIDDEN = 5, 12
UNFAMILIAR = 0.5

Pictures = np.ndarray
STRANGE: dict[str, Callable[[Pictures], Pictures]] = {
    "noise": lambda v: np.random.default_rng(0).integers(0, 256, v.shape).astype(np.uint8),
    "dimmed": lambda v: (0.5 * v).astype(np.uint8),
    "mirrored": lambda v: np.ascontiguousarray(v[:, :, ::-1]),
    "frozen": lambda v: np.repeat(v[len(v) // 2][None], len(v), 0),
    "reversed": lambda v: np.ascontiguousarray(v[::-1]),
}


def run() -> list[Figure]:
    """Coverage, then familiarity."""
    return [*coverage(KINDS), *familiarity()]


def coverage(kinds: Sequence[str]) -> Iterator[Figure]:
    """Share of true actions inside 90 % intervals, by kind and task.

    The mean of two labelers: one sees what a tracker would (7 columns), the other all (39).
    """
    for kind in kinds:
        found = []
        for task in TASKS:
            shares = [_covered(task, kind, seen) for seen in (TRACKED, ALL)]
            found.append(float(np.mean(shares)))
            yield Figure(f"honesty.{task}.{kind}.coverage_90", found[-1], "1", Bar(">=", 0.85))
        yield Figure(
            f"honesty.{kind}.coverage_90_mean", float(np.mean(found)), "1", Bar("<=", 0.96)
        )


def _covered(task: str, kind: str, seen: Seen) -> float:
    labeled, hidden = demonstrations(task)
    known = seen.data([seen.episode(str(i), d.observations, d.actions) for i, d in labeled])
    config = InverseDynamicsConfig.model_validate({"kind": kind, "inputs": known.inputs})
    labeler = _trained(known, config)
    inside = []
    for number, demonstration in hidden:
        episode = seen.episode(str(number), demonstration.observations, demonstration.actions)
        labels, there = infer_episode(labeler, episode)
        used = episode.valid[there]
        off = np.abs(labels.values - episode.actions[there])[used]
        inside.append(off <= labels.half_width[used])
    return float(np.concatenate(inside).mean())


def demonstrations(task: str) -> tuple[list[tuple[int, Demonstration]], ...]:
    """Five labeled and twelve hidden episodes of the scripted expert, numbered."""

    def make() -> list[Demonstration]:
        simulator = MetaWorldSimulator(task)
        seeds = [*range(20_000, 20_000 + NUM_LABELED), *range(10_000, 10_000 + NUM_HIDDEN)]
        return [simulator.episode(simulator.expert, seed=s).demonstration for s in seeds]

    numbered = list(enumerate(cached(bench_folder() / "honesty", task, make)))
    return numbered[:NUM_LABELED], numbered[NUM_LABELED:]


def _trained(data: LabeledSet, config: InverseDynamicsConfig) -> Labeler:
    with tempfile.TemporaryDirectory() as folder:
        return train_inverse_dynamics(data, config, Path(folder) / "labeler")


def familiarity() -> Iterator[Figure]:
    """Of each recording: errors, AUC, confidence of what is strange; false alarms elsewhere."""
    filmed_sets = {f"filmed.{t}": filmed(t) for t in FILMED}
    recorded = {f"ivideogpt.{t}": found.data for t in RECORDED if (found := ivideogpt(t))}
    for name, data in filmed_sets.items():
        known, left = data.episodes[:NUM_LABELED], data.episodes[NUM_LABELED:]
        others = [d.episodes[0] for n, d in filmed_sets.items() if n != name]
        yield from _figures(name, [(replace(data, episodes=known), left)], others)
    for name, data in recorded.items():
        each = [_without(data, (i,)) for i in range(len(data.episodes))]
        others = [d.episodes[0] for n, d in recorded.items() if n != name]
        yield from _figures(name, each, others)
    robot = g1()
    if robot is None:
        sys.stderr.write("g1_lerobot is not in the shared folder of recordings: left out\n")
        return
    # Constants of familiarity were chosen on the first four episodes.
    yield from _figures("g1", [_without(robot.data, g) for g in robot.groups[2:]], [])


def _without(
    data: LabeledSet, left: Sequence[int]
) -> tuple[LabeledSet, tuple[LabeledEpisode, ...]]:
    known = tuple(e for i, e in enumerate(data.episodes) if i not in left)
    return replace(data, episodes=known), tuple(data.episodes[i] for i in left)


def _figures(
    name: str,
    splits: Sequence[tuple[LabeledSet, Sequence[LabeledEpisode]]],
    others: Sequence[LabeledEpisode],
) -> Iterator[Figure]:
    seen: dict[str, list[np.ndarray]] = {}
    for known, left in splits:
        config = InverseDynamicsConfig.model_validate({"kind": "kernel", "camera": known.camera})
        labeler = _trained(known, config)
        for episode in left:
            assert episode.images is not None
            seen.setdefault("as it is", []).append(_asked(labeler, episode))
            for kind, change in STRANGE.items():
                changed = replace(episode, images=change(episode.images))
                seen.setdefault(kind, []).append(_asked(labeler, changed))
        for episode in others:
            seen.setdefault("another task", []).append(_asked(labeler, episode))
    found = {kind: np.concatenate(rows) for kind, rows in seen.items()}
    error, familiar, sure = found.pop("as it is").T
    yield Figure(
        f"honesty.{name}.false_alarms", float((familiar < UNFAMILIAR).mean()), "1", Bar("<=", 0.1)
    )
    for kind, (other_error, other_familiar, other_sure) in ((k, r.T) for k, r in found.items()):
        grown = float(other_error.mean() / error.mean())
        is_judged = grown > 1.5
        title = f"honesty.{name}.{kind.replace(' ', '_')}"
        yield Figure(f"{title}.error", grown, "x")
        told = _auc(familiar, other_familiar)
        yield Figure(f"{title}.auc", told, "1", Bar(">=", 0.95) if is_judged else None)
        left_sure = float(other_sure.mean() / sure.mean())
        yield Figure(f"{title}.confidence", left_sure, "x", Bar("<=", 0.5) if is_judged else None)


def _asked(labeler: Labeler, episode: LabeledEpisode) -> np.ndarray:
    """Error, familiarity and confidence of every row that counts."""
    labels, there = infer_episode(labeler, episode)
    used = episode.valid[there]
    moves = ~np.isin(labeler.space.contract.names, labeler.facts.constant)
    off = np.abs(labels.values - episode.actions[there])[:, moves] / labeler.scaling.spread[moves]
    return np.stack([off.mean(axis=1), labels.familiarity, labels.confidence], axis=1)[used]


def _auc(familiar: np.ndarray, strange: np.ndarray) -> float:
    """Chance that a strange row is less familiar than one that is as it should be."""
    from scipy.stats import mannwhitneyu

    found = mannwhitneyu(familiar, strange).statistic
    return float(found / (len(familiar) * len(strange)))


if __name__ == "__main__":
    parts = {"coverage": lambda: coverage(sys.argv[2:] or KINDS), "familiarity": familiarity}
    for part in parts if len(sys.argv) < 2 else sys.argv[1:2]:
        for figure in parts[part]():
            print(figure.line(), flush=True)
