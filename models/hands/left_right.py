"""Which tracklets are the left hand and which the right, decided for the whole video at once.

MediaPipe's handedness of single frames is wrong in up to half of the frames of some views, and then
wrong for as long as the view lasts. More is known: a tracklet is one hand; two hands at a time are
a left and a right one; a hand that comes back where one was just lost is that hand. The assignment
of sides to tracklets that fits all of this best is found by dynamic programming (Viterbi) over the
tracklets in the order of their start.

The shape of the joints in meters is no further evidence: whether the fingers bend towards the palm
of a right or of a left hand follows the model's own handedness (measured on rendered hands: they
agree in 83 % of the frames, right and wrong ones alike).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rotoscope.models.hands.plausibility import consistency_score
from rotoscope.models.hands.tracklets import Tracklet
from rotoscope.pipeline.tracks import Side

_MAX_LOG_ODDS = 3.0
"""No single frame counts for more: the model is sure of itself where it is wrong, too."""
_INDEPENDENT_S = 1.0
"""Frames closer than this see the same view and err together: a second counts as one look."""
_KEEP_PER_S = 2.0
"""Worth of a tracklet for each second of it, against dropping it as a third hand or no hand."""
_LINK = 4.0
"""Log-odds that a hand found where one was just lost is the same one."""
_LINK_FADES_S = 2.0
_LINK_DISTANCE, _LINK_SPEED = 1.0, 4.0
"""Distance and speed of a lost hand that count for nothing either way [hand sizes, 1/s]."""
_AT_ONCE_S, _SAME_PLACE, _STAYED = 0.1, 0.35, 8.0
"""A hand found at once [s] where one was just lost [hand sizes] is the same one by these log-odds,
whatever its landmarks look like now: a network that takes palm for back moves them, and its
handedness with them, for as long as the view lasts. Chosen on `box.mp4` (frame 398)."""
_FORGET_S = 10.0
"""A hand lost for longer says nothing about the next one on its side."""
_NUM_STATES = 64
"""States kept at each step. Two hands leave few that are worth keeping."""

Last = tuple[int | None, int | None]
"""The latest tracklet of the left and of the right hand, `None` if there was none lately."""


@dataclass(frozen=True, eq=False)
class _Path:
    """Sides of all tracklets up to one, the last first."""

    score: float
    side: Side | None = None
    before: _Path | None = None

    def sides(self) -> list[Side | None]:
        out: list[Side | None] = []
        path: _Path = self
        while path.before is not None:
            out.append(path.side)
            path = path.before
        return out[::-1]


def right_evidence(tracklet: Tracklet, frame_s: float) -> float:
    """Log-odds that this is a right hand, from the model's handedness in all its frames.

    Args:
        tracklet: Detections of one hand.
        frame_s: Time between two frames [s].
    """
    p = tracklet.right_probability.clip(1e-3, 1.0 - 1e-3)
    log_odds = np.log(p / (1.0 - p)).clip(-_MAX_LOG_ODDS, _MAX_LOG_ODDS)
    weight = consistency_score(tracklet.landmarks_px, tracklet.hand_m)
    return float(np.sum(weight * log_odds)) * frame_s / _INDEPENDENT_S


def link(before: Tracklet, after: Tracklet) -> float:
    """Log-odds that two tracklets, one after the other, are the same hand."""
    gap_s = after.times_s[0] - before.times_s[-1]
    last, first = before.detections[-1], after.detections[0]
    apart = np.linalg.norm(last.center_px - first.center_px) / max(last.size_px, first.size_px, 1.0)
    if gap_s <= _AT_ONCE_S and apart <= _SAME_PLACE:
        return _STAYED
    distance = before.detections[-1].distance(after.detections[0])
    closeness = 1.0 - distance / (_LINK_DISTANCE + _LINK_SPEED * gap_s)
    return _LINK * max(closeness, -1.0) * math.exp(-gap_s / _LINK_FADES_S)


def assign_sides(tracklets: Sequence[Tracklet], *, frame_s: float) -> list[Side | None]:
    """The side of each tracklet, `None` for those that are no hand of this person.

    Args:
        tracklets: By first frame.
        frame_s: Time between two frames [s].

    Returns:
        One side per tracklet; those of one side share no frame.
    """
    paths: dict[Last, _Path] = {(None, None): _Path(0.0)}
    for index, tracklet in enumerate(tracklets):
        evidence = right_evidence(tracklet, frame_s)
        keep = _KEEP_PER_S * frame_s * len(tracklet.frames)
        lasts = {None, *itertools.chain.from_iterable(paths)}
        gains = {last: _link_gain(tracklets, last, index) for last in lasts}
        grown: dict[Last, _Path] = {}
        for (left, right), path in paths.items():
            left, right = (_unless_long_ago(tracklets, one, index) for one in (left, right))
            _offer(grown, (left, right), _Path(path.score, None, path))
            if (gain := gains[left]) is not None:
                better = _Path(path.score + keep - evidence + gain, "left", path)
                _offer(grown, (index, right), better)
            if (gain := gains[right]) is not None:
                better = _Path(path.score + keep + evidence + gain, "right", path)
                _offer(grown, (left, index), better)
        best = sorted(grown.items(), key=lambda item: -item[1].score)[:_NUM_STATES]
        paths = dict(best)
    return max(paths.values(), key=lambda path: path.score).sides()


def _unless_long_ago(tracklets: Sequence[Tracklet], last: int | None, index: int) -> int | None:
    if last is None:
        return None
    gap_s = tracklets[index].times_s[0] - tracklets[last].times_s[-1]
    return None if gap_s > _FORGET_S else last


def _link_gain(tracklets: Sequence[Tracklet], last: int | None, index: int) -> float | None:
    """What following `last` on the same side is worth; `None` where they overlap."""
    if last is None:
        return 0.0
    if tracklets[last].frames[-1] >= tracklets[index].frames[0]:
        return None
    return link(tracklets[last], tracklets[index])


def _offer(paths: dict[Last, _Path], last: Last, path: _Path) -> None:
    if last not in paths or path.score > paths[last].score:
        paths[last] = path
