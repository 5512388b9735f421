"""All columns that say what was seen, whoever asks for them."""

from __future__ import annotations

from rotoscope.pipeline.episodes.body_columns import body_columns
from rotoscope.pipeline.episodes.episode import Column
from rotoscope.pipeline.episodes.hand_columns import gripper_columns, hand_columns
from rotoscope.pipeline.episodes.stages_columns import stage_columns
from rotoscope.pipeline.episodes.window import Window


def track_columns(window: Window) -> dict[str, Column]:
    """What the tracks about a window's subject and scene give, by name of the column."""
    own = hand_columns(window) | gripper_columns(window) | body_columns(window)
    return own | stage_columns(window)
