"""What happens to one video, inside its child process: stages in order, then its episodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import VideoError
from rotoscope.pipeline.files.identity import Identity, check_unchanged
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.processes import give_back_memory
from rotoscope.pipeline.recipe import Recipe, StageEntry, build_recipe
from rotoscope.pipeline.run.entries import note_made
from rotoscope.pipeline.run.heard import heard
from rotoscope.pipeline.run.isolation import Progress
from rotoscope.pipeline.run.keys import Keys, outcome_key, stage_tokens, video_keys
from rotoscope.pipeline.run.losses import Losses
from rotoscope.pipeline.run.made import check_made, of_side, renamed
from rotoscope.pipeline.run.open_file import open_file
from rotoscope.pipeline.run.outcome import VideoAnswer, VideoOutcome, stored_outcome
from rotoscope.pipeline.sources import files_of, identify
from rotoscope.pipeline.stage import ClipStage, FrameStage, Tracks, select
from rotoscope.pipeline.stages.shots import shot_spans
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.tracks import NO_ROWS, ClockTrack, ShotTrack
from rotoscope.pipeline.types import Clip, Video
from rotoscope.pipeline.video.breaks import breaks
from rotoscope.pipeline.video.clock import check_pauses
from rotoscope.pipeline.video.kept import SHARE as KEPT_SHARE
from rotoscope.pipeline.video.kept import KeptFrames
from rotoscope.pipeline.video.notes import VideoNotes, read_notes

if TYPE_CHECKING:
    from rotoscope.pipeline.episodes.assemble import Stretch
    from rotoscope.pipeline.episodes.episode import Episode

REPORT_EVERY_S = 0.25
GIVE_BACK_EVERY = 128
"""Frames between two times that freed memory is given back: what MediaPipe frees of large pictures
piles up otherwise."""


@dataclass(frozen=True)
class Part:
    """Some frames of a file that holds more, as where one file holds many episodes."""

    sha256: str
    """Stands for these frames of this file alone."""
    frames: tuple[int, int]
    """Frames `[start, end)`."""
    file: Identity
    """Hash and state of the whole file, as they were when the frames were found."""


@dataclass(frozen=True)
class VideoJob:
    """One video to run through a recipe."""

    path: Path
    """The file."""
    name: str
    """How messages call it."""
    recipe: dict[str, Any]
    """`Recipe.as_raw()`; the user agreed to the programs that it names."""
    folder: Path | None
    """Folder of the recipe."""
    store: Path
    """Root of the store."""
    until: str = ""
    """Last stage to run; empty for all, episodes included."""
    part: Part | None = None
    """Frames of the file to look at; all of them where `None`."""


def process_video(job: VideoJob, report: Progress) -> VideoAnswer:
    """Runs a recipe on one video; results land in the store.

    The file is hashed here, where it is read, and compared after every pass: nothing is stored
    under a hash that its bytes no longer have.

    Raises:
        VideoError: The file cannot be read.
        MotionError: The motion file cannot be read.
        FileChangedError: It changed meanwhile.
        RotoscopeError: Any other error raised on purpose.
    """
    recipe = build_recipe(job.recipe, folder=job.folder, allow_code=True)
    identity, sha256 = _identify(job, recipe, report)
    files = (job.path,) if job.part else files_of(job.path, recipe.source, recipe.stage_classes)
    store, tokens = Store(job.store), stage_tokens(recipe)
    key = outcome_key(recipe, sha256, tokens, job.until, identity)
    stored = stored_outcome(store, key)
    if stored is not None:
        return VideoAnswer(stored, identity, True, {})
    if job.part is None:
        read_notes(job.path)  # what cannot be read is said before the work
    report("probe", 0, 0)
    video, time_s = open_file(job.path, recipe, sha256)
    unchanged = partial(check_unchanged, identity, files, shown=job.name)
    unchanged()
    start, end = job.part.frames if job.part else (0, video.num_frames)
    report("probe", 0, end - start)
    keys = video_keys(recipe, sha256, tokens, identity)
    note_made(store, identity, sha256, keys, key)
    run = _Run(recipe, video, (start, end), store, report, time_s, keys, unchanged)
    run.is_part = job.part is not None
    with heard() as warned:
        run.stages(job.until)
        outcome = run.outcome() if job.until or not recipe.action else run.episodes()
    outcome = replace(outcome, warnings=tuple(warned))
    store.save_record(key, asdict(outcome))
    cpu_s = {k: round(v, 3) for k, v in run.cpu_s.items()}
    megapixels = video.width * video.height / 1e6
    return VideoAnswer(outcome, identity, False, cpu_s, end - start, megapixels)


def _identify(job: VideoJob, recipe: Recipe, report: Progress) -> tuple[Identity, str]:
    """Hash and state of the file, and what stands for the frames that are looked at."""
    if job.part is not None:
        check_unchanged(job.part.file, [job.path], shown=job.name)
        return replace(job.part.file, sha256=job.part.sha256), job.part.sha256
    last = [time.monotonic()]

    def progress(num_bytes: int) -> None:
        if time.monotonic() - last[0] > REPORT_EVERY_S:
            last[0] = time.monotonic()
            report("hash", num_bytes >> 20, 0)

    identity = identify(job.path, recipe.source, recipe.stage_classes, progress=progress)
    return identity, identity.sha256


class _Run:
    """State of one video's way through the stages."""

    def __init__(
        self,
        recipe: Recipe,
        video: Video,
        frames: tuple[int, int],
        store: Store,
        report: Progress,
        time_s: Float[np.ndarray, " time"] | None,
        keys: Keys,
        unchanged: Callable[[], None],
    ) -> None:
        self.recipe, self.video, self.store, self.report = recipe, video, store, report
        self.unchanged = unchanged
        self.start, self.end = frames
        self.time_s = time_s
        self.clips: list[Clip] = []
        self.tracks: list[Tracks] = []
        self.keys = keys
        self.cpu_s: dict[str, float] = {}
        self.losses = Losses(recipe)
        self.last_reported = 0.0
        self.is_part = False
        most_bytes = KEPT_SHARE * recipe.limits.memory_gib * 2**30
        self.kept = KeptFrames(most_bytes, self.end - self.start)

    def stages(self, until: str) -> None:
        """Runs every stage, or up to and with `until`."""
        entries = list(self.recipe.stages)
        if until:
            entries = entries[: [e.name for e in entries].index(until) + 1]
        frame_entries = [e for e in entries if issubclass(e.stage_class, FrameStage)]
        if self.time_s is not None:
            self._begin(self.time_s)
        else:
            self._frame_stages(frame_entries)
        self._split(next((e for e in frame_entries if "shots" in e.stage_class.provides), None))
        for entry in frame_entries:
            self.losses.after(entry, [select(t, entry.stage_class.provides) for t in self.tracks])
        for clip in self.clips:
            shown = display_name(self.video.path.name)
            check_pauses(clip.time_s, first_frame=clip.start, shown=shown)
        for entry in entries[len(frame_entries) :]:
            self._clip_stage(entry)

    def _frame_stages(self, entries: list[StageEntry]) -> None:
        """Runs the frame stages that are not stored yet in one decoding pass."""
        stored = {e.name: self.store.load_tracks(self.keys.stages[e.name]) for e in entries}
        clock = self.store.load_tracks(self.keys.clock)
        missing = [e for e in entries if stored[e.name] is None]
        if clock is None:
            missing = entries
        if missing or clock is None:
            time_s, made = self._decode_through(missing)
            self.unchanged()
            for name, tracks in made.items():
                self.store.save_tracks(self.keys.stages[name], [tracks])
                stored[name] = [tracks]
            self.store.save_tracks(self.keys.clock, [{"clock": ClockTrack(time_s=time_s)}])
        else:
            found = clock[0]["clock"]
            assert isinstance(found, ClockTrack)
            time_s = found.time_s
        self._begin(time_s)
        for unit in stored.values():
            assert unit is not None
            self._accept(unit)

    def _begin(self, time_s: Float[np.ndarray, " time"]) -> None:
        """Makes all there is to see the one clip, about which nothing is known yet."""
        self.clips = [Clip(self.video, self.start, time_s, self.kept.frames)]
        self.tracks = [{}]

    def _decode_through(self, entries: list[StageEntry]) -> tuple[np.ndarray, dict[str, Tracks]]:
        """Shows every frame to every stage; returns frame times and what the stages made."""
        from rotoscope.pipeline.video.read import read_frames

        built = {entry.name: entry.build() for entry in entries}
        observers = {n: s for n, s in built.items() if isinstance(s, FrameStage)}
        del built
        cpu = dict.fromkeys(["decode", *observers], 0.0)
        times: list[float] = []
        label = "+".join(observers) or "decode"
        try:
            for name, stage in observers.items():
                self.report(name, 0, 0)
                cpu[name] += _timed(stage.setup)
                stage.begin(self.video)
            mark = time.process_time()
            for frame in read_frames(
                self.video, backend=self.recipe.video.backend, start=self.start, end=self.end
            ):
                if not times:
                    self.unchanged()  # what was opened, should it be put back before the end
                times.append(frame.time_s)
                for name, stage in observers.items():
                    now = time.process_time()
                    cpu["decode"] += now - mark
                    stage.observe(frame)
                    mark = time.process_time()
                    cpu[name] += mark - now
                self.kept.take(frame)
                self._progress(label, len(times))
                if len(times) % GIVE_BACK_EVERY == 0:
                    give_back_memory()
            if not times:
                raise VideoError(f"no frame of {display_name(self.video.path)} could be decoded")
            time_s = np.array(times)
            made: dict[str, Tracks] = {}
            for name in list(observers):
                mark = time.process_time()
                made[name] = observers[name].finish(time_s)
                cpu[name] += time.process_time() - mark
                check_made(name, made[name], len(time_s))
                # What it saw of each frame is no longer needed, and of a long video is much.
                observers.pop(name).close()
                give_back_memory()
        finally:
            for stage in observers.values():
                stage.close()
        self.cpu_s |= cpu
        return time_s, made

    def _split(self, entry: StageEntry | None) -> None:
        """Cuts the video into clips where its frames stop belonging together, and at its shots."""
        whole, tracks = self.clips[0], self.tracks[0]
        max_gap_s, joints = self.recipe.video.max_gap_s, self.video.joints
        cut = breaks(whole.time_s, max_gap_s=max_gap_s, start=whole.start, joints=joints)
        shots, lengths = tracks.get("shots"), {}
        if entry is not None and isinstance(shots, ShotTrack):
            cut = cut | shots.cut
            lengths = entry.config.model_dump(include={"min_shot_s", "max_shot_s"})
        spans = shot_spans(cut, whole.time_s, **lengths)
        if len(spans) > 1:
            # One frame between two pauses is no motion, and nothing that stages must expect.
            spans = [(a, b) for a, b in spans if b - a > 1]
        self.clips = [
            Clip(self.video, whole.start + a, whole.time_s[a:b], whole.kept) for a, b in spans
        ]
        self.tracks = [{n: t.slice(a, b) for n, t in tracks.items()} for a, b in spans]
        name = "video" if entry is None else entry.name
        self.losses.begin(name, whole.num_frames, [b - a for a, b in spans])

    def _clip_stage(self, entry: StageEntry) -> None:
        """Runs a clip stage on every clip, or takes what is stored."""
        stage = entry.build()
        assert isinstance(stage, ClipStage)
        key = self.keys.stages[entry.name]
        units = self.store.load_tracks(key)
        if units is None or len(units) != len(self.clips):
            self.report(entry.name, self.clips[0].start if self.clips else 0, 0)
            mark = time.process_time()
            try:
                stage.setup()
                units = []
                for clip, tracks in zip(self.clips, self.tracks, strict=True):
                    made = stage.run(clip, select(tracks, stage.requires + stage.uses))
                    check_made(entry.name, made, clip.num_frames)
                    units.append(renamed(made, entry))
                    self._progress(entry.name, clip.end)
            finally:
                stage.close()
            self.cpu_s[entry.name] = time.process_time() - mark
            if entry.stage_class.source is not None:
                self.unchanged()
            self.store.save_tracks(key, units)
        is_side = "actions" in entry.stage_class.provides and entry.name != self.recipe.action
        self._accept([of_side(unit, entry) for unit in units] if is_side else units)
        self.losses.after(entry, units)

    def _accept(self, units: list[Tracks]) -> None:
        for tracks, unit in zip(self.tracks, units, strict=True):
            tracks.update(unit)

    def episodes(self) -> VideoOutcome:
        """Builds and encodes the episodes of all clips."""
        from rotoscope.pipeline.episodes.assemble import build_episodes
        from rotoscope.pipeline.episodes.noted import as_noted, frames_left_out
        from rotoscope.pipeline.episodes.only_valid import cut_at_invalid
        from rotoscope.pipeline.export.render import hidden_boxes, render_episodes

        key = self.keys.episodes
        record = self.store.load_record(key) or {}
        names = record.get("episodes")
        if names is None or not all(map(self.store.has_episode, names)):
            self.report("episodes", 0, 0)
            mark = time.process_time()
            built: list[Episode] = []
            too_few: list[list[Stretch]] = [[] for _ in self.clips]
            for clip, tracks, rejected in zip(self.clips, self.tracks, too_few, strict=True):
                built += build_episodes(
                    clip,
                    tracks,
                    labeler=self.recipe.action,
                    export=self.recipe.export,
                    task=self.recipe.task,
                    too_few_valid=rejected,
                )
            # Beside a part of a dataset's file nobody writes notes.
            notes = VideoNotes() if self.is_part else read_notes(self.video.path)
            noted = as_noted(built, notes, template=self.recipe.task, path=self.video.path)
            cut = cut_at_invalid(noted, self.recipe.export)
            # A failure is published with its stage, which must not hang on how fast this was.
            self.report("encode", 0, 0)
            names = render_episodes(
                cut.episodes,
                self.video,
                export=self.recipe.export,
                backend=self.recipe.video.backend,
                store=self.store,
                key=key,
                progress=lambda frame: self._progress("encode", frame),
                unchanged=self.unchanged,
                hidden=hidden_boxes(self.clips, self.tracks),
                kept=self.kept.frames,
            )
            count = sum((episode.row_count for episode in cut.episodes), NO_ROWS)
            record = {
                "episodes": names,
                "too_few_valid": too_few,
                "short_frames": cut.short_frames,
                "noted_frames": frames_left_out(built, noted),
                "rows": count.rows,
                "valid_rows": count.valid,
            }
            self.store.save_record(key, record)
            self.cpu_s["encode"] = time.process_time() - mark
        self.losses.built(record["too_few_valid"])
        self.losses.cut(int(record["short_frames"]))
        self.losses.noted(int(record.get("noted_frames", 0)))
        return replace(
            self.outcome(tuple(names)), rows=record["rows"], valid_rows=record["valid_rows"]
        )

    def outcome(self, episodes: tuple[str, ...] | None = None) -> VideoOutcome:
        """The outcome with the facts gathered so far; `episodes` where they were asked for."""
        return VideoOutcome(
            frames=sum(c.num_frames for c in self.clips),
            episodes=episodes or (),
            why_empty=self.losses.explained() if episodes == () else "",
            dropped=self.losses.by_name(is_empty=episodes == ()),
            clips=len(self.clips),
        )

    def _progress(self, stage: str, frame: int) -> None:
        now = time.monotonic()
        if now - self.last_reported > REPORT_EVERY_S:
            self.last_reported = now
            self.report(stage, frame, 0)


def _timed(call: Callable[[], None]) -> float:
    mark = time.process_time()
    call()
    return time.process_time() - mark
