"""Columns and quality facts that stages bring themselves."""

from __future__ import annotations

from typing import Any

from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.labeler_rows import side_rows
from rotoscope.pipeline.episodes.window import ActionWindow, Window
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.tracks import ActionTrack, FeatureTrack, QualityTrack, blaming_camera

SIDE = "@"
"""Behind it stands, in the name of a track, the labeler beside the chosen one that made it."""


def side_name(labeler: str) -> str:
    """What columns call a labeler: `kernel` for the stage `label.kernel`."""
    return labeler.removeprefix("label.")


def other_labelers(window: ActionWindow, export: ExportSection) -> dict[str, Feature]:
    """`label.<labeler>`, with its own `.valid` and `.confidence`: what those beside the chosen say.

    Raises:
        ContractError: Steps or commands of another rate than the dataset's.
    """
    out = {}
    for track in window.tracks.values():
        if not isinstance(track, ActionTrack) or track.labeler == window.actions.labeler:
            continue
        if window.is_about_me(track.subject):
            actions = window.cut(blaming_camera(track, window.tracks))
            rows = side_rows(actions, window.resampler, export)
            contract = rows.contract
            out[f"label.{side_name(track.labeler)}"] = Feature(
                rows.values,
                tuple(contract.names),
                ", ".join(sorted({d.unit for d in contract.dimensions})),
                f"What `action` would be by the labeler {track.labeler}, beside the chosen one.",
                contract,
            )
            out[f"label.{side_name(track.labeler)}.valid"] = Feature(
                rows.valid[:, None],
                ("valid",),
                "1",
                f"What `label.valid` would be by the labeler {track.labeler}.",
            )
            out[f"label.{side_name(track.labeler)}.confidence"] = Feature(
                rows.confidence[:, None],
                ("confidence",),
                "1",
                f"What `label.confidence` would be by the labeler {track.labeler}.",
            )
    return out


def stage_features(window: Window) -> dict[str, Feature]:
    """The columns of all `FeatureTrack`s; numbers are interpolated, all else is the nearest.

    What a labeler beside the chosen one adds stands under its name: `label.<labeler>.interval`.
    """
    out = {}
    resampler = window.resampler
    for key, track in window.tracks.items():
        if isinstance(track, FeatureTrack) and window.is_about_me(track.subject):
            part = window.cut(track).values
            is_number = part.dtype.kind == "f"
            values = resampler.linear(part) if is_number else part[resampler.nearest]
            name, labeler = track.feature, key.partition(SIDE)[2]
            if labeler and name.startswith("label."):
                name = f"label.{side_name(labeler)}.{name.removeprefix('label.')}"
            out[name] = Feature(values, track.names, track.unit, track.description)
    return out


def stage_quality(window: Window) -> dict[str, Any]:
    """The facts of all `QualityTrack`s."""
    quality: dict[str, Any] = {}
    for key, track in window.tracks.items():
        if isinstance(track, QualityTrack) and window.is_about_me(track.subject):
            before = f"{side_name(key.partition(SIDE)[2])}."
            quality |= {f"{before}{k}".removeprefix("."): v for k, v in track.facts.items()}
    return quality
