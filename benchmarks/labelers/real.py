"""Labelers on recordings of others with true actions: `python -m benchmarks.labelers.real`.

Every labeler is trained on some episodes and asked about the others; beside it stand what a robot's
own sensors would say and what is trivial. R2 is the mean over dimensions, on all left-out rows that
have a label; rows whose window reaches beyond their episode have none. `r2_all_rows` counts those
as the mean action, `r2_by_group` is the mean of the R2 of each left-out group.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers import scores
from benchmarks.labelers.real_data import Recording, g1, gr00t, ivideogpt
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics

KERNEL = InverseDynamicsConfig.model_validate(
    {"kind": "kernel", "camera": "observation.images.front"}
)
"""As `kind=kernel camera=...` on the command line: everything else is chosen in training."""
LINEAR = InverseDynamicsConfig.model_validate(
    {
        "kind": "ridge",
        "camera": "observation.images.front",
        "window": {"before_s": 1 / 3, "after_s": 2 / 3, "spacing_s": 1 / 3},
    }
)
"""Ridge regression on the same principal components, in the window that the kernel chooses."""
FROM_STATE = {
    kind: InverseDynamicsConfig.model_validate({"kind": kind, "inputs": ("observation.state",)})
    for kind in ("mlp", "blend")
}
RIDGE = InverseDynamicsConfig.model_validate({"kind": "ridge", "inputs": ("observation.state",)})
IVIDEOGPT_TASKS = ("button-press-topdown-wall", "coffee-push", "door-lock", "hammer")
COPIES = range(0, 7)
"""How far ahead a state is copied, in rows; the best counts."""


@dataclass(frozen=True, eq=False)
class Held:
    """What a labeler said of all episodes, each while it was left out."""

    values: list[np.ndarray]
    """NaN where it said nothing."""
    half_width: list[np.ndarray]
    confidence: list[np.ndarray]
    truth: list[np.ndarray]
    """Rows that count, dimensions that are judged."""
    group: list[int]
    """Which group each episode was left out with."""


def run() -> list[Figure]:
    """All three sets; those whose folder is absent are left out, with a word about it."""
    return [figure for figures in _parts() for figure in figures]


def _parts() -> Iterator[list[Figure]]:
    yield _g1()
    yield _gr00t()
    for task in IVIDEOGPT_TASKS:
        yield _ivideogpt(task)


def _g1() -> list[Figure]:
    recording = g1()
    if recording is None:
        return _skipped("g1_lerobot")
    linear, held = leave_out(recording, LINEAR), leave_out(recording, KERNEL)
    return [
        *trivial(recording, is_delta=True),
        Figure("real.g1.ridge.r2_by_group", _r2_by_group(linear), "1"),
        Figure("real.g1.kernel.r2_by_group", _r2_by_group(held), "1", Bar(">=", 0.5)),
        *learned("g1.kernel", held, bar=0.5),
    ]


def _gr00t() -> list[Figure]:
    recording = gr00t()
    if recording is None:
        return _skipped("gr00t_picknplace")
    kinds = {"ridge": RIDGE, **FROM_STATE}
    return [
        *trivial(recording, is_delta=False),
        *(
            figure
            for kind, config in kinds.items()
            for figure in learned(f"{recording.name}.{kind}", leave_out(recording, config))
        ),
    ]


def _ivideogpt(task: str) -> list[Figure]:
    recording = ivideogpt(task)
    if recording is None:
        return _skipped("ivideogpt")
    held = leave_out(recording, KERNEL)
    return [
        *trivial(recording, is_delta=True),
        *learned(f"{recording.name}.kernel", held),
    ]


def leave_out(recording: Recording, config: InverseDynamicsConfig) -> Held:
    """Every group of episodes labeled by what was trained on the others."""
    data, judged = recording.data, list(recording.judged)
    out = Held([], [], [], [], [])
    for number, group in enumerate(recording.groups):
        known = tuple(e for i, e in enumerate(data.episodes) if i not in group)
        with tempfile.TemporaryDirectory() as folder:
            labeler = train_inverse_dynamics(
                replace(data, episodes=known), config, Path(folder) / "labeler"
            )
        for episode in (data.episodes[i] for i in group):
            # All rows are labeled, then those that count are cut out.
            labels, known_rows = infer_episode(labeler, episode)
            values, width = (np.full(episode.actions.shape, np.nan) for _ in range(2))
            sure = np.full(len(values), np.nan)
            values[known_rows], width[known_rows] = labels.values, labels.half_width
            sure[known_rows] = labels.confidence
            count = episode.valid
            out.values.append(values[count][:, judged])
            out.half_width.append(width[count][:, judged])
            out.confidence.append(sure[count])
            out.truth.append(episode.actions[count][:, judged])
            out.group.append(number)
    return out


def learned(name: str, held: Held, *, bar: float | None = None) -> list[Figure]:
    """How good labels are, whether they stand right, and whether they know their errors."""
    known = [np.isfinite(v).all(axis=1) for v in held.values]
    values, truth, width = (
        [a[k] for a, k in zip(arrays, known, strict=True)]
        for arrays in (held.values, held.truth, held.half_width)
    )
    value, true, half = (np.concatenate(a) for a in (values, truth, width))
    sure = np.concatenate([c[k] for c, k in zip(held.confidence, known, strict=True)])
    moves = scores.varying(true)
    scale = true[:, moves].std(0)
    relative, doubt = np.abs(value - true)[:, moves] / scale, half[:, moves] / scale
    error = relative.mean(1)
    covered = scores.coverage(value, half, true)
    peak = scores.farthest_lag(scores.best_lags(values, truth))
    return [
        Figure(f"real.{name}.r2", _r2(values, truth), "1", None if bar is None else Bar(">=", bar)),
        Figure(f"real.{name}.r2_all_rows", _r2_of_all_rows(held), "1"),
        Figure(f"real.{name}.labeled", float(np.concatenate(known).mean()), "1"),
        Figure(f"real.{name}.lag", peak, "frames", Bar("==", 0)),
        Figure(f"real.{name}.coverage_90_least", covered, "1", Bar(">=", 0.87)),
        Figure(f"real.{name}.coverage_90_most", covered, "1", Bar("<=", 0.93)),
        Figure(f"real.{name}.error_left_20", _left(error, -sure), "1", Bar("<=", 0.85)),
        # What nobody can beat who drops whole rows, and the same for single numbers.
        Figure(f"real.{name}.error_left_20_at_best", _left(error, error), "1"),
        Figure(
            f"real.{name}.error_left_20_of_numbers", _left(relative.ravel(), doubt.ravel()), "1"
        ),
    ]


def _left(error: np.ndarray, doubt: np.ndarray) -> float:
    """Mean error once the 20 % with the most doubt are gone, over that of all."""
    kept = np.argsort(doubt, kind="stable")[: round(0.8 * len(doubt))]
    return float(error[kept].mean() / error.mean())


def trivial(recording: Recording, *, is_delta: bool) -> list[Figure]:
    """The mean, the action before, and the robot's own state some rows ahead."""
    judged, episodes = list(recording.judged), recording.data.episodes
    truth = [e.actions[e.valid][:, judged] for e in episodes]
    mean, before = [], []
    for group in recording.groups:
        others = [t for i, t in enumerate(truth) if i not in group]
        for i in group:
            mean.append(np.repeat(np.concatenate(others).mean(0)[None], len(truth[i]), 0))
            before.append(np.concatenate([np.zeros_like(truth[i][:1]), truth[i][:-1]]))
    rows: dict[str, list[np.ndarray]] = {"mean": mean, "previous": before}
    found = {name: _r2(values, truth) for name, values in rows.items()}
    if recording.states:
        found["state"] = max(
            _r2(
                [
                    _ahead(s, k)[e.valid][:, judged]
                    for s, e in zip(recording.states, episodes, strict=True)
                ],
                truth,
            )
            for k in ((0,) if is_delta else COPIES)
        )
    return [Figure(f"real.{recording.name}.{n}.r2", value, "1") for n, value in found.items()]


