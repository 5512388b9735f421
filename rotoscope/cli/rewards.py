"""`rotoscope progress`: how far the episodes of a dataset get along a demonstration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rotoscope.cli.options import (
    Data,
    DeviceName,
    Out,
    SeenCamera,
    SeenColumns,
    SeenEncoder,
    path_option,
)
from rotoscope.cli.terminal import console

if TYPE_CHECKING:
    from rotoscope.models.rewards.label import ProgressResult


def progress(
    data: Data,
    demo: Annotated[
        list[str],
        typer.Option(
            metavar="EPISODES",
            help="What shows the task done: episodes of DATA (`3`, `0,2`, `0:5`), of another "
            "dataset (`OTHER#3`), or all of one (`OTHER`). May be repeated.",
        ),
    ],
    out: Out,
    see: SeenColumns = None,
    camera: SeenCamera = "",
    encoder: SeenEncoder = "pca",
    device: DeviceName = "auto",
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Reward to write: `orca` [by default], `ot`, `temporal_ot`, `dtw`, `threshold`, "
            "`last_frame`, `time_contrastive`, `vision_language`. May be repeated."
        ),
    ] = None,
    network: Annotated[
        Path | None,
        path_option("Folder of a CLIP or SigLIP of `transformers`, for `vision_language`."),
    ] = None,
    goal: Annotated[
        str, typer.Option(help="What holds in the end, for `vision_language`: `an open drawer`.")
    ] = "",
    always: Annotated[
        str, typer.Option(help="What holds throughout, for `vision_language`: `a drawer`.")
    ] = "",
    chunk: Annotated[
        int,
        typer.Option(min=1, help="Rows that your policy plans at once (`chunk_size`), for RA-BC."),
    ] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of what is learned.")] = 0,
) -> None:
    """Write how far every row is along a demonstration, with sigma, and what it is worth.

    Columns `label.progress` (0 to 1), `.progress_sigma`, `.progress_off` and `label.reward.METHOD`,
    and LeRobot's `sarm_progress.parquet` for training with `--sample_weighting.type=rabc`. No
    action is needed. Says of every episode whether it is done, or where it stops.
    """
    from rotoscope.models.rewards.label import ProgressRequest, label_progress
    from rotoscope.models.rewards.seen import Seen

    request = ProgressRequest(
        data=data,
        demos=tuple(demo),
        out=out,
        seen=Seen(tuple(see or ()), camera, encoder, device),
        methods=tuple(dict.fromkeys(method or ("orca",))),
        network=network,
        goal=goal,
        always=always,
        chunk_rows=chunk,
        seed=seed,
    )
    _show(label_progress(request, say=console.say), request.chunk_rows, out)


def _show(result: ProgressResult, chunk_rows: int, out: Path) -> None:
    from rotoscope.models.policy.sample_weights import POLICIES

    done = sum(one.is_done for one in result.judgments.values())
    console.say(
        f"{done} of {len(result.judgments)} episodes are done, as {', '.join(result.demos)} shows"
    )
    weights = result.weights
    console.say(
        f"for a chunk of {chunk_rows} rows: {weights.whole} samples count whole, {weights.part} in "
        f"part, {weights.none} not at all; of {weights.unknown} nothing is known, they count whole"
    )
    console.say(
        f"lerobot-train ... --sample_weighting.type=rabc --policy.chunk_size={chunk_rows} (only "
        f"for {', '.join(POLICIES)})"
    )
    console.say(f"dataset: {out}")
