"""SMPL, SMPL-H, SMPL-X and AMASS parameters: joints by forward kinematics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion.arrays import describe
from rotoscope.pipeline.motion.body_model import find_body_model, load_body_model, rest_skeleton
from rotoscope.pipeline.motion.keypoints import rate_of
from rotoscope.pipeline.motion.points import PointMotion
from rotoscope.pipeline.motion.rest_skeleton import (
    RestSkeleton,
    forward,
    mean_person,
    our_joints,
)
from rotoscope.pipeline.motion.smpl_joints import BODY
from rotoscope.pipeline.motion.smpl_sets import BETAS, FULL, ORIENT, TRANS, ParameterSet, first
from rotoscope.pipeline.motion.smpl_sets import BODY as BODY_POSE

_MODELS: dict[int, str] = {22: "SMPL-H", 24: "SMPL", 52: "SMPL-H", 55: "SMPL-X"}
"""Rotations a frame of the whole pose, the root's first, and which model that is."""
_KNOWN = (
    "66 (body alone), 72 (SMPL), 156 (SMPL-H) and 165 (SMPL-X) rotation-vector entries are known, "
    "and as many rotation matrices"
)
_ROTATION_TOLERANCE = 1e-2
"""Farthest that a matrix times its transpose may be from the identity: files hold float16 too."""


def read_smpl(
    path: Path, arrays: Mapping[str, Any], found: list[ParameterSet], *, body_models: Path | None
) -> PointMotion:
    """The body joints of one person, and where known heels, knuckles and the head's middle.

    Args:
        path: The file, for messages.
        arrays: All that it holds.
        found: Its sets of pose parameters (`find_sets`).
        body_models: The user's licensed model file or folder of such; without it bone lengths are
            a mean person's, and the format's name says so.

    Raises:
        MotionError: Several people, a wrong number of rotations, matrices that are none, arrays
            of different lengths, or no model file where one was to be used.
    """
    if len(found) != 1:
        raise MotionError(f"{path.name} holds {len(found)} people; give a file of one person each")
    values = found[0].values
    R = _rotations(path, values)
    trans_m = _rows(path, values, TRANS, 3, len(R))
    rest, kind = _rest(values, R.shape[1], body_models)
    still = np.zeros((len(R), 3))
    names, points = forward(rest, R[:, : len(BODY)], still if trans_m is None else trans_m)
    where = f" of {found[0].source} set" if found[0].source else ""
    return PointMotion(
        format=path.suffix[1:].lower(),
        names=names,
        points=points,
        rate_hz=rate_of({**arrays, **values}),
        usual_rate_hz=found[0].usual_rate_hz,
        unit="m",
        up=found[0].up,
        usual_up="y",
        joints=our_joints(names),
        skeleton=f"{kind} parameters{where}, {rest.description}",
        assumed=(
            *found[0].assumed,
            *(() if trans_m is not None else ("the file has no translation: the pelvis rests",)),
        ),
    )


def _rotations(path: Path, values: Mapping[Any, Any]) -> Float[np.ndarray, "time joint 3 3"]:
    """Rotation of each joint against its parent, the root's first."""
    full = first(values, FULL)
    if full is not None:
        return _checked(path, values, _matrices(path, full if full.ndim > 1 else full[None]))
    parts = [
        _matrices(path, part)
        for names in (ORIENT, BODY_POSE)
        if (part := first(values, names)) is not None
    ]
    if len(parts[0]) != len(parts[1]):
        raise MotionError(
            f"{path.name}: {len(parts[0])} rotations of the root and {len(parts[1])} poses of "
            "the body; both must be one a frame"
        )
    return _checked(path, values, np.concatenate(parts, axis=1))


def _matrices(path: Path, pose: np.ndarray) -> Float[np.ndarray, "time joint 3 3"]:
    """Rotation vectors, shaped (time, joint x 3) or (time, joint, 3), or matrices, as matrices."""
    if pose.ndim < 3 or pose.shape[-2:] != (3, 3):
        width = int(np.prod(pose.shape[1:]))
        if width % 3:
            raise MotionError(f"{path.name} has poses of {width} numbers a frame; {_KNOWN}")
        return se3.exp_so3(pose.reshape(len(pose), -1, 3))
    R = pose.reshape(len(pose), -1, 3, 3)
    off = np.abs(R @ np.swapaxes(R, -1, -2) - np.eye(3)).max(axis=(-1, -2))
    wrong = (off > _ROTATION_TOLERANCE) | (np.linalg.det(np.nan_to_num(R)) < 0)
    if wrong.any():
        raise MotionError(
            f"{path.name}: {int(wrong.sum())} of {wrong.size} matrices of the pose are no "
            f"rotations (farthest from one: {np.nanmax(off):.2g}, {_ROTATION_TOLERANCE:g} is "
            "allowed)"
        )
    return R


def _checked(
    path: Path, values: Mapping[Any, Any], R: Float[np.ndarray, "time joint 3 3"]
) -> Float[np.ndarray, "time joint 3 3"]:
    if R.shape[1] not in _MODELS:
        raise MotionError(
            f"{path.name} has poses of {3 * R.shape[1]} numbers a frame "
            f"({describe(dict(values))}); {_KNOWN}"
        )
    return R


def _rows(
    path: Path, values: Mapping[Any, Any], names: tuple[str, ...], width: int, num_frames: int
) -> np.ndarray | None:
    found = first(values, names)
    if found is not None and found.shape != (num_frames, width):
        raise MotionError(
            f"{path.name}: the translation has shape {found.shape}, the poses have {num_frames} "
            f"frames; it must be ({num_frames}, {width})"
        )
    return found


def _rest(
    values: Mapping[Any, Any], num_joints: int, body_models: Path | None
) -> tuple[RestSkeleton, str]:
    kind = _MODELS[num_joints]
    if body_models is None:
        return mean_person(), kind
    gender = str(np.ravel(values.get("gender", "neutral"))[0]).strip("b'\"").lower()
    file = find_body_model(body_models, kind, gender)
    betas = first(values, BETAS)
    shape = np.zeros(0) if betas is None else np.atleast_2d(betas)[0]
    return rest_skeleton(load_body_model(file), shape, name=file.name), kind