def _ahead(state: np.ndarray, rows: int) -> np.ndarray:
    return state[np.minimum(np.arange(len(state)) + rows, len(state) - 1)]


def _r2_by_group(held: Held) -> float:
    """Mean over left-out groups and dimensions, on rows that have a label."""
    found = []
    for group in sorted(set(held.group)):
        pairs = [
            (values[known], truth[known])
            for values, truth, own in zip(held.values, held.truth, held.group, strict=True)
            if own == group
            for known in [np.isfinite(values).all(axis=1)]
        ]
        found.append(_r2([a for a, _ in pairs], [b for _, b in pairs]))
    return float(np.mean(found))


def _r2_of_all_rows(held: Held) -> float:
    """Over all episodes at once; rows without a label count as the mean of the others' actions."""
    values = []
    for i, own in enumerate(held.values):
        others = np.concatenate([t for j, t in enumerate(held.truth) if j != i])
        values.append(np.where(np.isfinite(own), own, others.mean(0)))
    return _r2(values, held.truth)


def _r2(values: list[np.ndarray], truth: list[np.ndarray]) -> float:
    return scores.mean_r2(np.concatenate(values), np.concatenate(truth))


def _skipped(folder: str) -> list[Figure]:
    sys.stderr.write(f"{folder} is not in the shared folder of recordings: left out\n")
    return []


if __name__ == "__main__":
    for figures in _parts():
        for figure in figures:
            print(figure.line(), flush=True)
