"""The form of a watched folder; a schedule starts it again and again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from rotoscope.flows.artifacts import logger
from rotoscope.flows.deployments import RecipeChoice, label_and_look, request_of
from rotoscope.flows.place import Place, inputs_of
from rotoscope.flows.served_run import form
from rotoscope.flows.watch import Watched
from rotoscope.pipeline.errors import UsageError


@form("watch")
def watch(
    folder: str,
    out: str,
    recipe: RecipeChoice = "hand-gripper",
    recipe_file: str = "",
    overrides: str = "",
    workers: int = 0,
    report: bool = True,
) -> State[Any]:
    """Labels what stood still in a folder since the last look; nothing where nothing is new.

    Give it a schedule. A file is taken once two looks in a row saw the same size and time.

    Args:
        folder: Folder that videos are put into, from / on.
        out: Name of the dataset. It grows as videos come.
        recipe: What the videos are turned into. `file` takes the recipe of the next field.
        recipe_file: Path of a .yaml file, from / on; for the recipe `file` only.
        overrides: Changed settings, one KEY=VALUE a line, such as `hands.num_hands=1`.
        workers: Videos at the same time. 0 takes what serve was started with.
        report: Write the report, too, and link it.
    """
    place = Place.current()
    given = inputs_of(folder)
    if len(given) != 1 or "://" in given[0]:
        raise UsageError("one folder of this machine is watched; give its path")
    watched = Watched(Path(given[0]), place.state / "watched", never=place.roots)
    with watched.alone() as is_alone:
        if not is_alone:
            return Completed(name="Another look goes on", message=f"in {watched.folder}")
        look = watched.look()
        logger().info("%d files stand still, %d do not yet", len(look.steady), look.moving)
        if not look.is_new:
            moving = f"{look.moving} files do not stand still yet"
            return Completed(name="Nothing new", message=moving)
        links = [str(watched.links)]
        try:
            request = request_of(place, links, out, recipe, recipe_file, overrides, workers, False)
            state = label_and_look(request, place, with_report=report)
        except UsageError:
            watched.labeled(look)  # the same files would be refused again at every look
            raise
        watched.labeled(look)
        return state
