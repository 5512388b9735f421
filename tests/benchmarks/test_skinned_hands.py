"""Hands from glTF files, tried on one that is made here."""

import base64
import json

import numpy as np
import pytest

from benchmarks import _skinned_hands
from benchmarks._skinned_hands import PALM, rotation_onto, skinned_hand
from rotoscope.models.hands import model as hand_model

BONES = [
    "Wrist_R",
    *(f"Thumb_{b}_R" for b in ("Metacarpal", "Proximal", "Distal", "Tip")),
    *(
        f"{finger}_{b}_R"
        for finger in ("Index", "Middle", "Ring", "Little")
        for b in ("Proximal", "Intermediate", "Distal", "Tip")
    ),
]
PALM_M = 0.1


def a_gltf_hand() -> dict:
    """Every joint of the project's own hand is a bone with four vertices around it."""
    joints = PALM_M * hand_model.pose(np.zeros((1, 5, 5))).points[0] + [0.3, 0.2, 0.1]
    around = 0.005 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 1], [0, -1, 1]])
    vertices = (joints[:, None] + around).reshape(-1, 3).astype("<f4")
    bones = np.zeros((len(vertices), 4), "u1")
    bones[:, 0] = np.repeat(np.arange(21), 4)
    weights = np.tile(np.array([1, 0, 0, 0], "<f4"), (len(vertices), 1))
    faces = np.arange(len(vertices) // 4 * 3, dtype="<u2")
    binds = np.tile(np.eye(4), (21, 1, 1))
    binds[:, :3, 3] = -joints
    arrays = [
        (vertices, 5126, "VEC3"),
        (bones, 5121, "VEC4"),
        (weights, 5126, "VEC4"),
        (faces, 5123, "SCALAR"),
        (binds.swapaxes(1, 2).astype("<f4"), 5126, "MAT4"),
    ]
    content: dict = {"bufferViews": [], "accessors": [], "nodes": [{"name": n} for n in BONES]}
    data = b""
    for number, (array, kind, shape) in enumerate(arrays):
        content["bufferViews"].append({"buffer": 0, "byteOffset": len(data)})
        count = array.size if shape == "SCALAR" else len(array)
        content["accessors"].append(
            {"bufferView": number, "componentType": kind, "count": count, "type": shape}
        )
        data += array.tobytes()
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    content["buffers"] = [{"uri": uri}]
    names = {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}
    content["meshes"] = [{"primitives": [{"attributes": names, "indices": 3}]}]
    content["skins"] = [{"joints": list(range(21)), "inverseBindMatrices": 4}]
    return content


@pytest.fixture
def hand(tmp_path, monkeypatch):
    (tmp_path / "godot.gltf").write_text(json.dumps(a_gltf_hand()))
    monkeypatch.setenv("ROTOSCOPE_HANDS", str(tmp_path))
    skinned_hand.cache_clear()
    yield skinned_hand("godot", 0.9)
    skinned_hand.cache_clear()


def test_joints_are_read_with_the_wrist_at_the_origin_and_scaled(hand):
    expected = 0.9 * PALM_M * hand_model.pose(np.zeros((1, 5, 5))).points[0]
    inner = [k for k in range(21) if k == 0 or k % 4]
    assert hand.joints_m[inner] == pytest.approx(expected[inner], abs=1e-6)
    assert hand.palm_m == pytest.approx(0.9 * PALM_M, abs=1e-6)


def test_a_posture_is_taken_on_bone_by_bone_whatever_its_size_and_place(hand):
    bent = hand_model.pose(np.tile(np.radians([20.0, 5.0, 0.0, 30.0, 20.0]), (1, 5, 1))).points[0]
    joints = hand.joints(hand.motions(2.0 * bent + [1.0, 2.0, 3.0]))
    R = rotation_onto(bent[PALM], hand.joints_m[PALM])
    for joint in (1, 2, 5, 6, 7, 9, 13, 18):
        ours, wanted = joints[joint + 1] - joints[joint], R @ (bent[joint + 1] - bent[joint])
        cosine = ours @ wanted / np.linalg.norm(ours) / np.linalg.norm(wanted)
        assert cosine == pytest.approx(1.0, abs=1e-6)


def test_bones_keep_their_lengths_and_skin_goes_with_them(hand):
    bent = hand_model.pose(np.tile(np.radians([20.0, 5.0, 0.0, 30.0, 20.0]), (1, 5, 1))).points[0]
    motions = hand.motions(bent)
    joints, skin = hand.joints(motions), hand.skin(motions).reshape(21, 4, 3)
    lengths = np.linalg.norm(np.diff(joints[5:9], axis=0), axis=1)
    at_rest = np.linalg.norm(np.diff(hand.joints_m[5:9], axis=0), axis=1)
    assert lengths == pytest.approx(at_rest, abs=1e-9)
    apart = np.linalg.norm(skin[6] - joints[6], axis=1)
    assert apart == pytest.approx(np.linalg.norm(hand.vertices[24:28] - hand.joints_m[6], axis=1))


def test_a_folder_that_is_not_named_or_lacks_the_file_says_what_belongs_there(
    monkeypatch, tmp_path
):
    monkeypatch.delenv("ROTOSCOPE_HANDS", raising=False)
    with pytest.raises(SystemExit, match="webxr-input-profiles"):
        _skinned_hands.hands_folder()
    monkeypatch.setenv("ROTOSCOPE_HANDS", str(tmp_path))
    skinned_hand.cache_clear()
    with pytest.raises(SystemExit, match=r"webxr\.glb is not there"):
        skinned_hand("webxr", 1.0)
