"""Where a hand is at a thing: the points by which a segmenter is told what the hand holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.objects import events
from rotoscope.models.objects.hand_region import SeenHand
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.prompts import Prompt
from rotoscope.models.objects.segment import find_start
from rotoscope.models.objects.views import Event

NUM_POINTS = 3
"""Points on the thing at the most: one is a part of it as well as all of it."""
NEARLY_AS_DEEP = 0.7
"""Further points lie as deep inside as this share of the deepest's depth: what motion finds reaches
beyond the thing here and there, in parts that are narrower than it. On five drawn things all points
then lay on the thing, of 0.5 all but one, without it half."""
_PALM = [0, 5, 9, 13, 17]


@dataclass(frozen=True, eq=False)
class ContactPrompt:
    """A thing that may be held, and where that is said to be."""

    prompt: Prompt
    near: Mask
    """Pixels that are seen to move with the hand; none where only its fingertips tell."""


def contact_prompts(
    window: events.Window, hands: list[SeenHand], first: int
) -> list[tuple[ContactPrompt, Event | None]]:
    """One prompt for each stretch in which something moves with a hand.

    A hand that moves and with which nothing is seen to move may hold something clear, blurred or
    small: there it is asked once in a window what is between its fingertips. What comes out is
    held only where it is then seen to go with the hand.
    """
    out: list[tuple[ContactPrompt, Event | None]] = []
    told: set[int] = set()
    for number, event in events.events(window, hands, first):
        start = find_start(window.views, event)
        if start is not None:
            frame, near = start.frame, start.mask
        else:
            most = int(np.argmax([seeds.sum() for seeds in event.seeds]))
            frame, near = int(event.frames[most]), event.seeds[most]
        points = _inside(near)
        out.append((ContactPrompt(_prompt(frame, points, near, hands[number], first), near), event))
        told.add(number)
    for number, hand in enumerate(hands):
        busiest = None if number in told else _busiest(hand, first, len(window.views.gray))
        if busiest is None:
            continue
        nothing = np.zeros(window.views.gray[0].shape, bool)
        points = hand.tips(first + busiest)[None]
        if ((points >= 0) & (points < nothing.shape[::-1])).all():
            prompt = _prompt(busiest, points, nothing, hand, first)
            out.append((ContactPrompt(prompt, nothing), None))
    return out


def _prompt(
    frame: int, points: Float[np.ndarray, "point 2"], near: Mask, hand: SeenHand, first: int
) -> Prompt:
    """The points, and one on the palm that says that the hand is not meant."""
    palm = hand.marks[first + frame, _PALM].mean(axis=0)
    height, width = near.shape
    column, row = np.floor(palm).astype(int)
    has_palm = bool(0 <= row < height and 0 <= column < width and not near[row, column])
    is_on = np.arange(len(points) + has_palm) < len(points)
    points = np.concatenate([points, palm[None]])[: len(is_on)]
    return Prompt(frame, points=points / [width, height], is_on=is_on)


def _inside(mask: Mask) -> Float[np.ndarray, "point 2"]:
    """Points deep inside of a mask and apart from each other [px]."""
    import cv2

    left, out, deepest = mask.astype(np.uint8), [], 0.0
    for _ in range(NUM_POINTS):
        depth = cv2.distanceTransform(np.pad(left, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
        deepest = max(deepest, float(depth[row, column]))
        if depth[row, column] <= max(0.0, NEARLY_AS_DEEP * deepest - 1e-6):
            break
        out.append([column + 0.5, row + 0.5])
        radius = max(1, round(1.5 * float(depth[row, column])))
        cv2.circle(left, (int(column), int(row)), radius, 0, -1)
    return np.array(out)


def _busiest(hand: SeenHand, first: int, num: int) -> int | None:
    """The frame of a window about which a hand moves most; `None` where it rests or is away."""
    speed = np.full(num, -1.0)
    for t in range(1, num - 1):
        if hand.is_there[first + t - 1 : first + t + 2].all():
            speed[t] = np.linalg.norm(hand.step(first + t - 1, first + t + 1)) / 2
    smooth = np.convolve(speed, np.ones(5) / 5, "same")
    at = int(np.argmax(smooth)) if num else 0
    return at if num and smooth[at] > events.MIN_HAND_STEP_PX else None
