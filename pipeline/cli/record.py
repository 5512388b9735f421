"""`rotoscope record`: demonstrations in a simulator, to try the rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rotoscope.pipeline.cli.helpers import helper
from rotoscope.pipeline.cli.paths import named_path
from rotoscope.pipeline.cli.terminal import console


def record(
    env: Annotated[
        str, typer.Option(help="Simulator: `metaworld:push-v3`, `gymnasium:CartPole-v1`, `pusht`.")
    ],
    out: Annotated[
        Path, typer.Option(parser=named_path, help="Folder of the dataset, or of the videos.")
    ],
    episodes: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the first episode's start.")] = 0,
    camera: Annotated[
        str | None, typer.Option(help="Camera; the simulator's first if not given, '' for none.")
    ] = None,
    size: Annotated[int, typer.Option(min=16, help="Side of the pictures [px].")] = 96,
    labelled: Annotated[
        int | None,
        typer.Option(min=0, help="Tell the actions of so many episodes only; of all if not given."),
    ] = None,
    videos: Annotated[
        bool, typer.Option("--videos", help="Plain mp4 files, no states and no actions.")
    ] = False,
) -> None:
    """Record a simulator's scripted expert: a LeRobot v3 dataset, or plain videos.

    Something to try labelers on whose true actions are known.
    """
    run = helper("record_demonstrations")
    num = run(
        env,
        out,
        num_episodes=episodes,
        first_seed=seed,
        camera=camera,
        size_px=size,
        num_labelled=labelled,
        as_videos=videos,
    )
    kind = "videos" if videos else "episodes"
    console.say(f"{num} {kind} of {env}: {out}")
