"""A small body model of the SMPL family's schema, made up, and motions of it."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from rotoscope.pipeline.motion.rest_skeleton import mean_person
from rotoscope.pipeline.motion.smpl_joints import BODY, LAYOUTS, PARENTS

_EXTENT_M = 0.02
_NUM_CORNERS = 6


def model_arrays(kind: str = "SMPL-X", *, num_betas: int = 10, seed: int = 0) -> dict[str, Any]:
    """Arrays of a model whose joints lie where a mean person's do, changed by betas.

    Every joint has six vertices around it whose mean it is. The first shape parameter makes the
    whole body larger, the second lengthens the legs, the third the arms; the others move joints
    a little at random, the same way left and right.
    """
    layout = LAYOUTS[kind]
    joints = _rest_joints(layout)
    parents = _parents(layout)
    rng = np.random.default_rng(seed)
    corners = _EXTENT_M * np.concatenate([np.eye(3), -np.eye(3)])
    vertices = (joints[:, None] + corners).reshape(-1, 3)
    owner = np.repeat(np.arange(len(joints)), _NUM_CORNERS)
    moves = rng.normal(scale=0.003, size=(len(joints), 3, num_betas))
    center = joints[0]
    moves[:, :, 0] = 0.05 * (joints - center)
    if num_betas > 2:
        legs = np.array([name.endswith(("knee", "ankle", "foot")) for name in layout])
        arms = np.array([name.endswith(("elbow", "wrist")) for name in layout])
        moves[:, :, 1] = 0.05 * legs[:, None] * (joints - center)
        moves[:, :, 2] = 0.05 * arms[:, None] * (joints - joints[BODY.index("neck")])
    regressor = np.zeros((len(joints), len(vertices)))
    regressor[owner, np.arange(len(vertices))] = 1 / _NUM_CORNERS
    table = np.stack([parents, np.arange(len(joints))])
    table[0, 0] = 2**32 - 1
    return {
        "v_template": vertices,
        "shapedirs": np.repeat(moves, _NUM_CORNERS, axis=0),
        "posedirs": np.zeros((len(vertices), 3, 9 * (len(joints) - 1))),
        "J_regressor": regressor,
        "weights": np.eye(len(joints))[owner],
        "kintree_table": table,
        "f": np.arange(len(vertices) // 3 * 3).reshape(-1, 3),
    }


def write_model(folder: Path, kind: str = "SMPL-X", *, suffix: str = ".npz") -> Path:
    """The model file where users have it: `smplx/SMPLX_NEUTRAL.npz` and the like."""
    name = kind.replace("-", "")
    path = folder / name.lower() / f"{name}_NEUTRAL{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = model_arrays(kind)
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        arrays["J_regressor"] = sparse.csc_matrix(arrays["J_regressor"])
        path.write_bytes(pickle.dumps(arrays, protocol=2))
    return path


def _parents(layout: tuple[str, ...]) -> np.ndarray:
    parents = list(PARENTS)
    for name in layout[len(BODY) :]:
        side = name.partition("_")[0]
        before = f"{name[:-1]}{int(name[-1]) - 1}" if name[-1] in "23" else f"{side}_wrist"
        parents.append(layout.index("head" if name == "jaw" or "eye" in name else before))
    return np.array(parents)


def _rest_joints(layout: tuple[str, ...]) -> np.ndarray:
    rest = mean_person()
    at = {name: rest.joints_m[number] for number, name in enumerate(BODY)}
    for name in layout[len(BODY) :]:
        side = name.partition("_")[0]
        sign = 1.0 if side == "left" else -1.0
        step = 0.09 + 0.02 * int(name[-1]) if name[-1].isdigit() else 0.09
        is_face = name == "jaw" or "eye" in name
        where = at["head"] if is_face else at[f"{side}_wrist"]
        at[name] = where + ([0, 0.03, 0.05] if is_face else [sign * step, 0, 0])
    return np.array([at[name] for name in layout])
