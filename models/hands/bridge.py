"""Carries a hand's landmarks over frames in which no landmarks are believed, by optical flow.

A detector flickers, and where fingers hide each other its landmarks fit no hand for a frame or two;
the hand itself is still in the picture. Lucas and Kanade's flow takes the landmarks of the frame
before such a gap forward and those of the frame after it back. Where both arrive at the same place
the hand was seen there; where a frame is blank or blurred, or the hand was hidden, points do not
come back or the two disagree, and the gap stays. Nothing is carried from one side alone, so never
beyond a clip's ends, and never over a cut, since clips have none.

Constants were chosen on `DEVELOPMENT` of `benchmarks._rendered_scenes`, landmarks left out in gaps
of one to seven frames.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from rotoscope.pipeline.tracks import NUM_HAND_JOINTS
from rotoscope.pipeline.types import Frame

HAND_PX = 160.0
"""Larger hands are scaled down to this before they are followed [px], for speed."""
MARGIN = 0.6
"""How much of the picture around a hand is looked at, in hand sizes."""
MAX_RETURN_PX = 1.5
"""Farthest from where it started that a point may come back to, followed a frame on and back [px of
the small picture]."""
MIN_FOLLOWED = 0.6
"""Least share of the landmarks that came back all the way, from each side. The others are taken
along by those."""
MAX_DISAGREEMENT = 0.1
"""Largest mean distance of what arrives from both sides, in hand sizes: beyond, something else than
the hand was followed."""
ERROR_OF_DISAGREEMENT = 0.5
"""What lies between both sides is wrong by this share of how far they are apart."""
ERROR_PER_S = 0.06
"""And by this with the time to the nearer of both [hand sizes / s]."""
_WINDOW, _LEVELS = (21, 21), 3
_MIN_FITTED = 4
_MAX_SKIP_FRAMES = 250
"""Gaps that are nearer to each other are read in one go: as far apart as key frames usually are."""

Read = Callable[[int, int], Iterator[Frame]]
"""Frames `[start, end)` of a clip."""


@dataclass(frozen=True, eq=False)
class Carried:
    """Landmarks of one hand that were carried into gaps."""

    rows: Int[np.ndarray, " row"]
    """Frames of the clip, increasing."""
    landmarks_px: Float[np.ndarray, "row 21 2"]
    """Where they are [px]."""
    error: Float[np.ndarray, " row"]
    """1-sigma of a landmark beyond a detection's own, in hand sizes."""
    before: Int[np.ndarray, " row"]
    """The frame before the gap, which they were carried from."""
    after: Int[np.ndarray, " row"]
    """The frame after it."""


@dataclass(eq=False)
class _Gap:
    """A stretch between two frames with landmarks, and its small pictures as they are read."""

    name: str
    first: int
    last: int
    corner: Int[np.ndarray, " 2"]
    size: Int[np.ndarray, " 2"]
    scale: float
    pictures: list[UInt8[np.ndarray, "height width"]] = field(default_factory=list)

    def take(self, gray: UInt8[np.ndarray, "height width"]) -> None:
        import cv2

        (left, top), (width, height) = self.corner, self.size
        part = np.ascontiguousarray(gray[top : top + height, left : left + width])
        if self.scale < 1.0:
            part = cv2.resize(
                part, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA
            )
        self.pictures.append(part)


def carry(
    hands: Mapping[str, tuple[Float[np.ndarray, "time 21 2"], Bool[np.ndarray, " time"]]],
    time_s: Float[np.ndarray, " time"],
    read: Read,
    *,
    max_gap_s: float,
) -> dict[str, Carried]:
    """Landmarks in the short gaps of some hands.

    Args:
        hands: By name, landmarks [px] and the frames in which they are believed.
        time_s: Time of each frame [s].
        read: Reads frames; only those about gaps are asked for.
        max_gap_s: Longest time between two believed frames [s].

    Returns:
        By name, what was carried; hands without any are left out.
    """
    gaps = sorted(
        (
            gap
            for name, (landmarks, valid) in hands.items()
            for gap in _gaps(name, landmarks, valid, time_s, max_gap_s)
        ),
        key=lambda gap: (gap.first, gap.last),
    )
    found: dict[str, list[Carried]] = {}
    for gap in _read(gaps, read):
        landmarks = hands[gap.name][0]
        found.setdefault(gap.name, []).append(
            _between(gap, landmarks[gap.first], landmarks[gap.last], time_s)
        )
        gap.pictures.clear()
    merged = {name: _merged(parts) for name, parts in found.items()}
    return {name: one for name, one in merged.items() if len(one.rows)}


