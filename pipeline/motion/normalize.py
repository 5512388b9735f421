"""From points in a file's own unit and axes to our joints in meters with z up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion.motion import Motion, Unit, Up
from rotoscope.pipeline.motion.names import match_given, match_names
from rotoscope.pipeline.motion.notes import Notes
from rotoscope.pipeline.motion.points import FARTHEST, PointMotion
from rotoscope.pipeline.motion.upward import find_upward
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES

UNITS_M: dict[Unit, float] = {
    "m": 1.0,
    "cm": 0.01,
    "mm": 0.001,
    "inch": 0.0254,
    "foot": 0.3048,
    "cmu": 0.0254 / 0.45,
}
"""Meters in each unit."""
ONLY_SAID: Unit = "foot"
"""No known program writes it: legs of three units are more often of no unit at all."""

LEG_M = (0.5, 1.1)
"""Hip to knee to ankle of people from about 1.0 to 2.2 m tall: 0.49 of the stature (Drillis and
Contini 1966: thigh 0.245, shank 0.246)."""

_TO_Z_UP: dict[Up, list[list[int]]] = {
    "x": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
    "y": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "z": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "-x": [[0, 1, 0], [0, 0, -1], [-1, 0, 0]],
    "-y": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "-z": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
}
"""Rotation from a file whose upward axis is the key to one with z up."""

_ANY_LEG_M = (0.2, 3.0)
"""Legs of small children and drawn giants, which a unit that was said is believed for."""
_BACKWARDS = -0.3
"""Mean cosine between where feet and body point below which left and right are exchanged."""


def to_motion(path: Path, found: PointMotion, notes: Notes, *, unit: Unit, up: Up) -> Motion:
    """Our joints [m] in a frame with z up, from what a reader found.

    Raises:
        MotionError: The skeleton's names are not known, no unit makes the body human, no frame
            holds a whole body, or left and right are exchanged.
    """
    kind, joints = _our_joints(path, found, notes)
    assumed = list(found.assumed)
    if (unit := _first(unit, notes.unit, found.unit)) == "auto":
        unit = _unit_of(path, joints)
        assumed.append(f"lengths are in {unit}, which makes the legs as long as a human's")
    elif not _ANY_LEG_M[0] <= leg_length(joints) * UNITS_M[unit] <= _ANY_LEG_M[1]:
        raise MotionError(
            f"{path.name}: with lengths in {unit}, as was said, the legs are "
            f"{leg_length(joints) * UNITS_M[unit]:.3g} m long; {_ANY_LEG_M[0]:g} to "
            f"{_ANY_LEG_M[1]:g} m are read: say another unit, or none"
        )
    if (rate_hz := notes.rate_hz or found.rate_hz) is None:
        rate_hz = found.usual_rate_hz
        assumed.append(
            f"{rate_hz:g} frames a second; motion.yaml beside the file may say otherwise"
        )
    if (up := _first(up, notes.up, found.up)) == "auto":
        try:
            upward = find_upward(
                joints,
                leg=leg_length(joints),
                rate_hz=rate_hz,
                usual=found.usual_up,
                format_name=found.format,
            )
        except MotionError as error:
            raise MotionError(f"{path.name}: {error}") from None
        up = upward.up
        assumed.append(f"{up} is up: {upward.why}")
    joints_m = joints @ (UNITS_M[unit] * np.array(_TO_Z_UP[up], dtype=float).T)
    _check_sides(path, joints_m)
    return Motion(
        time_s=np.arange(len(joints)) / rate_hz,
        joints_m=joints_m,
        source=f"{found.format}, {kind}",
        rate_hz=rate_hz,
        unit=unit,
        up=up,
        contact=found.contact,
        assumed=tuple(assumed),
    )


def joint(joints: Float[np.ndarray, "time body_joint 3"], name: str) -> np.ndarray:
    """One of `BODY_JOINTS` over time, shape (time, 3)."""
    return joints[:, BODY_JOINTS.index(name)]


def leg_length(joints: Float[np.ndarray, "time body_joint 3"]) -> float:
    """Median length of thigh and shank together, in the joints' unit; NaN where none is seen."""
    lengths = [
        np.linalg.norm(joint(joints, f"{side}_{a}") - joint(joints, f"{side}_{b}"), axis=1)
        for side in SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    length = np.sum(lengths, axis=0) / 2
    return float(np.median(length[np.isfinite(length)])) if np.isfinite(length).any() else np.nan


def _first[T: (Unit, Up)](*choices: T) -> T:
    return next((choice for choice in choices if choice != "auto"), choices[0])


def _our_joints(path: Path, found: PointMotion, notes: Notes) -> tuple[str, np.ndarray]:
    try:
        if notes.joints is not None:
            kind, columns = "names of motion.yaml", match_given(found.names, notes.joints)
        elif found.joints is not None:
            kind, columns = found.skeleton, dict(found.joints)
        else:
            kind, columns = match_names(found.names)
            kind += " names"
    except MotionError as error:
        raise MotionError(f"{path.name}: {error}") from None
    out = np.full((len(found.points), len(BODY_JOINTS), 3), np.nan)
    for name, around in columns.items():
        out[:, BODY_JOINTS.index(name)] = found.points[:, list(around)].mean(axis=1)
    out[~(np.abs(out) < FARTHEST).all(axis=2)] = np.nan
    if not np.isfinite(leg_length(out)):
        raise MotionError(
            f"{path.name}: none of its {len(out)} frames has both legs; all hold NaN or infinity"
        )
    return kind, out


def _unit_of(path: Path, joints: np.ndarray) -> Unit:
    length, (low, high) = leg_length(joints), LEG_M
    guessed = {unit: size_m for unit, size_m in UNITS_M.items() if unit != ONLY_SAID}
    fitting = [unit for unit, size_m in guessed.items() if low <= length * size_m <= high]
    if len(fitting) != 1:
        raise MotionError(
            f"{path.name}: the legs are {length:.4g} units long, which is no human's length "
            f"({low:g} to {high:g} m) in any of {', '.join(guessed)}; say the unit ({ONLY_SAID} is "
            "another) in the stage 'motion', or in motion.yaml beside the file"
        )
    return fitting[0]


def _check_sides(path: Path, joints_m: np.ndarray) -> None:
    left = joint(joints_m, "left_hip") - joint(joints_m, "right_hip")
    body = joint(joints_m, "neck") - joint(joints_m, "pelvis")
    forward = np.cross(left, body)
    feet = sum(joint(joints_m, f"{s}_toe") - joint(joints_m, f"{s}_ankle") for s in SIDES)
    lengths = np.linalg.norm(forward, axis=1) * np.linalg.norm(feet, axis=1)
    cosine = np.sum(forward * feet, axis=1) / np.where(lengths > 0, lengths, np.nan)
    known = cosine[np.isfinite(cosine)]
    if len(known) and known.mean() < _BACKWARDS:
        raise MotionError(
            f"{path.name}: the feet point backwards (mean cosine to where the body points is "
            f"{known.mean():.2f}): left and right are exchanged, or the file's axes are "
            "left-handed; name the joints the other way round in motion.yaml beside the file"
        )
