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
    out = {}
    if "position" in found:
        out["label.valid.position"] = Feature(
            found["position"], ("valid",), "1",
            "Where the end effector (or the palm) is: observed, reachable, inside all limits.",
        )  # fmt: skip
    if "rotation" in found:
        out["label.valid.rotation"] = Feature(
            found["rotation"], ("valid",), "1", "The same of how it is turned."
        )
    if "gripper" in found:
        out["label.valid.gripper"] = Feature(
            found["gripper"], ("valid",), "1", "The same of how far the gripper is open."
        )
    if "fingers" in found:
        out["label.valid.fingers"] = Feature(
            found["fingers"], ("valid",), "1", "The same of what the fingers of the hand do."
        )
    return out


def _now_and_later(valid: Bool[np.ndarray, " row"], shift_frames: int) -> Bool[np.ndarray, "row 1"]:
    later = np.concatenate([valid[shift_frames:], np.zeros(shift_frames, bool)])
    return (valid & later)[:, None]
