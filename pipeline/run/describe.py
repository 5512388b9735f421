"""A dry run: what would be done, what is stored already, how long and how large it might get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.run.costs import DECODE, ENCODE, OTHER, learned, recall, total_s
from rotoscope.pipeline.run.count import Counted, count_all
from rotoscope.pipeline.run.keys import Keys, outcome_key, stage_tokens, video_keys
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.outcome import stored_outcome
from rotoscope.pipeline.run.plan import look
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.run.rows import duplicate_row
from rotoscope.pipeline.stage import FrameStage
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.types import SourceKind

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
    num_measured: int
    """Videos that the store has seen and that the time is learned from; of none it is a guess."""


def describe(request: LabelRequest) -> Plan:
    """Looks at every file but decodes none."""
    store, recipe = Store(request.store), request.recipe
    stored = dict.fromkeys((s.name for s in recipe.stages), 0)
    problems: list[Row] = []
    seen: dict[str, str] = {}
    num_finished = num_frames = total_frames = 0
    kinds = {entry.stage_class.kind for entry in recipe.stages} | {OTHER, DECODE, ENCODE}
    seen_before = recall(request.store)
    costs, cpu_s = learned(seen_before, kinds), 0.0
    looked = look(request)
    tokens = stage_tokens(recipe)
    unknown = [f for f, before in looked.files if before is None]
    counted = count_all(request, unknown)
    for item, before in looked.files:
        if isinstance(before, Row) and before.status == "failed":
            problems.append(before)
            continue
        known = before.identity if before else None
        found = Counted(known, before.frames) if before and known else counted[item.display_name]
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
            work = _missing(recipe, store, keys, until=request.until)
            cpu_s += total_s(costs, work, frames=found.num_frames, megapixels=found.megapixels)
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
        cpu_s=cpu_s,
        disk_bytes=total_frames * BYTES_PER_FRAME[recipe.source],
        num_measured=len(seen_before),
    )


def _missing(recipe: Recipe, store: Store, keys: Keys, *, until: str) -> Iterator[str]:
    """Kinds of work that are still to be done on a video."""
    yield OTHER
    entries = list(recipe.stages)
    if until:
        entries = entries[: [e.name for e in entries].index(until) + 1]
    missing = [e for e in entries if not store.has_tracks(keys.stages[e.name])]
    looking = any(issubclass(e.stage_class, FrameStage) for e in missing)
    if recipe.source == "video" and (looking or not store.has_tracks(keys.clock)):
        yield DECODE
    yield from (entry.stage_class.kind for entry in missing)
    if recipe.action and not until:
        yield ENCODE
