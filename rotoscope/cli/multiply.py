"""`rotoscope multiply`: more demonstrations out of a few, about things that lie elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from rotoscope.cli.options import Data, Out
from rotoscope.cli.terminal import console


def multiply(
    data: Data,
    out: Out,
    count: Annotated[int, typer.Option(min=1, help="Episodes that are to be made.")] = 50,
    method: Annotated[
        str,
        typer.Option(
            help="`move`: the same ways about things that lie elsewhere; `correct`: rows beside "
            "the demonstrated ones, and actions that lead back."
        ),
    ] = "move",
    env: Annotated[
        str,
        typer.Option(
            help="Simulator in which each is played, `metaworld:push-v3`; those that fail are left "
            "out [nothing is tried]."
        ),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of starts, or of places.")] = 0,
    hand: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Numbers of the state that say where the end effector is: `hand.*` [usual names].",
        ),
    ] = "",
    thing: Annotated[
        str, typer.Option("--object", metavar="NAMES", help="The same of the thing: `object.*`.")
    ] = "",
    goal: Annotated[
        str, typer.Option(metavar="NAMES", help="The same of the goal; `none` for none.")
    ] = "",
    moves: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Numbers of the action that move the hand: `hand.d*` [the contract's positions].",
        ),
    ] = "",
    only_made: Annotated[
        bool, typer.Option("--only-made", help="Leave the demonstrations themselves out.")
    ] = False,
) -> None:
    """Make more demonstrations out of a few, about things and goals that lie elsewhere.

    `move` needs states that say where hand, thing and goal are. The hand's way is moved with the
    thing until it is carried, and with the goal after; `--env` plays each in a simulator and keeps
    those that solve the task. `correct` learns from states and actions how states change, and makes
    rows where it is sure; the others are not valid. What was made is marked, `label.made` and
    `label.made_from`.
    """
    from rotoscope.models.multiplication.multiply import MultiplyRequest
    from rotoscope.models.multiplication.multiply import multiply as make
    from rotoscope.models.multiplication.roles import RoleNames

    names = RoleNames(hand=hand, object=thing, goal=goal, moves=moves)
    request = MultiplyRequest(
        data=data,
        out=out,
        count=count,
        env=env,
        seed=seed,
        names=names,
        only_made=only_made,
        method=method,
    )
    done = make(request, _count)
    if done.kept_as_they_were:
        kept = ", ".join(done.kept_as_they_were)
        console.say(f"as they were demonstrated: {kept}", style="yellow")
    of = f"{done.made} episodes made of {done.num_sources}"
    sure = f", {done.sure:.0%} of their rows valid" if method == "correct" else ""
    console.say(f"{of}, {done.made} of {done.tried} starts solved" if env else of + sure)
    console.say(f"dataset: {out}")


def _count(start: int, is_solved: bool) -> None:
    console.say(f"start {start}: {'solved' if is_solved else 'not solved, left out'}")
