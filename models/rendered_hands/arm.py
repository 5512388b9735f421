"""A forearm with a hand: mesh, skeleton and skinning of the anny body model, posed in numpy.

anny (Brégier et al. 2025, arXiv 2511.03589; code Apache-2.0, data CC0) gives the rest shape of a
whole body for a phenotype. Only the right forearm and hand are kept; a left hand is its mirror
image. Posing is plain linear blend skinning, so that a frame costs milliseconds and no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.rendered_hands import landmarks
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.geometry import hand_frame, se3

if TYPE_CHECKING:
    import anny

_PHALANGES = tuple(f"finger{finger}-{bone}" for finger in range(1, 6) for bone in (1, 2, 3))
BONES: tuple[str, ...] = ("lowerarm01", "lowerarm02", "wrist", *_PHALANGES)
"""Bones that are posed; the metacarpals move with the wrist."""
_PARENTS: tuple[int, ...] = (-1, 0, 1, *(2 if i % 3 == 0 else 2 + i for i in range(15)))
WRIST_BONE = 2


@dataclass(frozen=True)
class Body:
    """Whose arm it is, in anny's phenotype parameters (0..1; age 0.67 is a young adult)."""

    gender: float = 0.5
    """0 male to 1 female."""
    height: float = 0.5
    """Stature; 0.5 is about 1.8 m."""
    muscle: float = 0.5
    """Muscularity."""
    weight: float = 0.5
    """Body weight."""
    age: float = 0.67
    """Age, from a child at 0.33 to an old person at 1."""


@dataclass(frozen=True, eq=False)
class Arm:
    """A right forearm and hand at rest, in the body model's world frame [m]."""

    vertices: Float[np.ndarray, "vertex 3"]
    """Mesh vertices at rest."""
    faces: Int[np.ndarray, "face 3"]
    """Triangles, outward by the right-hand rule."""
    weights: Float[np.ndarray, "vertex bone"]
    """Skinning weights to `BONES`; rows sum to 1."""
    heads: Float[np.ndarray, "bone 3"]
    """Where each bone starts: its joint."""
    tails: Float[np.ndarray, "bone 3"]
    """Where each bone ends; the fingertip for the last phalanges."""

    @property
    def palm_length_m(self) -> float:
        """Distance from the wrist to the root of the middle finger."""
        joints = self.joints(np.tile(np.eye(4), (len(BONES), 1, 1)))
        return float(np.linalg.norm(joints[hand_frame.MIDDLE_MCP] - joints[hand_frame.WRIST]))

    def rig_joints(self, motions: Float[np.ndarray, "bone 4 4"]) -> Float[np.ndarray, "21 3"]:
        """The rig's own joints: wrist, then root to tip of each finger from thumb to little."""
        heads = se3.apply(motions, self.heads[:, None])[:, 0]
        tails = se3.apply(motions, self.tails[:, None])[:, 0]
        fingers = [[*heads[3 * k : 3 * k + 3], tails[3 * k + 2]] for k in range(1, 6)]
        return np.array([heads[WRIST_BONE], *(joint for finger in fingers for joint in finger)])

    def joints(self, motions: Float[np.ndarray, "bone 4 4"]) -> Float[np.ndarray, "21 3"]:
        """The 21 points that MediaPipe's landmarks mean, in its order (see `landmarks`)."""
        at_rest = np.tile(np.eye(4), (len(BONES), 1, 1))
        rest_offsets = landmarks.offsets(self.rig_joints(at_rest))
        rotations = motions[:, :3, :3]
        offsets = np.einsum("kij,kj->ki", rotations[list(landmarks.OWN_BONE)], rest_offsets)
        offsets += np.einsum("kij,kj->ki", rotations[list(landmarks.OTHER_BONE)], rest_offsets)
        return self.rig_joints(motions) + 0.5 * offsets

    def motions(self, rotvecs: Float[np.ndarray, "bone 3"]) -> Float[np.ndarray, "bone 4 4"]:
        """Rigid motion of each bone when every joint is rotated by `rotvecs` [rad, rest axes]."""
        rotations = se3.exp_so3(rotvecs)
        local = se3.make(rotations, self.heads - np.einsum("bij,bj->bi", rotations, self.heads))
        out = np.empty_like(local)
        for bone, parent in enumerate(_PARENTS):
            out[bone] = local[bone] if parent < 0 else out[parent] @ local[bone]
        return out

    def skin(self, motions: Float[np.ndarray, "bone 4 4"]) -> Float[np.ndarray, "vertex 3"]:
        """The mesh moved by its bones (linear blend skinning)."""
        blended = np.einsum("vb,bij->vij", self.weights, motions)
        return se3.apply(blended, self.vertices[:, None])[:, 0]

    def flexion_axes(self) -> Float[np.ndarray, "5 3"]:
        """Axis about which each finger bends, rest axes; positive angles close the hand.

        At rest the fingers are a little curled, so their first and last phalanx span the plane
        in which they bend.
        """
        directions = self.tails - self.heads
        first, last = directions[3::3], directions[5::3]
        axes = np.cross(first, last)
        return axes / np.linalg.norm(axes, axis=1, keepdims=True)


def load_arm(body: Body) -> Arm:
    """The right arm of `body`. Raises `AssetError` where anny cannot be imported."""
    import torch

    model = _anny_model()
    phenotype = {
        "gender": body.gender,
        "height": body.height,
        "muscle": body.muscle,
        "weight": body.weight,
        "age": body.age,
    }
    with torch.no_grad():
        rest = model(phenotype_kwargs=phenotype)
    index = [model.bone_labels.index(f"{name}.R") for name in BONES]
    weights = _weights_of_arm(model, index)
    is_arm = weights.sum(axis=1) > 0.5
    new_index = np.cumsum(is_arm) - 1
    faces = model.faces.numpy()
    faces = faces[is_arm[faces].all(axis=1)]
    kept = weights[is_arm]
    return Arm(
        vertices=rest["rest_vertices"][0].numpy()[is_arm].astype(np.float64),
        faces=new_index[faces],
        weights=kept / kept.sum(axis=1, keepdims=True),
        heads=rest["rest_bone_heads"][0].numpy()[index].astype(np.float64),
        tails=rest["rest_bone_tails"][0].numpy()[index].astype(np.float64),
    )


def _weights_of_arm(model: anny.Anny, index: list[int]) -> Float[np.ndarray, "vertex bone"]:
    vertex_weights = model.vertex_bone_weights.numpy()
    dense = np.zeros((len(vertex_weights), len(model.bone_labels)))
    rows = np.arange(len(dense))[:, None]
    np.add.at(dense, (rows, model.vertex_bone_indices.numpy()), vertex_weights)
    for finger in range(1, 5):
        metacarpal = model.bone_labels.index(f"metacarpal{finger}.R")
        dense[:, index[WRIST_BONE]] += dense[:, metacarpal]
    return dense[:, index]


@lru_cache(maxsize=1)
def _anny_model() -> anny.Anny:
    try:
        import anny
        import warp
    except ImportError as error:
        raise AssetError(
            f"rendering hands needs the body model anny, which cannot be imported ({error}); "
            "install it with `pip install 'rotoscope[samples]'`"
        ) from error
    warp.config.quiet = True  # type: ignore[attr-defined]  # set by warp at run time
    # MakeHuman's own rig is the one whose bones have tails, which the fingertips are.
    return anny.Anny(rig="makehuman", skinning_method="lbs")
