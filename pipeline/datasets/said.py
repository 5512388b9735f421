"""What a dataset says of itself: `meta/rotoscope`, or the same from its own columns.

LeRobot's tools drop the folder; what stands in `info.json` and in the columns of text is then all
that is left, and enough. See `facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rotoscope.pipeline.datasets.facts import (
    EpisodeFacts,
    contract_in,
    described_in,
    facts_of,
    read_facts,
)
from rotoscope.pipeline.datasets.layout import Layout, meta_file
from rotoscope.pipeline.datasets.sidecars import read_sidecar, read_sidecar_lines

CONTRACT, FEATURES, PROVENANCE = "contract.json", "features.json", "provenance.json"
LINES = "rotoscope/episodes.jsonl"
CURATION = "rotoscope/curation.json"
"""What was left out of a curated dataset, and why; its videos may hold frames that no row shows."""
FOUND = "rotoscope/found.json"
"""The same of a dataset of found stretches: what was looked for, and where each is from."""
SEGMENTS = "rotoscope/segments.json"
"""Which rows of a dataset belong to which skill; written by `rotoscope segment`."""


def said(layout: Layout, name: str) -> dict[str, Any]:
    """A JSON file of `meta/rotoscope`, or what it would hold; an empty mapping where neither is.

    Raises:
        DatasetError: It is damaged, or leads out of the dataset.
    """
    path = meta_file(layout.root, f"rotoscope/{name}")
    if path.is_file():
        return read_sidecar(path)
    features = layout.info["features"]
    if name == CONTRACT:
        contract = contract_in(features, "action")
        return {} if contract is None else contract.model_dump(mode="json")
    if name == FEATURES:
        return described_in(layout.info)
    if name == PROVENANCE:
        return joined_provenance(read_facts(layout.data_files(), features))
    return {}


def episode_lines(layout: Layout) -> list[dict[str, Any]]:
    """The lines of `meta/rotoscope/episodes.jsonl`, or what they would hold.

    Raises:
        DatasetError: They are damaged.
    """
    path = meta_file(layout.root, LINES)
    if path.is_file():
        return read_sidecar_lines(path)
    found = read_facts(layout.data_files(), layout.info["features"])
    return [
        dict(found[index].line) | _of_table(row, index)
        for index, row in _rows(layout)
        if index in found
    ]


def episode_facts(layout: Layout) -> dict[int, EpisodeFacts]:
    """What is known of every episode, by its index: from its own columns, else from the sidecar.

    Raises:
        DatasetError: It is damaged.
    """
    found = read_facts(layout.data_files(), layout.info["features"])
    if len(found) < len(layout.table):
        provenance = said(layout, PROVENANCE)
        for line in episode_lines(layout):
            found.setdefault(int(line["episode_index"]), facts_of(line, provenance))
    return found


def joined_provenance(found: Mapping[int, EpisodeFacts]) -> dict[str, Any]:
    """What made all these episodes: what they share, and each maker where they are several."""
    makers = {facts.digest: dict(facts.provenance) for facts in found.values()}
    if len(makers) < 2:
        return next(iter(makers.values()), {})
    keys = set.intersection(*(set(one) for one in makers.values()))
    first = next(iter(makers.values()))
    shared = {k: first[k] for k in keys if all(one[k] == first[k] for one in makers.values())}
    recipes = dict.fromkeys(str(one.get("recipe", "")) for one in makers.values())
    versions = dict.fromkeys(str(one.get("rotoscope", "")) for one in makers.values())
    named = {"recipe": " + ".join(recipes), "rotoscope": " + ".join(versions)}
    return named | shared | {"parts": dict(sorted(makers.items()))}


def _rows(layout: Layout) -> list[tuple[int, Mapping[str, Any]]]:
    if isinstance(layout.table, dict):
        return sorted(layout.table.items())
    return [(int(row["episode_index"]), row) for row in layout.table]


def _of_table(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    tasks = row.get("tasks") or [""]
    return {"episode_index": index, "length": row.get("length", 0), "task": str(tasks[0])}
