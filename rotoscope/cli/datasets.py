"""`rotoscope merge`, `split` and `filter`: datasets out of datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.options import Data, Out
from rotoscope.cli.paths import named_path
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import UsageError

Replace = Annotated[bool, typer.Option("--replace", help="Replace a dataset that is at --out.")]


def merge(
    datasets: Annotated[
        list[Path],
        typer.Argument(parser=named_path, help="Folders of datasets.", metavar="DATASETS"),
    ],
    out: Out,
    replace: Replace = False,
) -> None:
    """Write one dataset that holds the episodes of several, in order; videos are not encoded anew.

    They must agree in rows per second, contract, camera and size of pictures; columns that only
    some have are empty (NaN, False, -1) in the episodes of the others. An episode that is in
    several of them is taken once.
    """
    from rotoscope.pipeline.export.combine import write_selection

    _check_free(out, replace=replace)
    done = write_selection([(path, None) for path in datasets], out, made_by="merge")
    console.say(f"dataset: {out}, {done.episodes} episodes, {done.rows} rows")


def split(
    data: Data,
    parts: Annotated[
        list[str],
        typer.Argument(
            help="Names with shares, `train=0.8 val=0.2`, or with episodes, `train=0:40 "
            "val=40,42,45`.",
            metavar="NAME=PART",
        ),
    ],
    out: Out,
    replace: Replace = False,
) -> None:
    """Write datasets `OUT/NAME` that each hold a part of the episodes.

    Shares keep the episodes of one video in one part, so that no training sees what another part
    is to test. Which videos go where depends on their bytes alone.
    """
    from rotoscope.pipeline.datasets.choose import splits
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.export.combine import write_selection

    wanted = dict(_named(part) for part in parts)
    found = splits(open_dataset(data), wanted)
    for name in found:
        _check_free(out / name, replace=replace)
    for name, episodes in found.items():
        done = write_selection([(data, episodes)], out / name, made_by="split")
        console.say(f"dataset: {out / name}, {done.episodes} episodes, {done.rows} rows")


def filter_episodes(
    data: Data,
    out: Out,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Keep episodes of which this holds: `valid_share>=0.9`, `confidence>=0.7`, "
            "`seconds>2`, `license=CC-BY-4.0`, `video=kitchen/*`, or any number of the episodes' "
            "quality. May be repeated: all must hold.",
        ),
    ] = None,
    episodes: Annotated[
        str, typer.Option(help="Keep these: `[0, 2, 5]` as LeRobot writes it, or spans, `0:10`.")
    ] = "",
    listed: Annotated[
        Path | None,
        typer.Option("--list", parser=named_path, help="Keep those that this text file lists."),
    ] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Leave the chosen ones out instead of keeping them.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which episodes would be kept.")
    ] = False,
    replace: Replace = False,
) -> None:
    """Write a dataset that holds some episodes of another; videos are not encoded anew."""
    from rotoscope.pipeline.datasets import choose
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.export.combine import write_selection

    dataset = open_dataset(data)
    chosen = choose.choose(dataset, [choose.condition(text) for text in where or ()])
    if episodes or listed:
        named = choose.numbers(episodes) + (choose.numbers_of_file(listed) if listed else [])
        known = {int(row["episode_index"]) for row in dataset.table}
        if strange := [n for n in named if n not in known]:
            raise UsageError(f"{data} has no episode {strange[0]}; it has {len(known)}")
        chosen = [n for n in chosen if n in set(named)]
    elif not where:
        raise UsageError("say which episodes: --where, --episodes or --list")
    every = [int(row["episode_index"]) for row in dataset.table]
    kept = [n for n in every if n not in set(chosen)] if drop else chosen
    console.say(f"{len(kept)} of {len(every)} episodes are kept: {kept}")
    if dry_run:
        return
    _check_free(out, replace=replace)
    done = write_selection([(data, kept)], out, made_by="filter")
    console.say(f"dataset: {out}, {done.episodes} episodes, {done.rows} rows")


def _named(part: str) -> tuple[str, str]:
    name, equals, text = part.partition("=")
    if not equals or not name.strip() or "/" in name or name in (".", ".."):
        raise UsageError(f"{part!r} is no part; write NAME=0.8, or NAME=0:40")
    return name.strip(), text.strip()


def _check_free(out: Path, *, replace: bool) -> None:
    if out.exists() and not replace and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{out} is there already; name another --out, or say --replace")
