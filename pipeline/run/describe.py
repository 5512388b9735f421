"""A dry run: what would be done, what is stored already, how long and how large it might get."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import RotoscopeError
from pipeline.run.isolation import Limits, Tell, run_isolated
from pipeline.run.keys import stage_tokens, video_keys
from pipeline.run.label import Work, plan, stored_row
from pipeline.run.ledger import Ledger, Row
from pipeline.run.request import LabelRequest
from pipeline.run.store import Store
from pipeline.sources import open_motion
from pipeline.types import SourceKind

DEFAULT_MS_PER_FRAME = {
    "decode": 1.5,
    "hands": 12.0,
    "body": 22.0,
    "lift_body": 2.0,
    "retarget.hand": 1.0,
    "retarget.humanoid": 12.0,
    "check.physics": 10.0,
    "encode": 1.5,
}
"""CPU per frame where this run has no rows yet to learn from [ms]; others count 0.3 each."""
OTHER_MS_PER_FRAME = 0.3
BYTES_PER_FRAME: dict[SourceKind, int] = {"video": 4000, "motion": 400}
"""Dataset bytes per row: 640x480 H.264 at crf 23 with a key frame every second frame; without
pictures, a hundred numbers."""


@dataclass(frozen=True)
class StagePlan:
    """One stage of the dry run."""

    name: str
    """Name in the recipe."""
    kind: str
    """Kind of stage."""
    version: str
    """Its version."""
    num_stored: int
    """Videos whose result is in the store already."""


@dataclass(frozen=True)
class Plan:
    """What `label` would do."""

    num_videos: int
    """Videos that would be looked at."""
    num_finished: int
    """Videos whose whole result is stored."""
    problems: tuple[Row, ...]
    """Rows that are final without any work: unreadable files, duplicates."""
    num_frames: int
    """Frames in the videos that would be processed."""
    stages: tuple[StagePlan, ...]
    """Stages in order."""
    cpu_s: float
    """Estimated CPU time [s]."""
    disk_bytes: int
    """Estimated size of the dataset."""
    is_estimate_measured: bool
    """Whether the time comes from earlier rows of this run, not from defaults."""


def describe(request: LabelRequest) -> Plan:
    """Looks at every file but decodes none."""
    store, recipe = Store(request.store), request.recipe
    tokens = stage_tokens(recipe)
    stored = dict.fromkeys((s.name for s in recipe.stages), 0)
    problems: list[Row] = []
    num_videos = num_finished = num_frames = total_frames = 0
    for item in plan(request):
        num_videos += 1
        if isinstance(item, Row):
            problems.append(item)
            continue
        keys = video_keys(recipe, item.sha256, tokens)
        for name, key in keys.stages.items():
            stored[name] += store.has_tracks(key)
        row = stored_row(request, item)
        if row is not None:
            num_finished += 1
            total_frames += row.frames
            continue
        frames = _count_frames(item, recipe.source)
        if isinstance(frames, str):
            problems.append(Row(item.found.display_name, "failed", item.sha256, message=frames))
            continue
        num_frames += frames
        total_frames += frames
    ms, is_measured = _ms_per_frame(request)
    return Plan(
        num_videos=num_videos,
        num_finished=num_finished,
        problems=tuple(problems),
        num_frames=num_frames,
        stages=tuple(
            StagePlan(s.name, s.stage_class.kind, s.stage_class.version, stored[s.name])
            for s in recipe.stages
        ),
        cpu_s=num_frames * ms / 1e3,
        disk_bytes=total_frames * BYTES_PER_FRAME[recipe.source],
        is_estimate_measured=is_measured,
    )


def count_frames(argument: tuple[Work, SourceKind], tell: Tell) -> int:
    """Frames of a video by its packets; runs in a child, since a damaged file can crash."""
    work, kind = argument
    if kind == "motion":
        return open_motion(work.found.path, sha256=work.sha256)[0].num_frames
    from pipeline.video.probe import probe

    return probe(work.found.path, sha256=work.sha256).num_frames


def _count_frames(work: Work, kind: SourceKind) -> int | str:
    limits = Limits(memory_bytes=2**30, stall_s=60.0, base_s=60.0, per_item_s=0.0)
    try:
        answer = run_isolated("pipeline.run.describe:count_frames", (work, kind), limits=limits)
    except RotoscopeError as error:
        return f"{type(error).__name__}: {error}"
    if answer.error is not None:
        return f"{answer.error.kind}: {answer.error.message}"
    return int(answer.value)


def _ms_per_frame(request: LabelRequest) -> tuple[float, bool]:
    rows = [r for r in Ledger(request.work / "ledger.jsonl").rows() if r.cpu_s > 1 and r.frames]
    if rows:
        return 1e3 * sum(r.cpu_s for r in rows) / sum(r.frames for r in rows), True
    names = [s.name for s in request.recipe.stages]
    if request.recipe.source == "video":
        names += ["decode", "encode"]
    return sum(DEFAULT_MS_PER_FRAME.get(n, OTHER_MS_PER_FRAME) for n in names), False
