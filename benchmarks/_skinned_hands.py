"""Right hands of other origin than the project's own puppet, as meshes that move with 15 bones.

One puppet taught constants that did not hold on other hands. `anny` comes with the package; the
others are public files in a folder that `ROTOSCOPE_HANDS` names:

- `webxr.glb`: `generic-hand/right.glb` of immersive-web/webxr-input-profiles (MIT);
- `godot.gltf`, `nails.gltf`: `hand_r.gltf`, `Hand_Nails_R.gltf` of GodotVR/godot-xr-tools (CC0);
- `person.json`: `umetrack_hand_user_profile.json` of a HOT3D recording, a scanned person's hand
  (HOT3D's license).
"""

from __future__ import annotations

import base64
import json
import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.rendered_hands import Body, landmarks
from rotoscope.models.rendered_hands.arm import BONES, load_arm
from rotoscope.pipeline.geometry import hand_frame, se3

Origin = Literal["anny", "webxr", "godot", "nails", "person"]
PALM = [0, 5, 9, 13, 17]
NUM_BONES = 16
"""The palm, then three bones of each finger from thumb to little."""
_TIP_DEPTH_M = 0.004
"""How far below the end of a fingertip its joint lies."""
_NUMPY = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True, eq=False)
class SkinnedHand:
    """A right hand at rest, its wrist joint at the origin [m]."""

    vertices: Float[np.ndarray, "vertex 3"]
    faces: Int[np.ndarray, "face 3"]
    weights: Float[np.ndarray, "vertex 16"]
    """Skinning weights; rows sum to 1."""
    joints_m: Float[np.ndarray, "21 3"]
    """The rig's joints, MediaPipe's order."""
    landmark_offsets_m: Float[np.ndarray, "21 3"] | None = None
    """MediaPipe's points minus the joints at rest, where they were measured."""

    @property
    def palm_m(self) -> float:
        """Distance from the wrist joint to the root of the middle finger."""
        return float(np.linalg.norm(self.joints_m[hand_frame.MIDDLE_MCP]))

    def motions(self, posture_m: Float[np.ndarray, "21 3"]) -> Float[np.ndarray, "16 4 4"]:
        """Motions of the bones that turn each as it is turned in another hand's joints."""
        wanted = posture_m - posture_m[0]
        wanted *= self.palm_m / np.linalg.norm(wanted[hand_frame.MIDDLE_MCP])
        wanted = wanted @ rotation_onto(wanted[PALM], self.joints_m[PALM]).T
        out = np.tile(np.eye(4), (NUM_BONES, 1, 1))
        for bone in range(1, NUM_BONES):
            finger, link = divmod(bone - 1, 3)
            joint = 1 + 4 * finger + link
            before = out[bone - 1] if link else np.eye(4)
            rest = self.joints_m[joint + 1] - self.joints_m[joint]
            R = _shortest_turn(before[:3, :3] @ rest, wanted[joint + 1] - wanted[joint])
            R = R @ before[:3, :3]
            head = se3.apply(before, self.joints_m[joint][None])[0]
            out[bone] = se3.make(R, head - R @ self.joints_m[joint])
        return out

    def joints(self, motions: Float[np.ndarray, "16 4 4"]) -> Float[np.ndarray, "21 3"]:
        """The rig's joints in a posture [m]."""
        out = np.zeros((21, 3))
        for joint in range(1, 21):
            finger, link = divmod(joint - 1, 4)
            bone = 1 + 3 * finger + min(link, 2)
            out[joint] = se3.apply(motions[bone], self.joints_m[joint][None])[0]
        return out

    def landmarks(self, motions: Float[np.ndarray, "16 4 4"]) -> Float[np.ndarray, "21 3"]:
        """MediaPipe's points in a posture [m]; the joints where those were not measured."""
        joints = self.joints(motions)
        if self.landmark_offsets_m is None:
            return joints
        for table in (landmarks.OWN_BONE, landmarks.OTHER_BONE):
            turned = motions[[max(bone - 2, 0) for bone in table], :3, :3]
            joints += 0.5 * np.einsum("kij,kj->ki", turned, self.landmark_offsets_m)
        return joints

    def skin(self, motions: Float[np.ndarray, "16 4 4"]) -> Float[np.ndarray, "vertex 3"]:
        """The mesh in a posture (linear blend skinning)."""
        blended = np.einsum("vb,bij->vij", self.weights, motions)
        return se3.apply(blended, self.vertices[:, None])[:, 0]


@lru_cache(maxsize=64)
def skinned_hand(origin: Origin, scale: float = 1.0, body: Body | None = None) -> SkinnedHand:
    """A hand, `scale` times as large as its file says; `body` is anny's phenotype."""
    if origin == "anny":
        return _anny_hand(body or Body())
    if origin == "person":
        return _scanned_hand(_file("person.json"), scale)
    return _gltf_hand(_file("webxr.glb" if origin == "webxr" else f"{origin}.gltf"), scale)


def rotation_onto(
    points: Float[np.ndarray, "point 3"], onto: Float[np.ndarray, "point 3"]
) -> Float[np.ndarray, "3 3"]:
    """The rotation that brings points closest to others, centers aside (Kabsch 1976)."""
    u, _, vt = np.linalg.svd((points - points.mean(axis=0)).T @ (onto - onto.mean(axis=0)))
    turn: np.ndarray = vt.T @ np.diag([1.0, 1.0, np.linalg.det(vt.T @ u.T)]) @ u.T
    return turn


def hands_folder() -> Path:
    """The folder of public hands; ends the benchmark with a sentence where there is none."""
    folder = Path(os.environ.get("ROTOSCOPE_HANDS", ""))
    if not os.environ.get("ROTOSCOPE_HANDS") or not folder.is_dir():
        raise SystemExit(f"name a folder of public hands with ROTOSCOPE_HANDS; {__doc__}")
    return folder


