"""Episodes as the notes beside their video want them: cut at spans, without what is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from rotoscope.pipeline.episodes.episode import Episode
from rotoscope.pipeline.episodes.only_valid import part_of
from rotoscope.pipeline.tracks import runs
from rotoscope.pipeline.video.notes import VideoNotes, task_of


def as_noted(
    episodes: Iterable[Episode], notes: VideoNotes, *, template: str, path: Path
) -> list[Episode]:
    """The episodes with the notes' tasks and facts; those that the notes leave out are gone.

    Rows are counted from their time in the video. Of an episode that is cut, parts of a single row
    are left out: they show no motion.

    Args:
        episodes: Of one video.
        notes: What is said of it.
        template: The recipe's task.
        path: The video.

    Raises:
        UnreasonableVideoError: The template wants a text where the notes have none.
    """
    out = []
    facts = {key: getattr(notes, key) for key in ("person", "license", "credit", "url")}
    said = {key: value for key, value in facts.items() if value}
    for episode in episodes:
        subject = episode.source.get("subject")
        if notes.side and subject in ("left", "right") and subject != notes.side:
            continue
        for part, text in _parts(episode, notes):
            source = part.source | said
            out.append(replace(part, source=source, task=task_of(template, notes, path, text=text)))
    return out


def frames_left_out(before: Iterable[Episode], after: Iterable[Episode]) -> int:
    """How many frames of the video no episode shows any more."""

    def frames(episodes: Iterable[Episode]) -> set[int]:
        return {int(frame) for episode in episodes for frame in episode.source_frame}

    return len(frames(before) - frames(after))


def _parts(episode: Episode, notes: VideoNotes) -> list[tuple[Episode, str]]:
    """Unbroken stretches that lie in one span, with its text."""
    place = np.zeros(episode.num_rows, int)
    for number, span in enumerate(notes.spans, start=1):
        place[_within(episode, span.start_s, span.end_s)] = number
    for start_s, end_s in notes.leave_out:
        place[_within(episode, start_s, end_s)] = -1
    texts = ["", *(span.task for span in notes.spans)]
    if (place == place[0]).all():
        return [] if place[0] < 0 else [(episode, texts[place[0]])]
    found = [
        (start, end, number)
        for number in sorted(set(place.tolist()) - {-1})
        for start, end in runs(place == number)
        if end - start > 1
    ]
    return [
        (part_of(episode, start, end, k), texts[number])
        for k, (start, end, number) in enumerate(sorted(found))
    ]


def _within(episode: Episode, start_s: float, end_s: float) -> np.ndarray:
    time_s = episode.source_time_s
    return (time_s >= start_s) & (time_s < end_s)
