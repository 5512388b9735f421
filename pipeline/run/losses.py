"""Which stage took which frames of a video: what is said of one that gave no episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rotoscope.pipeline.recipe import Recipe, StageEntry
from rotoscope.pipeline.stage import StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    HAND_GATES,
    REASONS,
    ActionSpace,
    ActionTrack,
    BodyTrack,
    GripperTrack,
    HandTrack,
    SegmentTrack,
)

NOT_SEEN, NOT_BELIEVED = "not seen", "not believed"
Gate = tuple[str, str]
"""Name of a stage, and why it took a frame."""
TAKEN = "taken"
"""What a stage did that does not say more."""
SHORT: Gate = ("export", "valid, but shorter than a chunk")
"""What cutting at invalid rows takes; see `rotoscope.pipeline.episodes.only_valid`."""
NOTED: Gate = ("notes", "left out")
"""What the notes beside a video take; see `rotoscope.pipeline.video.notes`."""


@dataclass(eq=False)
class ClipLosses:
    """Follows the frames of one clip through the stages, by subject (a hand, a person, the scene).

    Every frame is counted once, with the first stage after which it was no longer valid.
    """

    num_frames: int
    """Frames of the clip."""
    action: str
    """Stage whose actions count."""
    space: ActionSpace
    """Action space that they are judged for."""
    gates: dict[str, list[Gate | None]] = field(default_factory=dict)
    """By subject, what took each frame; `None` where nothing did so far."""
    curated: dict[str, tuple[str, SegmentTrack]] = field(default_factory=dict)
    """By subject, the stage that chose among its frames and the stretches that it kept."""
    too_few_valid: list[tuple[str, int, int]] = field(default_factory=list)
    """Subject and frames `[start, end)` of stretches that it kept and of which too few rows are
    valid to be an episode."""

    def after(self, entry: StageEntry, made: Tracks) -> None:
        """Takes note of what a stage left valid."""
        for track in made.values():
            if isinstance(track, HandTrack | GripperTrack):
                self._note(entry.name, track.side, track)
            elif isinstance(track, BodyTrack):
                self._note(entry.name, track.subject, track)
            elif isinstance(track, ActionTrack) and entry.name == self.action:
                self._note(entry.name, track.subject, track.judged_for(self.space))
            elif isinstance(track, SegmentTrack):
                self._note_curation(entry.name, track)

    def _note(
        self, stage: str, subject: str, track: HandTrack | GripperTrack | BodyTrack | ActionTrack
    ) -> None:
        is_first = subject not in self.gates
        gates = self.gates.setdefault(subject, [None] * self.num_frames)
        for frame, is_valid in enumerate(track.valid):
            if is_valid:
                gates[frame] = None
            elif gates[frame] is None:
                gates[frame] = (stage, _why(track, frame, is_first))

    def _note_curation(self, stage: str, track: SegmentTrack) -> None:
        labeler, _, subject = track.actions.removeprefix("actions.").rpartition(".")
        if labeler != self.action or track.space not in (None, self.space):
            return
        if track.space == self.space or subject not in self.curated:
            self.curated[subject] = stage, track

    def counts(self) -> Counter[Gate]:
        """Frames by what took them, of the subject that was labeled, or is seen in most frames.

        Frames that were kept are in none; where no episode was made, the counts add up to the
        frames of the clip.
        """
        nothing = self.action, "found nothing to follow"
        if not self.gates:
            return Counter({nothing: self.num_frames})
        subject = min(sorted(self.curated or self.gates), key=self._num_lost)
        gates = self.gates[subject]
        counts = Counter(gate for gate in gates if gate is not None)
        if subject not in self.curated:
            return counts + Counter({nothing: sum(gate is None for gate in gates)})
        stage, track = self.curated[subject]
        inside = np.zeros(self.num_frames, bool)
        for start, end in zip(track.start, track.end, strict=True):
            inside[start:end] = True
        is_left = np.array([gate is None for gate in gates], bool)
        own = {k: n for k, n in track.dropped.items() if k not in REASONS}
        own["low_confidence"] = int((is_left & ~inside).sum()) - sum(own.values())
        for about, start, end in self.too_few_valid:
            if about == subject:
                num = int(is_left[start:end].sum())
                own["too_few_valid_rows"] = own.get("too_few_valid_rows", 0) + num
        counts.update({(stage, k.replace("_", " ")): n for k, n in own.items() if n > 0})
        return counts

    def _num_lost(self, subject: str) -> tuple[int, int]:
        """Frames that were lost of a subject, and those in which it was never seen."""
        lost = [gate for gate in self.gates[subject] if gate is not None]
        return len(lost), sum(why == NOT_SEEN for _, why in lost)


class Losses:
    """The losses of all clips of a video."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.num_frames = 0
        self.clips: list[ClipLosses] = []
        self.lost: Counter[Gate] = Counter()

    def begin(self, shots: str, num_frames: int, clips: Sequence[int]) -> None:
        """Starts with the clips that a video was cut into.

        Args:
            shots: Stage that cut it.
            num_frames: Frames of the video.
            clips: Frames of each clip; the others lie in shots that are too short.
        """
        self.num_frames = num_frames
        space = self.recipe.export.action
        self.clips = [ClipLosses(num, self.recipe.action, space) for num in clips]
        self.lost = Counter({(shots, "too short"): num_frames - sum(clips)})

    def after(self, entry: StageEntry, units: Sequence[Tracks]) -> None:
        """Takes note of what a stage left valid in each clip."""
        for clip, made in zip(self.clips, units, strict=True):
            clip.after(entry, made)

    def built(self, too_few_valid: Sequence[Sequence[Sequence[Any]]]) -> None:
        """Takes note of the stretches of each clip of which too few rows are valid."""
        for clip, stretches in zip(self.clips, too_few_valid, strict=True):
            clip.too_few_valid = [(subject, start, end) for subject, start, end in stretches]

    def cut(self, short_frames: int) -> None:
        """Takes note of frames in stretches that are shorter than a policy's chunk."""
        self.lost[SHORT] = short_frames

    def noted(self, frames: int) -> None:
        """Takes note of frames that the notes beside the video leave out."""
        if frames:
            self.lost[NOTED] = frames

    def counts(self) -> Counter[Gate]:
        """Frames by what took them."""
        return sum((clip.counts() for clip in self.clips), Counter()) + self.lost

    def by_name(self, *, is_empty: bool = False) -> dict[str, int]:
        """The same by name, most first; of a video that gave no episode, all its frames."""
        counts = self._all_counts() if is_empty else self.counts()
        return {gate_name(gate): num for gate, num in _ordered(counts)}

    def explained(self) -> str:
        """Why the video gave no episode, and the setting that would give most frames back."""
        counts = self._all_counts()
        parts = ", ".join(f"{num} {gate_name(gate)}" for gate, num in _ordered(counts))
        text = f"none of {self.num_frames} frames was kept: {parts}"
        for gate, num in _ordered(counts):
            setting = self._setting(gate)
            if setting:
                return f"{text}; {setting} would give most back, up to {num} frames"
        return f"{text}; no setting gives them back"

    def _all_counts(self) -> Counter[Gate]:
        counts = self.counts()
        left = self.num_frames - sum(counts.values())
        return counts + Counter({("export", "too few rows"): left})

    def _setting(self, gate: Gate) -> str:
        stage, why = gate
        if gate == SHORT:
            return f"a lower export.chunk_rows (now {self.recipe.export.chunk_rows})"
        for entry in self.recipe.stages:
            hint = entry.stage_class.loosened_by.get(why.replace(" ", "_"))
            if entry.name == stage and hint:
                verb, name = hint.split()
                if _is_at_end(entry.config, name, verb):
                    return ""
                return f"a {verb} {stage}.{name} (now {getattr(entry.config, name):g})"
        return ""


