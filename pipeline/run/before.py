"""What is looked at once, before the first video: what would fail in every child alike."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError, UsageError
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.robots import robots


def check_assets(recipe: Recipe) -> None:
    """Checks that a recipe's weights and robots are here.

    Raises:
        AssetError: Some are missing; the message has the one command that fetches them all.
        RobotError: There is no such robot.
    """
    missing = missing_assets(recipe)
    if missing:
        raise AssetError(
            f"recipe {recipe.name!r} needs {', '.join(missing)}, not fetched yet; get all with: "
            f"rotoscope assets fetch {shlex.join(missing)}"
        )


def missing_assets(recipe: Recipe) -> list[str]:
    """Names of the weights and robots that a recipe needs and that were not fetched."""
    needed: set[str] = set()
    for entry in recipe.stages:
        needed.update(entry.stage_class.assets)
        robot = getattr(entry.config, "robot", None)
        if isinstance(robot, str) and robot:
            needed.update(robots().assets(robot))
    return [name for name in sorted(needed) if not _is_here(name)]


def check_store(store: Path) -> None:
    """Checks that a store can be written to.

    Raises:
        UsageError: It cannot.
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=store):
            pass
    except OSError as error:
        raise UsageError(
            f"results cannot be kept in {os.fspath(store)}: {error.strerror}; name a folder that "
            "can be written with --store, or set ROTOSCOPE_STORE"
        ) from error


def _is_here(name: str) -> bool:
    try:
        asset_path(name)
    except AssetError:
        return False
    return True
