"""`rotoscope train latent-action`: what was done, learned from video that nobody labelled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rotoscope.pipeline.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.pipeline.cli.helpers import helper
from rotoscope.pipeline.cli.paths import named_path
from rotoscope.pipeline.cli.prefect_option import WithPrefect, flow
from rotoscope.pipeline.cli.progress import tell_training
from rotoscope.pipeline.cli.terminal import console


def train_latent(
    data: Annotated[
        list[Path],
        typer.Option(
            parser=named_path,
            help="LeRobot v3 dataset (its actions are not looked at) or folder of videos; may be "
            "repeated, each is an embodiment of its own.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(parser=named_path, help="Folder of the model, written whole.")
    ],
    override: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--override",
            metavar="KEY=VALUE",
            help="Setting: `-o objective=lapo`, `-o latent=vq`, "
            "`-o tracks.targets=[track.hand.joints]`, `-o loop.seed=1`.",
        ),
    ] = None,
    prefect: WithPrefect = False,
) -> None:
    """Train a latent action model on unlabelled video.

    Its folder labels video without a decoder (recipe `latent-action`), and is an image encoder
    for inverse dynamics: `rotoscope train inverse-dynamics -o encoder=latent:FOLDER` learns from
    few labels what the latents mean. After a crash or a kill, the same command goes on where it was
    and ends with the same weights.
    """
    when_stopped(SAME_COMMAND)
    if prefect:
        metrics = flow("train", "latent_flow")([str(d) for d in data], str(out), override or [])
    else:
        train = helper("train_latent_action")
        metrics = train(data, out, override or (), listener=tell_training(console)).metrics
    _summarise(out, metrics)


def _summarise(out: Path, metrics: dict[str, Any]) -> None:
    console.say(f"latent action model: {out}")
    held_out = ", ".join(metrics["held_out"])
    console.say(f"on held-out videos ({held_out}, {metrics['transitions']} transitions):")
    console.say(f"  directions that latents use: {metrics['effective_rank']}")
    console.say(f"  prediction that hangs on them: {metrics['latent_use']:.0%}")
    if "perplexity" in metrics:
        console.say(f"  codes used per group: {metrics['perplexity']}")
        console.say(f"  dead codes per group: {metrics['dead_codes']}")
    if metrics["collapsed"]:
        console.say("  COLLAPSED: labelers will refuse this model", style="red")
    for text in metrics["advice"]:
        console.say(f"  {text}", style="yellow")
