"""One arm that acts a scene: its mesh and its joints, frame by frame, in the camera frame."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.rendered_hands import postures, scenes
from rotoscope.models.rendered_hands.arm import WRIST_BONE, Arm, Body, load_arm
from rotoscope.models.rendered_hands.scenes import Scene
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.tracks import Side

_SLEEVE_RGB = np.array([72.0, 96.0, 140.0])
_SLEEVE_FROM_WRIST_M = 0.14
_SLEEVE_LENGTH_M = 0.6
_BLEMISH = 0.04
"""Relative variation of the skin's color from vertex to vertex."""


class Puppet:
    """The right or left arm of a scene's person."""

    def __init__(self, scene: Scene, side: Side) -> None:
        self.side = side
        self._scene = scene
        self._arm = _arm(scene.body)
        self._poses = scenes.hand_poses(scene, side)
        self._bends = scenes.wrist_bends(scene, side)
        self._closing = postures.closing(scene.time_s, scene.closing_period_s)
        self._open = postures.open_hand(self._arm)
        close = postures.pinch if scene.grip == "pinch" else postures.fist
        self._closed = close(self._arm)
        self._mirror = np.array([-1.0 if side == "left" else 1.0, 1.0, 1.0])
        self._faces, self._sleeve_edge = with_sleeve(self._arm)
        self._colors = paint(self._arm, self._sleeve_edge, scene.skin_rgb, scene.seed)

    def joints(self, frame: int) -> Float[np.ndarray, "21 3"]:
        """MediaPipe's 21 points in the camera frame [m]."""
        motions, T = self._placed(frame)
        return se3.apply(T, self._arm.joints(motions)) * self._mirror

    def rig_wrist(self, frame: int) -> Float[np.ndarray, " 3"]:
        """The body model's own wrist joint in the camera frame [m]."""
        motions, T = self._placed(frame)
        wrist: np.ndarray = se3.apply(T, self._arm.rig_joints(motions)[:1])[0] * self._mirror
        return wrist

    def mesh(
        self, frame: int
    ) -> tuple[
        Float[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"], Float[np.ndarray, "vertex 3"]
    ]:
        """Vertices in the camera frame [m], triangles, and colors of the vertices (0..255)."""
        motions, T = self._placed(frame)
        vertices = se3.apply(T, sleeved(self._arm, motions, self._sleeve_edge)) * self._mirror
        faces = self._faces if self.side == "right" else self._faces[:, ::-1]
        return vertices, faces, self._colors

    def _placed(self, frame: int) -> tuple[Float[np.ndarray, "bone 4 4"], np.ndarray]:
        """Motions of the bones, and the pose of their frame in the (unmirrored) camera frame."""
        rotvecs = self._open + self._closing[frame] * (self._closed - self._open)
        rotvecs[WRIST_BONE] = self._bends[frame]
        motions = self._arm.motions(rotvecs)
        T_rest_wrist = hand_frame.wrist_pose(self._arm.joints(motions), "right")
        return motions, self._poses[frame] @ se3.inverse(T_rest_wrist)


def paint(
    arm: Arm, sleeve_edge: Int[np.ndarray, " edge"], skin_rgb: tuple[int, int, int], seed: int
) -> Float[np.ndarray, "vertex 3"]:
    """Colors of the vertices of `sleeved` (0..255): skin with blemishes, and a sleeve."""
    rng = np.random.default_rng(seed)
    blemish = 1.0 + _BLEMISH * rng.standard_normal((len(arm.vertices), 1))
    colors = np.array(skin_rgb) * blemish
    forearm = arm.heads[0] - arm.heads[WRIST_BONE]
    along = (arm.vertices - arm.heads[WRIST_BONE]) @ forearm / np.linalg.norm(forearm)
    colors[along > _SLEEVE_FROM_WRIST_M] = _SLEEVE_RGB
    return np.concatenate([colors, np.tile(_SLEEVE_RGB, (len(sleeve_edge), 1))])


def sleeved(
    arm: Arm, motions: Float[np.ndarray, "bone 4 4"], sleeve_edge: Int[np.ndarray, " edge"]
) -> Float[np.ndarray, "vertex 3"]:
    """The posed skin [m], and the far end of the sleeve that goes on where the mesh was cut."""
    skin = arm.skin(motions)
    forearm = motions[0, :3, :3] @ (arm.heads[0] - arm.heads[WRIST_BONE])
    far = skin[sleeve_edge] + _SLEEVE_LENGTH_M * forearm / np.linalg.norm(forearm)
    return np.concatenate([skin, far])


def with_sleeve(arm: Arm) -> tuple[Int[np.ndarray, "face 3"], Int[np.ndarray, " edge"]]:
    """The arm's triangles and those of a sleeve that goes on where the mesh was cut.

    The second result names the vertices at the cut; their copies are appended to the mesh.
    """
    edges = np.concatenate([arm.faces[:, [0, 1]], arm.faces[:, [1, 2]], arm.faces[:, [2, 0]]])
    _, first, counts = np.unique(
        np.sort(edges, axis=1), axis=0, return_index=True, return_counts=True
    )
    open_edges = edges[first[counts == 1]]
    cut = np.unique(open_edges)
    copy = np.full(len(arm.vertices), -1)
    copy[cut] = len(arm.vertices) + np.arange(len(cut))
    a, b = open_edges.T
    sleeve = np.concatenate(
        [np.stack([b, a, copy[a]], axis=1), np.stack([b, copy[a], copy[b]], axis=1)]
    )
    return np.concatenate([arm.faces, sleeve]), cut


@lru_cache(maxsize=16)
def _arm(body: Body) -> Arm:
    return load_arm(body)
