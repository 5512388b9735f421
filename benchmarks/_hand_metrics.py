"""How well a robot hand follows recorded hands, by the vectors that dex-retargeting defines.

`hand_vectors.json` says for each hand which of its links follow which human joints at which scale
(dex-retargeting 0.5.0's own configurations, right hands, vector objective). Whoever made the joint
angles, they are judged here by MuJoCo's kinematics of the same robot file, in double precision.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks._wheels import unpacked_wheel
from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.retarget.description.mujoco import import_mujoco

_DEFINITIONS = Path(__file__).parent / "hand_vectors.json"
_LIMIT_TOLERANCE_RAD = 1e-9


@dataclass(frozen=True)
class HandVectors:
    """Vectors between links of a robot hand, and those of the human hand that they follow."""

    urdf: str
    """Robot file below `hands_folder()`."""
    origin_links: tuple[str, ...]
    """Where each vector begins."""
    task_links: tuple[str, ...]
    """Where it ends."""
    human_origins: tuple[int, ...]
    """Human joints where the vectors to follow begin; 21 joints in MediaPipe's order."""
    human_tasks: tuple[int, ...]
    """Where they end."""
    scale: float
    """What human vectors are multiplied with."""
    low_pass_alpha: float
    """The peers' filter: the share of a new value in its output."""

    def targets_m(
        self, joints_m: Float[np.ndarray, "time 21 3"]
    ) -> Float[np.ndarray, "time vector 3"]:
        """Scaled human vectors [m]."""
        between_m = joints_m[:, list(self.human_tasks)] - joints_m[:, list(self.human_origins)]
        return self.scale * between_m


@lru_cache(maxsize=1)
def hand_vectors() -> dict[str, HandVectors]:
    """The definition of each hand: `shadow`, `allegro`, `inspire`, `leap`, `svh`."""
    rows = json.loads(_DEFINITIONS.read_text())
    return {name: HandVectors(**_frozen(row)) for name, row in rows.items()}


def is_defined_as(robot: str, definition: dict[str, Any]) -> bool:
    """Whether a peer pursued what `hand_vectors.json` says."""
    return hand_vectors()[robot] == HandVectors(**_frozen(definition))


@lru_cache(maxsize=1)
def hands_folder() -> Path:
    """Robot files of the hands (dex-urdf's), unpacked from the wheel dexi-rs 0.4.1 on first use.

    Raises:
        AssetError: The wheel cannot be had.
    """
    keep = tuple(hand.urdf for hand in hand_vectors().values())
    prefix = "dexi_rs/resources/assets/robots/hands"
    return unpacked_wheel("dexi-rs", "0.4.1", prefix=prefix, keep=keep)


def hand_metrics(
    vectors: HandVectors,
    joint_names: list[str],
    angles_rad: Float[np.ndarray, "time joint"],
    joints_m: Float[np.ndarray, "time 21 3"],
    fps: float,
    *,
    urdf: Path | None = None,
) -> dict[str, float]:
    """All metrics of one motion; smaller is better but for `explained`.

    - `error_mm`, `error_p95_mm`: length of the difference of a vector to its scaled human vector.
    - `explained`: share of the human vectors' change about their means that the robot's make too;
      0 for a hand that does not move.
    - `outside_frames`, `outside_max_mrad`: beyond the limits in the robot file, mimic joints too.
    - `acceleration_rad_s2`: mean absolute joint acceleration; `max_step_rad` in one frame.

    Args:
        vectors: What was to be followed.
        joint_names: Names of the columns; every joint of the robot file, mimic joints too.
        angles_rad: Joint angles.
        joints_m: Human joints of the same frames in the wrist frame.
        fps: Frames per second.
        urdf: The robot file, where it is not in `hands_folder()`.
    """
    robot = _read(urdf if urdf is not None else hands_folder() / vectors.urdf)
    low, high = _ranges(robot, joint_names)
    found_m = _play(robot, vectors, joint_names, angles_rad)
    wanted_m = vectors.targets_m(joints_m)
    errors_mm = 1e3 * np.linalg.norm(found_m - wanted_m, axis=-1)
    beyond_rad = np.maximum(low - angles_rad, angles_rad - high).max(axis=1)
    steps_rad = np.diff(angles_rad, axis=0)
    change_m = wanted_m - wanted_m.mean(axis=0)
    unexplained_m = change_m - (found_m - found_m.mean(axis=0))
    return {
        "error_mm": float(errors_mm.mean()),
        "error_p95_mm": float(np.percentile(errors_mm, 95)),
        "explained": 1.0 - float((unexplained_m**2).sum() / (change_m**2).sum()),
        "outside_frames": float((beyond_rad > _LIMIT_TOLERANCE_RAD).mean()),
        "outside_max_mrad": 1e3 * max(float(beyond_rad.max()), 0.0),
        "acceleration_rad_s2": fps**2 * float(np.abs(np.diff(steps_rad, axis=0)).mean()),
        "max_step_rad": float(np.abs(steps_rad).max()),
    }


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


