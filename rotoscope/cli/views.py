"""`rotoscope triangulate`: hands, people or points from several cameras of one scene."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from rotoscope.cli.options import Overrides, StorePath, Workers, path_option
from rotoscope.cli.paths import given_path
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import UsageError


def triangulate(
    videos: Annotated[
        list[Path],
        typer.Argument(
            parser=given_path,
            metavar="VIDEOS",
            help="Two videos or more of one scene; the result is on the first one's clock.",
        ),
    ],
    calibration: Annotated[
        Path | None,
        path_option(
            "TOML of Pose2Sim or anipose, a table for each video [poses are estimated from the "
            "hands or people themselves].",
            "--calibration",
        ),
    ] = None,
    what: Annotated[
        Literal["hands", "body", "points"],
        typer.Option(help="What is placed; points need a calibration."),
    ] = "hands",
    offsets: Annotated[
        str,
        typer.Option(
            metavar="0,S,...",
            help="Time of each video's clock when the first one's shows 0 [s] [found by motion].",
        ),
    ] = "",
    within: Annotated[
        float, typer.Option(min=0, max=60, help="Largest offset of clocks that is searched [s].")
    ] = 1.0,
    palm_length: Annotated[
        float | None,
        typer.Option(
            min=0.04,
            max=0.14,
            help="Wrist to middle knuckle [m]: the scale where there is no calibration.",
        ),
    ] = None,
    override: Overrides = None,
    workers: Workers = 1,
    store: StorePath = None,
) -> None:
    """Place hands, people or points from several cameras, and write a file beside the first video.

    `NAME.hands.npz` is for the recipe `hand-gripper-file`, which labels that video; the folder
    `NAME.bodies` holds motion files for `motion-humanoid`; `NAME.points.npz` holds points of the
    scene with sigma.
    """
    import numpy as np

    from rotoscope import views

    with tempfile.TemporaryDirectory() as work:
        found = views.triangulate(
            videos,
            calibration=calibration,
            what=what,
            offsets_s=_numbers(offsets) if offsets else None,
            within_s=within,
            palm_length_m=palm_length,
            overrides=override or (),
            workers=workers,
            store=store,
            work=Path(work) / "run",
        )
    for name, placed in found.subjects.items():
        num_placed = int(np.isfinite(placed.points_m).any(axis=(1, 2)).sum())
        num_shared, num_frames = int(placed.is_shared.sum()), len(placed.is_shared)
        console.say(
            f"{name}: {num_placed} of {num_frames} frames placed, {num_shared} seen by two views"
        )
    for video, offset_s in zip(videos[1:], found.offsets_s[1:], strict=True):
        console.say(f"{video.name} is {offset_s:+.3f} s from the first video's clock")
    console.say(f"landmarks are {found.away_px:.1f} px (median) from where they were put")
    for path in found.written:
        console.say(f"written: {path}")


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(
            f"--offsets must be numbers of seconds with commas between, got {text!r}"
        ) from error
