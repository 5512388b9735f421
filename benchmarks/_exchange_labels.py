"""Videos of people labeled by `rotoscope label` for Meta-World's own robot, as its rows.

The robot's file is the simulator's, with what is not the arm taken out of it. Labels are absolute
poses between the fingertips in the robot's base frame; `effector_relative` makes the moves of them
that this robot takes, and `track.aperture` tells when it is to close its fingers.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import yaml
from jaxtyping import Bool, Float

from benchmarks._exchange_film import RATE_HZ
from benchmarks._exchange_people import HAND_TO_TIP_M, STEPS_A_FRAME, Acted, Person
from benchmarks._processes import one_thread, rotoscope
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.converters import effector_relative
from rotoscope.pipeline.datasets.facts import contract_in
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.geometry import se3

SHIFT = 3
"""Frames from a row to the pose that its action leads to: the robot's hand is late behind what it
is told, so that the next frame alone would tell it too little."""
GAIN = 1.2
"""Centimeters of command for each that a hand goes. Both by the robot's own episodes of push and
drawer-open: over 3 frames commands and ways agree best (correlations .79 to .96), at 1.0 to 1.4."""
SHUT_M, OPEN_M = 0.075, 0.085
"""The robot is told to close its fingers as a person's tips come nearer than the first, and to open
them as they go apart by more than the second: on videos of push hands that hold are 50 to 60 mm
open, others 82 to 98."""
_SAWYER = """\
name: sawyer
kind: arm
folder: .
file: sawyer.xml
base_link: world
arm:
  joints: [right_j0, right_j1, right_j2, right_j3, right_j4, right_j5, right_j6]
  # Where Meta-World begins; speeds are those of the maker's own URDF.
  home: [1.89, -0.62, -0.96, 1.3, 0.69, 1.03, 2.78]
  max_velocity: [1.74, 1.328, 1.957, 1.957, 3.485, 3.485, 4.545]
end_effector:
  link: right_l6
  origin_m: [0.0, 0.0, 0.1895] # at the ends of Meta-World's fingers
  approach: [0, 0, 1]
  closing: [1, 0, 0]
gripper:
  joints:
    r_close: [0.04, 0.0]
    l_close: [-0.03, 0.0]
  max_opening_m: 0.07
  max_speed_m_s: 0.2
"""


@dataclass(frozen=True, eq=False)
class Labeled:
    """One episode out of a video: what its labels say the robot's hand did and should do."""

    video: str
    """Name of the video."""
    frame: np.ndarray
    """Frame of the video of each row."""
    hand_m: Float[np.ndarray, "row 3"]
    """What Meta-World calls the hand, world frame."""
    action: Float[np.ndarray, "row 4"]
    """Moves that the robot takes."""
    confidence: Float[np.ndarray, " row"]
    is_valid: Bool[np.ndarray, " row"]
    """`label.valid`: position, rotation and gripper can be believed."""
    is_placed: Bool[np.ndarray, " row"]
    """`label.valid.position` and `label.valid.gripper`."""


def write_robot(folder: Path) -> Path:
    """Meta-World's Sawyer as a robot of Rotoscope; the folder is made."""
    import metaworld
    import mujoco

    folder.mkdir(parents=True, exist_ok=True)
    scenes = Path(metaworld.__file__).parent / "assets" / "sawyer_xyz"
    spec = mujoco.MjSpec.from_file(str(scenes / "sawyer_push_v3.xml"))
    things = [body for body in spec.worldbody.bodies if body.name != "base"]
    meshes = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_MESH]
    pictures = [*spec.meshes, *spec.materials, *spec.textures]
    rest = [*spec.equalities, *things, *spec.worldbody.geoms, *meshes, *pictures]
    for one in {id(one): one for one in rest}.values():
        spec.delete(one)
    for geom in spec.geoms:
        geom.material = ""
    spec.compile()
    tree = ElementTree.fromstring(spec.to_xml())
    for element in tree.iter():
        element.attrib.pop("material", None)
    (folder / "sawyer.xml").write_text(ElementTree.tostring(tree, encoding="unicode"))
    file = folder / "sawyer.yaml"
    file.write_text(_SAWYER)
    return file


