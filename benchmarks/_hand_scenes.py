"""Scenes of `_hand_kinds`, rendered, with the truth and with what MediaPipe saw in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import platformdirs
from jaxtyping import Bool, Float, Int, UInt8

from benchmarks._captured_grasps import captured_grasp
from benchmarks._hand_kinds import HandScene
from benchmarks._skinned_hands import SkinnedHand, skinned_hand
from rotoscope.models.hands.landmarker import MediaPipeLandmarker
from rotoscope.models.rendered_hands import Body, postures, raycast
from rotoscope.models.rendered_hands.arm import load_arm
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import hand_frame, pinhole, se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import HandTrack

VERSION = 1
"""Part of the cache's key; raise it when the same scene comes out different."""
WIDTH, HEIGHT = 640, 480
LAMPS = ((-0.45, -0.75, -0.5), (0.6, -0.6, -0.5), (0.0, -0.3, -1.0), (0.0, -1.0, 0.2))
_FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
_SWAY_RAD = np.radians(14.0)
_SWAY_M = np.array([0.05, 0.04, 0.05])
_GRASP_CENTER_M = np.array([0.0, 0.0, 0.08])
_GRAIN = 2.5
_LEAST_CONFIDENCE = 0.3
_FARTHEST_HAND = 0.6

_Mesh = tuple[Float[np.ndarray, "vertex 3"], Int[np.ndarray, "face 3"]]


@dataclass(frozen=True, eq=False)
class SeenHand:
    """A rendered hand: what is true of it and what the landmarker said."""

    scene: HandScene
    K: Float[np.ndarray, "3 3"]
    time_s: Float[np.ndarray, " time"]
    joints_m: Float[np.ndarray, "time 21 3"]
    """True joints in the camera frame [m]: MediaPipe's points on anny, the rig's on others."""
    track: HandTrack
    """As the stage `hands` would give it; frames on something else or of the other side are not
    valid, since finding and naming hands is not what is measured here."""


@dataclass(frozen=True, eq=False)
class _Acted:
    """The motion of the hand: of its bones, of its pose, and whether it holds something."""

    hand: SkinnedHand
    motions: Float[np.ndarray, "time 16 4 4"]
    T_camera_rest: Float[np.ndarray, "time 4 4"]
    """Pose of the hand's rest frame in the (for a left hand: mirrored) camera frame."""
    is_held: Bool[np.ndarray, " time"]
    mirror: Float[np.ndarray, " 3"]

    def joints_m(self) -> Float[np.ndarray, "time 21 3"]:
        own = np.array([self.hand.landmarks(m) for m in self.motions])
        return se3.apply(self.T_camera_rest, own) * self.mirror


