"""`rotoscope store`: whether what is kept is sound, and room on the disk."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from rotoscope.cli.options import StorePath
from rotoscope.cli.terminal import console

app = typer.Typer(
    no_args_is_help=True,
    help="Look after the store of intermediate results: check it, or make room.",
)


@app.command()
def verify(store: StorePath = None) -> None:
    """Read every entry and hold it against its seal. Exit code 1 if any is damaged.

    Nothing has to be done about damage: such entries count as absent and are computed again by
    the next run that needs them; `prune` removes them.
    """
    from rotoscope.pipeline.store.care import verify as look
    from rotoscope.pipeline.store.store import default_store

    root = store or default_store()
    counts: Counter[str] = Counter()
    total = damaged = 0
    for entry in look(root):
        counts[entry.kind] += 1
        total += entry.num_bytes
        if entry.damage:
            damaged += 1
            console.say(f"damaged: {entry.path}: {entry.damage}")
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())) or "nothing"
    console.say(f"{root}: {kinds}; {total / 1e6:.0f} MB; {damaged} damaged")
    raise typer.Exit(int(damaged > 0))


@app.command()
def pictures(
    max_age_days: Annotated[
        float | None, typer.Option(min=0, help="Remove what no training used for longer.")
    ] = None,
    max_gb: Annotated[
        float | None,
        typer.Option(min=0, help="Remove the least recently used until they take no more."),
    ] = None,
) -> None:
    """Say what pictures that trainings decoded take on the disk, and remove some of them.

    They lie in the user's cache folder, one file for each camera and size; a training that needs
    removed ones decodes them again.
    """
    from rotoscope.models.training.frames import cache_folder, prune_frames

    max_bytes = None if max_gb is None else int(max_gb * 1e9)
    done = prune_frames(max_age_days=max_age_days, max_bytes=max_bytes)
    console.say(
        f"{cache_folder()}: {len(done.removed)} removed, {done.num_bytes / 1e6:.0f} MB; "
        f"{done.kept_bytes / 1e6:.0f} MB left"
    )


@app.command()
def prune(
    store: StorePath = None,
    max_age_days: Annotated[
        float | None, typer.Option(min=0, help="Remove what no run used for longer.")
    ] = None,
    max_gb: Annotated[
        float | None,
        typer.Option(min=0, help="Remove the least recently used until it is no larger."),
    ] = None,
) -> None:
    """Remove damaged entries, and those of no use for long; runs compute them again on demand."""
    from rotoscope.pipeline.store.care import prune as remove
    from rotoscope.pipeline.store.store import default_store

    root = store or default_store()
    max_bytes = None if max_gb is None else int(max_gb * 1e9)
    done = remove(root, max_age_days=max_age_days, max_bytes=max_bytes)
    console.say(
        f"{root}: {len(done.removed)} entries removed, {done.num_bytes / 1e6:.0f} MB; "
        f"{done.kept_bytes / 1e6:.0f} MB left"
    )
