"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.pipeline.cli.paths import given_path, named_path

Inputs = Annotated[
    list[Path],
    typer.Argument(
        parser=given_path,
        help="Folders (searched through) and files: videos, or motion capture (BVH, AMC, npz, npy) "
        "for a recipe that begins with `motion`.",
        metavar="VIDEOS",
    ),
]
RecipeName = Annotated[
    str, typer.Option("--recipe", "-r", help="Name of a recipe, or path of a .yaml file.")
]
Out = Annotated[
    Path, typer.Option("--out", parser=named_path, help="Where the dataset is published, whole.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "-o", "--override", metavar="KEY=VALUE", help="Change a setting: `-o hands.num_hands=1`."
    ),
]
Only = Annotated[
    str | None, typer.Option(metavar="GLOB", help="Only videos whose relative path matches.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N videos.")]
Until = Annotated[
    str, typer.Option(metavar="STAGE", help="Stop after this stage; write no dataset.")
]
Workers = Annotated[int, typer.Option(min=1, help="Videos processed at the same time.")]
StorePath = Annotated[
    Path | None,
    typer.Option(
        "--store",
        parser=named_path,
        help="Where intermediate results are kept [user cache folder].",
    ),
]
Dataset = Annotated[
    Path, typer.Argument(parser=named_path, help="Folder of a dataset.", metavar="DATASET")
]
