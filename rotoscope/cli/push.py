"""`rotoscope push`: a dataset into object storage, or onto the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import Dataset
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.remote.urls import Url, place_of


def push(
    dataset: Dataset,
    target: Annotated[
        str,
        typer.Argument(
            help="`s3://bucket/name`, or `user/name`: a repository of the Hub.", metavar="TARGET"
        ),
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace what lies there, whoever wrote it.")
    ] = False,
    public: Annotated[
        bool,
        typer.Option("--public", help="A new repository of the Hub can be read by everybody."),
    ] = False,
) -> None:
    """Publish a dataset to object storage or the Hugging Face Hub, whole or not at all.

    Run the same command again after a break: what arrived is not sent again.
    """
    when_stopped(SAME_COMMAND)
    place = place_of(target)
    if isinstance(place, Url) and place.scheme != "hf":
        from rotoscope.pipeline.remote.datasets import send_dataset

        done = send_dataset(dataset, place, replaces=replace)
        console.say(f"{place}: {done.files} files, {done.sent} sent, {done.removed} removed")
        console.say(f"check it there: rotoscope doctor {place} --verify")
        return
    from rotoscope.pipeline.remote.hub import REPO_ID, push_to_hub

    repo_id = _repo_id(place) if isinstance(place, Url) else target
    if not REPO_ID.fullmatch(repo_id) or Path(target).exists():
        raise UsageError(
            f"{shown(target)} is neither s3://BUCKET/NAME nor USER/NAME of a repository; a folder "
            "of this machine is copied with cp -r"
        )
    console.say(f"pushed: {push_to_hub(dataset, repo_id, is_private=not public)}")


def _repo_id(url: Url) -> str:
    """`user/name` of `hf://datasets/user/name`."""
    return url.key if url.root == "datasets" else f"{url.root}/{url.key}"
