"""The table of episodes: scores to sort and to choose by, and the commands for what is chosen."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rotoscope.pipeline.datasets.read import EpisodeRows
from rotoscope.pipeline.report.timeline import REASON_TEXT, VALID

ERRORS = (
    ("target_error_mm_median", "mm"),
    ("tip_error_mm_mean", "mm"),
    ("limb_deg_mean", "deg"),
)
"""How far the robot is from what it was asked for, in the labeler's own measure."""


@dataclass(frozen=True)
class Score:
    """A column of numbers that episodes can be chosen by."""

    key: str
    """Name of it in the page."""
    title: str
    """What stands above it."""
    unit: str
    """Unit of the numbers, empty for none."""


_NEVER: Mapping[str, float] = MappingProxyType({})
SCORES = (
    Score("rows", "rows", ""),
    Score("seconds", "time", "s"),
    Score("valid", "valid", "%"),
    Score("confidence", "confidence", ""),
    Score("error", "error", ""),
    Score("sigma", "sigma", "mm"),
    Score("replay", "tip in replay", "mm"),
)


def table_row(
    episode: EpisodeRows, fps: float, *, is_shown: bool, replayed: Mapping[str, float] = _NEVER
) -> dict[str, Any]:
    """What the table says of an episode; a number of `scores` is `None` where it is not known.

    Args:
        episode: The episode.
        fps: Rows per second.
        is_shown: Whether the page shows it in full.
        replayed: What `rotoscope replay` found of it.
    """
    tip_mm = replayed.get("replay_tip_error_mm_median")
    quality, source = episode.meta.get("quality", {}), episode.meta.get("source", {})
    count = episode.row_count
    error, unit = next(((quality[n], u) for n, u in ERRORS if n in quality), (None, ""))
    confidence = quality.get("mean_confidence")
    sigma = quality.get("wrist_sigma_mm_median")
    has_validity = VALID in episode.columns
    scores = {
        "rows": (count.rows, str(count.rows)),
        "seconds": (count.rows / fps, f"{count.rows / fps:.1f} s"),
        "valid": (100 * count.valid_share, f"{100 * count.valid_share:.0f} %")
        if has_validity
        else (None, "-"),
        "confidence": (confidence, _shown(confidence, ".2f", "")),
        "error": (error, _shown(error, ".1f", unit)),
        "sigma": (sigma, _shown(sigma, ".0f", "mm")),
        "replay": (tip_mm, _shown(tip_mm, ".1f", "mm")),
    }
    return {
        "index": episode.index,
        "name": episode.meta.get("name", ""),
        "start": source.get("start_s", ""),
        "side": source.get("subject", ""),
        "invalid": count.invalid,
        "scores": scores,
        "is_shown": is_shown,
        "reasons": ", ".join(f"{n} {REASON_TEXT[k]}" for k, n in count.why_not.items()) or "-",
    }


def used_scores(rows: Sequence[dict[str, Any]]) -> list[Score]:
    """Those that are known of some episode."""
    return [s for s in SCORES if any(row["scores"][s.key][0] is not None for row in rows)]


def edit_commands(dataset: Path) -> dict[str, str]:
    """LeRobot's own commands for chosen episodes (0.6.1), the indices to be put for `INDICES`.

    Both write another dataset beside this one. What stands in `meta/rotoscope` does not go along.
    """
    name, root = dataset.resolve().name, dataset
    common = ["lerobot-edit-dataset", "--repo_id", f"local/{name}", "--root", str(root)]
    removed = root.with_name(f"{name}-without")
    return {
        "remove": shlex.join(
            [*common, "--new_repo_id", f"local/{name}-without", "--new_root", str(removed)]
        )
        + " --operation.type delete_episodes --operation.episode_indices '[INDICES]'",
        "keep": shlex.join([*common, "--new_root", str(root.with_name(f"{name}-split"))])
        + " --operation.type split --operation.splits '{\"kept\": [INDICES]}'",
    }


def _shown(value: float | None, form: str, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:{form}}{' ' + unit if unit else ''}"
