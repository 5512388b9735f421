"""`rotoscope replay`: the actions of a dataset on its robot, under gravity and with contacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rotoscope.cli.options import Dataset, path_option
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.pipeline.replay.run import Replay

Episodes = Annotated[
    str,
    typer.Option(
        help="Play these and keep a score of each in `meta/rotoscope/replay.jsonl`: `all`, "
        "`[0, 2, 5]`, or spans, `0:10`. `rotoscope filter` chooses by it."
    ),
]
Robot = Annotated[
    str,
    typer.Option(help="A shipped robot, or the YAML file of one [the one that the dataset names]."),
]


def replay(
    dataset: Dataset,
    episode: Annotated[
        int | None, typer.Option(min=0, help="Play this one [0, where no --episodes are named].")
    ] = None,
    episodes: Episodes = "",
    film: Annotated[Path | None, path_option("Film of the one episode to write, .mp4.")] = None,
    page: Annotated[
        Path | None,
        path_option("HTML page to write: films and curves, to look at without a display."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Show the one episode in MuJoCo's own viewer.")
    ] = False,
    invalid: Annotated[
        Literal["hold", "skip"],
        typer.Option(
            help="Rows that are not valid: `hold` the last valid one as long as they last, or "
            "`skip` them."
        ),
    ] = "hold",
    robot: Robot = "",
    drive: Annotated[
        Literal["trajectory", "stream"],
        typer.Option(
            help="How commands reach the joints: along splines with velocities, as a trajectory "
            "controller, or each held until the next, as `lerobot-replay` sends them."
        ),
    ] = "trajectory",
    root: Annotated[
        Literal["fixed", "assisted", "free"],
        typer.Option(help="How the root of a humanoid is held."),
    ] = "fixed",
    carries_weight: Annotated[
        bool,
        typer.Option(
            "--carries-weight",
            help="Servos carry the robot's weight, as hobby servos do; their controller "
            "compensates it otherwise.",
        ),
    ] = False,
    max_effort: Annotated[
        float | None,
        typer.Option(min=0, help="No joint gives more [N m or N], whatever the file states."),
    ] = None,
    table: Annotated[bool, typer.Option(help="Whether an arm stands on a table.")] = True,
) -> None:
    """Play actions on the robot in MuJoCo: tracking, torques, collisions, as film, page or score.

    The robot is led from its rest posture to the first command by a ramp. Exit code 1 if an
    episode could not be played.
    """
    from rotoscope.pipeline.datasets.choose import numbers
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.errors import UsageError
    from rotoscope.pipeline.replay.run import Replay, ReplayRequest
    from rotoscope.pipeline.robots import PlayOptions

    if episode is not None and episodes:
        raise UsageError("name --episode or --episodes, not both")
    options = PlayOptions(
        drive=drive, root=root, carries_weight=carries_weight, max_effort=max_effort,
        has_table=table,
    )  # fmt: skip
    opened = open_dataset(dataset)
    request = ReplayRequest(robot=robot, invalid=invalid, options=options)
    wanted = [episode or 0]
    if episodes:
        wanted = list(range(len(opened))) if episodes == "all" else numbers(episodes)
    if (film is not None or show) and len(wanted) != 1:
        raise UsageError("--film and --show take one episode; --page takes several")
    player = Replay(opened, request)
    raise typer.Exit(_play(player, wanted, film, page, keeps_scores=bool(episodes), shows=show))


def _play(
    replay: Replay,
    wanted: list[int],
    film: Path | None,
    page: Path | None,
    *,
    keeps_scores: bool,
    shows: bool,
) -> int:
    from rotoscope.pipeline.replay.film import write_film
    from rotoscope.pipeline.replay.page import write_page
    from rotoscope.pipeline.replay.run import play_all
    from rotoscope.pipeline.replay.score import write_scores
    from rotoscope.pipeline.robots import robots

    played, failed = [], 0
    for index, found in play_all(replay, wanted):
        if isinstance(found, str):
            console.say(f"episode {index}: not played: {found}", style="red")
            failed += 1
            continue
        if not played:
            console.say(f"{replay.robot}, {found.played.driven_by}")
        console.say(f"episode {index}: {found.score.text}")
        if found.score.pairs:
            pair, share = next(iter(found.score.pairs.items()))
            console.say(f"  touch: {pair} in {share:.1%} of the time")
        played.append(found)
    if keeps_scores and played:
        write_scores(replay.dataset, [found.score for found in played])
        console.say(f"scores: {replay.dataset.root / 'meta/rotoscope/replay.jsonl'}")
    if film is not None and played:
        write_film(film, replay.dataset, played[0], replay.robot)
        console.say(f"film: {film}")
    if page is not None and played:
        write_page(
            page, replay.dataset, played, robot=replay.robot, request=replay.request
        )
        console.say(f"page: {page}")
    if shows and played:
        one = played[0]
        robots().show(replay.robot, one.played.values, one.root_pose, one.contract.rate_hz)
    return int(failed > 0)
