"""`rotoscope duplicates`: which videos are copies of each other, before anything is labeled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import path_option
from rotoscope.cli.paths import given_path
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.pipeline.duplicates.compare import Copy
    from rotoscope.pipeline.duplicates.find import Duplicates

_HEADER = ("keep", "copy", "how", "from", "overlap", "moving / resting")


def duplicates(
    videos: Annotated[
        list[Path],
        typer.Argument(
            parser=given_path, metavar="VIDEOS", help="Folders (searched through) and files."
        ),
    ],
    out: Annotated[
        Path | None,
        path_option("JSON file for pairs, evidence and what is kept [only print].", "--out"),
    ] = None,
) -> None:
    """Say which videos show the same recording: scaled, cropped, mirrored, encoded anew, trimmed.

    Other takes of the same scene by the same camera are no copies: pictures are laid onto each
    other in time and space, and what moves must be the same at every moment. Nothing is deleted;
    of each group the video that shows most is named as the one to keep.
    """
    from rotoscope.pipeline.duplicates.find import find_duplicates
    from rotoscope.pipeline.files.atomic import write_bytes_atomic
    from rotoscope.pipeline.video.scan import scan

    found = find_duplicates(scan(videos), say=lambda text: console.say(text, style="yellow"))
    copies = sum(len(group) - 1 for group in found.groups)
    console.say(f"{len(found.names)} videos: {copies} are copies, in {len(found.groups)} groups")
    if found.copies:
        console.table(_HEADER, (_line(found, copy) for copy in found.copies))
    if out is not None:
        text = json.dumps(found.as_facts(), indent=1, allow_nan=False) + "\n"
        write_bytes_atomic(out, text.encode())
        console.say(f"written: {out}")


def _line(found: Duplicates, copy: Copy) -> tuple[str, ...]:
    kept = {group[0] for group in found.groups}
    first, second = (copy.part, copy.whole) if copy.part in kept else (copy.whole, copy.part)
    crop, told = copy.crop, copy.agreement
    how = [f"{100 * crop.width:.0f} x {100 * crop.height:.0f} % of the picture"]
    how += ["mirrored"] if crop.is_mirrored else []
    return (
        found.names[first],
        found.names[second],
        ", ".join(how),
        f"{told.lag_s:.2f} s",
        f"{told.overlap_s:.1f} s",
        f"{told.moving:.2f} / {told.resting:.2f}",
    )