def _file(name: str) -> Path:
    path = hands_folder() / name
    if not path.exists():
        raise SystemExit(f"{path} is not there; {__doc__}")
    return path


def _shortest_turn(
    start: Float[np.ndarray, " 3"], end: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "3 3"]:
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis)
    turn: np.ndarray = se3.exp_so3(axis / max(sine, 1e-12) * np.arctan2(sine, start @ end))
    return turn


def _anny_hand(body: Body) -> SkinnedHand:
    arm = load_arm(body)
    joints = arm.rig_joints(np.tile(np.eye(4), (len(BONES), 1, 1)))
    weights = np.concatenate([arm.weights[:, :3].sum(axis=1, keepdims=True), arm.weights[:, 3:]], 1)
    return SkinnedHand(
        arm.vertices - joints[0], arm.faces, weights, joints - joints[0], landmarks.offsets(joints)
    )


def _scanned_hand(path: Path, scale: float) -> SkinnedHand:
    """A left hand in millimeters, mirrored."""
    model = json.loads(path.read_text())["hand_model"]
    to_right = 1e-3 * scale * np.array([1.0, 1.0, -1.0])
    joints = np.array(model["joint_rest_positions"]) * to_right
    tips = np.array(model["landmark_rest_positions"]) * to_right
    starts = ((1, 2, 3), (4, 6, 7), (8, 10, 11), (12, 14, 15), (16, 18, 19))
    chain = [
        p for tip, finger in enumerate(starts) for p in (*(joints[i] for i in finger), tips[tip])
    ]
    weights = np.array(model["dense_bone_weights"])
    return SkinnedHand(
        np.array(model["mesh_vertices"]) * to_right,
        np.array(model["mesh_triangles"]).astype(int)[:, ::-1],
        np.concatenate([weights[:, :2].sum(axis=1, keepdims=True), weights[:, 2:]], axis=1),
        np.array([joints[20], *chain]),
    )


def _gltf_hand(path: Path, scale: float) -> SkinnedHand:
    content, buffers = _gltf(path)
    part = content["meshes"][0]["primitives"][0]
    skin = content["skins"][0]
    vertices = _array(content, buffers, part["attributes"]["POSITION"]).astype(float)
    bones = _array(content, buffers, part["attributes"]["JOINTS_0"]).astype(int)
    shares = _array(content, buffers, part["attributes"]["WEIGHTS_0"]).astype(float)
    binds = _array(content, buffers, skin["inverseBindMatrices"]).astype(float)
    heads = np.linalg.inv(binds.reshape(-1, 4, 4).swapaxes(1, 2))[:, :3, 3]
    names = [content["nodes"][n]["name"].lower().replace("-", "_") for n in skin["joints"]]
    index = [next(i for i, n in enumerate(names) if n in wanted) for wanted in _joint_names()]
    dense = np.zeros((len(vertices), len(names)))
    np.add.at(dense, (np.arange(len(dense))[:, None], bones), shares)
    dense /= dense.sum(axis=1, keepdims=True)
    weights = np.zeros((len(vertices), NUM_BONES))
    for joint in range(1, 21):
        finger, link = divmod(joint - 1, 4)
        weights[:, 1 + 3 * finger + min(link, 2)] += dense[:, index[joint]]
    weights[:, 0] = 1.0 - weights.sum(axis=1)
    joints = heads[index]
    for tip in (4, 8, 12, 16, 20):
        along = (joints[tip] - joints[tip - 1]) / np.linalg.norm(joints[tip] - joints[tip - 1])
        own = vertices[weights[:, 3 * (tip // 4)] > 0.5] - joints[tip - 1]
        joints[tip] = joints[tip - 1] + along * ((own @ along).max() - _TIP_DEPTH_M)
    faces = _array(content, buffers, part["indices"]).reshape(-1, 3).astype(int)
    return SkinnedHand(scale * (vertices - joints[0]), faces, weights, scale * (joints - joints[0]))


def _joint_names() -> list[set[str]]:
    """What both rigs call the 21 joints."""
    links = {"thumb": ("metacarpal", "proximal", "distal", "tip")}
    links |= dict.fromkeys(
        ("index", "middle", "ring", "little"), ("proximal", "intermediate", "distal", "tip")
    )
    out = [{"wrist", "wrist_r"}]
    for finger, bones in links.items():
        webxr = "thumb" if finger == "thumb" else f"{finger.replace('little', 'pinky')}_finger"
        for bone in bones:
            own = bone if bone in ("metacarpal", "tip") else f"phalanx_{bone}"
            out.append({f"{webxr}_{own}", f"{finger}_{bone}_r"})
    return out


def _gltf(path: Path) -> tuple[dict[str, Any], list[bytes]]:
    data = path.read_bytes()
    if data[:4] != b"glTF":
        content = json.loads(data)
        return content, [base64.b64decode(b["uri"].split(",")[1]) for b in content["buffers"]]
    (length,) = struct.unpack("<I", data[12:16])
    start = 20 + length
    (size,) = struct.unpack("<I", data[start : start + 4])
    return json.loads(data[20:start]), [data[start + 8 : start + 8 + size]]


def _array(content: dict[str, Any], buffers: list[bytes], number: int) -> np.ndarray:
    accessor = content["accessors"][number]
    view = content["bufferViews"][accessor["bufferView"]]
    kind, width = np.dtype(_NUMPY[accessor["componentType"]]), _WIDTH[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", kind.itemsize * width)
    shape, strides = (accessor["count"], width), (stride, kind.itemsize)
    return np.ndarray(shape, kind, buffers[view["buffer"]], start, strides).copy()
