"""Tracks of a video as the dataset features that a labeler was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import TrackError, quoted
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SCENE, BodyTrack, FeatureTrack, GripperTrack, HandTrack, Track


@dataclass(frozen=True, eq=False)
class Columns:
    """One feature, frame by frame."""

    values: Float[np.ndarray, "time number"]
    """NaN where unknown."""
    valid: Bool[np.ndarray, " time"]
    """Observed, not filled in."""


def features_by_subject(tracks: Mapping[str, Track]) -> dict[str, dict[str, Columns]]:
    """Every feature that tracks hold, by whom it is about and by its name in datasets.

    Hands give `track.hand.*` (joints, wrist, seen, sigma), bodies `track.body.*` (joints, seen,
    contact, sigma), grippers `track.aperture` and `track.grasp`, feature tracks what they are
    called. The scene's belong to all subjects.
    """
    found: dict[str, dict[str, Columns]] = {}
    for track in tracks.values():
        if isinstance(track, HandTrack):
            found.setdefault(track.side, {}).update(_hand(track))
        elif isinstance(track, BodyTrack):
            found.setdefault(track.subject, {}).update(_body(track))
        elif isinstance(track, GripperTrack):
            found.setdefault(track.side, {}).update(_gripper(track))
        elif isinstance(track, FeatureTrack):
            values = track.values.astype(float)
            columns = Columns(values, np.isfinite(values).all(axis=1))
            found.setdefault(track.subject, {})[track.feature] = columns
    scene = found.get(SCENE, {})
    others = {name: {**scene, **own} for name, own in found.items() if name != SCENE}
    return others or ({SCENE: scene} if scene else {})


def seen_by_subject(
    found: Mapping[str, Mapping[str, Columns]],
    names: Sequence[str],
    sizes: Sequence[int],
    *,
    labeler: Path,
) -> dict[str, Columns]:
    """What a labeler sees of every subject about whom all of it is known.

    Args:
        found: What `features_by_subject` gave.
        names: Features that the labeler sees.
        sizes: Numbers in each.
        labeler: Its folder, for messages.

    Raises:
        TrackError: No subject has all of them, or one has another number of numbers.
    """
    out = {}
    for subject, features in found.items():
        if not all(name in features for name in names):
            continue
        there = tuple(features[name].values.shape[1] for name in names)
        if there != tuple(sizes):
            raise TrackError(
                f"the labeler {labeler} learned from {quoted(names)} with {tuple(sizes)} numbers, "
                f"this recipe gives {there}"
            )
        out[subject] = joined(features, names)
    if not out:
        given = sorted({name for features in found.values() for name in features})
        raise TrackError(
            f"the labeler {labeler} sees {quoted(names)}; the stages before it give "
            f"{quoted(given) or 'nothing'}: add what makes the rest, or train on what is there"
        )
    return out


def joined(features: Mapping[str, Columns], names: Sequence[str]) -> Columns:
    """Some features side by side; valid where all are."""
    parts = [features[name] for name in names]
    valid = np.logical_and.reduce([part.valid for part in parts])
    return Columns(np.concatenate([part.values for part in parts], axis=1), valid)


def _hand(track: HandTrack) -> dict[str, Columns]:
    if track.joints_m is None or track.T_camera_wrist is None:
        return {}
    known, num = track.known, len(track.valid)
    joints = _where(known, track.joints_m.reshape(num, -1))
    wrist = np.full((num, 7), np.nan)
    if known.any():
        T = track.T_camera_wrist[known]
        wrist[known, :3] = T[:, :3, 3]
        wrist[known, 3:] = se3.unwrap_quat(se3.quat_from_matrix(T[:, :3, :3]))
    out = {
        "track.hand.joints": Columns(joints, track.valid),
        "track.hand.wrist": Columns(wrist, track.valid),
        "track.hand.seen": _seen(track.valid),
    }
    if track.sigma_position_m is not None and track.sigma_rotation_rad is not None:
        sigma = np.concatenate([track.sigma_position_m, track.sigma_rotation_rad[:, None]], 1)
        out["track.hand.sigma"] = Columns(_where(known, sigma), track.valid)
    return out


def _body(track: BodyTrack) -> dict[str, Columns]:
    if track.joints_m is None:
        return {}
    known = track.known
    # The frame that datasets hold the joints in: the world's where the ground was found.
    joints_m = track.joints_m if track.T_world_source is None else track.joints_world_m
    out = {
        "track.body.joints": Columns(_where(known, joints_m.reshape(len(known), -1)), track.valid),
        "track.body.seen": _seen(track.valid),
    }
    if track.contact is not None:
        out["track.body.contact"] = Columns(track.contact.astype(float), track.valid)
    if track.sigma_m is not None:
        out["track.body.sigma"] = Columns(_where(known, track.sigma_m), track.valid)
    return out


def _gripper(track: GripperTrack) -> dict[str, Columns]:
    known = track.known
    aperture = _where(known, track.aperture_m[:, None])
    grasping = _where(known, track.grasping.astype(float)[:, None])
    return {
        "track.aperture": Columns(aperture, track.valid),
        "track.grasp": Columns(grasping, track.valid),
    }


def _seen(valid: Bool[np.ndarray, " time"]) -> Columns:
    """Whether the subject was observed: known in every frame, of which all count as observed."""
    return Columns(valid.astype(float)[:, None], np.ones(len(valid), bool))


def _where(
    known: Bool[np.ndarray, " time"], values: Float[np.ndarray, "time number"]
) -> Float[np.ndarray, "time number"]:
    return np.where(known[:, None], values, np.nan)
