"""`rotoscope duplicates`: videos that show the same, before anything is labeled."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.options import Inputs, Only, path_option
from rotoscope.cli.terminal import console


def duplicates(
    videos: Inputs,
    only: Only = None,
    kept: Annotated[
        Path | None,
        path_option("Text file to write: one path a line of every video but the copies.", "--kept"),
    ] = None,
) -> None:
    """Find videos that are copies of another: scaled, cropped, mirrored, encoded anew or trimmed.

    Other takes of the same scene are no copies. Of each group the longest is kept, of those the
    largest file. Nothing is moved or removed. Exit code 1 if a video could not be read.
    """
    from rotoscope.pipeline.duplicates.run import find_duplicates
    from rotoscope.pipeline.files.atomic import write_bytes_atomic
    from rotoscope.pipeline.video.scan import scan

    found = find_duplicates(scan(videos, only=only), tell=console.say)
    for group in found.groups:
        console.say(f"{group.kept.display_name} is kept; the same is shown by")
        for copy in group.copies:
            to = "" if copy.of == group.kept.name else f" (to {copy.of})"
            console.say(f"  {copy.video.display_name}: {copy.likeness}{to}")
    for name, why in found.failed.items():
        console.say(f"{name} was not compared: {why}", style="red")
    copies = len(found.videos) - len(found.kept)
    console.say(f"{copies} of {len(found.videos)} videos are copies, {found.duration_s:.0f} s")
    if kept is not None:
        paths = [os.fsencode(video.path.absolute()) + b"\n" for video in found.kept]
        write_bytes_atomic(kept, b"".join(paths))
        console.say(f"all others: {kept}")
    raise typer.Exit(int(bool(found.failed)))
