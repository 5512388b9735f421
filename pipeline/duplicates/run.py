"""Groups of videos that show the same, in folders of videos that nothing was labeled of yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rotoscope.pipeline.duplicates.match import (
    MOVES_ALIKE,
    Candidate,
    Likeness,
    candidates,
    compare,
)
from rotoscope.pipeline.duplicates.thumbnails import Glimpse, glimpse, pictures
from rotoscope.pipeline.errors import UsageError, VideoError
from rotoscope.pipeline.video.scan import Found

_HELD = 64
"""Videos whose pictures are kept in memory: a minute is 8 MB."""


@dataclass(frozen=True)
class Copy:
    """A video that shows what another shows."""

    video: Found
    """The video."""
    likeness: Likeness
    """How it is like the one of its group that it is most like."""
    of: str
    """Name of that one."""


@dataclass(frozen=True)
class Group:
    """Videos that show the same."""

    kept: Found
    """The one worth keeping: the longest, of those the one with most bytes a second."""
    copies: tuple[Copy, ...]
    """All others, by name."""


@dataclass(frozen=True)
class Duplicates:
    """What was found."""

    videos: tuple[Found, ...]
    """All videos that could be read."""
    groups: tuple[Group, ...]
    """Those of which several show the same."""
    failed: Mapping[str, str]
    """Why a video could not be read, by name."""
    duration_s: float
    """How long all of them are together [s]."""

    @property
    def kept(self) -> tuple[Found, ...]:
        """Videos without the copies, by name."""
        copies = {copy.video.name for group in self.groups for copy in group.copies}
        return tuple(video for video in self.videos if video.name not in copies)


def find_duplicates(
    videos: Sequence[Found], *, tell: Callable[[str], None] = lambda text: None
) -> Duplicates:
    """Groups of videos of which one is a copy of another.

    Args:
        videos: What `scan` found.
        tell: Told what is being done.

    Raises:
        UsageError: There is no video, or one lies in an object store.
    """
    if not videos:
        raise UsageError("no video was found; name folders or files of videos")
    found, glimpses, failed = [], [], {}
    for video in videos:
        if video.remote is not None:
            raise UsageError(f"{video.name} lies in an object store; copy the videos here first")
        try:
            if video.problem:
                raise VideoError(video.problem)
            glimpses.append(glimpse(video.path))
            found.append(video)
        except VideoError as error:
            failed[video.name] = str(error)
    pairs = candidates(glimpses)
    tell(f"{len(found)} videos, {len(pairs)} pairs that look alike")
    alike = _confirmed(pairs, [g.path for g in glimpses])
    return Duplicates(
        tuple(found),
        tuple(_groups(found, glimpses, alike)),
        failed,
        sum(g.duration_s for g in glimpses),
    )


def _confirmed(
    pairs: Sequence[Candidate], paths: Sequence[Path]
) -> dict[tuple[int, int], Likeness]:
    """Those of the pairs that are copies."""
    held = _Held(paths)
    out = {}
    for pair in sorted(pairs, key=lambda p: (p.first, p.second)):
        found = compare(held[pair.first], held[pair.second], pair.view)
        if found.correlation >= MOVES_ALIKE:
            out[pair.first, pair.second] = found
    return out


class _Held:
    """Pictures of videos, read when asked for; the last ones stay in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths, self._pictures = paths, dict[int, np.ndarray]()

    def __getitem__(self, number: int) -> np.ndarray:
        if number not in self._pictures:
            if len(self._pictures) >= _HELD:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[number] = pictures(self._paths[number])
        return self._pictures[number]


def _groups(
    videos: Sequence[Found],
    glimpses: Sequence[Glimpse],
    alike: Mapping[tuple[int, int], Likeness],
) -> Iterable[Group]:
    for members in _joined(len(videos), alike):
        kept = max(members, key=lambda n: (round(glimpses[n].duration_s, 1), _size(videos[n])))
        copies = []
        for number in members:
            if number != kept:
                own = {p: one for p, one in alike.items() if number in p}
                pair = max(own, key=lambda p: (kept in p, own[p].correlation))
                other = pair[0] if pair[1] == number else pair[1]
                copies.append(Copy(videos[number], own[pair], videos[other].name))
        yield Group(videos[kept], tuple(copies))


def _joined(num: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Numbers that pairs lead to from each other, groups of two and more."""
    group = list(range(num))
    for a, b in pairs:
        one, other = group[a], group[b]
        group = [one if g == other else g for g in group]
    members: dict[int, list[int]] = {}
    for number, key in enumerate(group):
        members.setdefault(key, []).append(number)
    return [numbers for numbers in members.values() if len(numbers) > 1]


def _size(video: Found) -> int:
    return video.path.stat().st_size
