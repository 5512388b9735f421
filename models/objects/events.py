"""Where something moves with a hand: pixels by frame, and the stretches that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt16

from rotoscope.models.objects import breaks, hand_region
from rotoscope.models.objects.colors import BINS, histogram, likeness_by_bin, quantized
from rotoscope.models.objects.hand_region import SeenHand
from rotoscope.models.objects.masks import Mask
from rotoscope.models.objects.picture_motion import Flow, Step, moving
from rotoscope.models.objects.resting import CameraPath
from rotoscope.models.objects.views import Event, Views

MIN_HAND_STEP_PX = 0.8
"""A hand that moves by less between frames shows nothing that moves with it [small px]."""
WITH_HAND = 0.5
"""The thing's step may differ from the hand's by this share of it, and one pixel."""
MIN_SEEDS_PALMS = 0.02
"""Least area of seeds that count, in squared palms."""
MAX_PAUSE_FRAMES = 8
"""Seeds that are farther apart in time are of two events."""
MAX_SKIN = 0.75
"""Pixels of more likeness to the hands' color are hand, beside where its landmarks put it."""
MIN_SEEDED_FRAMES = 4
"""Fewer frames with seeds make no event."""


@dataclass(frozen=True, eq=False)
class Window:
    """All small pictures of a window, what moves in them, and the seeds of each hand."""

    views: Views
    seeds: dict[int, dict[int, Mask]]
    """By hand (its number) and frame."""
    steps: dict[int, dict[int, np.ndarray]]
    """Each hand's way to the next picture against the background, where it has seeds."""
    near: dict[int, dict[int, Mask]]
    """Pixels near each hand, by frame."""


def look(
    pictures: list[UInt8[np.ndarray, "height width 3"]],
    hands: list[SeenHand],
    first: int,
    ground: Float[np.ndarray, "step 3 3"],
    path: CameraPath | None = None,
) -> Window:
    """What moves in pictures, of which the first is frame `first` of the hands and of `ground`.

    `ground` holds where the background goes from each frame to the next, NaN where the flow away
    from hands has to tell; `path` where the camera is in every frame, where it moves and that is
    known.
    """
    import cv2

    flow, shape = Flow(), pictures[0].shape[:2]
    gray = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) for rgb in pictures]
    bins = [quantized(rgb) for rgb in pictures]
    num, nothing = len(pictures), np.zeros(shape, bool)
    hand_masks, hidden, close = [nothing] * num, [nothing] * num, [nothing] * num
    near: dict[int, dict[int, Mask]] = {k: {} for k in range(len(hands))}
    for t in range(num):
        for number, hand in enumerate(hands):
            if not hand.is_there[first + t]:
                continue
            own = hand.mask(first + t, shape)
            hand_masks[t] = hand_masks[t] | own
            hidden[t] = hidden[t] | hand.mask(first + t, shape, margin=hand_region.MARGIN_PALMS)
            behind = hand.behind(first + t, shape)
            near[number][t] = hand.mask(first + t, shape, margin=hand_region.NEAR_PALMS) & ~behind
            hidden[t] = hidden[t] | (behind & hand.mask(first + t, shape, margin=1.2))
            close[t] = close[t] | near[number][t] | behind
    skin = _skin(bins, hand_masks, close)
    zero = np.zeros((*shape, 2), np.float32)
    forward: list[Step] = []
    backward = [Step(zero, np.eye(3))]
    for t in range(num - 1):
        if not (close[t].any() or close[t + 1].any()):
            forward.append(Step(zero, np.eye(3)))
            backward.append(Step(zero, np.eye(3)))
            continue
        H = ground[first + t]
        forward.append(flow(gray[t], gray[t + 1], close[t], H))
        backward.append(flow(gray[t + 1], gray[t], close[t + 1], np.linalg.inv(H)))
    seeds: dict[int, dict[int, Mask]] = {k: {} for k in range(len(hands))}
    steps: dict[int, dict[int, np.ndarray]] = {k: {} for k in range(len(hands))}
    moves = [nothing] * num
    for t in range(1, num - 1):
        if not close[t].any():
            continue
        moves[t] = moving(gray[t], [(gray[t + 1], forward[t]), (gray[t - 1], backward[t])])
        for number, hand in enumerate(hands):
            if not hand.is_there[first + t - 1 : first + t + 2].all():
                continue
            step = hand.step(first + t, first + t + 1)
            own = step - _ground_step(forward[t], hand.tips(first + t))
            if np.linalg.norm(own) < MIN_HAND_STEP_PX:
                continue
            found = moves[t] & near[number][t] & ~hidden[t]
            found &= _goes_along(forward[t].flow, step, own)
            found &= np.take(skin, bins[t]) < MAX_SKIN
            if found.sum() >= max(6.0, MIN_SEEDS_PALMS * hand.palm[first + t] ** 2):
                seeds[number][t], steps[number][t] = found, own
    views = Views(
        rgb=pictures,
        gray=gray,
        bins=bins,
        forward=[*forward, Step(zero, np.eye(3))],
        backward=backward,
        moves=moves,
        hands=hand_masks,
        hidden=hidden,
        blind=breaks.blind_pictures(gray),
        cuts=breaks.cuts(gray, bins),
        is_ground_known=bool(np.isfinite(ground[first : first + num - 1]).all()),
        path=None if path is None else path.between(first, first + num),
    )
    return Window(views, seeds, steps, near)


