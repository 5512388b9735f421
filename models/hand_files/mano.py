"""Joints of a hand from MANO parameters (Romero et al. 2017), with the user's own model file.

The model is licensed: nobody but its makers may hand it on, so every user brings it
(mano.is.tue.mpg.de). It is read without running anything in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion.arrays import load_arrays

NUM_MANO_JOINTS = 16
NUM_BETAS = 10
TIP_VERTICES = (744, 320, 443, 554, 671)
"""Vertices at the tips of thumb, index, middle, ring and little finger, as smplx names them."""
TO_MEDIAPIPE = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)
"""MANO's joints (wrist, index, middle, little, ring, thumb) and then the five tips, in MediaPipe's
order, which is OpenPose's too."""
_NEEDED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")
_MIRROR = np.array([-1.0, 1.0, 1.0])
_MIRROR_TURN = np.array([1.0, -1.0, -1.0])
NEEDS_MODEL = (
    "it holds MANO parameters but no joints, and joints need the model: give your own "
    "MANO_RIGHT.pkl (mano.is.tue.mpg.de) as hands.file.mano_model, or write joints into the file"
)


@dataclass(frozen=True, eq=False)
class ManoPose:
    """Parameters of hands, a flat hand being the zero pose."""

    global_orient: Float[np.ndarray, "row 3"]
    """Rotation vector of the wrist [rad]."""
    hand_pose: Float[np.ndarray, "row 15 3"]
    """Rotation vectors of the fingers' joints [rad]."""
    betas: Float[np.ndarray, "row shape"]
    """Shape."""
    transl_m: Float[np.ndarray, "row 3"]
    """Translation of the model's origin [m]."""


@dataclass(frozen=True, eq=False)
class ManoModel:
    """A right hand."""

    v_template: Float[np.ndarray, "vertex 3"]
    shapedirs: Float[np.ndarray, "vertex 3 shape"]
    posedirs: Float[np.ndarray, "vertex 3 pose"]
    J_regressor: Float[np.ndarray, "joint vertex"]
    weights: Float[np.ndarray, "vertex joint"]
    parents: Int[np.ndarray, " joint"]


def load_mano(path: Path) -> ManoModel:
    """A MANO model file of a right hand, `.pkl` or `.npz`.

    Raises:
        MotionError: It is not there, damaged, unsafe, or no MANO model.
    """
    found = load_arrays(path, only=_NEEDED)
    arrays = {name: np.asarray(found[name], float) for name in _NEEDED if name in found}
    parents = np.atleast_2d(arrays.pop("kintree_table", np.zeros(0)))[0].astype(np.int64)
    num_joints, num_vertices = NUM_MANO_JOINTS, 778
    wanted = {
        "v_template": (num_vertices, 3),
        "shapedirs": (num_vertices, 3, NUM_BETAS),
        "posedirs": (num_vertices, 3, 9 * (num_joints - 1)),
        "J_regressor": (num_joints, num_vertices),
        "weights": (num_vertices, num_joints),
    }
    shapes = {name: array.shape for name, array in arrays.items()}
    if shapes != wanted or len(parents) != num_joints:
        raise MotionError(
            f"{path.name} is no MANO model: it has {shapes} and {len(parents)} joints; "
            f"MANO_RIGHT.pkl has {wanted} and {num_joints} joints"
        )
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise MotionError(f"{path.name} holds NaN or infinity")
    parents[0] = -1
    return ManoModel(parents=parents, **arrays)


def mano_joints(
    model: ManoModel, pose: ManoPose, is_right: Bool[np.ndarray, " row"]
) -> Float[np.ndarray, "row 21 3"]:
    """Joints [m] in MediaPipe's order.

    A left hand is the right hand of the mirrored pose, mirrored.
    """
    sign = np.where(is_right[:, None], 1.0, _MIRROR_TURN)
    local = se3.exp_so3(
        np.concatenate(
            [(pose.global_orient * sign)[:, None], pose.hand_pose * sign[:, None]], axis=1
        )
    )
    shaped = model.v_template + np.einsum("vks,rs->rvk", model.shapedirs, pose.betas)
    rest = model.J_regressor @ shaped
    R, at = np.empty_like(local), np.empty_like(rest)
    for joint, parent in enumerate(model.parents):
        if parent < 0:
            R[:, joint], at[:, joint] = local[:, joint], rest[:, joint]
            continue
        arm = (rest[:, joint] - rest[:, parent])[..., None]
        R[:, joint] = R[:, parent] @ local[:, joint]
        at[:, joint] = at[:, parent] + (R[:, parent] @ arm)[..., 0]
    tips = list(TIP_VERTICES)
    bends = (local[:, 1:] - np.eye(3)).reshape(len(local), -1)
    posed = shaped[:, tips] + np.einsum("vkp,rp->rvk", model.posedirs[tips], bends)
    arms = posed[:, :, None] - rest[:, None]
    moved = np.einsum("rjab,rvjb->rvja", R, arms) + at[:, None]
    skinned = np.einsum("vj,rvja->rva", model.weights[tips], moved)
    joints = np.concatenate([at, skinned], axis=1)[:, list(TO_MEDIAPIPE)]
    return np.where(is_right[:, None, None], joints, joints * _MIRROR) + pose.transl_m[:, None]
