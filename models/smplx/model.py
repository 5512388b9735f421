"""The joints of SMPL-X as a function of its parameters, and their derivatives, for whole clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion.body_model import (
    BodyModel,
    find_body_model,
    load_body_model,
    rest_skeleton,
)
from rotoscope.pipeline.motion.rest_skeleton import RestSkeleton, our_joints
from rotoscope.pipeline.motion.smpl_joints import BODY, PARENTS
from rotoscope.pipeline.tracks import BODY_JOINTS

NUM_BODY_ANGLES = 3 * (len(BODY) - 1)
"""Numbers of a body pose: rotation vectors of the joints after the pelvis."""

_CHECK_TOLERANCE_M = 1e-6


def _ancestors() -> np.ndarray:
    out = np.eye(len(BODY), dtype=bool)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        out[joint] |= out[parent]
    return out


_ABOVE = _ancestors()
"""Whether the second joint is the first one or carries it, (joint, joint)."""


@dataclass(frozen=True, eq=False)
class SmplxModel:
    """What moves `BODY_JOINTS` with a SMPL-X body."""

    name: str
    """Name of the model file."""
    rest: RestSkeleton
    """The mean person of the model."""
    points_m: Float[np.ndarray, "point 3"]
    """Body joints, and points fixed to them, at rest [m], of the mean person."""
    shape_m: Float[np.ndarray, "point 3 shape"]
    """How each shape parameter moves them [m]."""
    owner: Int[np.ndarray, " point"]
    """Number of the body joint that each point is fixed to."""
    mixing: Float[np.ndarray, "body_joint point"]
    """Weights that make `BODY_JOINTS` of points."""

    @property
    def num_betas(self) -> int:
        """Shape parameters."""
        return self.shape_m.shape[2]


@dataclass(frozen=True, eq=False)
class Posed:
    """A clip's bodies."""

    joints_m: Float[np.ndarray, "time body_joint 3"]
    """`BODY_JOINTS` [m]."""
    points_m: Float[np.ndarray, "time point 3"]
    """The model's points [m], the 22 body joints first."""
    R: Float[np.ndarray, "time 22 3 3"]
    """Rotations of the body joints against the world."""


def pose_body(
    model: SmplxModel,
    betas: Float[np.ndarray, " shape"],
    pose: Float[np.ndarray, "time 22 3"],
    transl_m: Float[np.ndarray, "time 3"],
) -> Posed:
    """Bodies of one shape.

    Args:
        model: The body model.
        betas: Shape.
        pose: Rotation vectors of the 22 body joints [rad], the pelvis first.
        transl_m: Translation [m].
    """
    rest_m = model.points_m + model.shape_m @ betas
    local = se3.exp_so3(pose)
    R, at = np.empty_like(local), np.empty_like(pose)
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            R[:, joint], at[:, joint] = local[:, joint], rest_m[joint] + transl_m
        else:
            R[:, joint] = R[:, parent] @ local[:, joint]
            at[:, joint] = at[:, parent] + R[:, parent] @ (rest_m[joint] - rest_m[parent])
    arms = rest_m - rest_m[model.owner]
    points_m = at[:, model.owner] + (R[:, model.owner] @ arms[:, :, None])[..., 0]
    return Posed(model.mixing @ points_m, points_m, R)


def pose_derivative(
    model: SmplxModel, posed: Posed, pose: Float[np.ndarray, "time 22 3"]
) -> Float[np.ndarray, "time body_joint 3 69"]:
    """Derivatives of `BODY_JOINTS` by the 66 numbers of the pose and the translation."""
    num_frames, num_joints = pose.shape[:2]
    turned = posed.R @ se3.left_jacobian(-pose)
    arms = posed.points_m[:, :, None] - posed.points_m[:, None, :num_joints]
    arms = arms * _ABOVE[model.owner][:, :, None]
    # A turn w about a joint moves a point by w x arm = -hat(arm) w; summed over a joint's points.
    mixed = np.einsum("jp,tpkc->tjkc", model.mixing, arms, optimize=True)
    by_pose = -se3.hat(mixed) @ turned[:, None]
    out = np.empty((num_frames, len(BODY_JOINTS), 3, 3 * num_joints + 3))
    out[..., :-3] = np.swapaxes(by_pose, 2, 3).reshape(num_frames, len(BODY_JOINTS), 3, -1)
    out[..., -3:] = model.mixing.sum(axis=1)[:, None, None] * np.eye(3)
    return out


