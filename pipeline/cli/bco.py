"""`rotoscope train bco`: labels and a policy where a simulator can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rotoscope.pipeline.cli.helpers import helper
from rotoscope.pipeline.cli.paths import named_path
from rotoscope.pipeline.cli.prefect_option import WithPrefect, flow
from rotoscope.pipeline.cli.terminal import console


def train_bco(
    env: Annotated[
        str, typer.Option(help="Simulator whose action is one choice: `gymnasium:CartPole-v1`, ...")
    ],
    data: Annotated[
        Path,
        typer.Option(
            parser=named_path, help="LeRobot v3 dataset of demonstrations; actions are not read."
        ),
    ],
    out: Annotated[
        Path, typer.Option(parser=named_path, help="Folder for policy, labeler and rounds.json.")
    ],
    rounds: Annotated[
        int, typer.Option(min=1, help="Rounds of labelling, cloning and acting; 1 is plain BCO(0).")
    ] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    prefect: WithPrefect = False,
) -> None:
    """Behavioural cloning from observation: learn what the actions were by trying one's own.

    The policy is tried with `rotoscope eval OUT/policy --env ENV`.
    """
    if prefect:
        _show(flow("train", "bco_flow")(env, str(data), str(out), rounds, seed))
    else:
        train = helper("train_bco")
        train(env, data, out, num_rounds=rounds, seed=seed, listener=lambda told: _show(vars(told)))
    console.say(f"policy: {out / 'policy'}")
    console.say(f"labeler: {out / 'labeler'}")


def _show(told: Mapping[str, Any]) -> None:
    console.say(
        f"round {told['number']}/{told['num_rounds']}: mean return {told['mean_return']:.1f}, "
        f"sure of its labels {told['confidence']:.3f}"
    )
