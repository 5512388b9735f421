"""Columns about the groups of an action that are valid each by itself."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.window import ActionWindow


def group_features(window: ActionWindow, shift_frames: int) -> dict[str, Feature]:
    """`label.valid.<group>`, where the labeler tells the groups of its actions apart.

    Args:
        window: The stretch that becomes rows.
        shift_frames: Rows from a state to the action that leads to it: both must be valid.
    """
    actions = window.actions
    if actions.group_valid is None:
        return {}
    found = {
        group: _now_and_later(window.resampler.both(column), shift_frames)
        for group, column in zip(actions.groups, actions.group_valid.T, strict=True)
    }
    return {
        f"label.valid.{group}": Feature(values, ("valid",), "1", _meaning(group))
        for group, values in found.items()
    }


MEANING = {
    "position": "The position of the end effector, or of the palm, by itself is observed, "
    "reachable and inside all limits.",
    "rotation": "The rotation of the end effector, or palm, by itself is observed and reachable.",
    "gripper": "The gripper's opening by itself is observed, and followed fast enough.",
    "fingers": "What the fingers do by itself is observed, and followed closely enough.",
}
"""What it means that a group is valid."""


def _meaning(group: str) -> str:
    side, _, kind = group.rpartition(".")
    return f"Of the {side} hand: {MEANING[kind]}" if side else MEANING[kind]


def _now_and_later(valid: Bool[np.ndarray, " row"], shift_frames: int) -> Bool[np.ndarray, "row 1"]:
    later = np.concatenate([valid[shift_frames:], np.zeros(shift_frames, bool)])
    return (valid & later)[:, None]
