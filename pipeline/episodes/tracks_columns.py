"""All columns that say what was seen, whoever asks for them."""

from __future__ import annotations

from rotoscope.pipeline.episodes.body_columns import body_features
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.hand_columns import gripper_features, hand_features
from rotoscope.pipeline.episodes.stages_columns import stage_features
from rotoscope.pipeline.episodes.window import Window


def track_features(window: Window) -> dict[str, Feature]:
    """What the tracks about a window's subject and scene give, by name of the column."""
    own = hand_features(window) | gripper_features(window) | body_features(window)
    return own | stage_features(window)
