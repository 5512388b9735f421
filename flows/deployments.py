"""What can be started from Prefect's page: one flow for every form, its arguments are the fields.

Types make the fields, and only a Google `Args:` section gives each its help; `X | None` would make
a pair of buttons. Nothing is done here that the commands do not do.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from rotoscope import api
from rotoscope.flows.artifacts import WITH_FAILURES, logger, result_of, show
from rotoscope.flows.engines import LOCAL, Engine
from rotoscope.flows.engines import EngineName as EngineChoice
from rotoscope.flows.evaluate import evaluation_flow
from rotoscope.flows.label import chosen, labeled
from rotoscope.flows.looks import check, look_at
from rotoscope.flows.looks import report as write_report
from rotoscope.flows.place import Place, address_of, inputs_of, lines_of
from rotoscope.flows.plan import show_plan
from rotoscope.flows.served_run import form, spread, wait_for_the_server
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.recipe import recipe_names
from rotoscope.pipeline.run.places import dataset_here
from rotoscope.pipeline.run.request import LabelRequest, load_request

if TYPE_CHECKING:
    RecipeChoice = str
else:
    RecipeChoice = Literal[(*recipe_names(), "file")]


@form("label")
def label(
    videos: str,
    out: str,
    recipe: RecipeChoice = "hand-gripper",
    recipe_file: str = "",
    overrides: str = "",
    only: str = "",
    limit: int = 0,
    workers: int = 0,
    engine: EngineChoice = "local",
    address: str = "",
    store: str = "",
    replace: bool = False,
    report: bool = True,
    dry_run: bool = False,
) -> State[Any]:
    """Turns folders of video into a LeRobot v3 dataset that robot policies can be trained on.

    Finished work is kept: the same run again computes only what is missing.

    Args:
        videos: Folders, files or addresses of videos, one a line; folders are searched through.
            Paths are those of the machine that serves, from / on.
        out: Name of the dataset. It is published whole below the folder that is served, or where
            an address of its own says, such as `s3://bucket/dataset`.
        recipe: What the videos are turned into. `file` takes the recipe of the next field.
        recipe_file: Path of a .yaml file, from / on; for the recipe `file` only.
        overrides: Changed settings, one KEY=VALUE a line, such as `hands.num_hands=1`.
        only: Glob: only videos whose relative path matches. All where empty.
        limit: Only the first so many videos. 0 takes all.
        workers: Videos at the same time. 0 takes what serve was started with.
        engine: Where videos are worked on: by this machine, or by workers of Ray or Dask.
        address: Of a cluster that runs already, such as `ray://head:10001`. Empty starts one here.
        store: Address of the store of intermediate results, such as `s3://bucket/store`. Empty
            takes the one that serve was started with.
        replace: Replace a dataset of this name that was made by another recipe.
        report: Write the report, too, and link it.
        dry_run: Only say what would be done: stages, what is stored, frames, time, disk.
    """
    place = Place.current()
    where = Engine(engine, address.strip())
    request = request_of(
        place, inputs_of(videos), out, recipe, recipe_file, overrides, workers, replace, store
    )
    request = dataclasses.replace(request, only=only.strip() or None, limit=limit or None)
    if dry_run:
        return show_plan(request)
    return label_and_look(request, place, with_report=report, engine=where)


@form("retry")
def retry(
    dataset: str,
    workers: int = 0,
    engine: EngineChoice = "local",
    address: str = "",
    allow_code: bool = False,
    report: bool = True,
) -> State[Any]:
    """Runs the failed videos of a dataset's run again, then publishes what is new.

    Args:
        dataset: Name of the dataset, or the address that it was published to.
        workers: Videos at the same time. 0 takes what serve was started with.
        engine: Where videos are worked on: by this machine, or by workers of Ray or Dask.
        address: Of a cluster that runs already, such as `ray://head:10001`. Empty starts one here.
        allow_code: Run the stage files that the record of the run names: they are programs.
        report: Write the report, too, and link it.
    """
    place = Place.current()
    where = Engine(engine, address.strip())
    target = place.target(dataset)
    out = target if isinstance(target, Path) else dataset_here(target, needs_dataset=False)
    request = load_request(out, allow_code=allow_code)
    request = dataclasses.replace(request, workers=workers or place.workers)
    return label_and_look(request, place, with_report=report, engine=where)


@form("relabel")
def relabel(
    data: str, labeler: str, out: str, all_rows: bool = False, workers: int = 0
) -> State[Any]:
    """Labels a dataset that has states or pictures but no actions, by a trained labeler.

    Args:
        data: Name of a LeRobot v3 dataset, or its whole path.
        labeler: Name of a folder that `train inverse-dynamics` wrote, or its whole path.
        out: Name of the labeled dataset.
        all_rows: Label rows whose own action is known, too.
        workers: Episodes at the same time. 0 takes what serve was started with.
    """
    place = Place.current()
    out_path = place.writable(out)
    done = api.relabel(
        place.readable(data),
        labeler=place.readable(labeler, "labeler"),
        out=out_path,
        keeps_known=not all_rows,
        workers=workers or place.workers,
        say=logger().warning,
    )
    check(out_path)
    said = f"{done.episodes} episodes, {done.valid_rows} of {done.rows} rows valid: {out_path}"
    if done.failed:
        return Failed(name=WITH_FAILURES, message=f"{len(done.failed)} failed; {said}")
    return Completed(message=said)


@form("evaluate")
def evaluate(
    policy: str, env: str, out: str, episodes: int = 50, seed: int = 0, videos: int = 3
) -> State[Any]:
    """Tries a policy in a simulator: success with its interval, return, video and plot.

    Args:
        policy: Name of a folder of a policy, ours or LeRobot's, or its whole path.
        env: Simulator: `metaworld:push-v3`, `gymnasium:CartPole-v1`, `pusht`.
        out: Name of the folder for results.json, results.png, episodes.mp4.
        episodes: How many starts it is tried from.
        seed: Which starts; none of them was shown.
        videos: How many episodes the video shows.
    """
    place = Place.current()
    found = evaluation_flow.fn(
        str(place.readable(policy, "policy")),
        env=env.strip(),
        out=str(place.writable(out, "folder")),
        episodes=episodes,
        seed=seed,
        num_filmed=videos,
    )
    return Completed(message=f"{found['successes']} of {found['episodes']} solved")


@form("report")
def report(dataset: str, episodes: int = 12) -> State[Any]:
    """Writes one self-contained page about a dataset, and links it.

    Args:
        dataset: Name of a dataset below the folder that is served.
        episodes: Episodes shown in full; the rest are in the tables.
    """
    place = Place.current()
    made = write_report(place.writable(dataset), place, episodes=episodes)
    return Completed(message=f"report: {place.url(made) or made}")


@form("doctor")
def doctor(dataset: str) -> State[Any]:
    """Checks a LeRobot v3 dataset, whoever wrote it.

    Args:
        dataset: Name of a dataset, or its whole path.
    """
    path = Place.current().readable(dataset)
    if check(path):
        return Completed(message=f"no check fails: {path}")
    return Failed(name="Checks failed", message=f"do not train on {path}; its artifact says why")


def request_of(
    place: Place,
    inputs: list[str],
    out: str,
    recipe: str,
    recipe_file: str,
    overrides: str,
    workers: int,
    replace: bool,
    store: str = "",
) -> LabelRequest:
    """What a form asks for, as the command would."""
    if (recipe == "file") != bool(recipe_file.strip()):
        raise UsageError("the recipe `file` and the path of one go together; give both or neither")
    return LabelRequest.of(
        inputs,
        out=place.target(out),
        recipe=place.readable(recipe_file, "recipe") if recipe == "file" else recipe,
        overrides=lines_of(overrides),
        workers=workers or place.workers,
        replace=replace,
        store=address_of(store, "store"),
    )


def label_and_look(
    request: LabelRequest, place: Place, *, with_report: bool, engine: Engine = LOCAL
) -> State[Any]:
    """Labels in the run that goes on, then shows what was published."""
    with chosen(engine):
        state = spread(engine.prepared(request.workers), lambda: labeled(request))
    result = result_of(state)
    wait_for_the_server()
    show(result, request)
    if result.dataset is not None:
        # The report of what lies in object storage would be written into the cache.
        look_at(result.dataset, place, with_report=with_report and request.out_url is None)
    return state.model_copy(update={"data": result.exit_code})
