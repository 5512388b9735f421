"""Chosen episodes of one or several datasets as a dataset of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rotoscope.pipeline.datasets.said import joined_provenance
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.alike import check_alike
from rotoscope.pipeline.export.publish import PublishJob, PublishResult, publish_in_child
from rotoscope.pipeline.export.selected import SelectedEpisode, select
from rotoscope.pipeline.files.names import slug
from rotoscope.pipeline.store.store import content_key

Parts = Sequence[tuple[Path, Sequence[int] | None]]
"""Folders of datasets with the indices of their episodes; all where `None`."""


def write_selection(
    parts: Parts,
    out: Path,
    *,
    made_by: str,
    provenance: Mapping[str, Any] | None = None,
    ledger: Sequence[Mapping[str, Any]] | None = None,
) -> PublishResult:
    """Writes a dataset of these episodes, in order; it appears whole or not at all.

    An episode that two parts hold, the same in every fact, is written once.

    Args:
        parts: What to take.
        out: Where it appears; a dataset of ours that is there is replaced.
        made_by: `merge`, `split`, `filter` or `forget`: part of its provenance.
        provenance: What `provenance.json` says; what the episodes say together where `None`.
        ledger: What became of every video; that of the videos that are left where `None`.

    Raises:
        DatasetError: Nothing is left, or the parts cannot stand in one dataset.
    """
    with tempfile.TemporaryDirectory() as scratch:
        chosen = [e for root, wanted in parts for e in select(root, wanted, Path(scratch))]
    if not chosen:
        raise DatasetError(f"no episode is left for {out}; choose others")
    check_alike(chosen)
    kept = _once(chosen)
    if provenance is None:
        joined = joined_provenance({n: e.facts for n, e in enumerate(kept)})
        provenance = joined | {"made_by": made_by}
        # Not the run's own any more: `rotoscope label` must not take it for its last one.
        provenance.pop("recipe_digest", None)
    key = content_key(
        {
            "kind": "selection",
            "made_by": made_by,
            "episodes": [[e.facts.texts(), e.task, e.num_rows] for e in kept],
        }
    )
    return publish_in_child(
        PublishJob(
            episodes=(),
            names=(),
            out=str(out.absolute()),
            camera=(kept[0].dataset.video_key or "front").rpartition(".")[2],
            repo_id=f"rotoscope/{slug(str(provenance.get('recipe', '')))}",
            provenance={"dataset_key": key} | dict(provenance),
            ledger=tuple(map(dict, ledger_of(kept) if ledger is None else ledger)),
            selected=tuple(_runs(kept)),
        )
    )


def _once(chosen: Iterable[SelectedEpisode]) -> list[SelectedEpisode]:
    found: dict[Any, SelectedEpisode] = {}
    for number, episode in enumerate(chosen):
        text = tuple(episode.facts.texts().values())
        # What is not known of an episode makes it no other's twin.
        twin = (*text, episode.task, episode.num_rows) if episode.facts.line else number
        found.setdefault(twin, episode)
    return list(found.values())


def _runs(kept: Iterable[SelectedEpisode]) -> list[tuple[str, tuple[int, ...]]]:
    """Neighbors of one dataset together, so that each is opened once."""
    out: list[tuple[str, tuple[int, ...]]] = []
    for episode in kept:
        root = str(episode.dataset.root.absolute())
        index = int(episode.dataset.table[episode.number]["episode_index"])
        if out and out[-1][0] == root:
            out[-1] = root, (*out[-1][1], index)
        else:
            out.append((root, (index,)))
    return out


def ledger_of(kept: Sequence[SelectedEpisode]) -> list[Mapping[str, Any]]:
    """What became of the videos whose episodes are kept."""
    rows: dict[str, Mapping[str, Any]] = {}
    for dataset in {id(e.dataset): e.dataset for e in kept}.values():
        names = {str(e.facts.line.get("name", "")) for e in kept if e.dataset is dataset}
        for row in dataset.ledger():
            if row["name"] in names:
                rows.setdefault(str(row), row)
    known = {row["name"] for row in rows.values()}
    for episode in kept:  # where LeRobot's tools dropped the ledger
        name = str(episode.facts.line.get("name", ""))
        if name and name not in known:
            known.add(name)
            sha256 = str((episode.facts.line.get("source") or {}).get("video_sha256", ""))
            rows[name] = {"name": name, "status": "done", "sha256": sha256}
    return sorted(rows.values(), key=lambda row: str(row["name"]))
