"""Which of many videos are copies of each other, why, and which one of each group is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rotoscope.pipeline.duplicates.agreement import Agreement
from rotoscope.pipeline.duplicates.compare import (
    MAYBE,
    SURE,
    Copy,
    compare,
    looked_at_closely,
)
from rotoscope.pipeline.duplicates.crops import Crop
from rotoscope.pipeline.duplicates.fingerprint import LARGE_PX, Fingerprint, isolated_fingerprint
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.video.found import Found

_EQUAL = Copy(0, 1, Crop(), 1.0, Agreement(0.0, 0.0, 0.0, 0.0))
_MOST_KEPT = 50
"""Videos whose larger pictures are kept at a time."""


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
            "resting": round(found.resting, 4),
            "moving": round(found.moving, 4),
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
    copies = copies_among(videos, _isolated_larger)
    return Duplicates(
        tuple(names), tuple(videos), tuple(copies), groups_of(videos, names, copies), tuple(unread)
    )


def _isolated_larger(video: Fingerprint) -> Fingerprint:
    return isolated_fingerprint(video.path, LARGE_PX)


def copies_among(
    videos: Sequence[Fingerprint], larger: Callable[[Fingerprint], Fingerprint]
) -> list[Copy]:
    """All pairs that show the same, in the order of their numbers.

    Pairs that may be copies are looked at once more in larger pictures. What is a copy of a video
    is a copy of its copies, so that of claims that contradict each other the better ones count: two
    takes that hardly differ may both fit a cropped copy of one of them, but not each other.

    Args:
        videos: What was found out about them.
        larger: Gives the fingerprint of one with larger pictures.
    """
    closer: dict[int, Fingerprint] = {}
    claims, apart = [], set[frozenset[int]]()
    for (i, one), (k, other) in itertools.combinations(enumerate(videos), 2):
        if one.sha256 == other.sha256:
            claims.append(replace(_EQUAL, whole=i, part=k, agreement=_equal(one)))
            continue
        found = compare(one, other, (i, k))
        if found is not None and found.fits(MAYBE):
            for number in (i, k):
                if number not in closer:
                    closer[number] = larger(videos[number])
            found = looked_at_closely(found, closer[found.whole], closer[found.part])
            while len(closer) > _MOST_KEPT:
                closer.pop(next(iter(closer)))
            if found.fits(SURE):
                claims.append(found)
                continue
        if found is not None and found.is_apart(SURE):
            apart.add(frozenset((i, k)))
    return sorted(_without_contradiction(claims, apart), key=lambda c: sorted((c.whole, c.part)))


def _equal(video: Fingerprint) -> Agreement:
    return Agreement(0.0, video.duration_s, 0.0, 0.0)


def _without_contradiction(claims: Sequence[Copy], apart: Collection[frozenset[int]]) -> list[Copy]:
    """Claims that join no two videos that are apart, better ones first."""
    group: dict[int, set[int]] = {}
    out = []
    for claim in sorted(claims, key=lambda claim: claim.agreement.moving):
        ours, theirs = (group.setdefault(n, {n}) for n in (claim.whole, claim.part))
        if ours is not theirs:
            if any(frozenset((a, b)) in apart for a in ours for b in theirs):
                continue
            ours |= theirs
            group.update(dict.fromkeys(theirs, ours))
        out.append(claim)
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
