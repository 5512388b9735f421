"""`rotoscope train rl`: a policy from one video without actions, by trying in a simulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import (
    SeenCamera,
    SeenColumns,
    SeenEncoder,
    override_option,
    path_option,
    place_option,
)
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.models.reinforcement.trial import Tried


def train_rl(
    env: Annotated[
        str,
        typer.Option(
            help="Simulator whose action is numbers between limits: `metaworld:button-press-v3`."
        ),
    ],
    out: Annotated[Path, path_option("Folder for policy, curves.json and curves.png.")],
    data: Annotated[
        Path | None,
        place_option(
            "What is imitated: a LeRobot v3 dataset, here or at a URL, whose actions are not read, "
            "or one video file. Not needed for `--reward true`."
        ),
    ] = None,
    demo: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EPISODES",
            help="Which episodes of DATA (`3`, `0,2`, `0:5`) [all]. May be repeated.",
        ),
    ] = None,
    reward: Annotated[
        str,
        typer.Option(
            help="`orca`, `ot`, `temporal_ot`, `dtw`, `threshold`, `last_frame`, "
            "`time_contrastive`; `gaifo`, which learns with the policy; `true`, the task's own."
        ),
    ] = "orca",
    see: SeenColumns = None,
    camera: SeenCamera = "",
    encoder: SeenEncoder = "pca",
    override: Annotated[
        list[str] | None,
        override_option(
            "Setting: `-o steps=30000`, `-o horizon=150`, `-o start=0`, `-o schedule=ads`, "
            "`-o look_every=4`, `-o seed=1`."
        ),
    ] = None,
) -> None:
    """Learn a policy in a simulator from a demonstration without actions: reinforcement learning.

    Soft actor-critic of stable-baselines3 (`pip install 'rotoscope[rl]'`); the policy sees the
    simulator's state. An episode is worth what the reward says when it has ended. Kept is the
    policy whose trial was worth most to that reward; try it with `rotoscope eval OUT/policy`.
    """
    from rotoscope import train

    kept = train.rl(
        None if data is None else str(data),
        env=env,
        out=out,
        demos=demo or (),
        reward=reward,
        see=see or (),
        camera=camera,
        encoder=encoder,
        overrides=override or (),
        listener=_show,
    )
    console.say(f"kept: that of step {kept['step']}, mean return {kept['mean_return']:.1f}")
    console.say(f"policy: {out / 'policy'}")
    console.say(f"curves: {out / 'curves.png'}")


def _show(tried: Tried) -> None:
    followed = "" if tried.progress != tried.progress else f", follows {tried.progress:.0%}"
    console.say(
        f"step {tried.step}: reward {tried.mean_reward:.3f}, mean return {tried.mean_return:.1f}, "
        f"solved {tried.success:.0%}{followed}"
    )