def shape_derivative(
    model: SmplxModel, posed: Posed
) -> Float[np.ndarray, "time body_joint 3 shape"]:
    """Derivatives of `BODY_JOINTS` by the shape."""
    shape = model.shape_m
    at = np.empty((len(posed.R), len(BODY), *shape.shape[1:]))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            at[:, joint] = shape[joint]
        else:
            at[:, joint] = at[:, parent] + posed.R[:, parent] @ (shape[joint] - shape[parent])
    points = at[:, model.owner] + posed.R[:, model.owner] @ (shape - shape[model.owner])
    return np.einsum("jp,tpcs->tjcs", model.mixing, points, optimize=True)


def load_smplx(where: Path, *, gender: str, num_betas: int) -> SmplxModel:
    """The user's licensed SMPL-X model, its kinematics checked against the package `smplx`.

    Args:
        where: The model file, or the folder that holds `smplx/SMPLX_NEUTRAL.npz` and the like.
        gender: `neutral`, `female` or `male`, for a folder.
        num_betas: Shape parameters to use.

    Raises:
        MotionError: There is none, it is damaged or unsafe, of another family, has fewer shape
            parameters, or moves otherwise than in `smplx`.
    """
    if not where.exists():
        raise MotionError(
            f"the body model {where} is not there; register at smpl-x.is.tue.mpg.de, download "
            "SMPL-X, and give the file SMPLX_NEUTRAL.npz or the folder that holds it as model_path"
        )
    path = find_body_model(where, "SMPL-X", gender)
    model = load_body_model(path)
    if model.kind != "SMPL-X" or model.num_betas < num_betas:
        raise MotionError(
            f"{path.name} is a {model.kind} model with {model.num_betas} shape parameters; a "
            f"SMPL-X model with at least {num_betas} is needed"
        )
    found = smplx_of(model, num_betas=num_betas, name=path.name)
    _check_against_smplx(model, found)
    return found


def smplx_of(model: BodyModel, *, num_betas: int, name: str) -> SmplxModel:
    """The part of a body model that moves `BODY_JOINTS`; points move linearly with the shape."""
    rest = rest_skeleton(model, np.zeros(num_betas), name=name)
    points_m = _points(rest)
    shaped = [_points(rest_skeleton(model, row, name=name)) for row in np.eye(num_betas)]
    names = (*BODY, *rest.points)
    mixing = np.zeros((len(BODY_JOINTS), len(names)))
    for joint, around in our_joints(names).items():
        mixing[BODY_JOINTS.index(joint), list(around)] = 1 / len(around)
    return SmplxModel(
        name=name,
        rest=rest,
        points_m=points_m,
        shape_m=np.stack(shaped, axis=2) - points_m[:, :, None],
        owner=np.array([*range(len(BODY)), *(joint for joint, _ in rest.points.values())]),
        mixing=mixing,
    )


def _points(rest: RestSkeleton) -> Float[np.ndarray, "point 3"]:
    return np.array([*rest.joints_m, *(at for _, at in rest.points.values())])


def _check_against_smplx(body: BodyModel, model: SmplxModel) -> None:
    import torch
    from smplx.lbs import batch_rigid_transform, batch_rodrigues, blend_shapes, vertices2joints

    rng = np.random.default_rng(0)
    pose = rng.normal(scale=0.5, size=(2, len(body.parents), 3))
    betas = rng.normal(size=(1, model.num_betas))
    shapes, template, regressor, turns = (
        torch.from_numpy(np.array(array))
        for array in (
            body.shapedirs[:, :, : model.num_betas],
            body.v_template,
            body.J_regressor,
            pose.reshape(-1, 3),
        )
    )
    vertices = template + blend_shapes(torch.from_numpy(betas), shapes)
    joints = vertices2joints(regressor, vertices).expand(2, -1, -1)
    rotations = batch_rodrigues(turns).reshape(2, -1, 3, 3)
    theirs, _ = batch_rigid_transform(rotations, joints, torch.from_numpy(body.parents))
    ours = pose_body(model, betas[0], pose[:, : len(BODY)], np.zeros((2, 3)))
    difference_m = np.abs(ours.points_m[:, : len(BODY)] - theirs[:, : len(BODY)].numpy()).max()
    if not difference_m <= _CHECK_TOLERANCE_M:
        raise MotionError(
            f"joints of {model.name} differ by {difference_m:.2g} m from those of the package "
            f"smplx, {_CHECK_TOLERANCE_M:g} is allowed; the model file or the package is damaged"
        )
