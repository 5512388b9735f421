"""Every hand of a video, without running every network on every frame.

MediaPipe with two hands looks for the second one in every frame in which it does not follow it: a
palm detection a frame for a hand that is not there. Here one landmarker stands for each hand. Those
that follow a hand cost their landmark network; where none does, each frame is searched; where one
does, another hand is looked for from time to time, in the image with the first one painted over.
What is found is then followed back through the frames before. A hand that is suddenly seen as the
other one of a pair is looked at again at once (`second_look`), and hands too small to be found are
looked for at the wrists of a person (`wrists`).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from rotoscope.models.hands.appearance import with_appearance
from rotoscope.models.hands.landmarker import Detection, Landmarker
from rotoscope.models.hands.look import Look
from rotoscope.models.hands.second_look import SecondLook, other_views
from rotoscope.models.hands.surroundings import Surroundings
from rotoscope.models.hands.wrists import WristLook
from rotoscope.pipeline.types import Frame

_SAME_HAND = 0.3
"""Two detections closer than this, in hand sizes, are one hand."""
_SAME_PLACE = 0.6
"""Two looks at one hand that differ by less, in hand sizes: palm for back is as much as 0.46."""
_PAINT_MARGIN = 0.1
"""How far around a hand's landmarks the image is painted over, in hand sizes. Their hull, not
their box: the other hand is often beside it."""
_GRAY = 128
_WAIT_GROWTH = 1.0
_NEXT_HAND_WAIT_GROWTH = 1.5
"""After a change the wait for the next look is this many times the time since the change: looks
are frequent at first, and more frequent where no hand is followed."""
_BOTH_LATELY_S = 1.0
"""So long after all hands were followed every frame is searched for those that were lost."""
_NEW_AFTER_S = 1.0
"""A hand found where none was seen for this long is a change: another one may come with it."""
_SURE = 0.8
"""Probability of its side from which a second look at a hand is believed."""
_MAX_LOG_ODDS = 3.0
_KNOWN, _WELL_KNOWN = 6.0, 30.0
"""Log-odds from which a hand's side is known (two frames that are sure), and their limit."""
_FREE = 10
_LOOKS, _STEPS_BACK, _WRIST_LOOKS = 0.4, 0.4, 0.08
"""How much of each a video may have for each of its frames, after the free ones: second looks,
frames in which a hand is followed back, looks at wrists. So the cost stays below twice the plain
loop's."""
_WATCH_S = 0.2
"""Time between two looks at what a palm is made of and at what lies around it [s]."""
_MAX_STEP_S = 0.12
"""Frames that are farther apart are not followed back: the hand is elsewhere by then [s]."""
_WRISTS_AGAIN, _WRISTS_SOON, _WRISTS_LATE = 2, 5, 12
"""Frames without a hand between two looks at the wrists of a person: where that has just found one,
at first, and after looks in vain. No more than a hand is followed back."""


