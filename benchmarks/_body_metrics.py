"""How well a humanoid follows a person: tracking, feet, ground, limits, itself.

The definitions are those by which the field's tools were measured: all on one model, the G1 with
29 joints of holosoma-retargeting, whose feet carry five small spheres each. Added are terms that
only a robot that moves can reach, so that one that stands perfectly still scores badly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._omomo import OMOMO_JOINTS, holosoma_folder
from rotoscope.retarget.description.mujoco import import_mujoco

CONTACT_SPEED_M_S = 0.3
"""A foot stands where the person's toe is slower: holosoma's 1 cm a frame at 30 frames/s."""
RAISED_M = 0.03
"""A toe this much over where it stands is in the air."""
DEPTH_M = 0.01
"""Bodies that are deeper in each other, or in the ground, count."""

LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in "LR"
    for a, b in (("Hip", "Knee"), ("Knee", "Ankle"), ("Shoulder", "Elbow"), ("Elbow", "Wrist"))
)
"""Limbs by their ends, which have the same names in a clip and in `Humanoid.links`."""

BARS = {
    "limb_deg": 10.0,
    "sole_std_mm": 3.0,
    "below_ground_frames": 0.0,
    "skate_cm_s": 2.8,
    "limit_frames": 0.0,
}
"""What each metric must not exceed; tracking is one of them."""
_STILL = 1e-6
"""Movement about the mean, in meters or of a unit vector, that is none."""
_AS_GOOD_AS_NONE = {"below_ground_frames": 0.01, "limit_frames": 0.01}
"""Shares that stand for one violation of a bar of zero when violations are compared."""


@dataclass(frozen=True, eq=False)
class Humanoid:
    """A MuJoCo model and what its bodies stand for."""

    model: Any
    """`mujoco.MjModel`: a free joint, then hinges; body 0 is the world, with the ground."""
    links: dict[str, str]
    """Body at each end of `LIMBS`."""
    soles: dict[str, tuple[str, ...]]
    """Bodies under the `L` and the `R` foot; the last is under the toe."""
    sole_radius_m: float
    """Radius of their spheres: how high they stand on the ground [m]."""


@dataclass(frozen=True, eq=False)
class _Motion:
    """What a robot's motion looks like from outside."""

    origins_m: Float[np.ndarray, "time body 3"]
    ground_depth_m: Float[np.ndarray, " time"]
    touches_itself: Bool[np.ndarray, " time"]


def body_metrics(
    qpos: Float[np.ndarray, "time position"],
    human_joints52_m: Float[np.ndarray, "time 52 3"],
    fps: float,
    *,
    humanoid: Humanoid | None = None,
) -> dict[str, float]:
    """All metrics of one motion; smaller is better but for those that end in `explained`.

    - Tracking: `limb_deg` (`arm_deg`, `leg_deg`): mean angle between limbs of person and robot.
      `limb_explained`: share of the limbs' change of direction that the robot makes too, each
      about its own mean, at most 1. `root_explained`: the same of the pelvis' way over the ground
      at the scale that fits best. Both are 0 for a robot that stands still, and NaN where the
      person does.
    - Feet, where the person's toe is slower than 0.3 m/s: `sole_std_mm` and `sole_height_mm`
      (standard deviation and mean of the lowest sphere over the ground), `skate_cm_s` (mean speed
      of the toe's sphere along the ground), `skate_frames` (share faster than 0.3 m/s).
      `sole_std_low_mm`: the first without frames in which the person's toe is more than 3 cm over
      its median there: a foot that turns round in the air is slow too.
    - `below_ground_frames`, `below_ground_max_mm`: share of frames with more than 1 cm below
      ground, and the deepest. `lowest_sole_mm`: lowest center of a sphere.
    - `limit_frames`, `limit_max_mrad`: beyond joint limits.
    - `self_collision_frames`: share with bodies more than 1 cm inside each other, but for pairs
      that are so at zero angles.
    - `acceleration_rad_s2`: mean absolute joint acceleration; `max_step_rad` in one frame.
    - `overall`: the worst ratio of a metric to its bar in `BARS` (a bar of zero is compared as
      0.01), tracking included; 1 or less means that all bars hold.

    Args:
        qpos: Position (3), quaternion wxyz, then joint angles in the model's order.
        human_joints52_m: `OMOMO_JOINTS` of the same frames in the world frame.
        fps: Frames per second.
        humanoid: The robot; holosoma's G1 where none is given.
    """
    body = humanoid if humanoid is not None else g1()
    motion = _play(body, qpos)
    out = {
        **_tracking(body, motion, qpos, human_joints52_m),
        **_feet(body, motion, human_joints52_m, fps),
        **_ground(body, motion),
        **_joints(body, qpos, fps),
    }
    return out | {"overall": overall(out)}


