"""The things of a clip as a segmenter gives them, window by window, and why masks are not taken."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.pictures import is_blank
from rotoscope.models.objects import contacts, events, identity
from rotoscope.models.objects.clicks import NamedPrompt
from rotoscope.models.objects.contact_prompt import contact_prompts
from rotoscope.models.objects.hand_region import SeenHand
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.prompts import Prompt, Segmenter
from rotoscope.models.objects.resting import CameraPath
from rotoscope.models.objects.text_prompt import Box, Detector, overlap

MAX_SHARE = 0.6
"""A mask over more of the picture is of the room, or of nothing: what a hand carries leaves the
hand to be seen."""
MAX_HAND = 0.8
"""A mask that is told by contact and lies more than this on the hand is the hand."""
NUM_LOOKS = 3
"""Pictures of a window in which a detector looks for what is named."""
_SAME_PLACE = 0.3
"""A box that overlaps a thing's mask by more of their union is of that thing."""

Pictures = Sequence[UInt8[np.ndarray, "height width 3"]]
LargePictures = Sequence[UInt8[np.ndarray, "large_height large_width 3"]]


@dataclass
class NetworkThings:
    """What is known of a clip's things so far."""

    segmenter: Segmenter
    hands: list[SeenHand]
    ground: Float[np.ndarray, "step 3 3"]
    path: CameraPath | None
    rate_hz: float
    overlap_frames: int
    clicked: Sequence[NamedPrompt] | None = None
    """Where a person clicked in the video, nothing else tells which things are meant."""
    names: Sequence[str] = ()
    """Else these, where there are any; else contact."""
    detector: Detector | None = None
    most: int = 8
    """Things of one name."""
    things: list[identity.Thing] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    """Masks that were not taken, by why."""

    def look(self, large: LargePictures, small: Pictures, first: int) -> None:
        """Takes a window: pictures for the network, and the same ones small, from a frame on."""
        window = events.look(list(small), self.hands, first, self.ground, self.path)
        self._carry_on(window, large, first)
        if self.told_by == "text":
            self._find_named(window, large, first)
        elif self.told_by == "contact":
            self._find_touched(window, large, first)
        contacts.hold(self.things, window.views, self.hands, first, self.rate_hz)
        recent = first + len(small) - self.overlap_frames
        self.things = [t for t in self.things if t.name or _may_be_held(t, recent)]

    @property
    def told_by(self) -> Literal["clicks", "text", "contact"]:
        """What tells which things are meant."""
        if self.clicked is not None:
            return "clicks"
        return "text" if self.names else "contact"

    def why_none(self) -> str | None:
        """Why masks were not taken; `None` where all were."""
        if not self.refused:
            return None
        parts = [f"{count} {why}" for why, count in self.refused.most_common()]
        return "the segmenter's masks are not taken: " + ", ".join(parts)

    def _carry_on(self, window: events.Window, large: LargePictures, first: int) -> None:
        """What is known goes on from its best mask in common with the window before."""
        given: list[tuple[identity.Thing, dict[int, Prompt]]] = []
        for thing in self.things:
            common = [t for t in range(self.overlap_frames) if first + t in thing.masks]
            best = max(common, key=lambda t: thing.masks[first + t].sum(), default=None)
            if best is not None and thing.masks[first + best].any():
                given.append((thing, {best: Prompt(best, mask=thing.masks[first + best])}))
        for click in self.clicked or ():
            t = click.frame - first
            if not 0 <= t < len(large):
                continue
            found = next((prompts for thing, prompts in given if thing.name == click.name), None)
            if found is None:
                found = {}
                given.append((self._named(click.name), found))
            found[t] = dataclasses.replace(click.prompt, frame=t)
        prompts = [list(found.values()) for _, found in given]
        for (thing, _), masks in zip(given, self._masks(window, large, prompts), strict=True):
            self._add(thing, masks, first)

    def _named(self, name: str) -> identity.Thing:
        found = next((thing for thing in self.things if thing.name == name), None)
        if found is None:
            found = identity.Thing(name=name)
            self.things.append(found)
        return found

    def _find_touched(self, window: events.Window, large: LargePictures, first: int) -> None:
        new = []
        for contact, event in contact_prompts(window, self.hands, first):
            frame = first + contact.prompt.frame
            known = next((t for t in self.things if t.is_at(frame, contact.near)), None)
            on = contact.prompt.points[contact.prompt.is_on]
            if known is None and event is None:
                known = next((t for t in self.things if _holds(t, frame, on[0])), None)
            if known is None:
                new.append((contact.prompt, event))
            elif event is not None:
                known.seeded.update((first + event.frames).tolist())
        found = self._masks(window, large, [[prompt] for prompt, _ in new], is_touched=True)
        for (_, event), masks in zip(new, found, strict=True):
            if not any(mask.any() for mask in masks):
                continue
            thing = identity.known_thing(self.things, dict(enumerate(masks, start=first)))
            if event is not None:
                thing.seeded.update((first + event.frames).tolist())

    def _find_named(self, window: events.Window, large: LargePictures, first: int) -> None:
        if self.detector is None:
            return
        seen = [t for t, gray in enumerate(window.views.gray) if not is_blank(gray)]
        at = np.linspace(0, len(seen), 2 * NUM_LOOKS + 1)[1::2].astype(int)
        for t in sorted({seen[k] for k in at if k < len(seen)}):
            for box in (box for name in self.names for box in self.detector.boxes(large[t], name)):
                own = [thing for thing in self.things if thing.name == box.name]
                if any(_is_at(thing, first + t, box) for thing in own):
                    continue
                frames = range(first, first + len(large))
                lost = next((thing for thing in own if not _is_seen(thing, frames)), None)
                if lost is None and len(own) >= self.most:
                    continue
                (masks,) = self._masks(window, large, [[Prompt(t, box=box.corners)]])
                if lost is not None:
                    self._add(lost, masks, first)
                elif any(mask.any() for mask in masks):
                    thing = identity.known_thing(self.things, dict(zip(frames, masks, strict=True)))
                    thing.name = thing.name or box.name

    def _masks(
        self,
        window: events.Window,
        large: LargePictures,
        given: Sequence[Sequence[Prompt]],
        *,
        is_touched: bool = False,
    ) -> list[list[Mask]]:
        """What the segmenter says, as far as it can be believed."""
        views = window.views
        if not given:
            return []
        found = self.segmenter.masks(large, given, views.gray[0].shape[:2])
        return [
            [
                self._believed(mask, views.gray[t], views.hands[t] if is_touched else None)
                for t, mask in enumerate(masks)
            ]
            for masks in found
        ]

    def _believed(
        self, mask: Mask, gray: UInt8[np.ndarray, "height width"], hand: Mask | None
    ) -> Mask:
        area = int(mask.sum())
        why = ""
        if area and is_blank(gray):
            why = "in pictures that show nothing"
        elif area > MAX_SHARE * mask.size:
            why = "over most of the picture"
        elif hand is not None and area and int((mask & hand).sum()) > MAX_HAND * area:
            why = "of the hand itself"
        if not why:
            return mask
        self.refused[why] += 1
        return np.zeros_like(mask)

    def _add(self, thing: identity.Thing, masks: list[Mask], first: int) -> None:
        """Frames that the thing has masks of keep them."""
        for frame, mask in enumerate(masks, start=first):
            thing.carried.add(frame)
            if not (frame in thing.masks and thing.masks[frame].any()):
                thing.masks[frame] = mask


