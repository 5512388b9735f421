"""`rotoscope check`: is a labeler to be trusted on data of one's own?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rotoscope.cli.paths import named_path, named_place
from rotoscope.cli.terminal import console


def check(
    labeler: Annotated[
        Path,
        typer.Argument(
            parser=named_path, help="Folder that `rotoscope train inverse-dynamics` wrote."
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            parser=named_place,
            help="Folder or URL of a LeRobot v3 dataset: a few labeled episodes it has not seen.",
        ),
    ],
) -> None:
    """Measure a labeler on a few labeled episodes of your own: error, intervals, familiarity.

    Exit code 1 where its labels should not be trusted there; the last lines say why.
    """
    from rotoscope.models.inverse_dynamics.check import check_labeler

    found = check_labeler(labeler, data)
    _show(found.metrics)
    if found.faults:
        for fault in found.faults:
            console.say(f"not to be trusted on this data: {fault}", style="red")
        console.say(
            "label more episodes like these and train again on all of them, or leave this video out"
        )
        raise typer.Exit(1)
    console.say("to be trusted on data like this, within its intervals")


def _show(metrics: dict[str, Any]) -> None:
    console.say(f"{metrics['rows']} labeled rows of {metrics['episodes']} episodes:")
    for key, label in (
        ("mean_r2", "mean R2"),
        ("mean_coverage_90", "90 % intervals hold"),
        ("familiar", "rows like the training episodes"),
        ("mean_confidence", "mean confidence"),
        ("error_without_least_sure_20", "error left without the least sure 20 %"),
    ):
        if key in metrics:
            console.say(f"  {label}: {metrics[key]}")
    for name, value in metrics["mae"].items():
        held = metrics["coverage_90"][name]
        console.say(f"  {name}: error {value:g}, R2 {metrics['r2'][name]}, intervals hold {held}")
    for name, value in metrics["accuracy"].items():
        console.say(f"  {name}: right in {value}")
    trivial = metrics["trivial_r2"]
    if trivial:
        before = trivial["previous_action"]
        console.say(f"  R2 of the mean action {trivial['mean']}, of the action before {before}")