@dataclass(frozen=True, eq=False)
class _Robot:
    """A robot file as MuJoCo sees it."""

    model: Any
    """`mujoco.MjModel`."""
    bodies: dict[str, int]
    """Number of each link's body."""


def _play(
    robot: _Robot, vectors: HandVectors, joint_names: list[str], angles_rad: np.ndarray
) -> np.ndarray:
    mujoco = import_mujoco()

    data = mujoco.MjData(robot.model)
    columns = [int(robot.model.joint(name).qposadr[0]) for name in joint_names]
    origins = [_body(robot, name) for name in vectors.origin_links]
    tasks = [_body(robot, name) for name in vectors.task_links]
    out = np.empty((len(angles_rad), len(tasks), 3))
    for t, row in enumerate(angles_rad):
        data.qpos[columns] = row
        mujoco.mj_kinematics(robot.model, data)
        out[t] = data.xpos[tasks] - data.xpos[origins]
    return out


def _body(robot: _Robot, link: str) -> int:
    if link not in robot.bodies:
        raise RobotError(f"there is no link {link!r}; there are {quoted(robot.bodies)}")
    return robot.bodies[link]


def _ranges(robot: _Robot, joint_names: list[str]) -> Float[np.ndarray, "2 joint"]:
    """Lower and upper limits, infinite where a joint has none."""
    joints = {joint.name: joint for joint in map(robot.model.joint, range(robot.model.njnt))}
    if sorted(joints) != sorted(joint_names):
        raise RobotError(
            f"the columns are the joints {quoted(joint_names)}; the robot has {quoted(joints)}"
        )
    rows = [
        joints[name].range if joints[name].limited[0] else (-np.inf, np.inf) for name in joint_names
    ]
    return np.array(rows).T


@lru_cache(maxsize=8)
def _read(urdf: Path) -> _Robot:
    """The robot file without shapes; masses stand in for those that it leaves out."""
    mujoco = import_mujoco()

    robot = ET.parse(urdf).getroot()
    links = [link.get("name", "") for link in robot.iter("link")]
    for link in robot.iter("link"):
        for shape in (*link.findall("visual"), *link.findall("collision")):
            link.remove(shape)
    options = {"fusestatic": "false", "boundmass": "0.001", "boundinertia": "1e-7"}
    extension = ET.SubElement(robot, "mujoco")
    ET.SubElement(extension, "compiler", {**options, "balanceinertia": "true"})
    model = mujoco.MjModel.from_xml_string(ET.tostring(robot, encoding="unicode"))
    # MuJoCo may make the root link its world, which is body 0.
    found = {link: mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, link) for link in links}
    lost = [link for link, body in found.items() if body < 0]
    if len(lost) > 1:
        raise RobotError(f"MuJoCo keeps neither of the links {quoted(lost)} of {urdf} as a body")
    return _Robot(model, {link: max(body, 0) for link, body in found.items()})
