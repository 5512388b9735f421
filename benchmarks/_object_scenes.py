"""Rendered hands that take a thing, carry it and put it down, with the thing's true mask and path.

The thing rests, is taken, moves with the wrist and rests again; the hand leaves. The ground is a
plane behind it that a moving camera sees with parallax.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from jaxtyping import Bool, Float, UInt8

from benchmarks._hand_scenes import LAMPS, _cylinder, _forearm, _thing
from benchmarks._skinned_hands import skinned_hand
from rotoscope.models.rendered_hands import Body, postures, raycast
from rotoscope.models.rendered_hands.arm import load_arm
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.geometry.vectors import unit

VERSION = 1
"""Part of the cache's key; raise it when the same scene comes out different."""
WIDTH, HEIGHT, RATE_HZ, FOCAL_PX = 640, 480, 30, 600.0
MASK_WIDTH, MASK_HEIGHT = 320, 240
MOVED_M = 0.003
"""A thing that is so far from where it rested has begun to move."""
_FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
_GROUND_M = 0.72
_GRAIN = 2.5
_CLEAR = 0.6
"""Share of what lies behind that a clear thing lets through."""


@dataclass(frozen=True)
class ObjectScene:
    """One clip: what is taken, before which ground, how the hand and the camera move."""

    name: str
    thing: str = "box"
    """`box`, `cylinder`, `sphere`, `plate`, `stick`, or `none`: a hand that mimes."""
    ground: str = "plain"
    """`plain`, `patches`, `tiles` or `cloth`."""
    sleeve: str = "sleeve"
    """`arm`, `sleeve` or `none`."""
    camera: str = "still"
    """`still`, `pan` or `walk`."""
    yaw_deg: float = 165.0
    pitch_deg: float = -20.0
    roll_deg: float = -20.0
    twin: bool = False
    """Whether another thing of the same color rests nearby."""
    num_around: int = 0
    """How many more rest around the thing and where it is put: of its shape, every third of its
    color."""
    skin_rgb: tuple[int, int, int] = (224, 172, 140)
    is_textured: bool = False
    """Whether the thing has a print or one color."""
    finish: str = "matte"
    """`matte`, `shiny` (a highlight that stays with the lamp) or `clear` (the ground shows)."""
    seed: int = 0
    num_frames: int = 84
    take_frame: int = 26
    leave_frame: int = 60


@dataclass(frozen=True, eq=False)
class ObjectClip:
    """A video with its truth."""

    path: Path
    scene: ObjectScene
    masks: Bool[np.ndarray, "time height width"]
    """Pixels of the taken thing that are seen, at half the video's size."""
    center_m: Float[np.ndarray, "time 3"]
    """Its middle in the camera frame of each picture [m]."""
    T_reference_camera: Float[np.ndarray, "time 4 4"]
    palm_m: float
    """True distance of wrist and middle root [m]."""

    @property
    def is_moved(self) -> Bool[np.ndarray, " time"]:
        """Frames from the first in which it has left its place to the last before it rests."""
        world = se3.apply(self.T_reference_camera, self.center_m[:, None])[:, 0]
        start = np.linalg.norm(world - world[0], axis=1) > MOVED_M
        end = np.linalg.norm(world - world[-1], axis=1) > MOVED_M
        return np.asarray(start & end)


