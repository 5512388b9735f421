"""Grasps of a hand from what it is seen to hold: from where a thing begins to move with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry.hand_frame import INDEX_TIP, THUMB_TIP
from rotoscope.pipeline.tracks import (
    CONTACT_DOUBTED,
    SIDES,
    Camera,
    ObjectTrack,
    QualityTrack,
    Side,
    Track,
    runs,
)
from rotoscope.retarget.gripper.grasps import Grasp, describe_grasp

SURE_NATS = 3.0
"""How much better a seen contact explains a clip than an empty hand does [nat]: 19 to 1, a guess.
On the scenes that chose 5 of 5 contacts were of a thing that was truly held and 126 of 129 held
frames were right, which is too few to tell such odds."""

HIDDEN = 0.5
"""A fingertip that is hidden more (`hidden_tips`) tells no width."""
WHOLE_SHARE = 0.9
"""A thing is seen as a whole where its segment has this share of its largest area."""
NUM_MEASURED = 15
"""Frames in which a thing is measured."""
_ANGLES = np.radians(np.arange(0, 180, 3))
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])


def knows_contacts(tracks: Mapping[str, Track]) -> bool:
    """Whether the stage `objects` looked at the clip, so that a hand without a thing is empty.

    Not where it doubts its contacts itself.
    """
    quality = tracks.get("quality.objects")
    return isinstance(quality, QualityTrack) and CONTACT_DOUBTED not in quality.facts


def seen_grasps(
    tracks: Mapping[str, Track],
    side: Side,
    time_s: Float[np.ndarray, " time"],
    joints_m: Float[np.ndarray, "time 21 3"],
    known: Bool[np.ndarray, " time"],
) -> list[Grasp]:
    """Stretches in which a hand holds any of the things, in order of time.

    A thing that is handed over is held by both hands in turn: one grasp of each.
    """
    column, held = SIDES.index(side), np.zeros(len(time_s), bool)
    for track in tracks.values():
        if isinstance(track, ObjectTrack):
            held |= track.held[:, column]
    out = []
    for start, end in runs(held):
        inside = np.flatnonzero(known[start:end]) + start
        if len(inside) == 0:
            continue
        is_seen = (start > 0, end < len(time_s))
        grasp = describe_grasp(time_s, joints_m, inside, SURE_NATS, is_seen)
        out.append(_from_to(grasp, start, end, time_s, len(inside)))
    return out


def width_where_hidden(
    tracks: Mapping[str, Track],
    side: Side,
    grasp: Grasp,
    seen_m: Float[np.ndarray, "time 21 3"],
    hidden: Float[np.ndarray, "time 2"],
) -> float | None:
    """Width of what a hand holds [m] where its thumb or index hides; `None` where the hand tells.

    A gripper closes across the narrow side of a thing, which is measured where most of the thing
    is seen, as deep as the fingertips that hold it.

    Args:
        tracks: Of the clip; its things, and the camera.
        side: Which hand.
        grasp: When it holds something.
        seen_m: The hand's joints from the camera [m].
        hidden: How far the tips of thumb and index are hidden, 0 to 1 (`hidden_tips`).
    """
    span, camera = slice(grasp.start, grasp.end), tracks.get("camera")
    tips_m = seen_m[span][:, [THUMB_TIP, INDEX_TIP], 2]
    known = np.isfinite(hidden[span]).all(axis=1) & np.isfinite(tips_m).all(axis=1)
    if not known.any() or not isinstance(camera, Camera):
        return None
    if np.median(hidden[span][known].max(axis=1)) < HIDDEN:
        return None
    depth_m = float(np.median(tips_m[known]))
    column = SIDES.index(side)
    for track in tracks.values():
        if isinstance(track, ObjectTrack) and track.held[span, column].any():
            width_px = _narrow_px(track, camera)
            return None if width_px is None else width_px * depth_m / float(camera.K[0, 0])
    return None


def _narrow_px(thing: ObjectTrack, camera: Camera) -> float | None:
    """The narrow side of a thing where it is seen best [px of the frame]."""
    area = np.array([np.unpackbits(bits).sum() for bits in thing.mask_bits])
    shown = np.flatnonzero(area >= max(1.0, WHOLE_SHARE * float(area.max(initial=0))))
    sides = []
    for frame in shown[:NUM_MEASURED].tolist():
        along = np.argwhere(thing.mask(frame))[:, ::-1] @ _DIRECTIONS
        sides.append(float(np.ptp(along, axis=0).min()) + 1.0)
    return float(np.median(sides)) * camera.width / thing.mask_width if sides else None


def _from_to(
    grasp: Grasp, start: int, end: int, time_s: Float[np.ndarray, " time"], num_known: int
) -> Grasp:
    """The contact's own first and last frame: the hand may be hidden there, the thing is not."""
    return dataclasses.replace(
        grasp,
        start=start,
        end=end,
        start_s=float(time_s[start]),
        end_s=float(time_s[end - 1]),
        confidence=num_known / (end - start) / (1.0 + float(np.exp(-SURE_NATS))),
    )
