"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rotoscope.cli.paths import given_place, named_path, named_place


def path_option(help: str, *names: str, **more: Any) -> Any:
    """An option that takes a path with a name of its own; never an empty one."""
    return typer.Option(*names, parser=named_path, help=help, **more)


def place_option(help: str, *names: str, **more: Any) -> Any:
    """The same of a path or a URL."""
    return typer.Option(*names, parser=named_place, help=help, **more)


def override_option(help: str) -> Any:
    """The option `-o KEY=VALUE`, which may be repeated."""
    return typer.Option("-o", "--override", metavar="KEY=VALUE", help=help)


Inputs = Annotated[
    list[Path],
    typer.Argument(
        parser=given_place,
        help="Folders (searched through) and files, here or at `s3://...`: videos, or motion "
        "capture (BVH, AMC, npz, npy) for a recipe that begins with `motion`.",
        metavar="VIDEOS",
    ),
]
RecipeName = Annotated[
    str, typer.Option("--recipe", "-r", help="Name of a recipe, or path of a .yaml file.")
]
Out = Annotated[Path, path_option("Where the dataset is published, whole.", "--out")]
OutPlace = Annotated[
    Path,
    typer.Option(
        "--out",
        parser=named_place,
        help="Where the dataset is published, whole: a folder, or `s3://...`.",
    ),
]
Overrides = Annotated[
    list[str] | None, override_option("Change a setting: `-o hands.num_hands=1`.")
]
Only = Annotated[
    str | None, typer.Option(metavar="GLOB", help="Only videos whose relative path matches.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N videos.")]
Until = Annotated[
    str, typer.Option(metavar="STAGE", help="Stop after this stage; write no dataset.")
]
Workers = Annotated[
    int, typer.Option(min=1, help="Videos, or episodes, processed at the same time.")
]
DeviceName = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option("--device", help="Where networks run; `auto` takes CUDA where it is free."),
]
StorePath = Annotated[
    Path | None,
    path_option("Where intermediate results are kept [user cache folder].", "--store"),
]
StorePlace = Annotated[
    Path | None,
    typer.Option(
        "--store",
        parser=named_place,
        help="Where intermediate results are kept: a folder, or `s3://...` [user cache folder].",
    ),
]
Dataset = Annotated[
    Path,
    typer.Argument(parser=named_place, help="Folder or URL of a dataset.", metavar="DATASET"),
]
Data = Annotated[
    Path,
    typer.Argument(
        parser=named_place, help="Folder or URL of a LeRobot v3 dataset.", metavar="DATA"
    ),
]
SeenColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--see",
        metavar="COLUMN",
        help="Column that rows are judged by, or some numbers of it: "
        "`observation.state:hand.*,object.*` [the state, else all tracks]. May be repeated.",
    ),
]
SeenCamera = Annotated[
    str,
    typer.Option("--camera", help="Camera whose pictures count: `observation.images.front`."),
]
SeenEncoder = Annotated[
    str,
    typer.Option(
        "--encoder",
        help="What describes pictures: `pca`, `torchvision:NAME`, `transformers:FOLDER`, "
        "`latent:FOLDER`.",
    ),
]
Environment = Annotated[
    str, typer.Option(help="Simulator: `metaworld:push-v3`, `pusht`, `gymnasium:ID` of any id.")
]
WithPrefect = Annotated[
    bool,
    typer.Option(
        "--prefect",
        help="Run as a Prefect flow (PREFECT_API_URL is honored). Where its server does not "
        "answer, the work is done without it.",
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray|dask",
        help="Where videos are worked on: in processes of this machine, or by the workers of a Ray "
        "or Dask cluster, under Prefect. The same bytes come out.",
    ),
]
EngineAddress = Annotated[
    str,
    typer.Option(
        "--address",
        help="Cluster that runs already, such as `ray://head:10001` or `tcp://head:8786`; without, "
        "one of `--workers` workers is started here. Its nodes must have the same paths.",
    ),
]