def overall(metrics: dict[str, float]) -> float:
    """The worst ratio of a metric to its bar."""
    return max(metrics[name] / (bar or _AS_GOOD_AS_NONE[name]) for name, bar in BARS.items())


@lru_cache(maxsize=1)
def g1() -> Humanoid:
    """Unitree's G1 with 29 joints as holosoma-retargeting models it."""
    mujoco = import_mujoco()

    links = {
        f"{side[0].upper()}_{end}": f"{side}_{link}_link"
        for side in ("left", "right")
        for end, link in (
            *(("Hip", "hip_roll"), ("Knee", "knee"), ("Ankle", "ankle_roll")),
            *(("Shoulder", "shoulder_roll"), ("Elbow", "elbow"), ("Wrist", "wrist_yaw")),
        )
    }
    soles = {
        side[0].upper(): tuple(f"{side}_ankle_roll_sphere_{k}_link" for k in range(1, 6))
        for side in ("left", "right")
    }
    path = holosoma_folder() / "models" / "g1" / "g1_29dof.xml"
    return Humanoid(mujoco.MjModel.from_xml_path(str(path)), links, soles, sole_radius_m=0.005)


def joint_names(humanoid: Humanoid) -> list[str]:
    """Names of the hinges in the order of `qpos[7:]`."""
    return [humanoid.model.joint(k).name for k in range(1, humanoid.model.njnt)]


def _play(body: Humanoid, qpos: np.ndarray) -> _Motion:
    mujoco = import_mujoco()

    model, data = body.model, mujoco.MjData(body.model)
    origins_m = np.empty((len(qpos), model.nbody, 3))
    ground_depth_m, touches_itself = np.zeros(len(qpos)), np.zeros(len(qpos), bool)
    usual = _pairs_at_rest(body)
    for t, row in enumerate(qpos):
        contacts = _contacts(model, data, row)
        origins_m[t] = data.xpos
        ground_depth_m[t] = max((depth for a, _, depth in contacts if a == 0), default=0.0)
        touches_itself[t] = any(
            a > 0 and depth > DEPTH_M and (a, b) not in usual for a, b, depth in contacts
        )
    return _Motion(origins_m, ground_depth_m, touches_itself)


def _pairs_at_rest(body: Humanoid) -> set[tuple[int, int]]:
    """Pairs whose meshes overlap by construction: found at zero angles, high above the ground."""
    mujoco = import_mujoco()

    rest = np.array(body.model.qpos0)
    rest[2], rest[7:] = 10.0, 0.0
    found = _contacts(body.model, mujoco.MjData(body.model), rest)
    return {(a, b) for a, b, depth in found if depth > DEPTH_M}


def _contacts(model: Any, data: Any, qpos: np.ndarray) -> list[tuple[int, int, float]]:
    """Pairs of bodies that touch, smaller number first, and how deep [m]."""
    mujoco = import_mujoco()

    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_collision(model, data)
    out = []
    for k in range(data.ncon):
        a, b = sorted(int(model.geom_bodyid[g]) for g in data.contact[k].geom)
        out.append((a, b, -float(data.contact[k].dist)))
    return out