def _skin(
    bins: list[UInt16[np.ndarray, "height width"]], hands: list[Mask], close: list[Mask]
) -> Float[np.ndarray, " color"]:
    """How much every color is the hands', against what is near them; some twenty pictures tell."""
    skin, rest = np.zeros((BINS, BINS, BINS)), np.zeros((BINS, BINS, BINS))
    for t in range(0, len(bins), max(1, len(bins) // 20)):
        if hands[t].any():
            skin += histogram(bins[t], hands[t])
            rest += histogram(bins[t], close[t] & ~hands[t])
    return likeness_by_bin(skin, rest)


def events(window: Window, hands: list[SeenHand], first: int) -> list[tuple[int, Event]]:
    """The events of every hand (by number), in order of time."""
    num, out = len(window.views.gray), []
    for number, by_frame in window.seeds.items():
        frames = np.array(sorted(by_frame), int)
        parts = np.split(frames, np.flatnonzero(np.diff(frames) > MAX_PAUSE_FRAMES) + 1)
        parts = [part for part in parts if len(part) >= MIN_SEEDED_FRAMES]
        hand = hands[number]
        way = np.array([hand.tips(first + t) for t in range(num)])
        for k, part in enumerate(parts):
            event = Event(
                frames=part,
                seeds=[by_frame[t] for t in part.tolist()],
                near=[window.near[number][t] for t in part.tolist()],
                steps=np.array([window.steps[number][t] for t in part.tolist()]),
                tips=way[part],
                way=way,
                alone=(
                    int(parts[k - 1][-1]) + 1 if k else 0,
                    int(parts[k + 1][0]) if k + 1 < len(parts) else num,
                ),
                palm=float(np.median(hand.palm[first + part])),
            )
            out.append((number, event))
    return out


def _ground_step(step: Step, at: Float[np.ndarray, " 2"]) -> Float[np.ndarray, " 2"]:
    """Where the background goes at a place [px]."""
    to = step.H @ np.append(at, 1.0)
    return np.asarray(to[:2] / to[2] - at)


def _goes_along(
    flow: Float[np.ndarray, "height width 2"],
    step: Float[np.ndarray, " 2"],
    own: Float[np.ndarray, " 2"],
) -> Bool[np.ndarray, "height width"]:
    x, y = flow[..., 0] - np.float32(step[0]), flow[..., 1] - np.float32(step[1])
    return np.asarray(x * x + y * y < (1.0 + WITH_HAND * float(np.linalg.norm(own))) ** 2)
