"""Whether every file of a dataset is as it was published."""

from __future__ import annotations

from pathlib import Path

from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.manifest import CARD, MANIFEST
from rotoscope.pipeline.export.standing import look_at


def check_files(root: Path) -> Check:
    """Hashes every file and compares it with the manifest that was published with the dataset.

    Files that are not ours are counted, not judged; nor is what a user wrote in the card.
    """
    findings = Findings(
        "files", advice="copy it again, or move it away and run the command that made it"
    )
    if not (root / MANIFEST).is_file():
        findings.warn(f"it has no {MANIFEST}: nothing says what its files held")
        return findings.check("")
    try:
        standing = look_at(root)
    except DatasetError as error:
        findings.fail(str(error))
        return findings.check("")
    for name in standing.changed:
        findings.fail(f"{name} is not what was published")
    for name in standing.missing:
        findings.fail(f"{name} is missing")
    foreign = [name for name in standing.foreign if name != CARD]
    detail = {"own": len(standing.own), "foreign": foreign, "missing": list(standing.missing)}
    text = f"all {len(standing.own)} files are as they were published"
    if CARD in standing.foreign:
        text += f"; {CARD} is the user's"
    if foreign:
        shown = ", ".join(map(repr, foreign[:3])) + (", ..." if len(foreign) > 3 else "")
        text += f"; {len(foreign)} beside them are not ours: {shown}"
    return findings.check(text, **detail, changed=list(standing.changed))
