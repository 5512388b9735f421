"""SMPL, SMPL-H, SMPL-X and AMASS parameters: joints by forward kinematics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion.arrays import describe
from rotoscope.pipeline.motion.body_model import find_body_model, load_body_model, rest_skeleton
from rotoscope.pipeline.motion.keypoints import RATE_NAMES, rate_of
from rotoscope.pipeline.motion.points import PointMotion
from rotoscope.pipeline.motion.rest_skeleton import (
    RestSkeleton,
    forward,
    mean_person,
    our_joints,
)
from rotoscope.pipeline.motion.smpl_joints import BODY

_FULL = ("poses", "pose", "fullpose", "smpl_thetas")
_ORIENT = ("root_orient", "smpl_orient_world", "global_orient")
_BODY = ("pose_body", "body_pose", "smpl_pose")
_TRANS = ("trans", "transl", "root_trans_world", "cam_trans")
_BETAS = ("betas", "smpl_betas", "smpl_beta", "shape")
_WIDTHS: dict[int, str] = {66: "SMPL-H", 72: "SMPL", 156: "SMPL-H", 165: "SMPL-X"}
"""Numbers a frame of the whole pose, the root's rotation first, and which model that is."""
_DEEPEST = 4
_USUAL_RATE_HZ = 30.0


def find_parameters(arrays: dict[str, Any]) -> list[dict[str, Any]]:
    """Every set of pose parameters in a file, one a person, wherever it is nested."""
    return _find(arrays, 0)


def read_smpl(
    path: Path, arrays: dict[str, Any], found: list[dict[str, Any]], *, body_models: Path | None
) -> PointMotion:
    """The body joints of one person, and where known heels, knuckles and the head's middle.

    Args:
        path: The file, for messages.
        arrays: All that it holds.
        found: Its sets of pose parameters.
        body_models: The user's licensed model file or folder of such; without it bone lengths are
            a mean person's, and the format's name says so.

    Raises:
        MotionError: Several people, a wrong number of angles, arrays of different lengths, or no
            model file where one was to be used.
    """
    if len(found) != 1:
        raise MotionError(f"{path.name} holds {len(found)} people; give a file of one person each")
    values = found[0]
    pose = _pose(path, values)
    trans_m = _rows(path, values, _TRANS, 3, len(pose))
    rest, kind = _rest(values, pose.shape[1], body_models)
    rotations = se3.exp_so3(pose[:, : 3 * len(BODY)].reshape(len(pose), len(BODY), 3))
    still = np.zeros((len(pose), 3))
    names, points = forward(rest, rotations, still if trans_m is None else trans_m)
    return PointMotion(
        format=path.suffix[1:].lower(),
        names=names,
        points=points,
        rate_hz=rate_of({**arrays, **values}),
        usual_rate_hz=_USUAL_RATE_HZ,
        unit="m",
        usual_up="z" if any(name in arrays for name in RATE_NAMES[:2]) else "y",
        joints=our_joints(names),
        skeleton=f"{kind} parameters, {rest.description}",
        assumed=() if trans_m is not None else ("the file has no translation: the pelvis rests",),
    )


def _find(values: dict[Any, Any], depth: int) -> list[dict[str, Any]]:
    has_full = _first(values, _FULL) is not None
    has_parts = _first(values, _ORIENT) is not None and _first(values, _BODY) is not None
    if has_full or has_parts:
        return [values]
    inner = [v for v in values.values() if isinstance(v, dict)] if depth < _DEEPEST else []
    return [found for value in inner for found in _find(value, depth + 1)]


def _first(values: dict[Any, Any], names: tuple[str, ...]) -> np.ndarray | None:
    for name in names:
        array = np.asarray(values[name]) if name in values else None
        if array is not None and array.dtype.kind in "fiu" and array.ndim:
            return array.astype(np.float64)
    return None


def _pose(path: Path, values: dict[str, Any]) -> Float[np.ndarray, "time angle"]:
    full = _first(values, _FULL)
    if full is None:
        parts = [
            part.reshape(len(part), -1)
            for names in (_ORIENT, _BODY)
            if (part := _first(values, names)) is not None
        ]
        if len(parts[0]) != len(parts[1]):
            raise MotionError(
                f"{path.name}: {len(parts[0])} rotations of the root and {len(parts[1])} poses of "
                "the body; both must be one a frame"
            )
        full = np.concatenate(parts, axis=1)
    full = full.reshape(len(full), -1) if full.ndim > 1 else full[None]
    if full.shape[1] not in _WIDTHS:
        raise MotionError(
            f"{path.name} has poses of {full.shape[1]} numbers a frame ({describe(values)}); 66 "
            "(body alone), 72 (SMPL), 156 (SMPL-H) and 165 (SMPL-X) rotation-vector entries are "
            "known"
        )
    return full


def _rows(
    path: Path, values: dict[str, Any], names: tuple[str, ...], width: int, num_frames: int
) -> np.ndarray | None:
    found = _first(values, names)
    if found is not None and found.shape != (num_frames, width):
        raise MotionError(
            f"{path.name}: the translation has shape {found.shape}, the poses have {num_frames} "
            f"frames; it must be ({num_frames}, {width})"
        )
    return found


def _rest(values: dict[str, Any], width: int, body_models: Path | None) -> tuple[RestSkeleton, str]:
    kind = _WIDTHS[width]
    if body_models is None:
        return mean_person(), kind
    gender = str(np.ravel(values.get("gender", "neutral"))[0]).strip("b'\"").lower()
    file = find_body_model(body_models, kind, gender)
    betas = _first(values, _BETAS)
    shape = np.zeros(0) if betas is None else np.atleast_2d(betas)[0]
    return rest_skeleton(load_body_model(file), shape, name=file.name), kind
