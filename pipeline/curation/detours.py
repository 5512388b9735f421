"""Stretches in which an episode does what no other demonstration of the task does in such a place.

A detour cannot be told by where it leads: the way back from it is as new as the way there, and must
be kept, since it shows what to do from such a place. It is told by what is done. What all episodes
together would do in a state is learned from the other episodes (a kernel machine in random Fourier
features, A. Rahimi and B. Recht, 2007, fitted by least absolute deviations); rows that do otherwise
for long are marked, left out of what is learned, and all is learned once more, until what is left
agrees.

All constants were chosen on Meta-World's reach, drawer-open and button-press, 30 episodes each with
a detour of 25 rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.curation.forward_model import Moves
from rotoscope.pipeline.curation.score import Score

DETOUR = "detour"
MIN_EPISODES = 8
"""Fewer episodes of a task do not tell what is usual."""
MOST_LEFT = 0.5
"""Distance of usual rows from what others do above which nothing is said [standard deviations]. On
the three tasks it is 0.08 to 0.3; of points that are pushed from anywhere to anywhere, 0.7."""
_FEATURES, _BANDWIDTH = 300, 1.0
"""Random Fourier features, and their frequency: 1 over the mean deviation of a number."""
_FOLDS, _ROUNDS, _TIMES = 5, 8, 3
"""Parts of the episodes that are judged by the others; reweightings of a fit; fits."""
_RIDGE, _SMALLEST = 1e-5, 0.05
"""Weight of what keeps coefficients small; residual below which rows weigh alike."""
_ODD = 1.5
"""Distance from what others would do from which on a row speaks for a detour [standard deviations
of the action]."""
_SWITCH = 3.0
"""Evidence that it takes to begin or end a stretch: three rows that do altogether otherwise, so
that single rows, and short pauses inside a detour, change nothing."""
_MOST_ROWS = 20_000
"""Rows that a fit takes at most, evenly chosen."""
_MARKED_WEIGHT = 1e-3
"""What a marked row weighs in the next fit."""


def detours(
    episodes: Sequence[Moves], tasks: Mapping[int, str], *, fps: float, source: str
) -> Score:
    """`detour` by row: 1 where it belongs to such a stretch, 0 where not.

    An episode's value is how long its stretches are together [s]. Rows of which action or state is
    not known count as in between; tasks of fewer than `MIN_EPISODES` episodes are not judged.

    Args:
        episodes: All episodes of a dataset.
        tasks: Text of the task of each, by its index.
        fps: Rows per second.
        source: The columns that hold the state, for the description.
    """
    values: dict[int, np.ndarray] = {e.episode: np.full(len(e.action), np.nan) for e in episodes}
    why = f"no task has {MIN_EPISODES} episodes"
    is_judged = False
    for task in dict.fromkeys(tasks.values()):
        group = [e for e in episodes if tasks[e.episode] == task and e.known_rows.any()]
        if len(group) < MIN_EPISODES:
            continue
        marked, left = find_detours(group)
        if left > MOST_LEFT:
            why = (
                f"episodes of {task!r} share too little to tell what is usual: actions are "
                f"{left:.2f} standard deviations from what others do, up to {MOST_LEFT:g} is told"
            )
            continue
        is_judged = True
        values |= {e.episode: m.astype(float) for e, m in zip(group, marked, strict=True)}
    return Score(
        DETOUR,
        "1",
        f"1 where the row is in a stretch in which the action is far from what the task's other "
        f"episodes do in such a place, by {source}.",
        "high",
        "row",
        values,
        {i: float(v.sum() / fps) if np.isfinite(v).any() else np.nan for i, v in values.items()},
        untested="" if is_judged else why,
    )


def find_detours(episodes: Sequence[Moves]) -> tuple[list[Bool[np.ndarray, " _"]], float]:
    """Rows of each episode that are in a detour, and how far the others are from what is usual.

    The latter is the median distance of their actions from what other episodes would do [standard
    deviations]; where it is large, episodes do not tell what is usual.
    """
    features = _features([e.state for e in episodes])
    actions = _standardized([e.action for e in episodes])
    known = [e.known_rows for e in episodes]
    marked = [np.zeros(len(k), bool) for k in known]
    distances = [np.zeros(len(k)) for k in known]
    for _ in range(_TIMES):
        weights = [np.where(m, _MARKED_WEIGHT, 1.0) * k for m, k in zip(marked, known, strict=True)]
        usual = _by_others(features, actions, weights)
        distances = [np.linalg.norm(a - u, axis=1) for a, u in zip(actions, usual, strict=True)]
        evidence = [np.clip(off / _ODD - 1, -1, 1) for off in distances]
        marked = [stretches(np.where(k, e, 0.0)) for e, k in zip(evidence, known, strict=True)]
    usual_rows = np.concatenate([k & ~m for k, m in zip(known, marked, strict=True)])
    left = np.concatenate(distances)[usual_rows]
    return marked, float(np.median(left)) if len(left) else float("inf")


def stretches(evidence: Float[np.ndarray, " row"]) -> Bool[np.ndarray, " row"]:
    """Rows of the stretches of most evidence, where each beginning and end costs `_SWITCH`.

    Viterbi's algorithm with two states.
    """
    costs = np.array([[0.0, -_SWITCH], [-_SWITCH, 0.0]])
    best = np.array([0.0, -_SWITCH])
    came_from = np.zeros((len(evidence), 2), int)
    for row, gain in enumerate(evidence):
        ways = best[:, None] + costs
        came_from[row] = ways.argmax(axis=0)
        best = ways.max(axis=0) + np.array([0.0, gain])
    out = np.zeros(len(evidence), bool)
    state = int(best.argmax())
    for row in range(len(evidence) - 1, -1, -1):
        out[row] = bool(state)
        state = came_from[row, state]
    return out


def _features(states: Sequence[Float[np.ndarray, "_ state"]]) -> list[np.ndarray]:
    """Random Fourier features of the states, the states themselves, and 1."""
    scaled = _standardized(states)
    size = scaled[0].shape[1]
    generator = np.random.default_rng(0)
    directions = generator.normal(size=(size, _FEATURES)) * _BANDWIDTH / np.sqrt(max(size, 1))
    phases = generator.uniform(0, 2 * np.pi, _FEATURES)
    return [
        np.column_stack(
            [
                np.cos(s @ directions + phases) * np.sqrt(2 / _FEATURES),
                s / np.sqrt(max(size, 1)),
                np.ones(len(s)),
            ]
        )
        for s in scaled
    ]


def _standardized(parts: Sequence[Float[np.ndarray, "_ number"]]) -> list[np.ndarray]:
    """Each number over its spread, from its median; what never changes is left out."""
    whole = np.concatenate(parts)
    middle, spread = np.nanmedian(whole, axis=0), np.nanstd(whole, axis=0)
    moves = spread > 1e-6
    return [np.nan_to_num((part[:, moves] - middle[moves]) / spread[moves]) for part in parts]


def _by_others(
    features: Sequence[Float[np.ndarray, "_ feature"]],
    actions: Sequence[Float[np.ndarray, "_ action"]],
    weights: Sequence[Float[np.ndarray, " _"]],
) -> list[Float[np.ndarray, "_ action"]]:
    """What the other episodes would do at each row of each episode."""
    order = np.random.default_rng(0).permutation(len(features))
    out: list[np.ndarray] = [np.zeros(0)] * len(features)
    for fold in range(min(_FOLDS, len(features))):
        judged = order[fold::_FOLDS]
        learned = np.setdiff1d(order, judged)
        chosen = _fit(*(np.concatenate([part[k] for k in learned])
                        for part in (features, actions, weights)))  # fmt: skip
        for number in judged:
            out[number] = features[number] @ chosen
    return out


def _fit(
    inputs: Float[np.ndarray, "row feature"],
    targets: Float[np.ndarray, "row action"],
    weights: Float[np.ndarray, " row"],
) -> Float[np.ndarray, "feature action"]:
    """Least absolute deviations by reweighting; a row's numbers share a weight."""
    step = -(-len(inputs) // _MOST_ROWS)
    inputs, targets, weights = inputs[::step], targets[::step], weights[::step]
    weight = weights
    chosen = np.zeros((inputs.shape[1], targets.shape[1]))
    for _ in range(_ROUNDS):
        weighed = inputs * weight[:, None]
        ridge = _RIDGE * weight.sum() * np.eye(inputs.shape[1])
        chosen = np.linalg.solve(weighed.T @ inputs + ridge, weighed.T @ targets)
        left = np.linalg.norm(targets - inputs @ chosen, axis=1)
        weight = weights / np.maximum(left, _SMALLEST)
    return chosen