def _tracking(
    body: Humanoid, motion: _Motion, qpos: np.ndarray, human_m: np.ndarray
) -> dict[str, float]:
    human = np.stack([human_m[:, _joint(b)] - human_m[:, _joint(a)] for a, b in LIMBS], axis=1)
    links = {end: body.model.body(name).id for end, name in body.links.items()}
    origins_m = motion.origins_m
    robot = np.stack([origins_m[:, links[b]] - origins_m[:, links[a]] for a, b in LIMBS], axis=1)
    human /= np.linalg.norm(human, axis=-1, keepdims=True)
    robot /= np.linalg.norm(robot, axis=-1, keepdims=True)
    angle_deg = np.degrees(np.arccos(np.clip((human * robot).sum(axis=-1), -1.0, 1.0)))
    is_arm = np.array([a.endswith(("Shoulder", "Elbow")) for a, _ in LIMBS])
    root_human = human_m[:, _joint("Pelvis"), :2]
    return {
        "limb_deg": float(angle_deg.mean()),
        "arm_deg": float(angle_deg[:, is_arm].mean()),
        "leg_deg": float(angle_deg[:, ~is_arm].mean()),
        "limb_explained": _explained(human, robot, is_scaled=False),
        "root_explained": _explained(root_human, qpos[:, :2], is_scaled=True),
    }


def _explained(human: np.ndarray, robot: np.ndarray, *, is_scaled: bool) -> float:
    """Share of the person's movement about its mean that the robot's makes up for."""
    human, robot = human - human.mean(axis=0), robot - robot.mean(axis=0)
    if np.abs(human).max() < _STILL:
        return np.nan
    energy = float((robot**2).sum())
    scale = float((human * robot).sum()) / energy if is_scaled and energy > 1e-12 else 1.0
    return 1.0 - float(((human - scale * robot) ** 2).sum() / (human**2).sum())


def _feet(body: Humanoid, motion: _Motion, human_m: np.ndarray, fps: float) -> dict[str, float]:
    speeds, heights, lows = [], [], []
    for side, names in body.soles.items():
        soles_m = motion.origins_m[:, [body.model.body(name).id for name in names]]
        toe_m = human_m[:, _joint(f"{side}_Toe")]
        stands = _speed(toe_m, fps, first=np.inf) <= CONTACT_SPEED_M_S
        speeds.append(_speed(soles_m[:, -1], fps, first=0.0)[stands])
        heights.append(soles_m[..., 2].min(axis=1)[stands])
        lows.append(toe_m[stands, 2] - np.median(toe_m[stands, 2]) < RAISED_M)
    speed, height, is_low = map(np.concatenate, (speeds, heights, lows))
    return {
        "sole_std_mm": 1e3 * float(height.std()),
        "sole_std_low_mm": 1e3 * float(height[is_low].std()),
        "sole_height_mm": 1e3 * float(height.mean() - body.sole_radius_m),
        "skate_cm_s": 1e2 * float(speed.mean()),
        "skate_frames": float((speed > CONTACT_SPEED_M_S).mean()),
    }


def _speed(position_m: np.ndarray, fps: float, *, first: float) -> np.ndarray:
    """Speed along the ground since the frame before [m/s]."""
    moved_m = np.linalg.norm(np.diff(position_m[:, :2], axis=0), axis=1)
    return np.concatenate([[first], moved_m * fps])


def _ground(body: Humanoid, motion: _Motion) -> dict[str, float]:
    names = [name for soles in body.soles.values() for name in soles]
    lowest = motion.origins_m[:, [body.model.body(name).id for name in names], 2].min()
    return {
        "below_ground_frames": float((motion.ground_depth_m > DEPTH_M).mean()),
        "below_ground_max_mm": 1e3 * float(motion.ground_depth_m.max()),
        "lowest_sole_mm": 1e3 * float(lowest),
        "self_collision_frames": float(motion.touches_itself.mean()),
    }


def _joints(body: Humanoid, qpos: np.ndarray, fps: float) -> dict[str, float]:
    angles_rad, range_rad = qpos[:, 7:], body.model.jnt_range[1:]
    beyond = np.maximum(range_rad[:, 0] - angles_rad, angles_rad - range_rad[:, 1]).max(axis=1)
    steps_rad = np.diff(angles_rad, axis=0)
    return {
        "limit_frames": float((beyond > 1e-6).mean()),
        "limit_max_mrad": 1e3 * max(float(beyond.max()), 0.0),
        "acceleration_rad_s2": fps**2 * float(np.abs(np.diff(steps_rad, axis=0)).mean()),
        "max_step_rad": float(np.abs(steps_rad).max()),
    }


def _joint(name: str) -> int:
    return OMOMO_JOINTS.index(name)
