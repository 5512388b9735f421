"""What was changed between two datasets: settings of the recipe, versions, episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rotoscope.pipeline.compare.matching import Matching
from rotoscope.pipeline.compare.sides import Side
from rotoscope.pipeline.datasets.read import Dataset

ABSENT = "-"


@dataclass(frozen=True)
class Change:
    """Something that is one thing on one side and another on the other."""

    what: str
    """Its name, such as `hands.min_score`."""
    a: str
    """What it is on the first side."""
    b: str
    """And on the second."""


def setting_changes(a: Side, b: Side) -> list[Change]:
    """Settings, versions and contracts that differ; of one dataset, those of the two labelers."""
    if a.dataset.root == b.dataset.root:
        return _changes(_labeler(a), _labeler(b)) + _changes(_contract(a), _contract(b))
    first, other = _made_by(a.dataset), _made_by(b.dataset)
    return _changes(first, other) + _changes(_contract(a), _contract(b))


def episode_changes(a: Dataset, b: Dataset, matching: Matching) -> list[Change]:
    """Episodes that only one side has, and those that begin or end elsewhere."""
    out = [Change(_name(a, i), f"{_length(a, i)} rows", ABSENT) for i in matching.only_a]
    out += [Change(_name(b, j), ABSENT, f"{_length(b, j)} rows") for j in matching.only_b]
    for pair in matching.pairs:
        lengths = _length(a, pair.a), _length(b, pair.b)
        if lengths[0] != lengths[1]:
            common = f"{pair.end - pair.start} in common"
            out.append(
                Change(_name(a, pair.a), f"{lengths[0]} rows, {common}", f"{lengths[1]} rows")
            )
    return out


def _made_by(dataset: Dataset) -> dict[str, str]:
    """Everything that the provenance decided, by a name each."""
    said: Mapping[str, Any] = dataset.rotoscope("provenance.json")
    resolved: Mapping[str, Any] = said.get("recipe_resolved", {})
    flat: dict[str, Any] = {"rotoscope": said.get("rotoscope"), "recipe": said.get("recipe")}
    for stage in resolved.get("stages", []):
        name = str(stage.get("name"))
        flat[name] = {"kind": stage.get("kind", name), "version": stage.get("version")}
        flat[name] |= stage.get("config", {})
    flat |= {k: v for k, v in resolved.items() if k not in ("stages", "name", "description")}
    flat["packages"] = said.get("packages", {})
    # The labeler that gave the actions anew, where one did.
    for number, made in enumerate(said.get("labels", [])):
        kept = {k: v for k, v in made.items() if k not in ("episodes", "failed")}
        flat[f"relabel.{number + 1}"] = kept
    return _flat(flat)


def _labeler(side: Side) -> dict[str, str]:
    """Kind, version and settings of the stage that made a column."""
    resolved = side.dataset.rotoscope("provenance.json").get("recipe_resolved", {})
    wanted = side.column.name.removeprefix("label.")
    if side.column.name == "action":
        wanted = str(resolved.get("action") or "").removeprefix("label.")
    for stage in resolved.get("stages", []):
        if str(stage.get("name")).removeprefix("label.") == wanted:
            facts = {"kind": stage.get("kind"), "version": stage.get("version")}
            return _flat({"labeler": facts | stage.get("config", {})})
    return {}


def _contract(side: Side) -> dict[str, str]:
    contract = side.column.contract
    if contract is None:
        return {}
    facts = contract.model_dump(mode="json")
    dimensions = {d.pop("name"): d for d in facts.pop("dimensions")}
    return _flat({"contract": facts | dimensions})


def _changes(a: Mapping[str, str], b: Mapping[str, str]) -> list[Change]:
    names = list(dict.fromkeys([*a, *b]))
    found = [Change(n, a.get(n, ABSENT), b.get(n, ABSENT)) for n in names]
    return [change for change in found if change.a != change.b]


def _flat(facts: Mapping[str, Any], before: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{before}{name}.")
        else:
            out[f"{before}{name}"] = ABSENT if value is None else str(value)
    return out


def _name(dataset: Dataset, row: int) -> str:
    name = dataset.episodes_meta.get(row, {}).get("name", "")
    return f"episode {dataset.table[row]['episode_index']}" + (f" ({name})" if name else "")


def _length(dataset: Dataset, row: int) -> int:
    return int(dataset.table[row]["length"])
