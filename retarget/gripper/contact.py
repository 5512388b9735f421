"""Grasps of a hand from what it is seen to hold: from where a thing begins to move with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.tracks import (
    CONTACT_DOUBTED,
    SIDES,
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
