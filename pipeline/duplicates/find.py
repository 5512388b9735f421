"""Which of many videos are copies of each other, why, and which one of each group is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rotoscope.pipeline.duplicates.agreement import Agreement
from rotoscope.pipeline.duplicates.compare import Copy, compare
from rotoscope.pipeline.duplicates.crops import Crop
from rotoscope.pipeline.duplicates.fingerprint import Fingerprint, isolated_fingerprint
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.video.found import Found

_NOTHING = Copy(0, 0, Crop(), 1.0, Agreement(0.0, 0.0, 0.0, 0.0))


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What was found."""

    names: tuple[str, ...]
    """Names of the videos that could be read, in order."""
    videos: tuple[Fingerprint, ...]
    """Their fingerprints."""
    copies: tuple[Copy, ...]
    """Pairs that show the same, by the numbers of their videos."""
    groups: tuple[tuple[int, ...], ...]
    """Videos that are copies of each other, directly or by others; the one to keep first."""
    unread: tuple[tuple[str, str], ...]
    """Names of the videos that could not be read, and why."""

    def as_facts(self) -> dict[str, Any]:
        """What is written: groups with what is kept, pairs with their evidence."""
        return {
            "videos": len(self.names),
            "groups": [
                {"kept": self.names[group[0]], "copies": [self.names[n] for n in group[1:]]}
                for group in self.groups
            ],
            "pairs": [self._pair(copy) for copy in self.copies],
            "unread": [{"video": name, "why": why} for name, why in self.unread],
        }

    def _pair(self, copy: Copy) -> dict[str, Any]:
        whole, part = self.videos[copy.whole], self.videos[copy.part]
        found, crop = copy.agreement, copy.crop
        return {
            "whole": self.names[copy.whole],
            "part": self.names[copy.part],
            "same_bytes": whole.sha256 == part.sha256,
            "mirrored": crop.is_mirrored,
            "crop": [round(v, 3) for v in (crop.left, crop.top, crop.width, crop.height)],
            "starts_at_s": round(found.lag_s, 3),
            "overlap_s": round(found.overlap_s, 3),
            "differing": round(found.differing, 4),
            "resting": round(found.resting, 4),
            "correlation": round(copy.correlation, 4),
        }


def find_duplicates(
    found: Sequence[Found], *, say: Callable[[str], None] = lambda _: None
) -> Duplicates:
    """Looks at every video once, and at every pair that may be one recording.

    Args:
        found: Videos, as `scan` gives them.
        say: Told of every video that cannot be read.

    Raises:
        WorkerError: Decoding was stopped.
    """
    names, videos, unread = [], [], []
    for one in found:
        try:
            if one.problem:
                raise RotoscopeError(one.problem)
            videos.append(isolated_fingerprint(one.path))
            names.append(one.display_name)
        except RotoscopeError as error:
            unread.append((one.display_name, str(error)))
            say(f"{one.display_name}: {error}")
    copies = copies_among(videos)
    return Duplicates(
        tuple(names), tuple(videos), tuple(copies), groups_of(videos, names, copies), tuple(unread)
    )


def copies_among(videos: Sequence[Fingerprint]) -> list[Copy]:
    """All pairs that show the same, in the order of their numbers."""
    out = []
    for (i, one), (k, other) in itertools.combinations(enumerate(videos), 2):
        if one.sha256 == other.sha256:
            same = Agreement(0.0, one.duration_s, 0.0, 0.0)
            out.append(Copy(i, k, _NOTHING.crop, 1.0, same))
            continue
        found = compare(one, other, (i, k))
        if found is not None and found.is_same:
            out.append(found)
    return out


def groups_of(
    videos: Sequence[Fingerprint], names: Sequence[str], copies: Iterable[Copy]
) -> tuple[tuple[int, ...], ...]:
    """Videos that copies join, the one to keep first.

    Kept is the one that shows most: that is no crop or trim of another of the group, then the one
    of most pixels, the longest, the largest file, and the first by name.
    """
    group = list(range(len(videos)))
    parts: dict[int, float] = {}
    for copy in copies:
        old, new = group[copy.part], group[copy.whole]
        group = [new if g == old else g for g in group]
        share = copy.crop.width * copy.crop.height
        parts[copy.part] = min(parts.get(copy.part, 1.0), share)

    def worth(number: int) -> tuple[Any, ...]:
        video = videos[number]
        shown = round(parts.get(number, 1.0), 1)
        return (
            -shown * round(video.duration_s, 1), -video.area_px, -video.size_bytes, names[number],
        )  # fmt: skip

    found: dict[int, list[int]] = {}
    for number, one in enumerate(group):
        found.setdefault(one, []).append(number)
    joined = [sorted(numbers, key=worth) for numbers in found.values() if len(numbers) > 1]
    return tuple(tuple(numbers) for numbers in sorted(joined))
