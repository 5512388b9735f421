"""What playing an episode says of it in a few numbers, and where they are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.datasets.replayed import FILE, PREFIX, digest_of, read_replayed
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.replay.commands import Commands
from rotoscope.pipeline.robots import Played


@dataclass(frozen=True)
class ReplayScore:
    """What became of an episode, over its valid rows."""

    episode: int
    """Episode index."""
    column: str
    """Column of the dataset that was played."""
    digest: str
    """Stands for the actions that were played: a score of other actions says nothing."""
    facts: Mapping[str, Any]
    """Numbers by name, each beginning with `replay_`; what is not known is left out."""
    joints: Mapping[str, float]
    """Median tracking error of each joint [deg or mm]."""
    pairs: Mapping[str, float]
    """Share of commands in which links touched, by their names."""
    driven_by: str
    """What moved the joints, in words."""

    @property
    def text(self) -> str:
        """The most important numbers in one line."""
        facts = {key.removeprefix(PREFIX): value for key, value in self.facts.items()}
        parts = [f"{facts['rows']} rows"]
        if "tip_error_mm_median" in facts:
            median, most = facts["tip_error_mm_median"], facts["tip_error_mm_p95"]
            parts.append(f"tip {median:.1f} mm off (median; 95 % within {most:.1f})")
        shares = (("strained", "strained"), ("touches itself", "self"), ("table", "floor"))
        parts += [f"{said} {facts[f'{key}_share']:.1%}" for said, key in shares]
        if "fall_s" in facts:
            parts.append(f"falls after {facts['fall_s']:.1f} s")
        return ", ".join(parts)


def score_of(
    index: int,
    column: str,
    values: Float[np.ndarray, "row action"],
    commands: Commands,
    played: Played,
    contract: ActionContract,
) -> ReplayScore:
    """The score of a played episode."""
    own, stands = commands.is_own, np.isfinite(played.tip_error_m).all(axis=1)
    tip_mm = 1e3 * played.tip_error_m[own & stands]
    is_turning = np.array([unit == "rad" for unit in played.joints.units])
    error = np.abs(played.reached - played.wanted)[own & stands]
    error = np.where(is_turning, np.degrees(error), 1e3 * error)
    strained = np.maximum(played.saturated, commands.outruns(contract).astype(float))
    found = {
        "rows": int(own.sum()),
        "tip_error_mm_median": _quantile(tip_mm.max(axis=1, initial=0.0), 0.5),
        "tip_error_mm_p95": _quantile(tip_mm.max(axis=1, initial=0.0), 0.95),
        "joint_error_deg_median": _quantile(error[:, is_turning].max(axis=1, initial=0.0), 0.5),
        "saturated_share": float(played.saturated[own].mean()),
        "outruns_share": float(commands.outruns(contract)[own].mean()),
        "strained_share": float(strained[own].mean()),
        "self_share": float(played.touches_itself[own].mean()),
        "floor_share": float(played.touches_floor[own].mean()),
        "overlap_mm": 1e3 * played.depth_m,
        "fall_s": played.fall_s,
    }
    return ReplayScore(
        episode=index,
        column=column,
        digest=digest_of(values),
        facts={PREFIX + key: value for key, value in found.items() if value is not None},
        joints={
            name: float(np.median(errors)) if len(errors) else math.nan
            for name, errors in zip(played.joints.names, error.T, strict=True)
        },
        pairs=played.pairs,
        driven_by=played.driven_by,
    )


def write_scores(dataset: Dataset, scores: Iterable[ReplayScore]) -> None:
    """Keeps scores beside a dataset's own facts; older ones of the same episodes are replaced."""
    kept = {line["episode"]: line for line in read_replayed(dataset.root)}
    for score in scores:
        kept[score.episode] = {
            "episode": score.episode,
            "column": score.column,
            "digest": score.digest,
            **{key: _rounded(value) for key, value in score.facts.items()},
            "joints": {name: _rounded(value) for name, value in score.joints.items()},
            "pairs": {name: _rounded(value) for name, value in score.pairs.items()},
            "driven_by": score.driven_by,
        }
    lines = [json.dumps(kept[index], allow_nan=False) for index in sorted(kept)]
    write_text_atomic(dataset.root / FILE, "".join(f"{line}\n" for line in lines))


def _quantile(values: np.ndarray, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _rounded(value: float) -> float | None:
    if isinstance(value, int):
        return value
    return round(float(value), 5) if math.isfinite(value) else None
