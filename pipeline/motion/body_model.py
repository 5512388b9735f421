"""The licensed model files of the SMPL family, read without unpickling anything unsafe."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion.arrays import load_arrays
from rotoscope.pipeline.motion.rest_skeleton import RestSkeleton
from rotoscope.pipeline.motion.smpl_joints import BODY, LAYOUTS, PARENTS
from rotoscope.pipeline.tracks import SIDES

_NEEDED = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table")
_KINDS: dict[int, str] = {24: "SMPL", 52: "SMPL-H", 55: "SMPL-X"}
_FILES: dict[str, tuple[str, ...]] = {
    "SMPL": ("smpl/SMPL_{G}", "SMPL_{G}"),
    "SMPL-H": ("smplh/SMPLH_{G}", "smplh/{g}/model", "SMPLH_{G}"),
    "SMPL-X": ("smplx/SMPLX_{G}", "smplx/{g}/model", "SMPLX_{G}"),
}


@dataclass(frozen=True, eq=False)
class BodyModel:
    """The part of a model file that moves joints."""

    kind: str
    """`SMPL`, `SMPL-H` or `SMPL-X`."""
    v_template: Float[np.ndarray, "vertex 3"]
    """Vertices of the mean body at rest [m]."""
    shapedirs: Float[np.ndarray, "vertex 3 shape"]
    """Displacement of each vertex per unit of each shape parameter [m]."""
    J_regressor: Float[np.ndarray, "joint vertex"]
    """Weights that make joints of vertices."""
    weights: Float[np.ndarray, "vertex joint"]
    """Skinning weights: share of each joint in each vertex."""
    parents: Int[np.ndarray, " joint"]
    """Parent of each joint, -1 for the root."""

    @property
    def num_betas(self) -> int:
        """Shape parameters that the file has; in SMPL-X files 300, then 100 of expression."""
        return self.shapedirs.shape[2]

    def vertices_m(self, betas: Float[np.ndarray, " shape"]) -> Float[np.ndarray, "vertex 3"]:
        """Vertices at rest [m] of a person's shape; parameters beyond the file's are left out."""
        used = betas[: self.num_betas]
        return self.v_template + self.shapedirs[:, :, : len(used)] @ used


def load_body_model(path: Path) -> BodyModel:
    """A model file, `.npz` or `.pkl`.

    Raises:
        MotionError: It is not there, damaged, unsafe, or not of this family.
    """
    arrays = load_arrays(path, only=_NEEDED)
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise MotionError(
            f"{path.name} is no body model: it has no {', '.join(missing)}; give a SMPL, SMPL-H or "
            "SMPL-X model file, or the folder that holds them"
        )
    parents = np.atleast_2d(arrays.pop("kintree_table"))[0].astype(np.int64)
    parents[0] = -1
    floats = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    _check(path, floats, parents)
    return BodyModel(kind=_KINDS[len(parents)], parents=parents, **floats)


def find_body_model(where: Path, kind: str, gender: str) -> Path:
    """The model file of a kind and gender, neutral where that gender is not there.

    Args:
        where: A model file, or the folder that holds `smplx/SMPLX_NEUTRAL.npz` and the like.
        kind: `SMPL`, `SMPL-H` or `SMPL-X`.
        gender: `neutral`, `female` or `male`.

    Raises:
        MotionError: There is none.
    """
    if where.is_file():
        return where
    names = [
        pattern.format(G=g.upper(), g=g) + suffix
        for g in (gender.lower(), "neutral")
        for pattern in _FILES[kind]
        for suffix in (".npz", ".pkl")
    ]
    found = next((where / name for name in names if (where / name).is_file()), None)
    if found is None:
        raise MotionError(f"{where} has no {kind} model; looked for {', '.join(names)}")
    return found


def body_models_digest(where: Path) -> str:
    """Hash of the model file, or of all those below a folder that could be taken.

    Of an `.npz` its directory is read alone, whose checksums hold for what it contains: published
    models are hundreds of megabytes. A `.pkl` beside an `.npz` of the same name is never taken.
    """
    files = [where] if where.is_file() else sorted(f for f in where.rglob("*") if f.is_file())
    taken = [
        file
        for file in files
        if file.suffix == ".npz"
        or (file.suffix == ".pkl" and file.with_suffix(".npz") not in files)
    ]
    lines = [f"{file.relative_to(where) if file != where else file.name}" for file in taken]
    parts = [f"{line}:{_content(file)}" for line, file in zip(lines, taken, strict=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _content(file: Path) -> str:
    if not zipfile.is_zipfile(file):
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    with zipfile.ZipFile(file) as archive:
        return " ".join(f"{m.filename} {m.file_size} {m.CRC:08x}" for m in archive.infolist())


def rest_skeleton(
    model: BodyModel, betas: Float[np.ndarray, " shape"], *, name: str
) -> RestSkeleton:
    """The skeleton of one person: body joints, knuckles, heels and the middle of the head.

    Heels are the hindmost vertices that follow the ankles, the head's middle is that of the box
    around its vertices.
    """
    vertices_m = model.vertices_m(betas)
    joints_m = model.J_regressor @ vertices_m
    owner = model.weights.argmax(axis=1)
    layout = LAYOUTS[model.kind]
    points: dict[str, tuple[int, np.ndarray]] = {}
    head = vertices_m[owner == BODY.index("head")]
    if len(head):
        points["head_middle"] = (BODY.index("head"), (head.min(axis=0) + head.max(axis=0)) / 2)
    for side in SIDES:
        ankle, wrist = BODY.index(f"{side}_ankle"), BODY.index(f"{side}_wrist")
        foot = vertices_m[owner == ankle]
        if len(foot):
            points[f"{side}_heel"] = (ankle, foot[foot[:, 2].argmin()])
        names = [f"{side}_{finger}1" for finger in ("index", "middle", "ring", "pinky")]
        knuckles = [layout.index(n) for n in names if n in layout]
        hand = knuckles or [layout.index(f"{side}_hand")]
        points[f"{side}_hand"] = (wrist, joints_m[hand].mean(axis=0))
    return RestSkeleton(joints_m[: len(BODY)], points, f"bone lengths of {name}")


def _check(path: Path, floats: dict[str, np.ndarray], parents: np.ndarray) -> None:
    num_vertices, num_joints = len(floats["v_template"]), len(parents)
    wanted = {
        "v_template": (num_vertices, 3),
        "shapedirs": (num_vertices, 3, floats["shapedirs"].shape[-1]),
        "J_regressor": (num_joints, num_vertices),
        "weights": (num_vertices, num_joints),
    }
    wrong = {name: floats[name].shape for name in wanted if floats[name].shape != wanted[name]}
    if num_joints not in _KINDS or wrong or tuple(parents[: len(BODY)]) != PARENTS:
        raise MotionError(
            f"{path.name} is no SMPL, SMPL-H or SMPL-X model: it has {num_joints} joints (24, 52 "
            f"or 55 are known) and {num_vertices} vertices, and shapes {wrong or 'agree'}"
        )
    damaged = [name for name, array in floats.items() if not np.isfinite(array).all()]
    if damaged:
        raise MotionError(f"{path.name} holds NaN or infinity in {', '.join(damaged)}")
