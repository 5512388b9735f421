"""`rotoscope worth`: what more demonstrations are expected to bring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import Data, override_option, path_option
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.models.worth.forecast import Forecast


def worth(
    data: Data,
    env: Annotated[
        str,
        typer.Option(
            help="Simulator that policies are tried in: `metaworld:push-v3` [hold them against the "
            "actions of held-out episodes]."
        ),
    ] = "",
    more: Annotated[
        int, typer.Option("--next", min=1, help="Demonstrations that you think of recording.")
    ] = 10,
    counts: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Numbers of demonstrations: `[5, 10, 20, 40]` [five, 2 to all]."
        ),
    ] = "",
    repeats: Annotated[
        int, typer.Option(min=1, help="Orders of the demonstrations that are tried.")
    ] = 3,
    starts: Annotated[
        int, typer.Option(min=1, help="Starts of the simulator in each of them.")
    ] = 20,
    horizon: Annotated[
        int | None,
        typer.Option(min=1, help="Steps within which a start is to be solved [the simulator's]."),
    ] = None,
    override: Annotated[
        list[str] | None,
        override_option(
            "Setting of the built-in policy: `-o camera=observation.images.front`, "
            "`-o hidden=[64]`."
        ),
    ] = None,
    out: Annotated[
        Path | None, path_option("JSON file with every figure [only say them].", "--out")
    ] = None,
) -> None:
    """Say what more demonstrations of a LeRobot v3 dataset are expected to bring.

    Trains the built-in policy on more and more of them, a few times in another order, fits a curve
    to its error (a power law with an offset), and says what the next ones change, with the interval
    that chance leaves.
    """
    import json

    from rotoscope.models.worth.forecast import forecast
    from rotoscope.models.worth.measure import WorthRequest, measure
    from rotoscope.pipeline.datasets.choose import numbers
    from rotoscope.pipeline.files.atomic import atomic_path

    request = WorthRequest(
        data=data,
        env=env,
        counts=tuple(numbers(counts, source="--counts")),
        repeats=repeats,
        starts=starts,
        horizon=horizon,
        overrides=tuple(override or ()),
    )
    what = "failed" if env else "unexplained"
    measured = measure(
        request,
        lambda count, repeat, error: console.say(
            f"order {repeat + 1} of {repeats}, {count} demonstrations: {what} {error:.3f}"
        ),
    )
    found = forecast(measured, more)
    _show(found)
    if out is not None:
        with atomic_path(out) as temporary:
            temporary.write_text(json.dumps(found.as_json(), indent=1, allow_nan=False) + "\n")
        console.say(f"figures: {out}")


def _show(found: Forecast) -> None:
    measured, curve = found.measured, found.curve
    what = "failed" if measured.is_success else "unexplained"
    fitted = curve(measured.counts)
    rows = [
        (str(count), f"{mean:.3f}", f"{low:.3f}-{high:.3f}", f"{told:.3f}")
        for count, mean, (low, high), told in zip(
            measured.counts, found.means, found.between, fitted, strict=True
        )
    ]
    console.table(("demonstrations", what, "95 %", "curve"), rows)
    console.say(
        f"curve: {curve.offset:.3f} + {curve.drop:.3f} (n / {curve.first})^-{curve.exponent:.2f}"
    )
    now, low, high = found.now
    console.say(
        f"with all {measured.num_episodes}: {what} {now:.3f} ({low:.3f} to {high:.3f}, 95 %)"
    )
    gain, low, high = found.gain
    console.say(
        f"the next {found.more}: {what} falls by {gain:.3f} ({low:.3f} to {high:.3f}, 95 %)"
    )
