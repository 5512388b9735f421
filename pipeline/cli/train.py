"""`rotoscope train`: labelers that learn from a small labelled dataset."""

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
from rotoscope.pipeline.errors import UsageError

app = typer.Typer(
    no_args_is_help=True, help="Train a labeler on labelled episodes; it then labels videos."
)


@app.callback()
def group() -> None:
    """Keeps the labeler's family a subcommand."""


@app.command(name="inverse-dynamics")
def inverse_dynamics(
    data: Annotated[
        Path, typer.Option(parser=named_path, help="Folder of a labelled LeRobot v3 dataset.")
    ],
    out: Annotated[
        Path, typer.Option(parser=named_path, help="Folder of the labeler, written whole.")
    ],
    override: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--override",
            metavar="KEY=VALUE",
            help="Setting: `-o inputs=[track.hand.joints]`, `-o camera=observation.images.front`, "
            "`-o kind=ridge`, `-o loop.seed=1`.",
        ),
    ] = None,
    contract: Annotated[
        Path | None,
        typer.Option(parser=named_path, help="What the actions must mean (JSON or YAML)."),
    ] = None,
    through: Annotated[
        str,
        typer.Option(
            help="Column of states, such as `observation.state`: read them off the features first "
            "(OUT.states, for the stage track.state), then infer actions from them."
        ),
    ] = "",
    prefect: WithPrefect = False,
) -> None:
    """Train a labeler that infers the action between what was seen before and after.

    After a crash or a kill, the same command goes on where it was and ends with the same weights.
    """
    if through and (prefect or contract):
        raise UsageError("--through goes with neither --prefect nor --contract; leave them out")
    when_stopped(SAME_COMMAND)
    if through:
        train = helper("train_two_stage")
        made = train(data, out, override or (), target=through, listener=tell_training(console))
        console.say(f"states: {made.states}")
        _summarise(out, made.labeler.metrics)
        return
    if prefect:
        run = flow("train", "labeler_flow")
        metrics = run(str(data), str(out), override or [], str(contract) if contract else None)
    else:
        train = helper("train_inverse_dynamics")
        metrics = train(
            data, out, override or (), contract=contract, listener=tell_training(console)
        ).metrics
    _summarise(out, metrics)


def _summarise(out: Path, metrics: dict[str, Any]) -> None:
    console.say(f"labeler: {out}")
    if metrics["left_out"]:
        names = ", ".join(metrics["left_out"])
        console.say(f"left out, no row with both a valid action and known features: {names}")
    held_out = ", ".join(metrics["held_out"])
    console.say(f"on held-out episodes ({held_out}, {metrics['rows']} rows):")
    for key, label in (
        ("mean_r2", "mean R2"),
        ("mean_coverage_90", "90 % intervals hold"),
        ("error_without_least_sure_20", "error left without the least sure 20 %"),
    ):
        if key in metrics:
            console.say(f"  {label}: {metrics[key]}")
    if "lag" in metrics:
        style = None if metrics["lag"] == 0 else "yellow"
        text = f"  labels fit best {metrics['lag']} rows away (0 is right)"
        console.say(text, style=style)
    if metrics["constant"]:
        console.say(f"  never move: {', '.join(metrics['constant'])}")