def _may_be_held(thing: identity.Thing, recent: int) -> bool:
    """Whether it was held, or may be about to be; all else that was asked for is let go."""
    return thing.frames_held() > 0 or any(frame >= recent for frame in thing.seeded)


def _is_at(thing: identity.Thing, frame: int, box: Box) -> bool:
    return overlap(box.corners, _corners(thing.masks.get(frame))) > _SAME_PLACE


def _is_seen(thing: identity.Thing, frames: range) -> bool:
    """Whether a thing is seen in any of the frames; else it is lost until it is found again."""
    return any(thing.masks[t].any() for t in frames if t in thing.masks)


def _holds(thing: identity.Thing, frame: int, at: Float[np.ndarray, " 2"]) -> bool:
    """Whether a place, in shares of the picture, is on a thing."""
    mask = thing.masks.get(frame)
    if mask is None:
        return False
    column, row = np.floor(at * mask.shape[::-1]).astype(int)
    return bool(mask[row, column])


def _corners(mask: Mask | None) -> Float[np.ndarray, " 4"]:
    """The box about a mask, in shares of the picture; without area where it is empty."""
    if mask is None or not mask.any():
        return np.zeros(4)
    y, x = np.nonzero(mask)
    height, width = mask.shape
    return np.array(
        [x.min() / width, y.min() / height, (x.max() + 1) / width, (y.max() + 1) / height]
    )
