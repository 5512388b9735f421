"""A dry run: what would be done, what is stored already, how long and how large it might get."""

from __future__ import annotations

from dataclasses import dataclass

from rotoscope.pipeline.errors import WorkerError
from rotoscope.pipeline.files.identity import Identity, check_unchanged
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.recipe import build_recipe
from rotoscope.pipeline.run.isolation import Limits, Progress, run_isolated
from rotoscope.pipeline.run.keys import outcome_key, stage_tokens, video_keys
from rotoscope.pipeline.run.label import job_of
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.plan import Work, look
from rotoscope.pipeline.run.process import VideoJob, stored_outcome
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.run.rows import duplicate_row, failed_row
from rotoscope.pipeline.sources import files_of, identify, open_motion
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.types import SourceKind
from rotoscope.pipeline.video.scan import Found

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
    """Version of the stage's class."""
    num_stored: int
    """Videos whose result is in the store already."""


@dataclass(frozen=True)
class Plan:
    """Everything that `label` would do, found out without doing it."""

    num_videos: int
    """Videos that would be looked at."""
    num_finished: int
    """Videos whose whole result is stored."""
    problems: tuple[Row, ...]
    """Rows that are final without any work: unreadable files, duplicates."""
    left_out: tuple[str, ...]
    """Sentences about folders and files that would not be looked into."""
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
    stored = dict.fromkeys((s.name for s in recipe.stages), 0)
    problems: list[Row] = []
    seen: dict[str, str] = {}
    num_finished = num_frames = total_frames = 0
    looked = look(request)
    tokens = stage_tokens(recipe)
    for item, before in looked.files:
        if isinstance(before, Row) and before.status == "failed":
            problems.append(before)
            continue
        known = before.identity if before else None
        found = Counted(known, before.frames) if before and known else _count(request, item)
        if isinstance(found, Row):
            problems.append(found)
            continue
        sha256 = found.identity.sha256
        first = seen.setdefault(sha256, item.display_name)
        if first != item.display_name:
            problems.append(duplicate_row(Row(item.display_name, "done", sha256), first))
            continue
        keys = video_keys(recipe, sha256, tokens, found.identity)
        for name, key in keys.stages.items():
            stored[name] += store.has_tracks(key)
        total_frames += found.num_frames
        key = outcome_key(recipe, sha256, tokens, request.until, found.identity)
        if before or stored_outcome(store, key):
            num_finished += 1
        else:
            num_frames += found.num_frames
    ms, is_measured = _ms_per_frame(request)
    return Plan(
        num_videos=len(looked.files),
        num_finished=num_finished,
        problems=tuple(problems),
        left_out=looked.left_out,
        num_frames=num_frames,
        stages=tuple(
            StagePlan(s.name, s.stage_class.kind, s.stage_class.version, stored[s.name])
            for s in recipe.stages
        ),
        cpu_s=num_frames * ms / 1e3,
        disk_bytes=total_frames * BYTES_PER_FRAME[recipe.source],
        is_estimate_measured=is_measured,
    )


@dataclass(frozen=True)
class Counted:
    """What a look at a file's packets says."""

    identity: Identity
    """Hash of its bytes."""
    num_frames: int
    """Frames that it holds."""


def count_frames(job: VideoJob, report: Progress) -> Counted:
    """Frames of a video by its packets; runs in a child, since a damaged file can crash."""
    recipe = build_recipe(job.recipe, folder=job.folder, allow_code=True)
    path, kind, stages = job.path, recipe.source, recipe.stage_classes
    identity = identify(
        path, kind, stages, progress=lambda num_bytes: report("hash", num_bytes >> 20, 0)
    )
    if kind == "motion":
        return Counted(identity, open_motion(path, sha256=identity.sha256)[0].num_frames)
    from rotoscope.pipeline.video.probe import probe

    rate_hz = recipe.video.image_rate_hz
    num_frames = probe(path, sha256=identity.sha256, image_rate_hz=rate_hz).num_frames
    check_unchanged(identity, files_of(path, kind, stages), shown=display_name(path))
    return Counted(identity, num_frames)


def _count(request: LabelRequest, found: Found) -> Counted | Row:
    limits = Limits.of(request.recipe.limits)
    argument = job_of(request, Work(found))
    try:
        answer = run_isolated(
            "rotoscope.pipeline.run.describe:count_frames", argument, limits=limits
        )
    except WorkerError as error:
        return failed_row(request, found, "probe", error)
    if answer.error is not None:
        return failed_row(request, found, "probe", answer.error)
    counted: Counted = answer.value
    return counted


def _ms_per_frame(request: LabelRequest) -> tuple[float, bool]:
    rows = [r for r in Ledger(request.work / "ledger.jsonl").rows() if r.cpu_s > 1 and r.frames]
    if rows:
        return 1e3 * sum(r.cpu_s for r in rows) / sum(r.frames for r in rows), True
    names = [s.name for s in request.recipe.stages]
    if request.recipe.source == "video":
        names += ["decode", "encode"]
    return sum(DEFAULT_MS_PER_FRAME.get(n, OTHER_MS_PER_FRAME) for n in names), False