@dataclass
class _Slot:
    """One landmarker and the hand it follows."""

    landmarker: Landmarker
    is_following: bool = False
    num_followed: int = 0
    """Frames for which the present hand has been followed."""
    look: Look | None = None
    """The part of the picture that it is followed in; `None` is the whole."""
    last: Detection | None = None
    """The hand where it was seen last."""
    log_odds: float = 0.0
    """Of a right hand, from the frames in which it was followed."""
    surroundings: Surroundings = field(default_factory=Surroundings)
    """What lies around the hand."""
    watched_s: float = -math.inf
    """When that was looked at last [s]."""

    def see(self, rgb: UInt8[np.ndarray, "height width 3"]) -> Detection | None:
        """The hand in the next image."""
        if self.look is None or self.last is None:
            return self.landmarker(rgb)
        self.look = self.look.moved_to(self.last)
        seen = self.landmarker(self.look.picture(rgb))
        return None if seen is None else self.look.in_picture(seen)

    def contradicts(self, hand: Detection) -> bool:
        """Whether it is known which hand this is, and it is seen as the other one."""
        return abs(self.log_odds) >= _KNOWN and (hand.right_probability > 0.5) != (
            self.log_odds > 0
        )


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
        spare: Landmarker | None = None,
        wrists: Callable[[Frame], list[WristLook]] | None = None,
    ) -> None:
        """Takes the landmarkers over; each must be fresh or have forgotten.

        Args:
            landmarkers: One for each hand that can be followed at a time.
            search_interval_s: Longest wait between looks for a hand where none is followed [s].
            next_hand_interval_s: The same where another hand is followed [s].
            max_buffered_frames: How many frames a new hand is followed back. Where no hand is
                followed, no more frames than this lie between two looks.
            spare: One more landmarker, for second looks; without one there are none.
            wrists: Where else to look where no hand is found; needs the spare landmarker.
        """
        self._slots = [_Slot(landmarker) for landmarker in landmarkers]
        self._search_interval_s = search_interval_s
        self._next_hand_interval_s = next_hand_interval_s
        self._max_buffered = max_buffered_frames
        self._again = SecondLook(spare) if spare is not None else None
        self._wrists = wrists
        self._buffer: list[_Entry] = []
        self._found: list[dict[int, Detection]] = []
        self._change_s = -math.inf
        self._seen_s = self._all_s = -math.inf
        self._look_s = -math.inf
        self._num_empty = self._since_wrists = 0
        self._wrists_every = _WRISTS_SOON
        self._spent: Counter[str] = Counter()

    @property
    def landmarkers(self) -> list[Landmarker]:
        """All landmarkers: the spare one, if any, comes last."""
        spare = [] if self._again is None else [self._again.spare]
        return [slot.landmarker for slot in self._slots] + spare

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
        if len(entry.found) == len(self._slots):
            self._all_s = entry.frame.time_s
        self._num_empty = 0 if entry.found else self._num_empty + 1
        if self._is_time_to_look(entry):
            self._look(entry)
        self._buffer.append(_without_colors(entry))
        del self._buffer[: max(0, len(self._buffer) - self._max_buffered)]

    def _follow(self, entry: _Entry) -> None:
        for index, slot in enumerate(self._slots):
            if not slot.is_following:
                continue
            detection = slot.see(entry.frame.rgb)
            if detection is None:
                self._lose(slot, entry)
                continue
            if slot.contradicts(detection):
                detection = self._look_again(slot, entry, detection)
            self._keep(index, entry, detection)
            self._watch(index, entry)
            self._drop_twin(index, entry)

    def _look_again(self, slot: _Slot, entry: _Entry, seen: Detection) -> Detection:
        """A hand that is seen as the other one of a pair, from where it is seen as itself."""
        if self._again is None or not self._may("looks", _LOOKS):
            return seen
        is_right = slot.log_odds > 0

        def is_itself(found: Detection) -> bool:
            own = found.right_probability if is_right else 1.0 - found.right_probability
            return own >= _SURE and found.distance(seen) < _SAME_PLACE

        before = self._again.num_looks
        found = self._again(entry.frame.rgb, other_views(seen), is_itself)
        self._spent["looks"] += self._again.num_looks - before
        if found is None:
            return seen
        slot.look, detection = found
        slot.landmarker = self._again.swap(slot.landmarker)
        return detection

    def _keep(self, index: int, entry: _Entry, detection: Detection) -> None:
        slot = self._slots[index]
        entry.found[index] = detection
        slot.last = detection
        slot.num_followed += 1
        p = min(max(detection.right_probability, 1e-3), 1.0 - 1e-3)
        step = float(np.clip(math.log(p / (1.0 - p)), -_MAX_LOG_ODDS, _MAX_LOG_ODDS))
        slot.log_odds = float(np.clip(slot.log_odds + step, -_WELL_KNOWN, _WELL_KNOWN))

    def _watch(self, index: int, entry: _Entry) -> None:
        """Looks from time to time whether it is a real hand."""
        slot = self._slots[index]
        if entry.frame.time_s - slot.watched_s < _WATCH_S:
            return
        slot.watched_s = entry.frame.time_s
        hand = with_appearance(entry.found[index], entry.frame.rgb)
        moved = slot.surroundings.moved(hand, entry.frame.rgb)
        entry.found[index] = dataclasses.replace(hand, moved=moved)

    def _drop_twin(self, index: int, entry: _Entry) -> None:
        """Where two landmarkers have come to follow one hand, the one newer to it lets go."""
        twin = _same_as(entry.found[index], entry, but=index)
        if twin is not None:
            newer = min(index, twin, key=lambda i: self._slots[i].num_followed)
            del entry.found[newer]
            self._slots[newer].landmarker.forget()
            self._lose(self._slots[newer], entry)

    def _may(self, work: str, per_frame: float) -> bool:
        """Whether more of some extra work is allowed."""
        return self._spent[work] <= _FREE + per_frame * len(self._found)

    def _lose(self, slot: _Slot, entry: _Entry) -> None:
        slot.is_following, slot.look = False, None
        self._change_s = self._look_s = entry.frame.time_s

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
            image = _paint_over(entry)
            detection = slot.landmarker(image)
            if detection is None:
                break
            if _same_as(detection, entry) is not None:
                slot.landmarker.forget()
                break
            self._start(index, entry, detection, image)
        if not entry.found:
            self._look_at_wrists(entry)
        self._num_empty = 0
        self._look_s = entry.frame.time_s + self._wait_s(entry)

    def _start(
        self,
        index: int,
        entry: _Entry,
        detection: Detection,
        image: UInt8[np.ndarray, "height width 3"],
    ) -> None:
        """Begins to follow a hand that was just found."""
        slot = self._slots[index]
        slot.is_following, slot.num_followed, slot.log_odds = True, 0, 0.0
        slot.surroundings, slot.watched_s = Surroundings(), -math.inf
        slot.last = detection
        # The palm detector's crop is a rough one; the one about the landmarks is better.
        again = slot.see(image)
        if again is None:
            slot.see(image)  # lost by the better look: found again as at first
        elif again.distance(detection) < _SAME_PLACE:
            detection = again
        self._keep(index, entry, detection)
        self._watch(index, entry)
        is_new = entry.frame.time_s - self._seen_s > _NEW_AFTER_S
        self._change_s = entry.frame.time_s if is_new else -math.inf
        self._follow_back(index, entry)

    def _look_at_wrists(self, entry: _Entry) -> None:
        self._since_wrists += 1
        if self._wrists is None or self._again is None or self._since_wrists < self._wrists_every:
            return
        if not self._may("wrists", _WRIST_LOOKS):
            return
        self._spent["wrists"] += 1
        self._since_wrists = 0
        self._wrists_every = min(2 * self._wrists_every, _WRISTS_LATE)
        free = [i for i, slot in enumerate(self._slots) if not slot.is_following]
        for wrist in self._wrists(entry.frame):
            found = self._again(entry.frame.rgb, [wrist.look], wrist.holds)
            if found is None or not free or _same_as(found[1], entry) is not None:
                continue
            slot = self._slots[free[0]]
            slot.landmarker = self._again.swap(slot.landmarker)
            slot.look = found[0]
            self._wrists_every = _WRISTS_AGAIN
            self._start(free.pop(0), entry, found[1], entry.frame.rgb)

    def _wait_s(self, entry: _Entry) -> float:
        since_change_s = entry.frame.time_s - self._change_s
        if entry.found:
            if entry.frame.time_s - self._all_s < _BOTH_LATELY_S:
                return 0.0
            return min(self._next_hand_interval_s, _NEXT_HAND_WAIT_GROWTH * since_change_s)
        return min(self._search_interval_s, _WAIT_GROWTH * since_change_s)

    def _follow_back(self, index: int, entry: _Entry) -> None:
        """Follows a hand that was just found back through the buffer, until it is lost."""
        slot = self._slots[index]
        unseen = list(
            itertools.takewhile(lambda earlier: index not in earlier.found, reversed(self._buffer))
        )
        if not unseen or entry.frame.time_s - unseen[0].frame.time_s > _MAX_STEP_S:
            return
        if not self._may("back", _STEPS_BACK):
            return
        hand = slot.last
        for earlier in unseen:
            self._spent["back"] += 1
            detection = slot.see(earlier.frame.rgb)
            if detection is None:
                break
            if _same_as(detection, earlier) is not None:
                slot.landmarker.forget()
                break
            self._keep(index, earlier, detection)
        slot.last = hand
        self._return_to(entry, index)

    def _return_to(self, entry: _Entry, index: int) -> None:
        """Puts the landmarker back on its hand in the frame in which it found it."""
        slot = self._slots[index]
        image = entry.frame.rgb if slot.look is not None else _paint_over(entry, but=index)
        # The first call may still try where the hand was in the past; then the second looks anew.
        if slot.see(image) is None and slot.see(image) is None:
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
    """The frame with each hand that was found in it painted gray, except one."""
    import cv2

    hands = [detection for index, detection in entry.found.items() if index != but]
    if not hands:
        return entry.frame.rgb
    image = entry.frame.rgb.copy()
    for hand in hands:
        hull = cv2.convexHull(np.round(hand.landmarks_px).astype(np.int32))
        thickness = max(1, round(2 * _PAINT_MARGIN * hand.size_px))
        cv2.fillPoly(image, [hull], (_GRAY,) * 3)
        cv2.polylines(image, [hull], True, (_GRAY,) * 3, thickness)
    return image
