"""Facts that LeRobot's own tools carry along, read back from where all of these keep them.

Merge, delete, split and the edits of features and tasks (lerobot 0.6.1, `aggregate.py` and
`dataset_tools.py`) drop the card, `meta/rotoscope` and every key of `info.json` that they do not
know. Two places survive: keys inside `features.<name>` of `info.json`, for what all episodes share,
and declared columns of text, for what belongs to one episode.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.sidecars import check_described, check_line
from rotoscope.pipeline.datasets.tables import read_table
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.plain import mapping, parse_json
from rotoscope.pipeline.quoting import problems_of

KEY = "rotoscope"
"""Key inside `features.<name>`: unit, description, and the contract of what is an action."""
SOURCE = "label.source"
"""Text in every row: JSON of the video, its license, and the digest of what made the episode."""
EPISODE = "label.episode"
"""Text in an episode's first row, empty in all others: JSON of its line of `episodes.jsonl` and of
what made it."""
TEXTS = {
    SOURCE: "JSON: the video that the row comes from (video), its license (license), who is to be "
    "named and where it is from (credit, url), and the digest of what made it (provenance).",
    EPISODE: "JSON in the first row of each episode, empty in the others: where it comes from, how "
    "good it is, its scene, and what made it.",
}
"""What the columns of text hold."""
_LINE = ("episode_id", "name", "source", "quality", "scene")


@dataclass(frozen=True)
class EpisodeFacts:
    """What a dataset's own columns say of an episode."""

    line: Mapping[str, Any]
    """`episode_id`, `name`, `source`, `quality` and `scene`, as in `episodes.jsonl`."""
    provenance: Mapping[str, Any]
    """What made it: recipe, settings, versions."""

    @property
    def digest(self) -> str:
        """Stands for what made it."""
        return provenance_digest(self.provenance)

    @property
    def license(self) -> str:
        """License of its video; empty where nobody said."""
        return str((self.line.get("source") or {}).get("license", ""))

    def texts(self) -> dict[str, str]:
        """What `label.source` holds in every row, and `label.episode` in the first."""
        source = self.line.get("source") or {}
        said = {key: source[key] for key in ("credit", "url") if source.get(key)}
        short = {
            "video": self.line.get("name", ""),
            "license": self.license,
            "provenance": self.digest,
        }
        line = {key: self.line[key] for key in _LINE if key in self.line}
        return {
            SOURCE: _json(short | said),
            EPISODE: _json(line | {"provenance": dict(self.provenance)}),
        }


def facts_of(line: Mapping[str, Any], provenance: Mapping[str, Any]) -> EpisodeFacts:
    """The facts of an episode from its line and its dataset's provenance.

    The key of a whole dataset is no fact of an episode.
    """
    kept = {k: v for k, v in provenance.items() if k not in ("dataset_key", "made_by", "parts")}
    return EpisodeFacts({key: line[key] for key in _LINE if key in line}, kept)


def provenance_digest(provenance: Mapping[str, Any]) -> str:
    """Sixteen hex digits that stand for what made an episode."""
    return hashlib.sha256(_json(provenance).encode()).hexdigest()[:16]


def read_facts(
    files: Iterable[Path], features: Mapping[str, Mapping[str, Any]]
) -> dict[int, EpisodeFacts]:
    """The facts of every episode that has some, by episode index.

    Args:
        files: The data files.
        features: `features` of `info.json`.

    Raises:
        DatasetError: A file, or what an episode says, is damaged.
    """
    if EPISODE not in features:
        return {}
    found = {}
    for file in files:
        table = read_table(file, columns=["episode_index", EPISODE])
        for index, text in zip(*(c.to_pylist() for c in table.columns), strict=True):
            if text:
                found[int(index)] = _facts(text, f"{file}, episode {index}: {EPISODE}")
    return found


def contract_in(features: Mapping[str, Mapping[str, Any]], name: str) -> ActionContract | None:
    """The contract that `info.json` states of a column of actions; `None` where it states none.

    Raises:
        DatasetError: It is damaged.
    """
    from pydantic import ValidationError

    own = features.get(name, {}).get(KEY)
    said = own.get("contract") if isinstance(own, Mapping) else None
    if said is None:
        return None
    try:
        return ActionContract.model_validate(said)
    except ValidationError as error:
        raise DatasetError(
            f"meta/info.json: the contract of {name} is damaged ({problems_of(error)}); write the "
            "dataset again"
        ) from error


def described_in(info: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Names, unit and description of every feature of which `info.json` states them.

    Raises:
        DatasetError: What it states is damaged.
    """
    out = {}
    for name, facts in info["features"].items():
        own = facts.get(KEY)
        if isinstance(own, Mapping):
            said = {k: own[k] for k in ("unit", "description", "contract") if k in own}
            if name == "action":
                said.pop("contract", None)
            names = facts.get("names")
            out[name] = {"names": names if isinstance(names, list) else []} | said
            if facts["dtype"] == "video":
                out[name]["names"] = []
            check_described(out[name], f"meta/info.json: {name!r}")
    return out


def _facts(text: str, source: str) -> EpisodeFacts:
    found = mapping(
        parse_json(text, source=source, error=DatasetError), source=source, error=DatasetError
    )
    line = {key: found[key] for key in _LINE if key in found}
    check_line({"episode_index": 0} | line, source)
    provenance = mapping(found.get("provenance", {}), source=source, error=DatasetError)
    return EpisodeFacts(line, provenance)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
