"""Card, sidecars and manifest of a dataset, written anew from what its own columns say.

After LeRobot's tools, which drop them (see `pipeline.datasets.facts`), or change what they are
about.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from rotoscope.pipeline.datasets.said import joined_provenance
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.card import dataset_card
from rotoscope.pipeline.export.card_edits import MARK, join_card, split_card
from rotoscope.pipeline.export.combine import ledger_of
from rotoscope.pipeline.export.manifest import CARD, OTHER_CARD, write_manifest
from rotoscope.pipeline.export.schema import schema_of
from rotoscope.pipeline.export.selected import select
from rotoscope.pipeline.export.sidecar import FOLDER, write_sidecar
from rotoscope.pipeline.files.atomic import atomic_path, write_bytes_atomic
from rotoscope.pipeline.files.names import slug
from rotoscope.pipeline.store.store import content_key


def rebuild(root: Path) -> int:
    """Writes `meta/rotoscope` and the card of a dataset, and returns how many episodes it has.

    Rows, videos and all else of `meta` stay as they are. A card that is not ours stays too, and
    ours is `README.rotoscope.md`; what a user added to ours is kept.

    Raises:
        DatasetError: The dataset states no contract, or not of every episode where it comes from.
    """
    with tempfile.TemporaryDirectory() as name:
        episodes = select(root, None, Path(name))
        unknown = [n for n, episode in enumerate(episodes) if not episode.facts.line]
        if unknown:
            raise DatasetError(
                f"{root} does not say where episode {unknown[0]} comes from ({len(unknown)} of "
                f"{len(episodes)} do not): it was added by another tool, or comes from a version "
                "before 0.15; label its video again, or take the episode out"
            )
        camera = (episodes[0].dataset.video_key or "front").rpartition(".")[2]
        schema = schema_of(episodes, camera=camera)
        facts = [episode.facts for episode in episodes]
        provenance = joined_provenance(dict(enumerate(facts)))
        provenance.pop("recipe_digest", None)
        texts = [[*f.texts().values(), e.task] for f, e in zip(facts, episodes, strict=True)]
        key = content_key({"kind": "rebuilt", "episodes": texts})
        provenance |= {"made_by": "doctor", "dataset_key": key}
        with atomic_path(root / FOLDER) as folder:
            # The writer of sidecars is given a dataset's root; here, one that holds them alone.
            lone = Path(name) / "lone"
            quality = write_sidecar(
                lone,
                episodes,
                facts=facts,
                schema=schema,
                provenance=provenance,
                ledger=ledger_of(episodes),
            )
            shutil.copytree(lone / FOLDER, folder)
        repo_id = f"rotoscope/{slug(str(provenance.get('recipe', '')))}"
        _write_card(root, dataset_card(schema, quality, provenance, repo_id, facts))
    write_manifest(root)
    return len(episodes)


def _write_card(root: Path, text: str) -> None:
    path = root / CARD
    before = path.read_bytes() if path.is_file() else MARK.encode()
    # LeRobot's own card is of no use beside ours, and tells nothing that ours does not.
    is_theirs = MARK.encode() not in before and not _is_of_lerobot(before)
    if is_theirs:
        write_bytes_atomic(root / OTHER_CARD, text.encode())
        return
    edits = split_card(before)[1] if MARK.encode() in before else None
    own = text.encode()
    write_bytes_atomic(path, join_card(own, edits) if edits else own)
    os.chmod(path, 0o644)


def _is_of_lerobot(card: bytes) -> bool:
    return b"This dataset was created using [LeRobot]" in card
