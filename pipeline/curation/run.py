"""A dataset measured, and what is worth keeping of it written as another dataset."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.curation.config import CurationConfig
from rotoscope.pipeline.curation.consistency import GAIN, LAG, MOTION_ERROR, consistency
from rotoscope.pipeline.curation.decide import Decision, decide
from rotoscope.pipeline.curation.detours import DETOUR, detours
from rotoscope.pipeline.curation.divergence import DIVERGENCE, divergence
from rotoscope.pipeline.curation.forward_model import Moves
from rotoscope.pipeline.curation.motion_quality import (
    IDLE,
    SATURATION,
    SMOOTHNESS,
    idle_ends,
    saturation,
    smoothness,
)
from rotoscope.pipeline.curation.said_scores import (
    disagreement,
    familiarity,
    success,
)
from rotoscope.pipeline.curation.score import Score
from rotoscope.pipeline.datasets.label_columns import label_columns
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.datasets.said import CURATION
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.export.added_columns import AddedColumn
from rotoscope.pipeline.export.pieces import write_pieces
from rotoscope.pipeline.export.pieces_said import check_pieces_out, made_by
from rotoscope.pipeline.export.stored_episode import FeatureFacts

STATE, ACTION, VALID = "observation.state", "action", "label.valid"


@dataclass(frozen=True, eq=False)
class Measured:
    """What a dataset's episodes are like."""

    scores: tuple[Score, ...]
    """Those that are not off, in the order of the settings."""
    lengths: Mapping[int, int]
    """Rows of each episode, by its index."""
    fps: float
    """Rows per second."""


def measure(dataset: Dataset, config: CurationConfig) -> Measured:
    """Takes all scores that are not off.

    Raises:
        UsageError: A column that is named is not there, or holds no numbers.
        DatasetError: The dataset is damaged.
    """
    episodes = [dataset.episode(number) for number in range(len(dataset))]
    columns = motion_columns(dataset, config)
    moves = [_moves(e, columns) for e in episodes]
    scores = [
        *_about_labels(dataset, config, moves, columns),
        *_about_motion(dataset, config, moves, columns),
        familiarity(episodes),
        success(episodes),
        disagreement(label_columns(dataset), episodes),
    ]
    order = list(CurationConfig.model_fields)
    wanted = sorted((s for s in scores if config.wants(s.name)), key=lambda s: order.index(s.name))
    return Measured(tuple(wanted), {e.index: e.num_rows for e in episodes}, dataset.fps)


def motion_columns(dataset: Dataset, config: CurationConfig) -> tuple[str, ...]:
    """Columns whose steps say what moved; none where the dataset has no state.

    Raises:
        UsageError: One that is named is not there, or holds no numbers.
    """
    features = dataset.info["features"]
    for name in config.motion:
        if features.get(name, {}).get("dtype") not in ("float32", "float64", "int64"):
            numbers = [n for n, f in features.items() if str(f["dtype"]).startswith("float")]
            raise UsageError(
                f"motion names {name!r}, no column of numbers of {dataset.root}; it has "
                f"{quoted(numbers)}"
            )
    return config.motion or ((STATE,) if STATE in features else ())


def curate(
    dataset: Dataset,
    config: CurationConfig,
    measured: Measured,
    out: Path,
    *,
    keep: Collection[int] = (),
) -> Decision:
    """Writes what is worth keeping, with the scores as columns; it appears whole or not at all.

    `meta/rotoscope/curation.json` says what was left out and why. Videos are never encoded anew.

    Args:
        dataset: What was measured.
        config: What is left out.
        measured: Its scores.
        out: Where it appears; a curated dataset that is there is replaced.
        keep: Episodes that stay whole whatever the scores say.

    Raises:
        UsageError: `out` is the dataset itself or holds something else, or an episode to keep is
            not there.
        DatasetError: Nothing is left, or something is in the way; see `write_pieces`.
    """
    check_pieces_out([dataset.root], out, record=CURATION, command="curate")
    strange = [index for index in keep if index not in measured.lengths]
    if strange:
        raise UsageError(
            f"{dataset.root} has no episode {strange[0]} to keep; it has {len(measured.lengths)}"
        )
    decision = decide(
        measured.scores, config, measured.lengths, fps=measured.fps, keep=frozenset(keep)
    )
    made = {
        **made_by("curate"),
        "settings": config.model_dump(mode="json"),
        "keep": sorted(keep),
    }
    columns = {s.column: _column(s, measured.lengths) for s in measured.scores if not s.untested}
    finish = partial(_say, dataset, measured, decision, made)
    write_pieces(dataset, decision.kept, columns, out, made=made, finish=finish)
    return decision


