"""Everybody in a video who is followed, each by a landmarker of their own.

MediaPipe with several people looks for the next one in every frame in which somebody is missing,
and nothing keeps it on the same person. Here one landmarker stands for each person. It stays with
the one it was put on; where a landmarker is free, a finder looks for people from time to time, and
the largest who is not followed yet is given to it. In that first image all others are painted over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from rotoscope.models.bodies.landmarker import BodyDetection, BodyFinder, BodyLandmarker
from rotoscope.pipeline.types import Frame

SAME_PERSON = 0.35
"""Two trunks in one frame closer than this, in trunk sizes, are one person."""
_APART = 1.0
"""From this distance on, in trunk sizes, a landmarker was surely on its own person."""
_MARGIN = 0.25
"""How far around a person the first image is shown to a landmarker, in sides of their box."""
_GRAY = 128
_NUM_LOOKS = 3
"""Most times that the finder looks at one image."""
_SCENE_WIDTH = 32
"""Pixels across the image by which a change of scene is seen."""


@dataclass
class _Slot:
    """One landmarker and the person it follows."""

    landmarker: BodyLandmarker
    is_following: bool = False
    num_followed: int = 0
    """Frames for which the present person has been followed."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """What one frame gave."""

    people: dict[int, BodyDetection] = field(default_factory=dict)
    """Everybody who was followed into it or found in it, by landmarker."""
    new: frozenset[int] = frozenset()
    """Landmarkers that were put on somebody in this frame: before, it may have been another."""
    is_cut: bool = False
    """The picture is another one than before: nobody was followed into it."""


class BodyTracker:
    """Finds and follows as many people as it has landmarkers."""

    def __init__(
        self,
        finder: BodyFinder,
        landmarkers: Sequence[BodyLandmarker],
        *,
        search_interval_s: float,
        cut_change: float,
    ) -> None:
        """Takes finder and landmarkers over; each must be fresh or have forgotten.

        Args:
            finder: Looks for people in a whole image.
            landmarkers: One for each person that can be followed at a time.
            search_interval_s: Time between looks for one more person where somebody is followed
                already [s]; where nobody is, every frame is looked at.
            cut_change: Mean change of the picture's luma from which it is another scene [0..255].
        """
        self._finder = finder
        self._slots = [_Slot(landmarker) for landmarker in landmarkers]
        self._search_interval_s = search_interval_s
        self._cut_change = cut_change
        self._picture: np.ndarray | None = None
        self._look_s = -math.inf
        self.sightings: list[Sighting] = []

    def observe(self, frame: Frame) -> None:
        """Takes the next frame."""
        is_cut = self._is_cut(frame)
        if is_cut:
            for slot in self._slots:
                if slot.is_following:
                    self._let_go(slot)
        people = self._follow(frame)
        new: frozenset[int] = frozenset()
        if not people or (len(people) < len(self._slots) and frame.time_s >= self._look_s):
            new = self._look(frame, people)
            self._look_s = frame.time_s + self._search_interval_s
        self.sightings.append(Sighting(people, new, is_cut))

    def _is_cut(self, frame: Frame) -> bool:
        picture = frame.gray(_SCENE_WIDTH).astype(np.float32)
        before, self._picture = self._picture, picture
        return before is not None and float(np.abs(picture - before).mean()) > self._cut_change

    def _let_go(self, slot: _Slot) -> None:
        slot.landmarker.forget()
        slot.is_following = False

    def _follow(self, frame: Frame) -> dict[int, BodyDetection]:
        people: dict[int, BodyDetection] = {}
        for index, slot in enumerate(self._slots):
            if not slot.is_following:
                continue
            person = slot.landmarker(frame.rgb, frame.time_s)
            if person is None:
                self._let_go(slot)
                continue
            people[index] = person
            slot.num_followed += 1
            self._drop_twin(index, people)
        return people

    def _drop_twin(self, index: int, people: dict[int, BodyDetection]) -> None:
        """Where two landmarkers have come to follow one person, the newer to them lets go."""
        for other, person in people.items():
            if other != index and person.distance(people[index]) < SAME_PERSON:
                newer = min(index, other, key=lambda i: self._slots[i].num_followed)
                older = other if newer == index else index
                del people[newer]
                self._let_go(self._slots[newer])
                self._forget_slide(newer, older)
                return

    def _forget_slide(self, newer: int, older: int) -> None:
        """Takes back the frames in which a landmarker slid from its person to another one."""
        for sighting in reversed(self.sightings):
            seen = sighting.people
            if newer not in seen or older not in seen or newer in sighting.new:
                break
            if seen[newer].distance(seen[older]) >= _APART:
                break
            del seen[newer]

    def _look(self, frame: Frame, people: dict[int, BodyDetection]) -> frozenset[int]:
        """Puts free landmarkers on whoever else is there, the largest first."""
        others = self._others(frame, people)
        free = [i for i, slot in enumerate(self._slots) if not slot.is_following]
        new = set()
        for index, wanted in zip(free, others, strict=False):
            rest = [p for p in (*people.values(), *others) if p is not wanted]
            image = _only(frame.rgb, wanted) if rest else frame.rgb
            slot = self._slots[index]
            person = slot.landmarker(image, frame.time_s)
            if person is None:
                continue
            if person.distance(wanted) >= SAME_PERSON or _is_among(person, people.values()):
                slot.landmarker.forget()
                continue
            people[index] = person
            slot.is_following, slot.num_followed = True, 1
            new.add(index)
        return frozenset(new)

    def _others(self, frame: Frame, people: dict[int, BodyDetection]) -> list[BodyDetection]:
        """People who are not followed, the largest first.

        The detector passes over people near to one that it is surer of: so those who are known are
        painted over, and it looks again for as long as it finds somebody.
        """
        others: list[BodyDetection] = []
        for _ in range(_NUM_LOOKS):
            known = [*people.values(), *others]
            found = self._finder(_painted_over(frame.rgb, known))
            found = [person for person in found if not _is_among(person, known)]
            if not found:
                break
            others += found
        return sorted(others, key=lambda person: -person.size_px)


def _is_among(person: BodyDetection, people: Iterable[BodyDetection]) -> bool:
    return any(person.distance(other) < SAME_PERSON for other in people)


def _painted_over(
    rgb: UInt8[np.ndarray, "height width 3"], people: Sequence[BodyDetection]
) -> UInt8[np.ndarray, "height width 3"]:
    """The image with a gray box over each person."""
    if not people:
        return rgb
    image = rgb.copy()
    for person in people:
        image[_box(person, margin=0.0)] = _GRAY
    return image


def _only(
    rgb: UInt8[np.ndarray, "height width 3"], person: BodyDetection
) -> UInt8[np.ndarray, "height width 3"]:
    """The image with gray everywhere but around one person."""
    box = _box(person, margin=_MARGIN)
    image = np.full_like(rgb, _GRAY)
    image[box] = rgb[box]
    return image


def _box(person: BodyDetection, *, margin: float) -> tuple[slice, slice]:
    """Rows and columns around a person, and a share of the longer side more."""
    low, high = person.box_px
    around = margin * (high - low).max()
    left, top = np.maximum(low - around, 0).astype(int)
    right, bottom = np.maximum(high + around, 0).astype(int)
    return slice(top, bottom), slice(left, right)
