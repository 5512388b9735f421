"""Every hand of a video, without running every network on every frame.

MediaPipe with two hands looks for the second one in every frame in which it does not follow it: a
palm detection a frame for a hand that is not there. Here one landmarker stands for each hand. Those
that follow a hand cost their landmark network; one that follows none looks for a hand from time to
time, in the image with the hands that others follow painted over. What it finds it then follows
back through the frames since it last looked, so that looking seldom loses nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from rotoscope.models.hands.landmarker import Detection, Landmarker
from rotoscope.pipeline.types import Frame

_SAME_HAND = 0.3
"""Two detections closer than this, in hand sizes, are one hand."""
_PAINT_MARGIN = 0.15
"""How far around a hand's landmarks the image is painted over, in sides of their box."""
_GRAY = 128
MIN_BACKTRACK_FRAMES = 3
"""Going back for fewer frames costs more networks than frames, and short gaps can be filled."""
_WAIT_GROWTH = 1.0
_NEXT_HAND_WAIT_GROWTH = 1.5
"""After a change the wait for the next look is this many times the time since the change: looks
are frequent at first, and more frequent where no hand is followed."""
_NEW_AFTER_S = 1.0
"""A hand found where none was seen for this long is a change: another one may come with it."""


@dataclass
class _Slot:
    """One landmarker and the hand it follows."""

    landmarker: Landmarker
    is_following: bool = False
    num_followed: int = 0
    """Frames for which the present hand has been followed."""


@dataclass
class _Entry:
    """A frame and what was found in it, by slot."""

    frame: Frame
    found: dict[int, Detection] = field(default_factory=dict)


