"""What was found as datasets: each stretch an episode, no video encoded anew."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.search.find import Found, Stretch
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.datasets.said import FOUND
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.added_columns import AddedColumn
from rotoscope.pipeline.export.pieces import Piece, write_pieces
from rotoscope.pipeline.export.pieces_said import check_pieces_out, made_by
from rotoscope.pipeline.export.stored_episode import FeatureFacts

COST = "label.found_cost"
"""Column that says how unlike the clip a stretch is."""


def write_found(found: Found, out: Path) -> list[Path]:
    """Writes the stretches of each dataset that was searched, in the order of its rows.

    `meta/rotoscope/found.json` says what was looked for, and rows, cost and quantile of each.

    Args:
        found: What to write.
        out: Where the dataset appears; where several were searched, a folder with one for each in
            which something was found, by its name. Found datasets that are there are replaced.

    Returns:
        The datasets.

    Raises:
        UsageError: A place is a dataset that was searched, or holds something else.
        DatasetError: Nothing was found, or something is in the way; see `write_pieces`.
    """
    if not found.stretches:
        raise DatasetError(
            f"nothing like {found.clip.name} was found, the likest stretch costs "
            f"{found.lowest_cost:.3g} a step; raise --max-cost or search other datasets"
        )
    places = _places(found, out)
    read = [found.clip.source.dataset.root, *(dataset.root for dataset in found.datasets)]
    for place in places.values():
        check_pieces_out(read, place, record=FOUND, command="find")
    for number, place in places.items():
        _write(found, found.datasets[number], _of(found, number), place)
    return list(places.values())


def _of(found: Found, number: int) -> list[Stretch]:
    dataset = found.datasets[number]
    return [one for one in found.stretches if one.source.dataset is dataset]


def _places(found: Found, out: Path) -> dict[int, Path]:
    """Where the stretches of each dataset go, by its number."""
    if len(found.datasets) == 1:
        return {0: out}
    names = [dataset.root.resolve().name for dataset in found.datasets]
    twice = {name for name, count in Counter(names).items() if count > 1}
    numbered = [f"{name}-{n}" if name in twice else name for n, name in enumerate(names)]
    return {n: out / name for n, name in enumerate(numbered) if _of(found, n)}


def _write(found: Found, dataset: Dataset, stretches: Sequence[Stretch], out: Path) -> None:
    made = _made(found)
    facts = FeatureFacts(
        ("cost",),
        "float32",
        "standard deviations of the clip's motion",
        "Mean distance of the stretch from the clip that was looked for, along the cheapest "
        "warping of time.",
    )
    costs = {
        int(line["episode_index"]): np.full((int(line["length"]), 1), np.nan, np.float32)
        for line in dataset.table
    }
    for one in stretches:
        costs[one.source.index][one.start : one.end] = one.cost
    write_pieces(
        dataset,
        [Piece(one.source.index, one.start, one.end) for one in stretches],
        {COST: AddedColumn(facts, costs)},
        out,
        made=made,
        finish=partial(_say, made, stretches),
    )


def _made(found: Found) -> dict[str, Any]:
    clip, source = found.clip, found.clip.source
    return {
        **made_by("find"),
        "clip": {
            "dataset": source.dataset.root.resolve().name,
            "dataset_key": source.dataset.rotoscope("provenance.json").get("dataset_key", ""),
            "rows_of_episode": [source.index, clip.start, clip.end],
        },
        "seen": asdict(found.seen) | {"columns": list(found.seen.columns)},
    }


def _say(made: Mapping[str, Any], stretches: Sequence[Stretch], root: Path) -> None:
    in_order = sorted(stretches, key=lambda one: (one.source.index, one.start))
    found = [
        {
            "episode": number,
            "rows_of_episode": [one.source.index, one.start, one.end],
            "cost": one.cost,
            "quantile": one.quantile,
        }
        for number, one in enumerate(in_order)
    ]
    text = json.dumps(dict(made) | {"found": found}, indent=1, allow_nan=False) + "\n"
    (root / "meta" / FOUND).write_text(text, encoding="utf-8")
