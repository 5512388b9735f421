"""Columns and quality facts that stages bring themselves."""

from __future__ import annotations

from typing import Any

from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.window import ActionWindow, Window
from rotoscope.pipeline.tracks import ActionTrack, FeatureTrack, QualityTrack


def other_labelers(window: ActionWindow) -> dict[str, Feature]:
    """`label.<labeler>`: what the labelers beside the chosen one say."""
    out = {}
    for track in window.tracks.values():
        if not isinstance(track, ActionTrack) or track.labeler == window.actions.labeler:
            continue
        if window.is_about_me(track.subject):
            out[f"label.{track.labeler.removeprefix('label.')}"] = Feature(
                window.resampler.linear(window.cut(track).values),
                tuple(track.contract.names),
                ", ".join(sorted({d.unit for d in track.contract.dimensions})),
                f"What the labeler {track.labeler} says, beside the chosen one.",
            )
    return out


def stage_features(window: Window) -> dict[str, Feature]:
    """The columns of all `FeatureTrack`s; numbers are interpolated, all else is the nearest."""
    out = {}
    resampler = window.resampler
    for track in window.tracks.values():
        if isinstance(track, FeatureTrack) and window.is_about_me(track.subject):
            part = window.cut(track).values
            is_number = part.dtype.kind == "f"
            values = resampler.linear(part) if is_number else part[resampler.nearest]
            out[track.feature] = Feature(values, track.names, track.unit, track.description)
    return out


def stage_quality(window: Window) -> dict[str, Any]:
    """The facts of all `QualityTrack`s."""
    quality: dict[str, Any] = {}
    for track in window.tracks.values():
        if isinstance(track, QualityTrack) and window.is_about_me(track.subject):
            quality |= track.facts
    return quality
