"""`rotoscope curate`: scores of a dataset's episodes, and what is worth keeping as a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import Data, override_option, path_option
from rotoscope.cli.terminal import console
from rotoscope.pipeline.errors import UsageError

if TYPE_CHECKING:
    from rotoscope.pipeline.curation.decide import Decision
    from rotoscope.pipeline.curation.run import Measured

_SHOWN = 20


def curate(
    data: Data,
    out: Annotated[
        Path | None,
        path_option("Where the curated dataset is published, whole [only measure].", "--out"),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            "-r",
            help="Curation recipe: `labels`, `detours`, or a .yaml file of your own [score, leave "
            "nothing out].",
        ),
    ] = "",
    override: Annotated[
        list[str] | None,
        override_option("Change a setting: `-o motion_error.mode=filter`, `-o idle.limit=1`."),
    ] = None,
    keep: Annotated[
        str, typer.Option(help="Episodes that stay whole whatever the scores say: `[0, 2, 5]`.")
    ] = "",
) -> None:
    """Score every episode of a LeRobot v3 dataset, and leave out what is worse than a limit.

    Without `--out` it only measures: a histogram of every score, and what its limit would leave
    out. With it, scores become columns `label.quality.*`, and what is filtered is left out: whole
    episodes, or rows, at which episodes are cut in two. Videos are not encoded anew and the dataset
    stays as it is; `meta/rotoscope/curation.json` says what was left out, why, and how to get it
    back.
    """
    from rotoscope.pipeline.curation.config import load_curation
    from rotoscope.pipeline.curation.run import curate as write
    from rotoscope.pipeline.curation.run import measure
    from rotoscope.pipeline.datasets.choose import numbers
    from rotoscope.pipeline.datasets.read import open_dataset

    config = load_curation(recipe, override or [])
    kept = numbers(keep, source="--keep")
    if keep and out is None:
        raise UsageError("--keep says what is written; name --out, too")
    dataset = open_dataset(data)
    measured = measure(dataset, config)
    _show_scores(measured, config)
    if out is None:
        return
    decision = write(dataset, config, measured, out, keep=kept)
    _show_decision(decision, measured, out)


def _show_scores(measured: Measured, config: object) -> None:
    from rotoscope.pipeline.curation.config import CurationConfig
    from rotoscope.pipeline.curation.histogram import HEADER, lines

    assert isinstance(config, CurationConfig)
    rows = sum(measured.lengths.values())
    console.say(f"{len(measured.lengths)} episodes, {rows} rows at {measured.fps:g} Hz")
    console.table(HEADER, lines(measured, config))
    for score in measured.scores:
        if score.untested:
            console.say(f"{score.name} is not known: {score.untested}", style="yellow")


def _show_decision(decision: Decision, measured: Measured, out: Path) -> None:
    for one in decision.dropped[:_SHOWN]:
        is_whole = (one.start, one.end) == (0, measured.lengths[one.episode])
        what = f"episode {one.episode}" + ("" if is_whole else f", rows {one.start}:{one.end}")
        console.say(f"left out: {what}: {one.why} {one.value:.3g}, limit {one.limit:g}")
    if len(decision.dropped) > _SHOWN:
        console.say(f"and {len(decision.dropped) - _SHOWN} more, see meta/rotoscope/curation.json")
    kept = sum(piece.num_rows for piece in decision.kept)
    rows = sum(measured.lengths.values())
    console.say(f"{kept} of {rows} rows are kept, in {len(decision.kept)} episodes")
    for why, count in decision.episodes_by_reason().items():
        console.say(f"  {why}: something of {count} episodes is left out")
    console.say(f"dataset: {out}")
