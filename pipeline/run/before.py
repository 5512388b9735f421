"""What is looked at once, before the first video: what would fail in every child alike."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError, RecipeError, UsageError, VideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.robots import robots
from rotoscope.pipeline.run.isolation import Limits, Progress, run_isolated
from rotoscope.pipeline.stages.camera import CameraConfig, CameraStage
from rotoscope.pipeline.video.found import Found


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


def check_one_size(recipe: Recipe, videos: Sequence[Found]) -> None:
    """Checks that a focal length in pixels is not taken for pictures of several sizes.

    Raises:
        RecipeError: It would be, or that cannot be known without reading an object store.
    """
    configs = [entry.config for entry in recipe.stages if entry.stage_class is CameraStage]
    fx = next((c.fx for c in configs if isinstance(c, CameraConfig) and c.width is None), None)
    if fx is None or len(videos) < 2:
        return
    if any(found.remote is not None for found in videos):
        raise RecipeError(
            f"camera.fx={fx:g} px is given for {len(videos)} videos of an object store, whose "
            "sizes are not known before they are read; say which width it belongs to with -o "
            "camera.width=WIDTH"
        )
    job = ([found.path for found in videos], recipe.video.image_rate_hz)
    answer = run_isolated(
        "rotoscope.pipeline.run.before:sizes_of", job, limits=Limits.of(recipe.limits)
    )
    # A file that crashes the reader says so itself when it is its turn.
    sizes: dict[tuple[int, int], str] = {} if answer.error is not None else answer.value
    if len(sizes) > 1:
        found = ", ".join(f"{w} x {h} ({name})" for (w, h), name in sorted(sizes.items()))
        raise RecipeError(
            f"camera.fx={fx:g} px is given for pictures of several sizes: {found}; say which width "
            "it belongs to with -o camera.width=WIDTH, or write NAME.camera.yaml beside a video "
            "that has a camera of its own and leave camera.fx out"
        )


def sizes_of(job: tuple[list[Path], float | None], report: Progress) -> dict[tuple[int, int], str]:
    """Sizes of videos' pictures, each with the name of one that has it; runs in a child.

    Those that cannot be read are passed over.
    """
    from rotoscope.pipeline.video.probe import probe

    videos, image_rate_hz = job
    found: dict[tuple[int, int], str] = {}
    for k, path in enumerate(videos):
        report("sizes", k, len(videos))
        with contextlib.suppress(VideoError):
            facts = probe(path, sha256="-", image_rate_hz=image_rate_hz)
            found.setdefault((facts.width, facts.height), display_name(path.name))
    return found


def _is_here(name: str) -> bool:
    try:
        asset_path(name)
    except AssetError:
        return False
    return True
