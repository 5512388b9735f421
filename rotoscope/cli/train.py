"""`rotoscope train`: labelers that learn from a small labeled dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rotoscope.cli.guard import SAME_COMMAND, when_stopped
from rotoscope.cli.options import WithPrefect, override_option, path_option, place_option
from rotoscope.cli.progress import tell_training
from rotoscope.cli.terminal import console
from rotoscope.pipeline import registry


class _Labelers(TyperGroup):
    """Takes a labeler of the user's, or of an installed package, as it takes those built in."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is None and (".py:" in cmd_name or cmd_name in registry.labeler_names()):
            return _command_of(cmd_name)
        return found


app = typer.Typer(
    cls=_Labelers,
    no_args_is_help=True,
    help="Train a labeler on labeled episodes; it then labels videos and datasets. Beside those "
    "below: the names of installed packages, and your own, as `./my_labeler.py:MyLabeler`.",
)


@app.callback()
def group() -> None:
    """Keeps the labeler's name a subcommand."""


def _train_command(name: str) -> Callable[..., None]:
    def train_labeler(
        data: Annotated[Path, place_option("Folder or URL of a labeled LeRobot v3 dataset.")],
        out: Annotated[Path, path_option("Folder of the labeler, written whole.")],
        override: Annotated[
            list[str] | None,
            override_option(
                "Setting: `-o inputs=[track.hand.joints]`, `-o camera=observation.images.front`, "
                "`-o kind=ridge`, `-o loop.seed=1`."
            ),
        ] = None,
        contract: Annotated[
            Path | None, path_option("What the actions must mean (JSON or YAML).")
        ] = None,
        through: Annotated[
            str,
            typer.Option(
                help="Column of states, such as `observation.state`: read them off the features "
                "first (OUT.states, for the stage track.state), then infer actions from them."
            ),
        ] = "",
        prefect: WithPrefect = False,
    ) -> None:
        from rotoscope.flows.supervise import supervised
        from rotoscope.train import labeler as train

        when_stopped(SAME_COMMAND)
        given: dict[str, Any] = {
            "out": out,
            "overrides": override or (),
            "contract": contract,
            "through": through,
        }
        if prefect:
            metrics = supervised(train, name, str(data), **given)
        else:
            metrics = train(name, str(data), **given, listener=tell_training(console))
        if through:
            console.say(f"states: {out}.states")
        _summarize(name, out, metrics)

    train_labeler.__doc__ = _HELP.get(name, f"Train the labeler {name}.") + _RESUMES
    return train_labeler


_HELP = {
    "inverse-dynamics": "Train a labeler that infers the action between what was seen before and "
    "after.",
    "differences": "Train kinematic differences: how far one feature moves within some rows.",
    "copy": "Train a copy of one feature some rows ahead, in the action's unit.",
    "mean": "Train the mean action: what any labeler has to beat.",
    "previous": "Measure the true action of the row before: what slow actions are worth.",
}
_RESUMES = """

    It is measured on episodes kept from it. After a crash or a kill, the same command goes on where
    it was and ends with the same weights.
    """
for _name in registry.LABELERS:
    app.command(name=_name)(_train_command(_name))


def _command_of(name: str) -> Any:
    alone = typer.Typer(add_completion=False)
    alone.command(name=name)(_train_command(name))
    return typer.main.get_command(alone)


def _summarize(name: str, out: Path, metrics: dict[str, Any]) -> None:
    console.say(f"labeler: {f'{name}@{out}' if '.py:' in name else out}")
    if metrics["left_out"]:
        names = ", ".join(metrics["left_out"])
        console.say(f"left out, no row with both a valid action and known features: {names}")
    for names in metrics["alike"]:
        console.say(f"held out together, since they show nearly the same: {', '.join(names)}")
    if metrics["rows_without_window"]:
        console.say(
            f"{metrics['rows_without_window']} rows get no label: their window reaches beyond the "
            "episode (window.at_ends=drop), or over features that are not known"
        )
    held_out = ", ".join(metrics["held_out"])
    console.say(f"on held-out episodes ({held_out}, {metrics['rows']} rows):")
    for key, label in (
        ("mean_r2", "mean R2"),
        ("mean_coverage_90", "90 % intervals hold"),
        ("error_without_least_sure_20", "error left without the least sure 20 %"),
    ):
        if key in metrics:
            console.say(f"  {label}: {metrics[key]}")
    _compare(metrics)
    if "lag" in metrics:
        style = None if metrics["lag"] == 0 else "yellow"
        text = f"  labels fit best {metrics['lag']} rows away (0 is right)"
        console.say(text, style=style)
    if metrics["constant"]:
        console.say(f"  never move: {', '.join(metrics['constant'])}")


def _compare(metrics: dict[str, Any]) -> None:
    """What the labeler is measured by: other seeds, and what needs no labeler at all."""
    seeds = metrics["seeds"]
    if seeds["num"] > 1 and "mean_r2" in metrics:
        low, high = min(seeds["mean_r2"]), max(seeds["mean_r2"])
        console.say(f"  over {seeds['num']} seeds: {low} to {high}")
    trivial = metrics["trivial_r2"]
    if not trivial:
        return
    said = [f"the mean action {trivial['mean']}", f"the action before {trivial['previous_action']}"]
    if "state_ahead" in trivial:
        ahead = trivial["state_ahead"]
        said.append(f"the state {ahead['rows']} rows ahead {ahead['r2']}")
    console.say(f"  R2 without any labeler: {', '.join(said)}")
