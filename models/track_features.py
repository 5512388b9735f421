"""Tracks of a video as the dataset features that a labeler was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from pipeline.geometry import se3
from pipeline.tracks import FeatureTrack, GripperTrack, HandTrack, Track

SCENE = "scene"
"""Subject of what belongs to nobody."""


@dataclass(frozen=True, eq=False)
class Columns:
    """One feature, frame by frame."""

    values: Float[np.ndarray, "time number"]
    """NaN where unknown."""
    valid: Bool[np.ndarray, " time"]
    """Observed, not filled in."""


def features_by_subject(tracks: Mapping[str, Track]) -> dict[str, dict[str, Columns]]:
    """Every feature that tracks hold, by whom it is about and by its name in datasets.

    Hands give `track.hand.joints` and `track.hand.wrist`, grippers `track.aperture` and
    `track.grasp`, feature tracks what they are called. The scene's belong to all subjects.
    """
    found: dict[str, dict[str, Columns]] = {}
    for track in tracks.values():
        if isinstance(track, HandTrack):
            found.setdefault(track.side, {}).update(_hand(track))
        elif isinstance(track, GripperTrack):
            found.setdefault(track.side, {}).update(_gripper(track))
        elif isinstance(track, FeatureTrack):
            values = track.values.astype(float)
            columns = Columns(values, np.isfinite(values).all(axis=1))
            found.setdefault(track.subject, {})[track.feature] = columns
    scene = found.get(SCENE, {})
    others = {name: {**scene, **own} for name, own in found.items() if name != SCENE}
    return others or ({SCENE: scene} if scene else {})


def joined(features: Mapping[str, Columns], names: Sequence[str]) -> Columns:
    """Some features side by side; valid where all are."""
    parts = [features[name] for name in names]
    valid = np.logical_and.reduce([part.valid for part in parts])
    return Columns(np.concatenate([part.values for part in parts], axis=1), valid)


def _hand(track: HandTrack) -> dict[str, Columns]:
    if track.joints_m is None or track.T_camera_wrist is None:
        return {}
    known, num = track.known, len(track.valid)
    joints = np.where(known[:, None], track.joints_m.reshape(num, -1), np.nan)
    wrist = np.full((num, 7), np.nan)
    if known.any():
        T = track.T_camera_wrist[known]
        wrist[known, :3] = T[:, :3, 3]
        wrist[known, 3:] = se3.unwrap_quat(se3.quat_from_matrix(T[:, :3, :3]))
    return {
        "track.hand.joints": Columns(joints, track.valid),
        "track.hand.wrist": Columns(wrist, track.valid),
    }


def _gripper(track: GripperTrack) -> dict[str, Columns]:
    known = track.known
    aperture = np.where(known, track.aperture_m, np.nan)[:, None]
    grasping = np.where(known, track.grasping.astype(float), np.nan)[:, None]
    return {
        "track.aperture": Columns(aperture, track.valid),
        "track.grasp": Columns(grasping, track.valid),
    }