@cache
def see(scene: HandScene) -> SeenHand:
    """Renders a scene and shows it to MediaPipe; what it said is kept in the user's cache."""
    acted = _act(scene)
    key = hashlib.sha256(f"{VERSION} {scene!r}".encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("rotoscope") / "rendered_hand_kinds"
    path = folder / f"{scene.name}-{key}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, _landmarks(render(scene)))
    with np.load(path) as arrays:
        landmarks, hand, right = arrays["landmarks_px"], arrays["hand_m"], arrays["right"]
    joints = acted.joints_m()
    K = np.array([[scene.focal_px, 0, WIDTH / 2], [0, scene.focal_px, HEIGHT / 2], [0, 0, 1.0]])
    true_px = pinhole.project(joints, K)
    size_px = np.linalg.norm(np.ptp(true_px, axis=1), axis=1)
    off_px = np.linalg.norm(landmarks - true_px, axis=2).mean(axis=1)
    is_own = (right > 0.5) == (scene.side == "right")
    valid = np.isfinite(right) & is_own & (off_px < _FARTHEST_HAND * size_px)
    score = np.where(np.isfinite(right), 1.0, np.nan)
    track = HandTrack(scene.side, landmarks, hand, score, right, valid)
    return SeenHand(scene, K, np.arange(scene.num_frames) / scene.rate_hz, joints, track)


def render(scene: HandScene) -> list[UInt8[np.ndarray, "height width 3"]]:
    """The clip's pictures."""
    rng = np.random.default_rng([scene.seed, 5])
    acted, image = _act(scene), _background(rng)
    blemish = 1.0 + 0.05 * rng.standard_normal((len(acted.hand.vertices), 1))
    thing_rgb, cloth_rgb = rng.uniform(30, 220, 3), rng.uniform(30, 200, 3)
    K = np.array([[scene.focal_px, 0, WIDTH / 2], [0, scene.focal_px, HEIGHT / 2], [0, 0, 1.0]])
    skin = np.array(scene.skin_rgb, dtype=float)
    pictures = []
    for motions, T, held in zip(acted.motions, acted.T_camera_rest, acted.is_held, strict=True):
        parts = [(acted.hand.skin(motions), acted.hand.faces, skin * blemish)]
        if scene.sleeve != "none":
            vertices, faces = _forearm(acted.hand, scene)
            rgb = skin if scene.sleeve == "arm" else cloth_rgb
            parts.append((vertices, faces, np.tile(rgb, (len(vertices), 1))))
        if scene.thing != "none" and held:
            vertices, faces = _thing(scene.thing, acted.hand.joints(motions))
            parts.append((vertices, faces, np.tile(thing_rgb, (len(vertices), 1))))
        starts = np.cumsum([0, *(len(v) for v, _, _ in parts)])
        faces = np.concatenate([f + s for (_, f, _), s in zip(parts, starts, strict=False)])
        drawn = raycast.draw(
            image,
            K=K,
            vertices=se3.apply(T, np.concatenate([v for v, _, _ in parts])) * acted.mirror,
            faces=faces if acted.mirror[0] > 0 else faces[:, ::-1],
            colors=np.clip(np.concatenate([c for _, _, c in parts]), 0, 255),
            lamp=LAMPS[scene.lamp],
        )
        noisy = drawn + rng.normal(0.0, _GRAIN, drawn.shape)
        pictures.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return pictures


@cache
def _act(scene: HandScene) -> _Acted:
    rng = np.random.default_rng(scene.seed)
    body = scene.body if scene.origin == "anny" else None
    hand = skinned_hand(scene.origin, scene.scale, body)
    shown, is_held = _posture(scene, rng)
    yaw, pitch, roll = np.radians([scene.yaw_deg, scene.pitch_deg, scene.roll_deg])
    base = (
        se3.exp_so3(np.array([pitch, 0.0, 0.0]))
        @ se3.exp_so3(np.array([0.0, yaw, 0.0]))
        @ se3.exp_so3(np.array([0.0, 0.0, roll]))
        @ _FACING
    )
    R = se3.exp_so3(_sway(scene, rng) * _SWAY_RAD) @ base
    away = _sway(scene, rng) * _SWAY_M * scene.distance_m / 0.5
    center = scene.distance_m * np.array([*scene.off_center, 1.0]) + away - R @ _GRASP_CENTER_M
    motions = np.array([hand.motions(joints) for joints in shown])
    at_rest = hand_frame.wrist_pose(np.array([hand.joints(m) for m in motions]), "right")
    mirror = np.array([-1.0 if scene.side == "left" else 1.0, 1.0, 1.0])
    return _Acted(hand, motions, se3.make(R, center) @ se3.inverse(at_rest), is_held, mirror)


def _posture(scene: HandScene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Joints whose posture is taken on, and where a thing is held."""
    time_s = np.arange(scene.num_frames) / scene.rate_hz
    if scene.posture.startswith("myo:"):
        grasp = captured_grasp(scene.posture.removeprefix("myo:"))
        length_s = scene.num_frames / scene.rate_hz
        taken_s = grasp.time_s[np.argmax(grasp.is_held)] if grasp.is_held.any() else 0.0
        at_s = np.minimum(time_s + max(0.0, taken_s - 0.5 * length_s), grasp.time_s[-1])
        flat = grasp.joints_m.reshape(len(grasp.time_s), -1)
        columns = [np.interp(at_s, grasp.time_s, column) for column in flat.T]
        is_held = np.interp(at_s, grasp.time_s, grasp.is_held) > 0.5
        return np.stack(columns, axis=1).reshape(-1, 21, 3), is_held
    arm = load_arm(Body())
    open_hand, pinched = postures.open_hand(arm), postures.pinch(arm)
    phase = time_s / (scene.num_frames / scene.rate_hz)
    closing = postures.closing(phase, 1.0)
    most = rng.uniform(0.6, 1.0) if scene.posture == "pinchwide" else 1.0
    rng.normal(size=open_hand.shape)  # drawn once and no longer used; later draws depend on it
    curl = np.zeros_like(open_hand)
    for finger, axis in enumerate(arm.flexion_axes()):
        for link in range(3):
            curl[3 + 3 * finger + link] = axis * rng.normal(0.0, 0.15)
    least = rng.uniform(0.0, 0.25)
    share = least + (most - least) * closing
    shown = [open_hand + s * (pinched - open_hand) + curl * (1.0 - s) for s in share]
    return np.array([arm.rig_joints(arm.motions(x)) for x in shown]), closing > 0.97


def _sway(scene: HandScene, rng: np.random.Generator) -> Float[np.ndarray, "time 3"]:
    time_s = np.arange(scene.num_frames)[:, None] / scene.rate_hz
    out = np.zeros((scene.num_frames, 3))
    for frequency_hz, share in ((0.35, 0.65), (0.8, 0.35)):
        turns = time_s * frequency_hz * rng.uniform(0.8, 1.25, 3)
        out += share * np.sin(2.0 * np.pi * turns + rng.uniform(0.0, 2.0 * np.pi, 3))
    return out


def _forearm(hand: SkinnedHand, scene: HandScene) -> _Mesh:
    """A cylinder that goes on where the hand's mesh ends, of skin or of cloth."""
    back = -hand.joints_m[hand_frame.MIDDLE_MCP] / hand.palm_m
    across = unit(np.cross(back, [1.0, 0.0, 0.3]))
    radius_m, start_m = (0.028, 0.0) if scene.sleeve == "arm" else (0.042, 0.035)
    vertices, faces = _cylinder(radius_m * hand.palm_m / 0.09, 0.5)
    R = np.stack([across, np.cross(back, across), back], axis=1)
    return vertices @ R.T + back * (0.25 + start_m), faces


def _thing(thing: str, joints_m: Float[np.ndarray, "21 3"]) -> _Mesh:
    """A thing between the thumb and the tips of index and middle finger."""
    import open3d as o3d

    fingers = 0.5 * (joints_m[8] + joints_m[12])
    between = joints_m[4] - fingers
    wide_m = max(float(np.linalg.norm(between)) - 0.018, 0.008)
    y = unit(between)
    across = joints_m[5] - joints_m[17]
    z = unit(across - (across @ y) * y)
    R = np.stack([np.cross(y, z), y, z], axis=1)
    if thing in ("cylinder", "stick"):
        is_stick = thing == "stick"
        radius_m = max(0.5 * wide_m, 0.004) if is_stick else 0.5 * wide_m
        vertices, faces = _cylinder(radius_m, 0.22 if is_stick else 0.14)
    elif thing == "sphere":
        mesh = o3d.geometry.TriangleMesh.create_sphere(0.5 * wide_m, 12)
        vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.triangles)
    else:
        size, ahead_m = ((0.16, wide_m, 0.10), 0.05)
        if thing == "plate":
            size, ahead_m = ((0.20, min(wide_m, 0.02), 0.20), 0.09)
        mesh = o3d.geometry.TriangleMesh.create_box(*size)
        vertices = np.asarray(mesh.vertices) - 0.5 * np.array(size) + [ahead_m, 0.0, 0.0]
        faces = np.asarray(mesh.triangles)
    return vertices @ R.T + 0.5 * (joints_m[4] + fingers), faces.astype(int)


def _cylinder(radius_m: float, length_m: float) -> _Mesh:
    import open3d as o3d

    mesh = o3d.geometry.TriangleMesh.create_cylinder(radius_m, length_m, 24, 4)
    return np.asarray(mesh.vertices), np.asarray(mesh.triangles).astype(int)


def _background(rng: np.random.Generator) -> UInt8[np.ndarray, "height width 3"]:
    """A plain wall, patches, or tiles."""
    image = np.tile(rng.uniform(70, 200, 3), (HEIGHT, WIDTH, 1))
    kind = rng.integers(0, 3)
    if kind == 1:
        for _ in range(16):
            x, y = rng.integers(0, [WIDTH, HEIGHT])
            w, h = rng.integers(40, 240, 2)
            image[y : y + h, x : x + w] = rng.uniform(30, 220, 3)
    if kind == 2:
        side = int(rng.integers(24, 60))
        for y in range(0, HEIGHT, side):
            for x in range(0, WIDTH, side):
                image[y : y + side, x : x + side] = rng.uniform(60, 220, 3)
    shade = np.linspace(0.85, 1.1, WIDTH)[None, :, None]
    return np.clip(image * shade, 0, 255).astype(np.uint8)


def _landmarks(pictures: list[UInt8[np.ndarray, "height width 3"]]) -> dict[str, np.ndarray]:
    """What MediaPipe's own loop says of a clip; NaN where it finds nothing."""
    num = len(pictures)
    out = {
        "landmarks_px": np.full((num, 21, 2), np.nan),
        "hand_m": np.full((num, 21, 3), np.nan),
        "right": np.full(num, np.nan),
    }
    landmarker = MediaPipeLandmarker(
        asset_path("hand_landmarker.task"),
        min_detection_confidence=_LEAST_CONFIDENCE,
        min_presence_confidence=_LEAST_CONFIDENCE,
    )
    try:
        for row, picture in enumerate(pictures):
            found = landmarker(picture)
            if found is not None:
                out["landmarks_px"][row], out["hand_m"][row] = found.landmarks_px, found.hand_m
                out["right"][row] = found.right_probability
    finally:
        landmarker.close()
    return out


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