def _gaps(
    name: str,
    landmarks_px: Float[np.ndarray, "time 21 2"],
    valid: Bool[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    max_gap_s: float,
) -> Iterator[_Gap]:
    known = np.flatnonzero(valid)
    for first, last in itertools.pairwise(known.tolist()):
        if last - first < 2 or time_s[last] - time_s[first] > max_gap_s + 1e-6:
            continue
        both = np.concatenate([landmarks_px[first], landmarks_px[last]])
        hand_px = float(_size_px(landmarks_px[[first, last]]).max())
        low = np.maximum(np.floor(both.min(axis=0) - MARGIN * hand_px), 0.0).astype(int)
        high = np.maximum(np.ceil(both.max(axis=0) + MARGIN * hand_px).astype(int), low + 1)
        yield _Gap(name, first, last, low, high - low, min(1.0, HAND_PX / hand_px))


def _read(gaps: list[_Gap], read: Read) -> Iterator[_Gap]:
    """Gaps with their pictures, each as soon as it has all; no more are kept at a time."""
    for group in _groups(gaps):
        start, waiting = group[0].first, list(group)
        frames = enumerate(read(start, max(gap.last for gap in group) + 1), start)
        for index, frame in frames:
            inside = [gap for gap in waiting if gap.first <= index]
            if not inside:
                continue
            gray = gray_of(frame)
            for gap in inside:
                gap.take(gray)
                if gap.last == index:
                    waiting.remove(gap)
                    yield gap


def _groups(gaps: list[_Gap]) -> list[list[_Gap]]:
    groups: list[list[_Gap]] = []
    for gap in gaps:
        if groups and gap.first - max(one.last for one in groups[-1]) <= _MAX_SKIP_FRAMES:
            groups[-1].append(gap)
        else:
            groups.append([gap])
    return groups


def gray_of(frame: Frame) -> UInt8[np.ndarray, "height width"]:
    """The upright picture's luma in full size."""
    import cv2

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(frame.rgb), cv2.COLOR_RGB2GRAY))


def _between(
    gap: _Gap,
    before_px: Float[np.ndarray, "21 2"],
    after_px: Float[np.ndarray, "21 2"],
    time_s: Float[np.ndarray, " time"],
) -> Carried:
    """What arrives from both ends of a gap at the same place."""
    start, end = ((px - gap.corner) * gap.scale for px in (before_px, after_px))
    forward, followed = _follow(gap.pictures, start)
    back, followed_back = (part[::-1] for part in _follow(gap.pictures[::-1], end))
    rows = np.arange(gap.first, gap.last + 1)
    away_s = time_s[rows] - time_s[gap.first]
    weight = (away_s / away_s[-1])[:, None, None]
    landmarks = (1.0 - weight) * forward + weight * back
    size = np.maximum(_size_px(landmarks), 1e-6)
    apart = np.linalg.norm(forward - back, axis=2).mean(axis=1) / size
    nearer_s = np.minimum(away_s, away_s[-1] - away_s)
    share = np.minimum(followed.mean(axis=1), followed_back.mean(axis=1))
    good = (share >= MIN_FOLLOWED) & (apart <= MAX_DISAGREEMENT)
    # Where it fails in a frame the frames around are no better known: the hand may be another one.
    good = np.full(len(rows), bool(good[1:-1].all()))
    good[[0, -1]] = False
    return Carried(
        rows=rows[good],
        landmarks_px=(landmarks / gap.scale + gap.corner)[good],
        error=(ERROR_OF_DISAGREEMENT * apart + ERROR_PER_S * nearer_s)[good],
        before=np.full(int(good.sum()), gap.first),
        after=np.full(int(good.sum()), gap.last),
    )


def _follow(
    pictures: list[UInt8[np.ndarray, "height width"]], start: Float[np.ndarray, "21 2"]
) -> tuple[Float[np.ndarray, "picture 21 2"], Bool[np.ndarray, "picture 21"]]:
    """Points of the first picture in all of them, and which of them came back so far."""
    import cv2

    # OpenCV counts from the middle of the first pixel.
    points = (start - 0.5).astype(np.float32)
    followed = np.ones(len(points), bool)
    found, kept = [points], [followed]
    for before, now in itertools.pairwise(pictures):
        there, is_found = _flow(before, now, points)
        back, is_found_back = _flow(now, before, there)
        returns = np.linalg.norm(back - points, axis=1) <= MAX_RETURN_PX
        followed = followed & is_found & is_found_back & returns
        if followed.sum() >= _MIN_FITTED:
            motion, _ = cv2.estimateAffinePartial2D(points[followed], there[followed])
            if motion is not None:
                taken_along = points @ motion[:, :2].T + motion[:, 2]
                there = np.where(followed[:, None], there, taken_along).astype(np.float32)
        points = there
        found.append(points)
        kept.append(followed)
    return np.array(found, np.float64) + 0.5, np.array(kept)


def _flow(
    before: UInt8[np.ndarray, "height width"],
    now: UInt8[np.ndarray, "height width"],
    points: Float[np.ndarray, "point 2"],
) -> tuple[Float[np.ndarray, "point 2"], Bool[np.ndarray, " point"]]:
    import cv2

    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        now,
        points.reshape(-1, 1, 2),
        points.reshape(-1, 1, 2).copy(),
        winSize=_WINDOW,
        maxLevel=_LEVELS,
    )
    return np.asarray(there).reshape(-1, 2), np.asarray(found).reshape(-1) == 1


def _merged(parts: list[Carried]) -> Carried:
    return Carried(
        rows=np.concatenate([part.rows for part in parts]),
        landmarks_px=np.concatenate([part.landmarks_px for part in parts]).reshape(
            -1, NUM_HAND_JOINTS, 2
        ),
        error=np.concatenate([part.error for part in parts]),
        before=np.concatenate([part.before for part in parts]),
        after=np.concatenate([part.after for part in parts]),
    )


def _size_px(landmarks_px: Float[np.ndarray, "*batch 21 2"]) -> Float[np.ndarray, "*batch"]:
    return np.asarray(np.linalg.norm(np.ptp(landmarks_px, axis=-2), axis=-1))
