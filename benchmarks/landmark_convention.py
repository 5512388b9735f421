"""What MediaPipe's landmarks mean on the body model, measured on bodies the table never saw.

`rotoscope.models.rendered_hands.landmarks.OFFSETS` defines the truth of rendered hands. Here
resting hands of two other bodies are rendered in 18 known views, MediaPipe marks each image by
itself, every landmark is triangulated, and its offset from the rig's joint is compared with the
table.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from benchmarks.figure import Figure
from rotoscope.models.perception.mediapipe_import import import_mediapipe
from rotoscope.models.rendered_hands import Body, landmarks, raycast
from rotoscope.models.rendered_hands.arm import BONES, Arm, load_arm
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.geometry import hand_frame, pinhole, se3

BODIES = (Body(gender=0.3, height=0.52, muscle=0.7), Body(gender=0.85, height=0.42, age=0.8))
VIEWS_DEG = tuple(product((-35, 0, 35, 145, 180, 215), (-35, 0, 35)))
"""Yaw and pitch of the hand against a camera that looks at the palm."""
DISTANCE_M = 0.5
K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
_FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])


def run() -> list[Figure]:
    """Distances between measured and tabulated offsets, and what they are without the table."""
    deviations, raw = [], []
    with _landmarker() as landmarker:
        for body in BODIES:
            arm = load_arm(body)
            rig, found = _rig_and_landmarks(arm, landmarker)
            deviations.append(np.linalg.norm(found - rig - landmarks.offsets(rig), axis=1))
            raw.append(np.linalg.norm(found - rig, axis=1))
    deviation_mm, raw_mm = 1e3 * np.concatenate(deviations), 1e3 * np.concatenate(raw)
    return [
        Figure("landmark_convention.deviation", float(np.median(deviation_mm)), "mm"),
        Figure("landmark_convention.deviation_max", float(deviation_mm.max()), "mm"),
        Figure("landmark_convention.from_rig_joints", float(np.median(raw_mm)), "mm"),
        Figure(
            "landmark_convention.from_rig_wrist", float(raw_mm.reshape(-1, 21)[:, 0].mean()), "mm"
        ),
    ]


def _rig_and_landmarks(arm: Arm, landmarker: Any) -> tuple[np.ndarray, np.ndarray]:
    """The rig's joints at rest and the triangulated landmarks, in the rig's wrist frame [m]."""
    at_rest = np.tile(np.eye(4), (len(BONES), 1, 1))
    joints = arm.rig_joints(at_rest)
    T_wrist_rest = se3.inverse(hand_frame.wrist_pose(joints, "right"))
    rig = se3.apply(T_wrist_rest, joints)
    vertices = se3.apply(T_wrist_rest, arm.vertices)
    seen = [
        (T, pixels)
        for T in _camera_poses(rig)
        if (pixels := _mark(landmarker, _picture(arm, se3.apply(T, vertices)))) is not None
    ]
    poses, pixels = np.array([T for T, _ in seen]), np.array([marks for _, marks in seen])
    return rig, np.array([_triangulate(poses, pixels[:, k], rig[k]) for k in range(21)])


def _camera_poses(rig: np.ndarray) -> Iterator[np.ndarray]:
    for yaw, pitch in np.radians(VIEWS_DEG):
        tilt = se3.exp_so3(np.array([pitch, 0.0, 0.0])) @ se3.exp_so3(np.array([0.0, yaw, 0.0]))
        R = tilt @ _FACING
        yield se3.make(R, np.array([0.0, 0.0, DISTANCE_M]) - R @ rig[hand_frame.MIDDLE_MCP] * 0.8)


def _picture(arm: Arm, vertices: np.ndarray) -> np.ndarray:
    skin = np.tile([224.0, 172.0, 140.0], (len(vertices), 1))
    wall = np.full((480, 640, 3), 120, np.uint8)
    return raycast.draw(wall, K=K, vertices=vertices, faces=arm.faces, colors=skin)


def _landmarker() -> Any:
    mediapipe = import_mediapipe()
    options = mediapipe.tasks.vision.HandLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(
            model_asset_path=str(asset_path("hand_landmarker.task"))
        ),
        num_hands=1,
    )
    return mediapipe.tasks.vision.HandLandmarker.create_from_options(options)


def _mark(landmarker: Any, picture: np.ndarray) -> np.ndarray | None:
    mediapipe = import_mediapipe()
    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
    hands = landmarker.detect(image).hand_landmarks
    if not hands:
        return None
    return np.array([(mark.x * 640.0, mark.y * 480.0) for mark in hands[0]])


def _triangulate(poses: np.ndarray, pixels: np.ndarray, start: np.ndarray) -> np.ndarray:
    from scipy.optimize import least_squares

    def residual(point: np.ndarray) -> np.ndarray:
        in_camera = poses[:, :3, :3] @ point + poses[:, :3, 3]
        return (pinhole.project(in_camera, K) - pixels).ravel()

    return least_squares(residual, start, loss="soft_l1", f_scale=3.0).x
