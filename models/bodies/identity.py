"""Which tracklets of detections are one and the same person, and who is `person0`.

A landmarker that follows somebody can slip to another person who passes, and one that is put on
somebody anew cannot know who it was before. So detections are cut into tracklets at every jump,
tracklets are joined only where place, size, time and the color of the clothes allow it, and what
is not joined is another person. A track never holds two people between two cuts of the video: the
second one is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.models.bodies.landmarker import BodyDetection
from rotoscope.models.bodies.tracker import Sighting

_SAME_COLOR = 50.0
"""Greatest distance between the colors of one person's clothes before and after a gap [levels]."""
_NUM_COLORS = 8
"""Frames on each side of a gap that tell the color."""
_JITTER = 0.2
"""Distance that two looks at a person who does not move may differ by, in trunk sizes."""


@dataclass(eq=False)
class Person:
    """Detections of one person, at most one a frame."""

    frames: list[int] = field(default_factory=list)
    """Frames in which they were detected, increasing."""
    times_s: list[float] = field(default_factory=list)
    """Their times [s]."""
    detections: list[BodyDetection] = field(default_factory=list)
    """The person in each of them."""
    scenes: set[int] = field(default_factory=set)
    """Parts of the video between cuts in which they were detected."""

    def add(self, frame: int, time_s: float, detection: BodyDetection, scene: int) -> None:
        """Appends the person in a later frame."""
        self.frames.append(frame)
        self.times_s.append(time_s)
        self.detections.append(detection)
        self.scenes.add(scene)

    def join(self, later: Person) -> None:
        """Appends a later tracklet of the same person."""
        self.frames += later.frames
        self.times_s += later.times_s
        self.detections += later.detections
        self.scenes |= later.scenes

    @property
    def weight(self) -> float:
        """How much of the video they are: their size in all frames together [px]."""
        return sum(detection.size_px for detection in self.detections)


def build_tracklets(
    sightings: Sequence[Sighting], time_s: Float[np.ndarray, " time"], *, max_speed: float
) -> list[Person]:
    """Detections of each landmarker without a jump, by first frame.

    Args:
        sightings: What was seen in each frame.
        time_s: Time of each frame [s].
        max_speed: Faster motion is a jump to somebody else [trunk sizes / s].
    """
    out: list[Person] = []
    open_tracklets: dict[int, Person] = {}
    scene = 0
    for frame, (now_s, sighting) in enumerate(zip(time_s.tolist(), sightings, strict=True)):
        scene += sighting.is_cut
        open_tracklets = {i: s for i, s in open_tracklets.items() if i in sighting.people}
        for index, person in sighting.people.items():
            tracklet = open_tracklets.get(index)
            if (
                tracklet is None
                or index in sighting.new
                or not _can_be_next(tracklet, person, now_s, max_speed)
            ):
                tracklet = Person()
                out.append(tracklet)
                open_tracklets[index] = tracklet
            tracklet.add(frame, now_s, person, scene)
    return out


def _can_be_next(tracklet: Person, person: BodyDetection, now_s: float, max_speed: float) -> bool:
    gap_s = now_s - tracklet.times_s[-1]
    return tracklet.detections[-1].distance(person) <= _JITTER + max_speed * gap_s


def join_tracklets(
    tracklets: Sequence[Person], *, max_speed: float, forget_s: float
) -> list[Person]:
    """People: tracklets joined where one begins near to where another has just ended.

    Args:
        tracklets: By first frame.
        max_speed: Fastest motion of a person [trunk sizes / s].
        forget_s: After this time unseen a person is another one [s].
    """
    people: list[Person] = []
    for tracklet in tracklets:
        near = [
            (_distance(person, tracklet), i)
            for i, person in enumerate(people)
            if person.frames[-1] < tracklet.frames[0]
            and tracklet.times_s[0] - person.times_s[-1] <= forget_s
            and _can_be_next(person, tracklet.detections[0], tracklet.times_s[0], max_speed)
            and _is_alike(person, tracklet)
        ]
        if near:
            people[min(near)[1]].join(tracklet)
        else:
            people.append(tracklet)
    return people


def _is_alike(person: Person, tracklet: Person) -> bool:
    """Whether the clothes have one color; where it is not known, they may have."""
    before = np.array([d.trunk_rgb for d in person.detections[-_NUM_COLORS:]])
    after = np.array([d.trunk_rgb for d in tracklet.detections[:_NUM_COLORS]])
    return not np.linalg.norm(np.median(before, axis=0) - np.median(after, axis=0)) > _SAME_COLOR


def _distance(person: Person, tracklet: Person) -> float:
    return person.detections[-1].distance(tracklet.detections[0])


def assign_people(people: Sequence[Person], num_people: int) -> list[list[Person]]:
    """Whom each track follows: one person between two cuts, those seen largest and longest first.

    Args:
        people: Everybody.
        num_people: Number of tracks.

    Returns:
        For each track the people in it, by first frame; who finds no track is in none.
    """
    tracks: list[list[Person]] = [[] for _ in range(num_people)]
    for person in sorted(people, key=lambda person: -person.weight):
        for track in tracks:
            if all(person.scenes.isdisjoint(other.scenes) for other in track):
                track.append(person)
                break
    return [sorted(track, key=lambda person: person.frames[0]) for track in tracks]
