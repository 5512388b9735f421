"""`rotoscope recipes`: what there is, and what every setting means."""

from __future__ import annotations

from typing import Annotated

import typer

from rotoscope.cli.terminal import console


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show this one in full.")] = None,
) -> None:
    """List recipes and stages, or show one recipe: what every setting means, its unit and range.

    What is shown is a recipe too: `rotoscope recipes hand-gripper > mine.yaml`, then
    `--recipe mine.yaml`.
    """
    from rotoscope.cli.show import show_recipe, show_recipes

    if name is None:
        show_recipes(console)
    else:
        show_recipe(console, name)