def _is_at_end(config: StageConfig, name: str, verb: str) -> bool:
    """Whether a setting is as low, or as high, as it may be."""
    value = getattr(config, name)
    for limit in type(config).model_fields[name].metadata:
        least, most = getattr(limit, "ge", None), getattr(limit, "le", None)
        if verb == "lower" and least is not None:
            return bool(value <= least)
        if verb == "higher" and most is not None:
            return bool(value >= most)
    return bool(verb == "lower" and value <= 0)


def _ordered(counts: Counter[Gate]) -> list[tuple[Gate, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def gate_name(gate: Gate) -> str:
    """A gate in words, such as `retarget.arm velocity limit`."""
    stage, why = gate
    return stage if why == TAKEN else f"{stage} {why}"


def _why(
    track: HandTrack | GripperTrack | BodyTrack | ActionTrack, frame: int, is_first: bool
) -> str:
    if isinstance(track, ActionTrack):
        return REASONS[int(track.reason[frame])].replace("_", " ")
    if isinstance(track, HandTrack) and track.gate is not None and track.gate[frame]:
        return HAND_GATES[int(track.gate[frame])].replace("_", " ")
    if not is_first:
        return TAKEN
    is_found = isinstance(track, HandTrack | BodyTrack) and np.isfinite(track.score[frame])
    return NOT_BELIEVED if is_found else NOT_SEEN
