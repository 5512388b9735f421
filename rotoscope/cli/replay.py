"""`rotoscope replay`: the actions of a dataset on its robot, under gravity and with contacts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rotoscope.cli.options import Dataset, path_option
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotoscope.pipeline.replay.run import PlayedEpisode, Replay

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
    policy: Annotated[
        Path | None,
        path_option(
            "Folder of a trained policy, ours or LeRobot's: it moves the robot, from the state of "
            "the episode's first valid row, instead of the actions."
        ),
    ] = None,
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
        bool | None,
        typer.Option(
            "--carries-weight/--compensates-weight",
            help="Servos carry the robot's weight, as hobby servos do, or their controller "
            "compensates it [as the robot's YAML file says].",
        ),
    ] = None,
    max_effort: Annotated[
        float | None,
        typer.Option(min=0, help="No joint gives more [N m or N], whatever its files state."),
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
    if policy is not None and episodes:
        raise UsageError("--policy takes one --episode: what it does says nothing of the dataset")
    player = Replay(opened, request)
    keeps = bool(episodes)
    found = _rolled(player, wanted[0], policy) if policy else _played(player, wanted)
    failed = _show(player, found, film, page, keeps_scores=keeps, shows=show)
    raise typer.Exit(int(failed > 0))


def _played(replay: Replay, wanted: list[int]) -> Iterator[tuple[int, PlayedEpisode | str]]:
    from rotoscope.pipeline.replay.run import play_all

    return play_all(replay, wanted)


def _rolled(replay: Replay, index: int, policy: Path) -> Iterator[tuple[int, PlayedEpisode | str]]:
    from rotoscope.models.policy.evaluate_folder import load_policy
    from rotoscope.pipeline.replay.policy import distance_from_demonstration, roll_out

    loaded = load_policy(policy)
    if loaded.image_sizes:
        console.say(
            "the policy's pictures are the episode's own: they do not show what the robot does",
            style="yellow",
        )
    found = roll_out(replay, index, loaded)
    apart = distance_from_demonstration(found, replay)
    console.say(
        f"its actions are {apart:.3f} rad from the episode's own (median of the worst joint)"
    )
    yield index, found


def _show(
    replay: Replay,
    found: Iterator[tuple[int, PlayedEpisode | str]],
    film: Path | None,
    page: Path | None,
    *,
    keeps_scores: bool,
    shows: bool,
) -> int:
    from rotoscope.pipeline.replay.film import write_film
    from rotoscope.pipeline.replay.page import write_page
    from rotoscope.pipeline.replay.score import write_scores
    from rotoscope.pipeline.robots import robots

    played: list[PlayedEpisode] = []
    failed = 0
    for index, one in found:
        if isinstance(one, str):
            console.say(f"episode {index}: not played: {one}", style="red")
            failed += 1
            continue
        if not played:
            console.say(f"{replay.robot}, {one.played.driven_by}")
        console.say(f"episode {index}: {one.score.text}")
        for pair, share in list(one.score.pairs.items())[:1]:
            console.say(f"  touch: {pair} in {share:.1%} of the time")
        played.append(one)
    if not played:
        return failed
    if keeps_scores:
        write_scores(replay.dataset, [one.score for one in played])
        console.say(f"scores: {replay.dataset.root / 'meta/rotoscope/replay.jsonl'}")
    if film is not None:
        write_film(film, replay.dataset, played[0], replay.robot)
        console.say(f"film: {film}")
    if page is not None:
        write_page(page, replay.dataset, played, robot=replay.robot, request=replay.request)
        console.say(f"page: {page}")
    if shows:
        one = played[0]
        robots().show(replay.robot, one.played, one.root_pose, one.contract.rate_hz)
    return failed
