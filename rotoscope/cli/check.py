"""`rotoscope check`: is a class a labeler, is a trained one to be trusted on data of one's own?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rotoscope.cli.options import override_option
from rotoscope.cli.paths import named_place
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import UsageError


def check(
    labeler: Annotated[
        str,
        typer.Argument(
            metavar="LABELER",
            help="A class, such as `./my_labeler.py:MyLabeler`, or with `--data` a trained one: "
            "FOLDER that `rotoscope train` wrote, of your own class `./file.py:Class@FOLDER`.",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            parser=named_place,
            help="Folder or URL of a LeRobot v3 dataset: a few labeled episodes that the trained "
            "labeler has not seen.",
        ),
    ] = None,
    override: Annotated[
        list[str] | None,
        override_option("Setting that the class is tried with: `-o inputs=[observation.state]`."),
    ] = None,
) -> None:
    """Try whether a class is a labeler, or measure a trained one on a few episodes of your own.

    Without `--data`: what the class lacks or does that a labeler must not, on made-up episodes.
    With it: error, intervals, familiarity. Exit code 1 where something is wrong, or labels should
    not be trusted there; the last lines say why.
    """
    if data is None:
        _check_class(labeler, override or [])
        return
    if override:
        raise UsageError("-o is for a class that is tried; a trained labeler has its settings")
    from rotoscope.models.labelers.check import check_labeler

    found = check_labeler(labeler, Path(str(data)))
    _show(found.metrics)
    if found.faults:
        for fault in found.faults:
            console.say(f"not to be trusted on this data: {fault}", style="red")
        console.say(
            "label more episodes like these and train again on all of them, or leave this video out"
        )
        raise typer.Exit(1)
    console.say("to be trusted on data like this, within its intervals")


def _check_class(name: str, overrides: list[str]) -> None:
    from rotoscope.models.labelers.conformance import findings, settings_to_try
    from rotoscope.models.labelers.names import LabelerName

    named = LabelerName.of(name)
    if named.folder is not None:
        raise UsageError(
            f"{name!r} is a trained labeler: give --data, a few labeled episodes that it has not "
            "seen; a class is tried by its name alone"
        )
    found = named.find()
    is_good = True
    for finding in findings(found, settings_to_try(found, overrides)):
        mark = "FAULT" if finding.fault else "good "
        console.say(f"{mark} {finding.what}", style="red" if finding.fault else None)
        if finding.fault:
            console.say(f"      {finding.fault}")
            is_good = False
    if not is_good:
        raise typer.Exit(1)
    console.say(f"{name} is a labeler")


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