def _about_labels(
    dataset: Dataset, config: CurationConfig, moves: Sequence[Moves], columns: Sequence[str]
) -> list[Score]:
    """Whether actions fit what moved."""
    names = (MOTION_ERROR, LAG, GAIN)
    if not config.wants(*names):
        return []
    why = _why_not_told(dataset, config, columns)
    if not why:
        try:
            return consistency(moves, fps=dataset.fps, source=" and ".join(columns))
        except DatasetError as error:
            why = str(error)
    return [Score(name, "1", "", "high", "episode", untested=why) for name in names]


def _why_not_told(dataset: Dataset, config: CurationConfig, columns: Sequence[str]) -> str:
    if ACTION not in dataset.info["features"]:
        return "the dataset has no action"
    if not columns:
        return f"the dataset has no {STATE}; name columns that say what moved, motion=[...]"
    contract = dataset.rotoscope("contract.json")
    if contract and not config.motion and ActionContract.model_validate(contract).reaches_states:
        return (
            f"the action is {STATE} some rows later and explains itself; name columns that say "
            "what moved, such as motion=[track.hand.wrist]"
        )
    return ""


def _about_motion(
    dataset: Dataset, config: CurationConfig, moves: Sequence[Moves], columns: Sequence[str]
) -> list[Score]:
    """How things move, whatever the actions say."""
    names = (DIVERGENCE, SMOOTHNESS, SATURATION, IDLE, DETOUR)
    if not columns or ACTION not in dataset.info["features"]:
        why = f"the dataset has no {ACTION} or no {STATE}"
        return [Score(name, "1", "", "high", "episode", untested=why) for name in names]
    source = " and ".join(columns)
    contract = dataset.rotoscope("contract.json")
    bounds = ActionContract.model_validate(contract).bounds() if contract else None
    out = []
    if config.wants(DIVERGENCE):
        out.append(divergence(moves, source=source))
    if config.wants(DETOUR):
        out.append(detours(moves, _tasks(dataset), fps=dataset.fps, source=source))
    return [
        *out,
        smoothness(moves, fps=dataset.fps, source=source),
        saturation(moves, bounds),
        idle_ends(moves, fps=dataset.fps, source=source),
    ]


def _tasks(dataset: Dataset) -> dict[int, str]:
    """Text of the task by episode index."""
    return {int(r["episode_index"]): str((r.get("tasks") or [""])[0]) for r in dataset.table}


def _moves(episode: EpisodeRows, columns: Sequence[str]) -> Moves:
    rows = episode.num_rows

    def table(name: str) -> np.ndarray:
        return np.asarray(episode.columns[name], float).reshape(rows, -1)

    valid = episode.columns.get(VALID)
    return Moves(
        episode.index,
        table(ACTION) if ACTION in episode.columns else np.zeros((rows, 0)),
        np.concatenate([table(name) for name in columns], axis=1)
        if columns
        else np.zeros((rows, 0)),
        np.ones(rows, bool) if valid is None else np.asarray(valid, bool).ravel(),
    )


def _column(score: Score, lengths: Mapping[int, int]) -> AddedColumn:
    facts = FeatureFacts((score.name,), "float32", score.unit, score.description)
    unknown = {i: np.full(n, np.nan) for i, n in lengths.items()}
    values = unknown | dict(score.values)
    return AddedColumn(facts, {i: v.astype(np.float32)[:, None] for i, v in values.items()})


def _say(
    dataset: Dataset, measured: Measured, decision: Decision, made: Mapping[str, Any], root: Path
) -> None:
    """What was left out and why, and what every score was, in `meta/rotoscope/curation.json`."""
    kept = [[p.episode, p.start, p.end] for p in decision.kept]
    content = dict(made) | {
        "dataset": {
            "name": dataset.root.resolve().name,
            "episodes": len(measured.lengths),
            "rows": sum(measured.lengths.values()),
            "key": dataset.rotoscope("provenance.json").get("dataset_key", ""),
        },
        "kept": kept,
        "dropped": [one.as_facts() for one in decision.dropped],
        "scores": {s.name: _facts(s) for s in measured.scores},
        "get_it_back": "The dataset that was curated is as it was. The same command takes an "
        "episode back with --keep, or all that a score left out with SCORE.mode=score-only.",
    }
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    (root / "meta" / CURATION).write_text(text, encoding="utf-8")


def _facts(score: Score) -> dict[str, Any]:
    if score.untested:
        return {"untested": score.untested}
    episodes = {
        str(i): round(v, 6) if np.isfinite(v) else None for i, v in score.of_episodes().items()
    }
    return {
        "unit": score.unit,
        "description": score.description,
        "worse": score.worse,
        "by": score.by,
        "episodes": episodes,
    }
