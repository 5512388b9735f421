"""`rotoscope relabel`, `train policy` and `eval`: what labels are worth to a robot."""

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


def train_policy(
    data: Annotated[
        Path, typer.Option(parser=named_path, help="Folder of a LeRobot v3 dataset with actions.")
    ],
    out: Annotated[Path, typer.Option(parser=named_path, help="Folder of the policy.")],
    policy: Annotated[
        str, typer.Option(help="`bc` (built in), or LeRobot's `act`, `diffusion`, `vqbet`.")
    ] = "bc",
    override: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--override",
            metavar="KEY=VALUE",
            help="Setting of all: `-o min_confidence=0.5`. Of bc: `-o weighting=confidence`, "
            "`-o camera=observation.images.front`, `-o chunk=8 -o execute=4`, `-o loop.seed=1`. "
            "Of LeRobot's: `-o steps=20000`, `-o batch_size=16`, `-o policy.chunk_size=50`.",
        ),
    ] = None,
    prefect: WithPrefect = False,
) -> None:
    """Train a policy on a dataset; rows that are not `label.valid` are never learned from.

    After a crash or a kill, the same command goes on where it was.
    """
    when_stopped(SAME_COMMAND)
    if prefect:
        metrics = flow("train", "policy_flow")(str(data), str(out), policy, override or [])
    else:
        train = helper("train_policy")
        metrics = train(
            data, out, policy, override or (), say=_say, listener=tell_training(console)
        )
    console.say(f"policy: {out}")
    for key, label in (("mean_r2", "mean R2"), ("accuracy", "accuracy"), ("steps", "steps")):
        if key in metrics:
            console.say(f"  {label}: {metrics[key]}")


def evaluate(
    policy: Annotated[
        Path, typer.Argument(parser=named_path, help="Folder of a policy, ours or LeRobot's.")
    ],
    env: Annotated[
        str,
        typer.Option(help="Simulator: `metaworld:push-v3`, `gymnasium:CartPole-v1`, ..."),
    ],
    out: Annotated[
        Path,
        typer.Option(parser=named_path, help="Folder for results.json, results.png, episodes.mp4."),
    ],
    episodes: Annotated[int, typer.Option(min=1, help="How many starts it is tried from.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Which starts; none of them was shown.")] = 0,
    videos: Annotated[int, typer.Option(min=0, help="How many episodes the video shows.")] = 3,
    prefect: WithPrefect = False,
) -> None:
    """Try a policy in a simulator: success with its interval, return, video and plot."""
    if prefect:
        run = flow("evaluate", "evaluation_flow")
        found = run(str(policy), env, str(out), episodes, seed, videos)
    else:
        found = helper("evaluate_policy")(
            policy, env, out, episodes=episodes, seed=seed, num_filmed=videos, tell=_count
        )
    console.say(
        f"{found['successes']} of {found['episodes']} solved: {found['success']:.2f} "
        f"({found['success_low']:.2f} to {found['success_high']:.2f}, 95 %), "
        f"mean return {found['mean_return']:.2f}",
    )
    console.say(f"results: {out}")


def relabel(
    data: Annotated[
        Path,
        typer.Argument(parser=named_path, help="Folder of a LeRobot v3 dataset.", metavar="DATA"),
    ],
    labeler: Annotated[
        Path,
        typer.Option(
            parser=named_path, help="Folder that `rotoscope train inverse-dynamics` wrote."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(parser=named_path, help="Where the labelled dataset is published, whole."),
    ],
    all_rows: Annotated[
        bool, typer.Option("--all", help="Label rows whose own action is known, too.")
    ] = False,
) -> None:
    """Label a dataset that has states or pictures but no actions, by a trained labeler."""
    run = helper("relabel_dataset")
    done = run(data, labeler, out, keeps_known=not all_rows, say=_say)
    console.say(f"dataset: {out} ({done.episodes} episodes, {done.rows} rows)")


def _say(text: str) -> None:
    console.say(text)


def _count(result: Any) -> None:
    said = "solved" if result.is_success else "not solved"
    console.say(
        f"start {result.seed}: {said}, return {result.total_reward:.2f}, {result.steps} steps",
    )