def object_clip(scene: ObjectScene) -> ObjectClip:
    """The scene, rendered on first use and kept in the user's cache."""
    key = hashlib.sha256(f"{VERSION} {scene!r}".encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("rotoscope") / "rendered_objects"
    video = folder / f"{scene.name}-{key}.mp4"
    truth = video.with_suffix(".npz")
    if not (video.exists() and truth.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _render(scene, video, truth)
    with np.load(truth) as arrays:
        masks = np.unpackbits(arrays["masks"], axis=2, count=MASK_WIDTH).astype(bool)
        return ObjectClip(
            video, scene, masks, arrays["center_m"], arrays["T"], float(arrays["palm_m"])
        )


def _render(scene: ObjectScene, video: Path, truth: Path) -> None:
    import av

    rng = np.random.default_rng([scene.seed, 31])
    parts, thing_center = _act(scene, rng)
    poses = _camera(scene, rng)
    ground = _ground(scene, rng)
    K = np.array([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1.0]])
    masks, grain = [], np.random.default_rng([scene.seed, 32])
    lamp = LAMPS[scene.seed % len(LAMPS)]
    with atomic_path(video) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "18", "preset": "fast", "threads": "1"}
        for meshes, pose in zip(parts, poses, strict=True):
            to_camera = se3.inverse(pose)
            vertices = se3.apply(to_camera, np.concatenate([v for v, _, _ in meshes]))
            starts = np.cumsum([0, *(len(v) for v, _, _ in meshes)])
            faces = np.concatenate([f + s for (_, f, _), s in zip(meshes, starts, strict=False)])
            colors = np.clip(np.concatenate([c for _, _, c in meshes]), 0, 255)
            owner = np.repeat(np.arange(len(meshes)), [len(f) for _, f, _ in meshes])
            if scene.finish == "shiny":
                colors[starts[-2] :] += _highlight(meshes[-1][1], vertices[starts[-2] :], lamp)
            seen = _seen_ground(ground, K, to_camera)
            image = raycast.draw(
                seen, K=K, vertices=vertices, faces=faces, colors=np.clip(colors, 0, 400), lamp=lamp
            )
            if scene.finish == "clear":
                rest = slice(0, len(faces) - len(meshes[-1][1]))
                through = raycast.draw(
                    seen, K=K, vertices=vertices, faces=faces[rest], colors=colors, lamp=lamp
                )
                image = (1 - _CLEAR) * image + _CLEAR * through
            noisy = image + grain.normal(0.0, _GRAIN, image.shape)
            rgb = np.clip(noisy, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
            masks.append(_mask(vertices, faces, owner, K))
        container.mux(stream.encode())
    in_camera = se3.apply(se3.inverse(poses), thing_center[:, None])[:, 0]
    palm = load_arm(Body())
    joints = palm.joints(palm.motions(postures.open_hand(palm)))
    palm_m = np.linalg.norm(joints[hand_frame.MIDDLE_MCP] - joints[hand_frame.WRIST])
    with atomic_path(truth) as temporary, temporary.open("wb") as file:
        packed = np.packbits(np.array(masks), axis=2)
        np.savez(
            file, allow_pickle=False, masks=packed, center_m=in_camera, T=poses, palm_m=palm_m
        )  # fmt: skip


def _highlight(
    faces: np.ndarray, vertices: np.ndarray, lamp: tuple[float, float, float]
) -> Float[np.ndarray, "vertex 1"]:
    """What a glossy surface adds to the color of its vertices (Blinn 1977)."""
    normals = raycast._vertex_normals(vertices, faces)
    half = unit(np.array(lamp) / np.linalg.norm(lamp) - unit(vertices))
    return 260.0 * np.clip((normals * half).sum(axis=1), 0, 1)[:, None] ** 16


def _act(scene: ObjectScene, rng: np.random.Generator) -> tuple[list[Any], np.ndarray]:
    """Meshes of every frame in the frame of the first camera; the last one is the thing."""
    hand, arm = skinned_hand("anny", 1.0, Body()), load_arm(Body())
    opened, pinched = postures.open_hand(arm), postures.pinch(arm)
    held_share = {"stick": 0.9, "plate": 0.8}.get(scene.thing, rng.uniform(0.35, 0.6))
    frame = np.arange(scene.num_frames)
    closing = held_share * (
        _ease((frame - scene.take_frame + 11) / 10) - _ease((frame - scene.leave_frame - 1) / 9)
    )
    T = _wrist_path(scene, rng)
    shown = [arm.rig_joints(arm.motions(opened + s * (pinched - opened))) for s in closing]
    motions = [hand.motions(joints) for joints in shown]
    at_rest = hand_frame.wrist_pose(np.array([hand.joints(m) for m in motions]), "right")
    placed = T @ se3.inverse(at_rest)
    held = arm.rig_joints(arm.motions(opened + held_share * (pinched - opened)))
    held_motion = hand.motions(held)
    kind = "box" if scene.thing == "none" else scene.thing
    vertices, faces = _thing(kind, hand.joints(held_motion))
    own = hand_frame.wrist_pose(hand.joints(held_motion)[None], "right")[0]
    in_wrist = se3.apply(se3.inverse(own), vertices)
    when = np.clip(frame, scene.take_frame, scene.leave_frame)
    things = [se3.apply(T[k], in_wrist) for k in when]
    center = np.array([v.mean(axis=0) for v in things])
    skin = np.array(scene.skin_rgb, float)
    blemish = 1.0 + 0.05 * rng.standard_normal((len(hand.vertices), 1))
    thing_rgb, cloth_rgb = rng.uniform(30, 220, 3), rng.uniform(30, 200, 3)
    print_rgb = thing_rgb + (rng.uniform(-70, 70, (len(vertices), 3)) if scene.is_textured else 0)
    tube = None if scene.sleeve == "none" else _forearm(hand, scene)
    around = _around(scene, things, thing_rgb)
    out = []
    for k in frame:
        meshes = [(se3.apply(placed[k], hand.skin(motions[k])), hand.faces, skin * blemish)]
        if tube is not None:
            rgb = skin if scene.sleeve == "arm" else cloth_rgb
            cloth = np.tile(rgb, (len(tube[0]), 1))
            meshes.append((se3.apply(placed[k], tube[0]), tube[1], cloth))
        if scene.twin:
            shift = [0.17 if center[0, 0] < 0 else -0.17, 0.05, 0.03]
            meshes.append((things[0] + shift, faces, np.tile(thing_rgb, (len(vertices), 1))))
        meshes += [(v, faces, np.tile(rgb, (len(v), 1))) for v, rgb in around]
        if scene.thing != "none":
            meshes.append((things[k], faces, np.broadcast_to(print_rgb, vertices.shape)))
        else:
            ball, ball_faces = _cylinder(0.001, 0.001)
            meshes.append((ball + np.array([0, 0, -1.0]), ball_faces, np.zeros(ball.shape)))
        out.append(meshes)
    return out, center


def _around(
    scene: ObjectScene, things: list[np.ndarray], thing_rgb: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Vertices and colors of things that rest beside the one that is taken."""
    rng = np.random.default_rng([scene.seed, 33])
    own, out = things[0] - things[0].mean(axis=0), []
    ends = np.array([things[0].mean(axis=0), things[-1].mean(axis=0)])
    size_m = float(np.ptp(own, axis=0).max())
    placed: list[np.ndarray] = []
    for _ in range(200):
        if len(placed) == scene.num_around:
            break
        at = np.append(rng.uniform([-0.22, -0.15], [0.22, 0.17]), rng.uniform(0.56, 0.64))
        taken = np.array([*ends, *placed])[:, :2]
        if (np.linalg.norm(taken - at[:2], axis=1) < 0.9 * size_m).any():
            continue
        placed.append(at)
        rgb = thing_rgb if len(placed) % 3 == 0 else rng.uniform(30, 220, 3)
        turn = se3.exp_so3(np.array([0.0, 0.0, rng.uniform(-3, 3)]))
        out.append((own @ turn.T + at, rgb))
    return out


def _ease(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x**2)


def _wrist_path(scene: ObjectScene, rng: np.random.Generator) -> Float[np.ndarray, "time 4 4"]:
    """To the thing, with it to another place, and away."""
    yaw, pitch, roll = np.radians([scene.yaw_deg, scene.pitch_deg, scene.roll_deg])
    base = (
        se3.exp_so3(np.array([pitch, 0.0, 0.0]))
        @ se3.exp_so3(np.array([0.0, yaw, 0.0]))
        @ se3.exp_so3(np.array([0.0, 0.0, roll]))
        @ _FACING
    )
    side = rng.choice([-1.0, 1.0])
    take = np.array([-0.06 * side, 0.02, 0.5]) + rng.uniform(-0.02, 0.02, 3)
    leave = np.array([0.08 * side, 0.02, 0.5]) + rng.uniform(-0.03, 0.03, 3)
    start = take - base @ np.array([0.0, 0.0, 0.10]) + rng.uniform(-0.02, 0.02, 3)
    gone = leave - base @ np.array([0.0, 0.0, 0.11]) + rng.uniform(-0.02, 0.02, 3)
    frame = np.arange(scene.num_frames)[:, None]
    a, b = scene.take_frame, scene.leave_frame
    reach, carry = _ease(frame / (a - 4)), _ease((frame - a) / (b - a))
    away = _ease((frame - b - 6) / max(1, scene.num_frames - b - 8))
    lift = np.sin(np.pi * carry) * np.array([0.0, -0.06, -0.05])
    place = start + reach * (take - start) + carry * (leave - take) + lift + away * (gone - leave)
    turn = _ease((frame - a) / (b - a)) * rng.uniform(-0.5, 0.5, 3)
    R = se3.exp_so3(turn) @ base
    return se3.make(R, place - R @ np.array([0.0, 0.0, 0.08]))


def _camera(scene: ObjectScene, rng: np.random.Generator) -> Float[np.ndarray, "time 4 4"]:
    t = np.arange(scene.num_frames) / RATE_HZ
    turn, place = np.zeros((len(t), 3)), np.zeros((len(t), 3))
    phase = rng.uniform(0, 6.28, 4)
    if scene.camera != "still":
        turn[:, 1] = 0.07 * (np.sin(1.3 * t + phase[0]) - np.sin(phase[0]))
        turn[:, 0] = 0.03 * (np.sin(1.9 * t + phase[1]) - np.sin(phase[1]))
    if scene.camera == "walk":
        place[:, 0] = 0.05 * (np.sin(1.1 * t + phase[2]) - np.sin(phase[2]))
        place[:, 2] = 0.04 * (np.sin(0.8 * t + phase[3]) - np.sin(phase[3]))
    return se3.make(se3.exp_so3(turn), place)


def _ground(scene: ObjectScene, rng: np.random.Generator) -> UInt8[np.ndarray, "height width 3"]:
    height, width = 1000, 1300
    image = np.tile(rng.uniform(70, 200, 3), (height, width, 1))
    if scene.ground == "patches":
        for _ in range(60):
            x, y = rng.integers(0, [width, height])
            w, h = rng.integers(40, 240, 2)
            image[y : y + h, x : x + w] = rng.uniform(30, 220, 3)
    elif scene.ground == "tiles":
        side = int(rng.integers(24, 60))
        for y in range(0, height, side):
            for x in range(0, width, side):
                image[y : y + side, x : x + side] = rng.uniform(60, 220, 3)
    elif scene.ground == "cloth":
        import cv2

        for scale, share in ((4, 8), (12, 14), (40, 20)):
            small = rng.normal(size=(height // scale + 2, width // scale + 2)).astype(np.float32)
            image += share * cv2.resize(small, (width, height))[..., None]
    shade = np.linspace(0.85, 1.1, width)[None, :, None]
    return np.clip(image * shade, 0, 255).astype(np.uint8)


def _seen_ground(
    ground: np.ndarray, K: np.ndarray, to_camera: np.ndarray
) -> UInt8[np.ndarray, "height width 3"]:
    """The plane at `_GROUND_M` before the first camera as another one sees it."""
    import cv2

    height, width = ground.shape[:2]
    # A pixel of the plane is as large as one of the picture; its middle lies on the first axis.
    step = _GROUND_M / FOCAL_PX
    to_plane = np.array(
        [[step, 0, -step * width / 2], [0, step, -step * height / 2], [0, 0, _GROUND_M]]
    )
    H = K @ (to_camera[:3, :3] @ to_plane + np.outer(to_camera[:3, 3], [0, 0, 1]))
    return np.asarray(
        cv2.warpPerspective(ground, H, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    )


def _mask(
    vertices: np.ndarray, faces: np.ndarray, owner: np.ndarray, K: np.ndarray
) -> Bool[np.ndarray, "height width"]:
    rays = np.zeros((MASK_HEIGHT, MASK_WIDTH, 6), np.float32)
    rays[..., 3] = ((2 * np.arange(MASK_WIDTH) + 1) - K[0, 2])[None, :] / K[0, 0]
    rays[..., 4] = ((2 * np.arange(MASK_HEIGHT) + 1) - K[1, 2])[:, None] / K[1, 1]
    rays[..., 5] = 1.0
    cast = raycast._scene(vertices, faces).cast_rays(raycast._tensor(rays), nthreads=1)
    hit = np.isfinite(cast["t_hit"].numpy())
    face = np.where(hit, cast["primitive_ids"].numpy(), 0).astype(int)
    return np.asarray(hit & (owner[face] == owner.max()))
