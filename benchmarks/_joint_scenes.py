"""Doors, drawers and the like that Meta-World's experts move before a depth sensor, with the joint.

The part's segment is its true visible one with an outline that is off by a pixel; frames are every
second step of the simulator.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from jaxtyping import Bool, Float

from benchmarks._pose_scenes import FOVY_DEG, WIDTH, Shots, Writer, rough
from rotoscope.models.simulators.metaworld import open_metaworld
from rotoscope.models.simulators.simulator import Views
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.packages import import_mujoco

VERSION = 2
_SLIDE, _HINGE = 2, 3
_AFTER = 20
"""Steps that follow on success."""


@dataclass(frozen=True)
class JointScene:
    """One episode."""

    task: str
    seed: int
    azimuth_deg: float = 45.0
    elevation_deg: float = -28.0
    distance_m: float = 0.95
    noise: float = 1.0


@dataclass(frozen=True, eq=False)
class JointClip:
    """A video with depth beside it, and its truth in the camera frame."""

    path: Path
    masks: Bool[np.ndarray, "time height width"]
    kind: str
    """`revolute` or `prismatic`."""
    axis: Float[np.ndarray, " 3"]
    point_m: Float[np.ndarray, " 3"]
    position: Float[np.ndarray, " time"]
    """Of the joint [rad or m]."""


def joint_clip(scene: JointScene) -> JointClip:
    """The episode, recorded on first use and kept in the user's cache."""
    key = hashlib.sha256(f"{VERSION} {scene!r}".encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("rotoscope") / "rendered_joints"
    video = folder / f"{scene.task}-{key}.mp4"
    truth = video.with_suffix(".npz")
    if not (video.exists() and truth.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _record(scene, video, truth)
    with np.load(truth) as arrays:
        masks = np.unpackbits(arrays["masks"], axis=2, count=WIDTH // 2).astype(bool)
        kind = "revolute" if int(arrays["kind"]) == _HINGE else "prismatic"
        return JointClip(video, masks, kind, arrays["axis"], arrays["point_m"], arrays["position"])


def _record(scene: JointScene, video: Path, truth: Path) -> None:
    simulator: Any = open_metaworld(scene.task, Views())
    mujoco = import_mujoco()
    simulator.reset(scene.seed)
    # The layout is drawn after the bodies were placed: until a step they stand where they stood.
    simulator.step(simulator.expert())
    model, data = simulator._environment.model, simulator._environment.data
    model.vis.global_.fovy = FOVY_DEG
    joint = _part_joint(model)
    part = _below(model, int(model.jnt_bodyid[joint]))
    view = mujoco.MjvCamera()
    view.type = mujoco.mjtCamera.mjCAMERA_FREE
    view.lookat[:] = data.xpos[model.jnt_bodyid[joint]]
    view.distance, view.elevation, view.azimuth = (
        scene.distance_m, scene.elevation_deg, scene.azimuth_deg,
    )  # fmt: skip
    rng = np.random.default_rng([scene.seed, 44])
    shots = Shots(mujoco, model, data, scene.noise, rng)
    masks, position = [], []
    left, first = 400, None
    with Writer(video) as writer:
        step = 0
        while left:
            left -= 1
            if step % 2 == 0:
                rgb, depth_m, body, T_world_camera = shots.take(view)
                first = T_world_camera if first is None else first
                writer.write(rgb, depth_m)
                masks.append(rough(np.isin(body, part), 1, rng))
                position.append(float(data.qpos[model.jnt_qposadr[joint]]))
            step += 1
            if simulator.step(simulator.expert()).is_success:
                left = min(left, _AFTER)
    shots.close()
    assert first is not None
    back = se3.inverse(first)
    axis = back[:3, :3] @ data.xaxis[joint]
    point = se3.apply(back, data.xanchor[joint][None])[0]
    with atomic_path(truth) as temporary, temporary.open("wb") as file:
        np.savez(
            file, allow_pickle=False, masks=np.packbits(np.array(masks), axis=2),
            kind=int(model.jnt_type[joint]), axis=axis, point_m=point, position=position,
        )  # fmt: skip


def _part_joint(model: Any) -> int:
    """The task's own hinge or slide, not one of the robot's."""
    for joint in range(model.njnt):
        name = str(model.joint(joint).name)
        is_robot = name.startswith("right_j") or name in ("r_close", "l_close")
        if int(model.jnt_type[joint]) in (_SLIDE, _HINGE) and not is_robot:
            return joint
    raise ValueError("no part moves")


def _below(model: Any, body: int) -> list[int]:
    out = [body]
    for other in range(body + 1, model.nbody):
        if int(model.body_parentid[other]) in out:
            out.append(other)
    return out


CHOSE = (JointScene("drawer-open-v3", 1), JointScene("door-close-v3", 2))
"""Episodes on which the constants were chosen."""
REPORT = {
    "door": [JointScene("door-open-v3", 11)],
    "drawer": [JointScene("drawer-close-v3", 12, azimuth_deg=60)],
    "window": [JointScene("window-open-v3", 13, azimuth_deg=60)],
    "faucet": [JointScene("faucet-open-v3", 14, elevation_deg=-40, distance_m=0.7)],
    "handle": [JointScene("handle-press-v3", 15)],
    "lever": [JointScene("lever-pull-v3", 16)],
}
"""Others, by kind."""
