"""What the flow that labels does, without Prefect."""

from __future__ import annotations

from collections.abc import Sequence

from rotoscope import api
from rotoscope.pipeline.paths import StrPath
from rotoscope.pipeline.run.label import LabelResult


def label(
    videos: Sequence[StrPath],
    *,
    out: StrPath,
    recipe: StrPath = "hand-gripper",
    overrides: Sequence[str] = (),
    store: StrPath | None = None,
    only: str | None = None,
    limit: int | None = None,
    until: str = "",
    workers: int = 1,
    replace: bool = False,
) -> LabelResult:
    """See `rotoscope.api.label`; what comes back can go from one process to another."""
    return api.label(
        videos,
        out=out,
        recipe=recipe,
        overrides=overrides,
        store=store,
        only=only,
        limit=limit,
        until=until,
        workers=workers,
        replace=replace,
    ).result
