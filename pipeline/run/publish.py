"""From rows of a run to one published dataset."""

from __future__ import annotations

import contextlib
from typing import Any

from rotoscope import __version__
from rotoscope.pipeline.datasets.layout import meta_file
from rotoscope.pipeline.datasets.sidecars import read_sidecar_lines
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.names import slug
from rotoscope.pipeline.packages import version_of
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import LabelRequest, read_provenance, versions_of
from rotoscope.pipeline.run.rows import public_row
from rotoscope.pipeline.store.store import Store, content_key

PACKAGES = (
    "av",
    "decord",
    "lerobot",
    "mediapipe",
    "mujoco",
    "numpy",
    "opencv-contrib-python",
    "scipy",
)
"""Packages whose version can change what a dataset says."""


def dataset_key_of(request: LabelRequest, rows: tuple[Row, ...]) -> str:
    """Hash of everything that the dataset's bytes depend on, and of nothing else."""
    store = Store(request.store)
    added = _added(request, rows)
    return content_key(
        {
            "kind": "dataset",
            "episodes": [
                [r.name, *map(store.episode_digest, r.episodes)] for r in _in_order(rows, added)
            ],
            "rows": [_public(r, added) for r in rows],
            "provenance": provenance_of(request),
        }
    )


def provenance_of(request: LabelRequest) -> dict[str, Any]:
    """Where a dataset came from: recipe, settings, versions. No times, no machine."""
    return {
        "rotoscope": __version__,
        "recipe": request.recipe.name,
        "recipe_digest": request.recipe.digest(),
        "recipe_resolved": request.recipe.as_dict(),
        "packages": {name: version_of(name) for name in PACKAGES},
    }


def publish_rows(request: LabelRequest, rows: tuple[Row, ...], key: str) -> None:
    """Writes the dataset in a process of its own and moves it into place whole.

    Raises:
        DatasetError: LeRobot's writer failed.
        DiskFullError: No space is left.
    """
    from rotoscope.pipeline.export.publish import PublishJob, publish_in_child

    store = Store(request.store)
    added = _added(request, rows)
    episodes = [
        (store.path(episode, ""), row.name)
        for row in _in_order(rows, added)
        for episode in row.episodes
    ]
    publish_in_child(
        PublishJob(
            episodes=tuple(str(folder) for folder, _ in episodes),
            names=tuple(name for _, name in episodes),
            out=str(request.out.absolute()),
            camera=request.recipe.export.camera,
            # After the recipe, not the folder: the same run elsewhere gives the same bytes.
            repo_id=f"rotoscope/{slug(request.recipe.name)}",
            provenance=provenance_of(request) | {"dataset_key": key},
            ledger=tuple(_public(r, added) for r in rows),
            versions=str(versions_of(request.out)) if _goes_on(request) else "",
        )
    )


def _added(request: LabelRequest, rows: tuple[Row, ...]) -> dict[str, int]:
    """In which version of the dataset each video appeared, by name: 1 where there is none before.

    Episodes of new videos follow those that were there, whose numbers stay. A video that failed
    and is labeled later is not new: the bytes are those of a run in which it did not fail.
    """
    before: dict[str, int] = {}
    if _goes_on(request):
        # A damaged one is an edited dataset, which is not replaced: the writer says so.
        with contextlib.suppress(DatasetError):
            lines = read_sidecar_lines(meta_file(request.out, "rotoscope/ledger.jsonl"))
            before = {str(line["name"]): int(line.get("added", 1)) for line in lines}
    newest = max(before.values(), default=0) + 1
    return {row.name: before.get(row.name, newest) for row in rows}


def _goes_on(request: LabelRequest) -> bool:
    """Whether a dataset of the same recipe and settings stands where this one is to be."""
    provenance = read_provenance(request.out)
    return provenance is not None and provenance.get("recipe_digest") == request.recipe.digest()


def _in_order(rows: tuple[Row, ...], added: dict[str, int]) -> list[Row]:
    return sorted(rows, key=lambda row: (added[row.name], row.name))


def _public(row: Row, added: dict[str, int]) -> dict[str, Any]:
    number = added[row.name]
    return public_row(row) | ({"added": number} if number > 1 else {})
