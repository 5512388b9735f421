"""Does the dataset say of every episode where it comes from, whoever edited it since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rotoscope.pipeline.datasets.facts import EpisodeFacts, contract_in, read_facts
from rotoscope.pipeline.datasets.layout import meta_file
from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.datasets.said import LINES
from rotoscope.pipeline.datasets.sidecars import read_sidecar_lines
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.errors import DatasetError

_WRITE = "rotoscope doctor DATASET --write writes meta/rotoscope and the card anew from its columns"


def check_provenance(raw: RawDataset) -> Check:
    """Contract, source, license and maker of every episode are known, and the sidecar agrees."""
    findings = Findings("provenance", advice=_WRITE)
    features = raw.info["features"]
    try:
        found = read_facts(raw.data_files(), features)
        lines = read_sidecar_lines(meta_file(raw.root, LINES))
        stated = contract_in(features, "action")
    except DatasetError as error:
        findings.fail(str(error))
        return findings.check("")
    if not found:
        if lines:
            return findings.untested("where episodes come from stands in meta/rotoscope alone")
        return findings.untested("nothing says where episodes come from: not labeled by Rotoscope")
    unknown = sorted(set(raw.table) - set(found))
    if unknown:
        findings.warn(
            f"{len(unknown)} episodes, such as {unknown[0]}, do not say where they come from"
        )
        findings.advice = "another tool added them: label their videos again, or take them out"
    if stated is None:
        findings.warn("info.json states no contract of action")
    elif raw.contract is not None and raw.contract != stated:
        findings.fail("the contracts of info.json and of meta/rotoscope differ")
    if not unknown:
        _check_sidecar(raw, found, lines, findings)
    makers = sorted({str(f.provenance.get("recipe", "")) for f in found.values()})
    licenses = Counter(f.license or "not stated" for f in found.values())
    said = ", ".join(f"{name} ({count})" for name, count in sorted(licenses.items()))
    return findings.check(
        f"{len(found)} episodes of {len({f.line.get('name') for f in found.values()})} videos, "
        f"made by {', '.join(makers) or 'nobody knows what'}; licenses: {said}",
        makers={f.digest: str(f.provenance.get("recipe", "")) for f in found.values()},
        licenses=dict(licenses),
    )


def _check_sidecar(
    raw: RawDataset,
    found: Mapping[int, EpisodeFacts],
    lines: list[dict[str, Any]],
    findings: Findings,
) -> None:
    if not lines:
        findings.warn("meta/rotoscope/episodes.jsonl is not there: another tool dropped it")
        return
    by_index = {int(line["episode_index"]): line for line in lines}
    if set(by_index) != set(found):
        findings.fail(
            f"episodes.jsonl speaks of {len(by_index)} episodes, the dataset holds {len(found)}"
        )
        return
    for index, facts in sorted(found.items()):
        tasks = raw.table.get(index, {}).get("tasks") or []
        task = by_index[index].get("task")
        if by_index[index].get("episode_id") != facts.line.get("episode_id"):
            findings.fail(f"episode {index} is another one in episodes.jsonl")
        elif task is not None and tasks and task not in tasks:
            findings.warn(f"episode {index}: its task is not what episodes.jsonl says")
