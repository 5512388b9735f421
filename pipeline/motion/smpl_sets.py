"""Where a file keeps SMPL parameters, and what the program that wrote it fixes: axes, rate, unit.

Estimators and data sets write several coordinate sets of one person side by side, or state in no
field what their papers do. Each layout known here is read as its own code reads it; whatever is
left is looked for by the usual names, and its axes are voted on later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.errors import MotionError, quoted
from rotoscope.pipeline.motion.motion import Up

FULL = ("poses", "pose", "fullpose", "smpl_thetas", "smpl_poses", "pose_aa")
ORIENT = ("root_orient", "smpl_orient_world", "global_orient")
BODY = ("pose_body", "body_pose", "smpl_pose")
TRANS = ("trans", "transl", "root_trans_world", "cam_trans")
BETAS = ("betas", "smpl_betas", "smpl_beta", "shape", "beta")
AMASS_RATES = ("mocap_framerate", "mocap_frame_rate")
"""Names under which AMASS, and nobody else, writes its rate."""

_MOTION_X_COLUMNS = 322
_USUAL_RATE_HZ = 30.0
_DEEPEST = 4


@dataclass(frozen=True, eq=False)
class ParameterSet:
    """The parameters of one person in one coordinate frame, and what is known about them."""

    values: Mapping[Any, Any]
    """Arrays by the names of `FULL`, `ORIENT`, `BODY`, `TRANS` and `BETAS`, and what stands beside
    them."""
    source: str = ""
    """Which program's or data set's layout it is, and which of its sets; empty for unknown ones."""
    up: Up = "auto"
    """Upward axis, where the layout fixes it."""
    usual_rate_hz: float = _USUAL_RATE_HZ
    """Rate of files of this layout that state none [Hz]."""
    assumed: tuple[str, ...] = field(default=())
    """What the layout leaves open, one sentence each."""


def find_sets(path: Path, arrays: Mapping[str, Any]) -> list[ParameterSet]:
    """Every person's parameters in a file, wherever they are nested; one set of each person.

    Args:
        path: The file, for messages.
        arrays: All that it holds.

    Raises:
        MotionError: The file holds a robot's motion, or tracks of several people.
    """
    table = arrays.get("")
    if isinstance(table, np.ndarray) and table.shape[1:] == (_MOTION_X_COLUMNS,):
        return [_motion_x(table)]
    if (frames := _phalp_frames(arrays)) is not None:
        return [_phalp(path, frames)]
    return _find(path, arrays, 0)


def first(values: Mapping[Any, Any], names: tuple[str, ...]) -> np.ndarray | None:
    """The first of these names that holds an array of numbers, as float64."""
    for name in names:
        array = np.asarray(values[name]) if name in values else None
        if array is not None and array.dtype.kind in "fiu" and array.ndim:
            return array.astype(np.float64)
    return None


def _find(path: Path, values: Mapping[Any, Any], depth: int) -> list[ParameterSet]:
    if {"dof", "root_rot"} <= {*values}:
        raise MotionError(
            f"{path.name} holds a robot's motion (dof {np.shape(values['dof'])}), which was "
            "retargeted already; give the person's motion that it was made from"
        )
    for layout in (_gvhmr, _wham, _aist, _phc, _amass, _unknown):
        if (found := layout(values)) is not None:
            return [found]
    inner = [v for v in values.values() if isinstance(v, dict)] if depth < _DEEPEST else []
    return [found for value in inner for found in _find(path, value, depth + 1)]


def _gvhmr(values: Mapping[Any, Any]) -> ParameterSet | None:
    """GVHMR (Shen et al. 2024): gravity-view world with y up beside the camera's frame."""
    found = values.get("smpl_params_global")
    return ParameterSet(found, "GVHMR's global", "y") if isinstance(found, dict) else None


def _wham(values: Mapping[Any, Any]) -> ParameterSet | None:
    """WHAM (Shin et al. 2024): `pose_world` and `trans_world`, y up, beside the camera's."""
    if not {"pose_world", "trans_world"} <= {*values}:
        return None
    world = {"poses": values["pose_world"], "trans": values["trans_world"]}
    return ParameterSet({**_others(values), **world}, "WHAM's world", "y")


