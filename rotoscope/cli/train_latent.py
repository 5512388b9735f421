"""`rotoscope train latent-action`: what was done, learned from video that nobody labeled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import WithPrefect, override_option, path_option, place_option
from rotoscope.cli.progress import tell_training
from rotoscope.cli.terminal import console


def train_latent(
    data: Annotated[
        list[Path],
        place_option(
            "LeRobot v3 dataset, its folder or URL (actions are not looked at), or folder of "
            "videos; may be repeated, each is an embodiment of its own."
        ),
    ],
    out: Annotated[Path, path_option("Folder of the model, written whole.")],
    override: Annotated[
        list[str] | None,
        override_option(
            "Setting: `-o objective=lapo`, `-o latent=vq`, "
            "`-o tracks.targets=[track.hand.joints]`, `-o loop.seed=1`."
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
    from rotoscope.flows.supervise import supervised
    from rotoscope.train import latent_action as train

    when_stopped(SAME_COMMAND)
    overrides, places = override or (), list(map(str, data))
    if prefect:
        metrics = supervised(train, places, out=out, overrides=overrides)
    else:
        metrics = train(places, out=out, overrides=overrides, listener=tell_training(console))
    _summarize(out, metrics)


def _summarize(out: Path, metrics: dict[str, Any]) -> None:
    console.say(f"latent action model: {out}")
    held_out = ", ".join(metrics["held_out"])
    console.say(f"on held-out videos ({held_out}, {metrics['transitions']} transitions):")
    console.say(f"  directions that latents use: {metrics['effective_rank']}")
    console.say(f"  prediction that hangs on them: {metrics['latent_use']:.0%}")
    for name, label in (
        ("additivity", "latents of two steps as the sum of both"),
        ("reversal", "latents of a step back as the negative"),
        ("motion_r2", "motion of tracks by a linear map of latents"),
    ):
        if metrics[name] is not None:
            console.say(f"  {label}: R2 {metrics[name]:.2f}")
    if "perplexity" in metrics:
        console.say(f"  codes used per group: {metrics['perplexity']}")
        console.say(f"  dead codes per group: {metrics['dead_codes']}")
    if metrics["collapsed"]:
        console.say("  COLLAPSED: labelers will refuse this model", style="red")
    for text in metrics["advice"]:
        console.say(f"  {text}", style="yellow")
