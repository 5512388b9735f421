"""`rotoscope find`: stretches of datasets that are like a given one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import DeviceName, SeenCamera, SeenColumns, SeenEncoder, path_option
from rotoscope.cli.paths import dataset_named, named_path
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.models.search.find import Found, Stretch

_HEADER = ("dataset", "episode", "rows", "seconds", "cost", "quantile")


def find(
    clip: Annotated[
        str,
        typer.Argument(
            metavar="CLIP",
            help="What to look for: an episode, `DATASET#3`, or rows of it, `DATASET#3:40-90`.",
        ),
    ],
    datasets: Annotated[
        list[str],
        typer.Option(
            "--in",
            metavar="DATASET",
            help="Dataset to search, a folder or `s3://...`; the clip's own, too, if named. May be "
            "repeated.",
        ),
    ],
    see: SeenColumns = None,
    camera: SeenCamera = "",
    encoder: SeenEncoder = "pca",
    device: DeviceName = "auto",
    count: Annotated[int, typer.Option(min=1, help="Stretches at most.")] = 10,
    max_cost: Annotated[
        float | None,
        typer.Option(min=0, help="Cost per step at most, in deviations of the clip's motion."),
    ] = None,
    out: Annotated[
        Path | None,
        path_option(
            "Where the stretches are published as a dataset; OUT/NAME for each of several that "
            "were searched [only say where they are].",
            "--out",
        ),
    ] = None,
) -> None:
    """Find the stretches of LeRobot v3 datasets that are most like a clip, whatever their speed.

    Prints a line a stretch, the likest first: its cost per step of the warping of time, and the
    share of all rows at which the clip would end as cheaply. With `--out` each stretch becomes an
    episode, with the column `label.found_cost`; videos are not encoded anew, and
    `meta/rotoscope/found.json` says what was looked for and where each stretch is from.
    """
    from rotoscope.models.rewards.seen import Seen
    from rotoscope.models.search.find import FindRequest
    from rotoscope.models.search.find import find as search
    from rotoscope.models.search.write import write_found

    request = FindRequest(
        clip=clip,
        datasets=tuple(named_path(dataset_named(text)) for text in datasets),
        seen=Seen(tuple(see or ()), camera, encoder, device),
        count=count,
        max_cost=float("inf") if max_cost is None else max_cost,
    )
    found = search(request)
    _show(found)
    if out is not None:
        for place in write_found(found, out):
            console.say(f"dataset: {place}")


def _show(found: Found) -> None:
    if found.stretches:
        console.table(_HEADER, map(_line, found.stretches))
        return
    console.say(
        f"nothing like {found.clip.name} was found; the likest stretch costs "
        f"{found.lowest_cost:.3g} a step"
    )


def _line(one: Stretch) -> tuple[str, ...]:
    dataset = one.source.dataset
    first_s, last_s = one.start / dataset.fps, one.end / dataset.fps
    return (
        str(dataset.root),
        str(one.source.index),
        f"{one.start}-{one.end}",
        f"{first_s:.2f}-{last_s:.2f}",
        f"{one.cost:.3g}",
        f"{one.quantile:.2g}",
    )