def _aist(values: Mapping[Any, Any]) -> ParameterSet | None:
    """AIST++ (Li et al. 2021): positions in the scanner's unit, a person's size `smpl_scaling`."""
    if not {"smpl_poses", "smpl_trans", "smpl_scaling"} <= {*values}:
        return None
    scale = float(np.ravel(values["smpl_scaling"])[0])
    trans = np.asarray(values["smpl_trans"], dtype=np.float64)
    return ParameterSet(
        {"poses": values["smpl_poses"], "trans": trans / scale}, "AIST++", "y", usual_rate_hz=60.0
    )


def _phc(values: Mapping[Any, Any]) -> ParameterSet | None:
    """PHC (Luo et al. 2023): z up; `trans_orig` as in AMASS, or the root's own position."""
    places = [name for name in ("trans_orig", "root_trans_offset") if name in values]
    if first(values, ("pose_aa",)) is None or not places:
        return None
    return ParameterSet({**_others(values), "trans": values[places[0]]}, "PHC", "z")


def _amass(values: Mapping[Any, Any]) -> ParameterSet | None:
    """AMASS (Mahmood et al. 2019): z up."""
    if not any(name in values for name in AMASS_RATES) or not _has_pose(values):
        return None
    return ParameterSet(values, "AMASS", "z")


def _unknown(values: Mapping[Any, Any]) -> ParameterSet | None:
    return ParameterSet(values) if _has_pose(values) else None


def _has_pose(values: Mapping[Any, Any]) -> bool:
    has_parts = first(values, ORIENT) is not None and first(values, BODY) is not None
    return first(values, FULL) is not None or has_parts


def _others(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """What stands beside the pose of another frame, such as shape and rate."""
    names = (*ORIENT, *BODY, *TRANS)
    return {k: v for k, v in values.items() if k not in names}


def _motion_x(table: np.ndarray) -> ParameterSet:
    """Motion-X (Lin et al. 2023): 322 numbers a frame, SMPL-X, y up, 30 frames a second."""
    values = {
        "root_orient": table[:, :3],
        "pose_body": table[:, 3:66],
        "trans": table[:, 309:312],
        "betas": table[:, 312:],
    }
    return ParameterSet(values, "Motion-X", "y")


def _phalp_frames(arrays: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The frames of PHALP's results, which 4D-Humans writes: lists of people by track."""
    frames = list(arrays.values())
    if not frames or not all(isinstance(f, dict) and {"tid", "smpl"} <= {*f} for f in frames):
        return None
    return frames


def _phalp(path: Path, frames: list[Mapping[str, Any]]) -> ParameterSet:
    """4D-Humans (Goel et al. 2023): rotation matrices in the camera's frame, y down.

    `smpl` holds one set a person that was seen; `tid` names them and may name lost ones behind.
    """
    seen = [dict(zip(f["tid"], f["smpl"], strict=False)) for f in frames]
    people = sorted({int(person) for frame in seen for person in frame})
    if len(people) != 1:
        raise MotionError(
            f"{path.name} holds {len(people)} people, the tracks {quoted(map(str, people))}; give "
            "a file of one person each"
        )
    nobody = {"global_orient": np.full((1, 3, 3), np.nan), "body_pose": np.full((23, 3, 3), np.nan)}
    chosen = [next(iter(frame.values()), nobody) for frame in seen]
    values = {
        name: np.stack([np.asarray(c[name], dtype=np.float64).reshape(-1, 3, 3) for c in chosen])
        for name in ("global_orient", "body_pose")
    }
    shapes = [np.ravel(c["betas"]) for c in chosen if "betas" in c]
    if shapes:
        values["betas"] = np.mean(shapes, axis=0)
    assumed = ("the camera is held level, as its frame alone is known",)
    return ParameterSet(values, "4D-Humans, camera", "-y", assumed=assumed)
