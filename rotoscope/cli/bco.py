"""`rotoscope train bco`: labels and a policy where a simulator can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rotoscope.cli.options import WithPrefect, path_option, place_option
from rotoscope.cli.terminal import console


def train_bco(
    env: Annotated[
        str,
        typer.Option(
            help="Simulator whose action is one choice, `gymnasium:CartPole-v1`, or numbers "
            "between limits, `gymnasium:HalfCheetah-v5`."
        ),
    ],
    data: Annotated[
        Path,
        place_option("LeRobot v3 dataset of demonstrations, or its URL; actions are not read."),
    ],
    out: Annotated[Path, path_option("Folder for policy, labeler and rounds.json.")],
    rounds: Annotated[
        int, typer.Option(min=1, help="Rounds of labeling, cloning and acting; 1 is plain BCO(0).")
    ] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    prefect: WithPrefect = False,
) -> None:
    """Behavioral cloning from observation: learn what the actions were by trying one's own.

    The policy is tried with `rotoscope eval OUT/policy --env ENV`.
    """
    from rotoscope import train
    from rotoscope.flows.supervise import supervised

    if prefect:
        _show(supervised(train.bco, str(data), env=env, out=out, rounds=rounds, seed=seed))
    else:
        train.bco(
            str(data),
            env=env,
            out=out,
            rounds=rounds,
            seed=seed,
            listener=lambda t: _show(vars(t)),
        )
    console.say(f"policy: {out / 'policy'}")
    console.say(f"labeler: {out / 'labeler'}")


def _show(told: Mapping[str, Any]) -> None:
    console.say(
        f"round {told['number']}/{told['num_rounds']}: mean return {told['mean_return']:.1f}, "
        f"sure of its labels {told['confidence']:.3f}"
    )
