"""Stage `objects`: the things that hands take, carry and let go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.objects import contacts, events, identity, rest
from rotoscope.models.objects.carry import carried_on, segment
from rotoscope.models.objects.describe import described
from rotoscope.models.objects.ground import camera_path, doubt_of_contacts, ground_steps
from rotoscope.models.objects.hand_region import SeenHand, seen_hands
from rotoscope.models.objects.resting import CameraPath
from rotoscope.models.objects.segment import find_start
from rotoscope.models.objects.views import Views
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import Track, median_rate_hz
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.read import read_frames

WINDOW_FRAMES = 150
"""Pictures that are kept at a time, with what moves in them: 260 MB, 440 where the camera moves."""
_NONE = np.zeros(0, bool)
OVERLAP_FRAMES = 40
"""Of which so many are looked at again with those that follow, to know a thing again."""


class ObjectsConfig(StageConfig):
    """How large a picture, and what counts."""

    max_side_px: int = Field(default=320, ge=160, le=640)
    """Pictures are shrunk to this longer side [px]: twice the side costs four times the time."""
    max_objects: int = Field(default=8, ge=1, le=64)
    """Things [1] that are kept of a clip, those that are held longest."""


class Objects(ClipStage):
    """What moves with a hand between contact and release: `objects.<number>` for every thing.

    Dense flow tells what moves with a hand against the background; grown over the thing's colors
    and cut out it is carried through the pictures, forward and back. A thing that is never seen to
    move with a hand is none: an empty hand that closes holds nothing. `quality.objects` says how
    many were found, and why none.
    """

    kind: ClassVar[str] = "objects"
    version: ClassVar[str] = "7"
    requires: ClassVar[tuple[str, ...]] = ("hands",)
    uses: ClassVar[tuple[str, ...]] = ("camera", "camera_motion", "scene_points")
    provides: ClassVar[tuple[str, ...]] = ("objects", "quality.objects")
    source = "video"
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    preload: ClassVar[tuple[str, ...]] = ("cv2",)
    Config: ClassVar[type[StageConfig]] = ObjectsConfig
    config: ObjectsConfig

    def setup(self) -> None:
        """Loads OpenCV; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The things of the clip; none where no hand is seen or nothing moves with one."""
        scale = min(1.0, self.config.max_side_px / max(clip.video.width, clip.video.height))
        size = round(clip.video.width * scale), round(clip.video.height * scale)
        hands = seen_hands(tracks, scale)
        to_frame = np.array([clip.video.width / size[0], clip.video.height / size[1]])
        ground = ground_steps(tracks, clip.num_frames, to_frame)
        path = camera_path(tracks, to_frame) if hands else None
        things = self._find(clip, ground, path, hands, size) if hands else []
        doubt = doubt_of_contacts(tracks, ground, path)
        return described(things, clip, tracks, size=size, most=self.config.max_objects, doubt=doubt)

    def _find(
        self,
        clip: Clip,
        ground: Float[np.ndarray, "step 3 3"],
        path: CameraPath | None,
        hands: list[SeenHand],
        size: tuple[int, int],
    ) -> list[identity.Thing]:
        import cv2

        rate_hz = median_rate_hz(clip.time_s)
        things: list[identity.Thing] = []
        pictures: list[np.ndarray] = []
        first = 0
        for frame in read_frames(clip.video, start=clip.start, end=clip.end, kept=clip.kept):
            small = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
            pictures.append(np.asarray(small))
            if len(pictures) == WINDOW_FRAMES:
                _look(things, pictures, hands, first, ground=ground, path=path, rate_hz=rate_hz)
                first += WINDOW_FRAMES - OVERLAP_FRAMES
                pictures = pictures[-OVERLAP_FRAMES:]
        if len(pictures) > 2 and (first == 0 or len(pictures) > OVERLAP_FRAMES):
            _look(things, pictures, hands, first, ground=ground, path=path, rate_hz=rate_hz)
        return things


def _look(
    things: list[identity.Thing],
    pictures: list[np.ndarray],
    hands: list[SeenHand],
    first: int,
    *,
    ground: Float[np.ndarray, "step 3 3"],
    path: CameraPath | None,
    rate_hz: float,
) -> None:
    """Adds what moves with a hand in a window to the things that are known."""
    window = events.look(pictures, hands, first, ground, path)
    for thing in things:
        _carry_on(thing, window.views, first)
    for _, event in events.events(window, hands, first):
        start = find_start(window.views, event)
        if start is None:
            continue
        found = next((t for t in things if t.is_at(first + start.frame, start.mask)), None)
        if found is None or first + start.frame not in found.carried:
            masks = segment(window.views, event, start)
            found = identity.known_thing(things, {first + t: m for t, m in enumerate(masks)})
            found.start = start
        found.seeded.update((first + event.frames).tolist())
    contacts.hold(things, window.views, hands, first, rate_hz)
    rest.keep_in_place(things, window.views, first)


def _carry_on(thing: identity.Thing, views: Views, first: int) -> None:
    """Carries a thing that is known from the window before through this one."""
    known = [t for t in range(len(views.gray)) if thing.masks.get(first + t, _NONE).any()]
    if not known or thing.start is None:
        return
    at = known[-1]
    start = dataclasses.replace(thing.start, frame=at, mask=thing.masks[first + at])
    for t, mask in enumerate(carried_on(views, start), start=at):
        thing.masks[first + t] = mask
        thing.carried.add(first + t)
