"""`rotoscope record`: demonstrations in a simulator, to try the rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.cli.options import Environment, path_option
from rotoscope.cli.terminal import console


def record(
    env: Environment,
    out: Annotated[Path, path_option("Folder of the dataset, or of the videos.")],
    episodes: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the first episode's start.")] = 0,
    how: Annotated[
        str,
        typer.Option(
            help="Who acts: `expert`; `noisy`, the expert with noise on each action; `play`, some "
            "of the task and some wandering; `random`; `failed`, begins well and does not end so."
        ),
    ] = "expert",
    noise: Annotated[
        float, typer.Option(help="Of `--how noisy`: 1-sigma, as a share of half an action's range.")
    ] = 0.3,
    camera: Annotated[
        list[str] | None,
        typer.Option(
            help="Camera, may be repeated; the simulator's first if not given, '' for none."
        ),
    ] = None,
    size: Annotated[int, typer.Option(min=16, help="Side of the pictures [px].")] = 96,
    labeled: Annotated[
        int | None,
        typer.Option(min=0, help="Tell the actions of so many episodes only; of all if not given."),
    ] = None,
    videos: Annotated[
        bool, typer.Option("--videos", help="Plain mp4 files, no states and no actions.")
    ] = False,
) -> None:
    """Record episodes of a simulator: a LeRobot v3 dataset, or plain videos.

    Something to try labelers on whose true actions are known; `next.reward` and `next.success` are
    told row by row.
    """
    from rotoscope.models.simulators.behaviors import check_behavior
    from rotoscope.models.simulators.record_command import record_demonstrations

    num = record_demonstrations(
        env,
        out,
        num_episodes=episodes,
        first_seed=seed,
        how=check_behavior(how),
        noise=noise,
        cameras=camera,
        size_px=size,
        num_labelled=labeled,
        as_videos=videos,
    )
    kind = "videos" if videos else "episodes"
    console.say(f"{num} {kind} of {env}: {out}")
