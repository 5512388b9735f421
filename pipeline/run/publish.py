"""From rows of a run to one published dataset."""

from __future__ import annotations

from typing import Any

from rotoscope import __version__
from rotoscope.pipeline.files.names import slug
from rotoscope.pipeline.packages import version_of
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import LabelRequest
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
    return content_key(
        {
            "kind": "dataset",
            "episodes": [[r.name, *map(store.episode_digest, r.episodes)] for r in rows],
            "rows": [public_row(r) for r in rows],
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
    episodes = [(store.path(episode, ""), row.name) for row in rows for episode in row.episodes]
    publish_in_child(
        PublishJob(
            episodes=tuple(str(folder) for folder, _ in episodes),
            names=tuple(name for _, name in episodes),
            out=str(request.out.absolute()),
            camera=request.recipe.export.camera,
            # After the recipe, not the folder: the same run elsewhere gives the same bytes.
            repo_id=f"rotoscope/{slug(request.recipe.name)}",
            provenance=provenance_of(request) | {"dataset_key": key},
            ledger=tuple(public_row(r) for r in rows),
        )
    )

