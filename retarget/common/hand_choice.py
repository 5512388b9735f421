"""Which of the hands in a clip a robot follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import GripperTrack, HandTrack

SideChoice = Literal["best", "left", "right", "each"]
STILL_HAND_M = 0.02
"""Spread that a hand is given for nothing when sides are compared [m]: more than tracking noise."""


def choose_hands[AnyHand: (HandTrack, GripperTrack)](
    hands: Sequence[AnyHand], side: SideChoice
) -> list[AnyHand]:
    """The hands that are followed, left before right.

    `best` is the one hand with the largest product of its number of known frames and the spread
    (standard deviation) of its position, to which 2 cm are added: a hand that works beats one that
    rests, and among hands that rest the one seen longer is taken. None where no hand was seen.
    """
    ordered = sorted(hands, key=lambda hand: hand.side)
    if side == "each":
        return ordered
    if side != "best":
        return [hand for hand in ordered if hand.side == side]
    scores = [_work(hand) for hand in ordered]
    if not scores or max(scores) == 0.0:
        return []
    return [ordered[int(np.argmax(scores))]]


def _work(hand: HandTrack | GripperTrack) -> float:
    position_m = _position_m(hand)[hand.known]
    if len(position_m) == 0:
        return 0.0
    spread_m = float(np.sqrt(np.nanvar(position_m, axis=0).sum()))
    return len(position_m) * (spread_m + STILL_HAND_M)


def _position_m(hand: HandTrack | GripperTrack) -> Float[np.ndarray, "time 3"]:
    T = hand.T_camera_ee if isinstance(hand, GripperTrack) else hand.T_camera_wrist
    if T is None:
        return np.zeros((len(hand.valid), 3))
    return T[:, :3, 3]
