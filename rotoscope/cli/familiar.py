"""What commands say of a dataset whose labeler did not know what it saw."""

from __future__ import annotations

from pathlib import Path

from rotoscope.cli.terminal import console


def tell_unfamiliar(dataset: Path | None) -> None:
    """Says which episodes are not like what their labeler was trained on, if any are."""
    from rotoscope.pipeline.datasets.read_damaged import read_dataset
    from rotoscope.pipeline.doctor.familiarity import COLUMN, check_familiarity

    if dataset is None:
        return
    raw = read_dataset(dataset)
    if COLUMN not in raw.info.get("features", {}):
        return
    found = check_familiarity(raw)
    if found.verdict != "PASS":
        console.say(f"familiarity: {found.message}", style="yellow")
