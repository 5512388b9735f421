"""Facts put where LeRobot's own tools carry them along; `pipeline.datasets.facts` reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from rotoscope.pipeline.datasets.facts import (
    EPISODE,
    KEY,
    SOURCE,
    TEXTS,
    EpisodeFacts,
    facts_of,
)
from rotoscope.pipeline.datasets.layout import data_files
from rotoscope.pipeline.datasets.sidecars import read_sidecar, read_sidecar_lines
from rotoscope.pipeline.export.rewrite_rows import rewrite_rows, with_column
from rotoscope.pipeline.export.schema import Schema
from rotoscope.pipeline.export.sidecar import CLOCK_COLUMNS, FOLDER, describe_features
from rotoscope.pipeline.export.stored_episode import FeatureFacts

TEXT_FACTS = {name: FeatureFacts((name,), "string", "1", text) for name, text in TEXTS.items()}


class RowsWithTexts:
    """The rows of an episode as LeRobot's writer takes them, with the columns of text.

    They cannot be given to the writer as columns: it makes arrays in which each row takes as much
    memory as the longest text, thousands of letters.
    """

    def __init__(self, rows: Any, facts: EpisodeFacts) -> None:
        self._rows, self._facts = rows, facts

    def __len__(self) -> int:
        return len(self._rows)

    def with_format(self, name: str) -> RowsWithTexts:
        """Itself: `arrow` is the one format that the writer asks for."""
        assert name == "arrow"
        return self

    def __getitem__(self, rows: slice) -> pa.Table:
        table = self._rows.with_format("arrow")[rows]
        for name, cells in text_cells(self._facts, table.num_rows).items():
            table = table.append_column(name, cells)
        return table.replace_schema_metadata(described_metadata(table.schema.metadata, TEXT_FACTS))


def text_cells(facts: EpisodeFacts, num_rows: int) -> dict[str, pa.Array]:
    """The columns of text of an episode."""
    texts = facts.texts()
    return {
        SOURCE: pa.array([texts[SOURCE]] * num_rows, pa.string()),
        EPISODE: pa.array([texts[EPISODE], *[""] * (num_rows - 1)], pa.string()),
    }


def state_facts(root: Path, schema: Schema) -> None:
    """Declares the columns of text in `info.json`, and says there what every column means.

    Not of LeRobot's own columns: its tools write these anew, and refuse to merge what differs.
    """
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text())
    declare_texts(info)
    for name, facts in describe_features(schema).items():
        if name not in CLOCK_COLUMNS and name in info["features"]:
            info["features"][name][KEY] = {k: v for k, v in facts.items() if k != "names"}
    info["features"]["action"][KEY]["contract"] = schema.contract.model_dump(mode="json")
    path.write_text(json.dumps(info, indent=4) + "\n", encoding="utf-8")


def declare_texts(info: dict[str, Any]) -> None:
    """Adds the columns of text to `features`."""
    for name in TEXTS:
        info["features"][name] = {"dtype": "string", "shape": [1], "names": None}


def described_metadata(
    metadata: dict[bytes, bytes] | None, columns: Mapping[str, FeatureFacts]
) -> dict[bytes, bytes] | None:
    """A file's own list of features, as the library `datasets` keeps it, with these columns."""
    if not metadata or b"huggingface" not in metadata:
        return metadata
    described = json.loads(metadata[b"huggingface"])
    features = described.get("info", {}).get("features", {})
    for name, facts in columns.items():
        value = {"dtype": facts.dtype, "_type": "Value"}
        size = len(facts.names)
        # `Sequence` is what versions before 4 call a `List`, and later ones read too.
        many = {"feature": value, "length": size, "_type": "Sequence"}
        features[name] = value if size == 1 else many
    return metadata | {b"huggingface": json.dumps(described).encode()}


def restate_facts(root: Path) -> None:
    """Puts what the sidecar of a changed dataset says into its columns and `info.json` anew.

    Args:
        root: A dataset that is being written, not yet in its place.

    Raises:
        DatasetError: The sidecar is damaged.
    """
    described = read_sidecar(root / FOLDER / "features.json")
    contract = read_sidecar(root / FOLDER / "contract.json")
    provenance = read_sidecar(root / FOLDER / "provenance.json")
    lines = read_sidecar_lines(root / FOLDER / "episodes.jsonl")
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text())
    for name, facts in described.items():
        if name not in CLOCK_COLUMNS and name in info["features"]:
            info["features"][name][KEY] = {k: v for k, v in facts.items() if k != "names"}
    if contract and "action" in info["features"]:
        info["features"]["action"].setdefault(KEY, {})["contract"] = contract
    path.write_text(json.dumps(info, indent=4) + "\n", encoding="utf-8")
    found = {int(line["episode_index"]): facts_of(line, provenance) for line in lines}
    if found and len(found) == info["total_episodes"]:
        write_texts(root, found)


def write_texts(root: Path, found: Mapping[int, EpisodeFacts]) -> None:
    """Writes the columns of text of a dataset that is being written, and declares them.

    Args:
        root: Its folder.
        found: Where each episode comes from, by its index.
    """
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text())
    declare_texts(info)
    path.write_text(json.dumps(info, indent=4) + "\n", encoding="utf-8")
    for file in data_files(root):
        _write_texts(file, found)


def _write_texts(path: Path, found: Mapping[int, EpisodeFacts]) -> None:
    """The columns of text of one data file."""
    texts = {index: facts.texts() for index, facts in found.items()}

    def change(table: pa.Table) -> pa.Table:
        episodes, rows = (table[n].to_pylist() for n in ("episode_index", "frame_index"))
        cells = {
            SOURCE: [texts[e][SOURCE] for e in episodes],
            EPISODE: [
                texts[e][EPISODE] if r == 0 else "" for e, r in zip(episodes, rows, strict=True)
            ],
        }
        for name, column in cells.items():
            table = with_column(table, name, pa.array(column, pa.string()))
        return table.replace_schema_metadata(described_metadata(table.schema.metadata, TEXT_FACTS))

    target = path.with_name(path.name + ".new")
    rewrite_rows(path, target, change)
    target.replace(path)
