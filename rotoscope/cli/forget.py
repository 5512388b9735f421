"""`rotoscope forget`: a video and all that was made of it. `rotoscope versions`: older datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.options import Dataset, StorePath
from rotoscope.cli.terminal import console


def forget(
    dataset: Dataset,
    video: Annotated[
        str,
        typer.Argument(
            help="Name of the video as `rotoscope status` shows it, its path, or its SHA-256.",
            metavar="VIDEO",
        ),
    ],
    store: StorePath = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go; change nothing.")
    ] = False,
    video_too: Annotated[
        Path | None,
        typer.Option("--video-file", help="The video itself, which is removed as well."),
    ] = None,
) -> None:
    """Take a video out of a dataset, its older versions, the store, the ledger and the reports.

    The other episodes stay as they are; videos are not encoded anew. What was trained on the
    video, copies elsewhere, and datasets that were merged, split or filtered out of this one are
    not known here: name those datasets to this command too.
    """
    from rotoscope.pipeline.files.atomic import remove
    from rotoscope.pipeline.run.forget import check_writable, plan_forgetting
    from rotoscope.pipeline.run.forget import forget as carry_out

    plan = plan_forgetting(video, dataset, store=store)
    names = ", ".join(sorted(plan.trace.names))
    console.say(f"{names}:")
    for gone in plan.datasets:
        left = f"{len(gone.kept)} stay" if gone.kept else "none is left: the dataset is removed"
        console.say(f"  {gone.root}: {len(gone.episodes)} episodes go, {left}")
    console.say(f"  ledger: {plan.rows} lines; store: {len(plan.entries)} entries")
    for page in plan.pages:
        console.say(f"  {page}")
    if video_too is not None:
        console.say(f"  {video_too}")
    if dry_run:
        console.say("nothing was changed")
        return
    check_writable(plan)
    carry_out(plan)
    if video_too is not None:
        remove(video_too)
    else:
        console.say("the video itself is where it was: while it is, the next run labels it again")
    console.say(f"{names}: forgotten")


def versions(
    dataset: Dataset,
    keep: Annotated[
        int | None, typer.Option(min=0, help="Remove all older versions but the newest N.")
    ] = None,
) -> None:
    """List the older versions of a dataset: each is a dataset of its own, to be read as any."""
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.export.versions import forget_versions, versions_in
    from rotoscope.pipeline.run.request import versions_of

    folder = versions_of(dataset)
    if keep is not None:
        for gone in forget_versions(folder, keep=keep):
            console.say(f"removed: version {gone.number}, {gone.path}")
    found = versions_in(folder)
    for version in found:
        one = open_dataset(version.path)
        console.say(
            f"version {version.number}: {len(one)} episodes, {one.info.get('total_frames')} rows, "
            f"{version.path}"
        )
    newest = open_dataset(dataset)
    number = found[-1].number + 1 if found else 1
    console.say(
        f"version {number}, the newest: {len(newest)} episodes, "
        f"{newest.info.get('total_frames')} rows, {dataset}"
    )