def write_recipe(path: Path, person: Person, robot: Path, palm_m: float) -> None:
    """The recipe of a camera on a tripod whose place is known, as is the length of the palm."""
    T_camera_base = se3.inverse(person.T_world_camera)
    arm = {"robot": str(robot), "side": "right", "T_camera_base": T_camera_base.tolist()}
    # Policies see no picture: it is as small as may be.
    export = {"action": "ee", "shift_frames": SHIFT, "width": 96, "height": 72}
    recipe = {
        "name": "hand-metaworld",
        "description": "A person's right hand becomes poses of Meta-World's Sawyer.",
        "task": "do it by hand",
        "stages": [
            {"hands": {"num_hands": 1}},
            "camera",
            {"lift": {"palm_length_m": round(palm_m, 4)}},
            "smooth",
            {"retarget.gripper": {"during_grasp": "close", "max_opening_m": 0.07}},
            {"retarget.arm": arm},
            # Whether masks are worth it is asked here, so that all rows are written.
            {"curate": {"min_valid_share": 0.0, "max_invalid_s": 60.0, "min_episode_s": 0.3}},
        ],
        "export": export | {"fps": RATE_HZ},
    }
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))


def label(videos: Path, recipe: Path, out: Path) -> None:
    """What a user would type; no dataset where no video shows a hand.

    Raises:
        RuntimeError: The command failed.
    """
    command = rotoscope("label", videos, "--recipe", recipe, "--out", out)
    done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def read_labels(dataset_folder: Path) -> list[Labeled]:
    """Every episode of a labeled dataset, as moves of the robot."""
    dataset = open_dataset(dataset_folder)
    contract = contract_in(dataset.info["features"], "action")
    if contract is None:
        raise DatasetError(f"{dataset_folder} does not say what its actions mean")
    out = []
    for index in range(len(dataset)):
        episode = dataset.episode(index)
        columns = episode.columns
        state = np.asarray(columns["observation.state"], float)
        values = np.asarray(columns["action"], float)
        flags = {
            name: np.asarray(columns[name], bool).reshape(-1)
            for name in ("label.valid", "label.valid.position", "label.valid.gripper")
        }
        aperture_m = np.asarray(columns["track.aperture"], float).reshape(-1)
        # What is done at a row is what the hand does by the pose that the row leads to.
        told = closing(np.append(aperture_m[SHIFT:], np.full(SHIFT, aperture_m[-1])))
        first = int(episode.meta["source"]["first_frame"])
        out.append(
            Labeled(
                video=str(episode.meta["name"]),
                frame=first + np.arange(len(state)),
                hand_m=state[:, :3] - HAND_TO_TIP_M,
                action=np.column_stack([moves(state, values, contract), told]),
                confidence=np.asarray(columns["label.confidence"], float).reshape(-1),
                is_valid=flags["label.valid"],
                is_placed=flags["label.valid.position"] & flags["label.valid.gripper"],
            )
        )
    return out


def from_path(acted: Acted, video: str) -> Labeled:
    """What labels would be that are right in every frame: the true way, in the same moves."""
    num = len(acted.tip_m) - SHIFT
    ahead = acted.tip_m[SHIFT:] - acted.tip_m[:-SHIFT]
    shut = np.where(acted.is_closing[:num], 1.0, -1.0)
    way = GAIN * 100.0 * ahead / (SHIFT * STEPS_A_FRAME)
    return Labeled(
        video=video,
        frame=np.arange(num),
        hand_m=acted.state[:num, :3],
        action=np.clip(np.column_stack([way, shut]), -1, 1),
        confidence=np.ones(num),
        is_valid=np.ones(num, bool),
        is_placed=np.ones(num, bool),
    )


def moves(
    state: Float[np.ndarray, "row 7"],
    values: Float[np.ndarray, "row 7"],
    contract: ActionContract,
) -> Float[np.ndarray, "row 3"]:
    """How Meta-World moves its hand, from absolute poses: centimeters a step."""
    relative, _ = effector_relative(values, contract, axes="base", reference=state)
    steps = STEPS_A_FRAME * contract.shift_s * contract.rate_hz
    return np.clip(GAIN * 100.0 * relative[:, :3] / steps, -1.0, 1.0)


def closing(aperture_m: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """1 where the fingers are to close, -1 where to open; what is unknown changes nothing."""
    out, now = np.empty(len(aperture_m)), -1.0
    for row, width_m in enumerate(aperture_m):
        now = 1.0 if width_m < SHUT_M else -1.0 if width_m > OPEN_M else now
        out[row] = now
    return out


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ) | one_thread()
