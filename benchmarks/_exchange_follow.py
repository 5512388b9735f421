"""Actions of people's ways by what the robot's own episodes say of such ways.

Under load a hand goes a short way while the robot is told to go as far as it can: how hard to push
no way of a person's hand says. A `Follower`, as of motion tracks, learns it from the robot episodes
that a policy has anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from benchmarks._exchange_labels import Labeled
from benchmarks._exchange_people import STEPS_A_FRAME
from rotoscope.models.motion_tracks.follow import Follower, inputs_of, learn_follower
from rotoscope.models.motion_tracks.recover import RecoveredActions
from rotoscope.pipeline.export.recorder import Rows

STRIDE, MOMENTS = 4, 5
"""The simulator's steps from moment to moment of what is ahead, and moments, as of motion tracks
(`_track_policies`)."""


def follower_of(robot: Sequence[Rows]) -> Follower:
    """Learned from the robot's episodes."""
    inputs = []
    for rows in robot:
        assert rows.state is not None
        inputs.append(_ahead(rows.state[:, :3], rows.actions[:, 3], STRIDE))
    return learn_follower(inputs, [rows.actions for rows in robot])


def followed(follow: Follower, one: Labeled) -> Labeled:
    """The same way with the actions that the robot would have taken on it."""
    told = _ahead(one.hand_m, one.action[:, 3], STRIDE // STEPS_A_FRAME)
    return replace(one, action=np.clip(follow(told), -1, 1))


def _ahead(
    hand_m: Float[np.ndarray, "row 3"], closing: Float[np.ndarray, " row"], stride: int
) -> Float[np.ndarray, "row input"]:
    """Ways to where the hand will be, and whether it will press; it turns and opens nowhere."""
    num = len(hand_m)
    later = np.minimum(np.arange(num)[:, None] + stride * np.arange(1, MOMENTS + 1), num - 1)
    T = np.tile(np.eye(4), (num, 1, 1))
    T[:, :3, 3] = hand_m
    found = RecoveredActions(T[later], np.zeros(later.shape), np.zeros(later.shape))
    is_held = closing[later] > 0
    is_held[:, 0] = closing > 0  # what the row itself is told is known a row earlier
    return inputs_of(found, is_held, T_world_ee=T, aperture_m=np.zeros(num))