class HandTracker:
    """Finds and follows as many hands as it has landmarkers."""

    def __init__(
        self,
        landmarkers: Sequence[Landmarker],
        *,
        search_interval_s: float,
        next_hand_interval_s: float,
        max_buffered_frames: int,
    ) -> None:
        """Takes the landmarkers over; each must be fresh or have forgotten.

        Args:
            landmarkers: One for each hand that can be followed at a time.
            search_interval_s: Longest wait between looks for a hand where none is followed [s].
            next_hand_interval_s: The same where another hand is followed [s].
            max_buffered_frames: How many frames a new hand is followed back. Where no hand is
                followed, no more frames than this lie between two looks.
        """
        self._slots = [_Slot(landmarker) for landmarker in landmarkers]
        self._search_interval_s = search_interval_s
        self._next_hand_interval_s = next_hand_interval_s
        self._max_buffered = max_buffered_frames
        self._buffer: list[_Entry] = []
        self._found: list[dict[int, Detection]] = []
        self._change_s = -math.inf
        self._seen_s = -math.inf
        self._look_s = -math.inf
        self._num_empty = 0

    @property
    def detections(self) -> list[list[Detection]]:
        """The hands found in each observed frame, by landmarker. Old frames may still gain some."""
        return [[found[slot] for slot in sorted(found)] for found in self._found]

    def observe(self, frame: Frame) -> None:
        """Takes the next frame; its color image is made only if a network has to look at it."""
        entry = _Entry(frame)
        if not self._found:
            self._change_s = frame.time_s
        self._found.append(entry.found)
        self._follow(entry)
        if entry.found:
            self._seen_s = entry.frame.time_s
        self._num_empty = 0 if entry.found else self._num_empty + 1
        if self._is_time_to_look(entry):
            self._look(entry)
        self._buffer.append(_without_colors(entry))
        del self._buffer[: max(0, len(self._buffer) - self._max_buffered)]

    def _follow(self, entry: _Entry) -> None:
        for index, slot in enumerate(self._slots):
            if not slot.is_following:
                continue
            detection = slot.landmarker(entry.frame.rgb)
            if detection is None:
                self._lose(slot, entry)
                continue
            entry.found[index] = detection
            slot.num_followed += 1
            self._drop_twin(index, entry)

    def _drop_twin(self, index: int, entry: _Entry) -> None:
        """Where two landmarkers have come to follow one hand, the one newer to it lets go."""
        twin = _same_as(entry.found[index], entry, but=index)
        if twin is not None:
            newer = min(index, twin, key=lambda i: self._slots[i].num_followed)
            del entry.found[newer]
            self._slots[newer].landmarker.forget()
            self._lose(self._slots[newer], entry)

    def _lose(self, slot: _Slot, entry: _Entry) -> None:
        slot.is_following = False
        self._change_s = entry.frame.time_s
        # Often a blur, so the next frame is a better one to look at than this.
        self._look_s = math.nextafter(entry.frame.time_s, math.inf)

    def _is_time_to_look(self, entry: _Entry) -> bool:
        if all(slot.is_following for slot in self._slots):
            return False
        if entry.frame.time_s >= self._look_s:
            return True
        return self._num_empty > self._max_buffered

    def _look(self, entry: _Entry) -> None:
        for index, slot in enumerate(self._slots):
            if slot.is_following:
                continue
            detection = slot.landmarker(_paint_over(entry))
            if detection is None:
                break
            if _same_as(detection, entry) is not None:
                slot.landmarker.forget()
                break
            entry.found[index] = detection
            slot.is_following, slot.num_followed = True, 1
            is_new = entry.frame.time_s - self._seen_s > _NEW_AFTER_S
            self._change_s = entry.frame.time_s if is_new else -math.inf
            self._follow_back(index, entry)
        self._buffer.clear()
        self._num_empty = 0
        self._look_s = entry.frame.time_s + self._wait_s(entry)

    def _wait_s(self, entry: _Entry) -> float:
        since_change_s = entry.frame.time_s - self._change_s
        if entry.found:
            return min(self._next_hand_interval_s, _NEXT_HAND_WAIT_GROWTH * since_change_s)
        return min(self._search_interval_s, _WAIT_GROWTH * since_change_s)

    def _follow_back(self, index: int, entry: _Entry) -> None:
        """Follows a hand that was just found back through the buffer, until it is lost."""
        slot = self._slots[index]
        unseen = list(
            itertools.takewhile(lambda earlier: index not in earlier.found, reversed(self._buffer))
        )
        if len(unseen) < MIN_BACKTRACK_FRAMES:
            return
        for earlier in unseen:
            detection = slot.landmarker(earlier.frame.rgb)
            if detection is None:
                break
            if _same_as(detection, earlier) is not None:
                slot.landmarker.forget()
                break
            earlier.found[index] = detection
            slot.num_followed += 1
        self._return_to(entry, index)

    def _return_to(self, entry: _Entry, index: int) -> None:
        """Puts the landmarker back on its hand in the frame in which it found it."""
        slot = self._slots[index]
        image = _paint_over(entry, but=index)
        # The first call may still try where the hand was in the past; then the second looks anew.
        if slot.landmarker(image) is None and slot.landmarker(image) is None:
            self._lose(slot, entry)


def _without_colors(entry: _Entry) -> _Entry:
    """The same entry with the colors of its frame still to be made.

    Few frames are ever looked at again. Keeping the color images of the others would take twice
    the memory and, because each is then written to fresh memory, double the cost of making them.
    """
    frame = entry.frame
    return _Entry(Frame(frame.index, frame.time_s, frame.to_rgb), entry.found)


def _same_as(detection: Detection, entry: _Entry, *, but: int | None = None) -> int | None:
    """The slot, other than `but`, whose hand in this frame is the same one, if any."""
    for index, other in entry.found.items():
        if index != but and detection.distance(other) < _SAME_HAND:
            return index
    return None


def _paint_over(entry: _Entry, *, but: int | None = None) -> UInt8[np.ndarray, "height width 3"]:
    """The frame with a gray box over each hand that was found in it, except one."""
    hands = [detection for index, detection in entry.found.items() if index != but]
    if not hands:
        return entry.frame.rgb
    image = entry.frame.rgb.copy()
    for hand in hands:
        low, high = hand.landmarks_px.min(axis=0), hand.landmarks_px.max(axis=0)
        margin = _PAINT_MARGIN * (high - low).max()
        left, top = np.maximum(low - margin, 0).astype(int)
        right, bottom = np.maximum(high + margin, 0).astype(int)
        image[top:bottom, left:right] = _GRAY
    return image
