"""`rotoscope relabel`, `train policy` and `eval`: what labels are worth to a robot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import (
    Data,
    DeviceName,
    Environment,
    Out,
    StorePath,
    WithPrefect,
    Workers,
    override_option,
    path_option,
    place_option,
)
from rotoscope.cli.paths import named_path
from rotoscope.cli.progress import Progress, tell_training
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.models.policy.policy import EpisodeResult


_OF_PLANS = {
    "latents": "planned latents, held-out episodes",
    "from_true_latents": "actions from the latents that were there",
    "from_planned_latents": "actions from the planned latents, same rows",
}
_SCORES = {"mean_r2": "mean R2", "accuracy": "accuracy"}


def train_policy(
    data: Annotated[Path, place_option("Folder or URL of a LeRobot v3 dataset with actions.")],
    out: Annotated[Path, path_option("Folder of the policy.")],
    policy: Annotated[
        str, typer.Option(help="`bc` (built in), or LeRobot's `act`, `diffusion`, `vqbet`.")
    ] = "bc",
    override: Annotated[
        list[str] | None,
        override_option(
            "Setting of all: `-o min_confidence=0.5`. Of bc: `-o weighting=confidence`, "
            "`-o camera=observation.images.front`, `-o chunk=8 -o execute=4`, `-o loop.seed=1`. "
            "Of LeRobot's: `-o steps=20000`, `-o batch_size=16`, `-o policy.chunk_size=50`."
        ),
    ] = None,
    prefect: WithPrefect = False,
) -> None:
    """Train a policy on a dataset; rows that are not `label.valid` are never learned from.

    After a crash or a kill, the same command goes on where it was.
    """
    from rotoscope import train
    from rotoscope.flows.supervise import supervised

    when_stopped(SAME_COMMAND)
    overrides, place = override or (), str(data)
    if prefect:
        metrics = supervised(train.policy, place, out=out, policy=policy, overrides=overrides)
    else:
        tell = tell_training(console)
        metrics = train.policy(
            place, out=out, policy=policy, overrides=overrides, say=console.say, listener=tell
        )
    console.say(f"policy: {out}")
    for key, label in (("mean_r2", "mean R2"), ("accuracy", "accuracy"), ("steps", "steps")):
        if key in metrics:
            console.say(f"  {label}: {metrics[key]}")
    for key, label in _OF_PLANS.items():
        if key in metrics.get("plan", {}):
            found = metrics["plan"][key]
            told = [f"{n} {found[k]}" for k, n in _SCORES.items() if k in found]
            console.say(f"  {label}: {', '.join(told)}")


def evaluate(
    policy: Annotated[
        Path,
        typer.Argument(
            parser=named_path,
            help="Folder of a policy, ours or LeRobot's, or of a labeler that acts; of your own "
            "class `./file.py:Class@FOLDER`.",
        ),
    ],
    env: Environment,
    out: Annotated[Path, path_option("Folder for results.json, results.png, episodes.mp4.")],
    episodes: Annotated[int, typer.Option(min=1, help="How many starts it is tried from.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Which starts; none of them was shown.")] = 0,
    videos: Annotated[int, typer.Option(min=0, help="How many episodes the video shows.")] = 3,
    device: DeviceName = "auto",
    prefect: WithPrefect = False,
) -> None:
    """Try a policy in a simulator: success with its interval, return, video and plot."""
    from rotoscope import api
    from rotoscope.flows.supervise import supervised

    if prefect:
        found = supervised(
            api.evaluate,
            policy,
            env=env,
            out=out,
            episodes=episodes,
            seed=seed,
            num_filmed=videos,
            device=device,
        )
    else:
        found = api.evaluate(
            policy,
            env=env,
            out=out,
            episodes=episodes,
            seed=seed,
            num_filmed=videos,
            device=device,
            listener=_count,
        )
    console.say(
        f"{found['successes']} of {found['episodes']} solved: {found['success']:.2f} "
        f"({found['success_low']:.2f} to {found['success_high']:.2f}, 95 %), "
        f"mean return {found['mean_return']:.2f}",
    )
    console.say(f"results: {out}")


def relabel(
    data: Data,
    labeler: Annotated[
        str,
        typer.Option(
            metavar="LABELER",
            help="Folder that `rotoscope train LABELER` wrote; of your own class "
            "`./file.py:Class@FOLDER`.",
        ),
    ],
    out: Out,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Label rows whose own action is known, too.")
    ] = False,
    device: DeviceName = "auto",
    workers: Workers = 1,
    store: StorePath = None,
) -> None:
    """Label a dataset that has states or pictures but no actions, by a trained labeler.

    Every column and every camera is kept, videos byte for byte. Finished work is kept: run the
    same command again after a kill. An episode that fails is not valid; the same command tries it
    again.
    """
    from rotoscope import api
    from rotoscope.cli.familiar import tell_unfamiliar

    when_stopped(SAME_COMMAND)
    with Progress(console, noun="episodes") as progress:
        done = api.relabel(
            data,
            labeler=labeler,
            out=out,
            keeps_known=not all_rows,
            device=device,
            workers=workers,
            store=store,
            listener=progress,
            say=console.say,
        )
    for text in done.failed:
        console.say(f"not labeled: {text}", style="red")
    share = done.valid_rows / done.rows
    console.say(
        f"dataset: {out} ({done.episodes} episodes, {done.rows} rows, {share:.1%} of them valid)"
    )
    tell_unfamiliar(out)
    raise typer.Exit(done.exit_code)


def sample_weights(
    data: Data,
    chunk: Annotated[
        int, typer.Option(min=1, help="Actions that the policy plans at once (`chunk_size`).")
    ],
    out: Annotated[Path, path_option("Parquet file to write.")],
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Rows of less confidence count as invalid.")
    ] = 0.0,
) -> None:
    """Write weights for LeRobot's `--sample_weighting`: 0 where a chunk holds an invalid row.

    For the policies of LeRobot that take weights (SmolVLA, pi0, pi0.5, EVO-1, MolmoAct2).
    `rotoscope train policy` needs none: it leaves out single rows.
    """
    from rotoscope.models.policy.sample_weights import write_sample_weights

    done = write_sample_weights(data, out, chunk=chunk, min_confidence=min_confidence)
    console.say(
        f"{done.counted} of {done.samples} samples count, for {done.invalid_rows} invalid rows"
    )
    console.say(f"lerobot-train ... {done.command}")
    console.say("what it cannot do:")
    for sentence in done.limits:
        console.say(f"  {sentence}")


def _count(result: EpisodeResult) -> None:
    said = "solved" if result.is_success else "not solved"
    console.say(
        f"start {result.seed}: {said}, return {result.total_reward:.2f}, {result.steps} steps",
    )
