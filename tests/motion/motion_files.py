"""Small motion files whose joints are known, in the formats that are read."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from rotoscope.pipeline.tracks import SIDES

TREE: dict[str, tuple[str, tuple[float, float, float]]] = {
    "root": ("", (0, 0.95, 0)),
    "head": ("root", (0, 0.65, 0)),
    **{
        f"{side}_{joint}": (f"{side}_{parent}" if parent != "root" else "root", (sign * x, y, z))
        for side, sign in zip(SIDES, (1, -1), strict=True)
        for joint, parent, (x, y, z) in (
            ("hip", "root", (0.09, -0.05, 0)),
            ("knee", "hip", (0.01, -0.41, 0)),
            ("ankle", "knee", (0, -0.42, 0)),
            ("toe", "ankle", (0, -0.06, 0.13)),
            ("shoulder", "root", (0.18, 0.48, 0)),
            ("elbow", "shoulder", (0.28, 0, 0)),
            ("wrist", "elbow", (0.25, 0, 0)),
        )
    },
}
"""A standing person of 1.7 m: parent and offset [m] of each joint, x left, y up, z forward."""

Channels = dict[str, list[str]]


_LEFT_NAMES: dict[str, tuple[str, ...]] = {
    "mixamo": ("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "LeftArm", "LeftForeArm"),
    "xsens": ("LeftHip", "LeftKnee", "LeftAnkle", "LeftToe", "LeftShoulder", "LeftElbow"),
    "rokoko": ("LeftThigh", "LeftShin", "LeftFoot", "LeftToe", "LeftArm", "LeftForeArm"),
    "soma": ("LeftLeg", "LeftShin", "LeftFoot", "LeftToeBase", "LeftArm", "LeftForeArm"),
    "poser": ("lThigh", "lShin", "lFoot", "lToe", "lShldr", "lForeArm"),
    "unity": (
        *("LeftUpperLeg", "LeftLowerLeg", "LeftFoot", "LeftToes"),
        *("LeftUpperArm", "LeftLowerArm"),
    ),
    "blender": ("UpperLeg_L", "LowerLeg_L", "Foot_L", "Toes_L", "UpperArm_L", "LowerArm_L"),
    "unreal": ("thigh_l", "calf_l", "foot_l", "ball_l", "upperarm_l", "lowerarm_l"),
    "biped": (
        *("Bip01 L Thigh", "Bip01 L Calf", "Bip01 L Foot", "Bip01 L Toe0"),
        *("Bip01 L UpperArm", "Bip01 L Forearm"),
    ),
    "smpl": ("L_Hip", "L_Knee", "L_Ankle", "L_Foot", "L_Shoulder", "L_Elbow"),
    "cmu": ("lfemur", "ltibia", "lfoot", "ltoes", "lhumerus", "lradius"),
}
_LEFT_WRISTS = {
    **dict.fromkeys(("mixamo", "rokoko", "soma", "unity"), "LeftHand"),
    **{"xsens": "LeftWrist", "poser": "lHand", "blender": "Hand_L", "unreal": "hand_l"},
    **{"biped": "Bip01 L Hand", "smpl": "L_Wrist", "cmu": "lwrist"},
}
NAMED = tuple(_LEFT_NAMES)
"""Conventions whose names are written down here as the products write them."""


def names_of(convention: str) -> dict[str, str]:
    """Name in a convention of every joint of `TREE`."""
    joints = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
    names = {"root": "Hips", "head": "Head"}
    left = (*_LEFT_NAMES[convention], _LEFT_WRISTS[convention])
    for joint, name in zip(joints, left, strict=True):
        names[f"left_{joint}"] = name
        names[f"right_{joint}"] = _right_of(name)
    return names


def _right_of(name: str) -> str:
    for left, right in (("Left", "Right"), ("_L", "_R"), ("_l", "_r"), (" L ", " R ")):
        if left in name:
            return name.replace(left, right)
    return {"L": "R", "l": "r"}[name[0]] + name[1:]


def default_channels(order: str = "ZXY") -> Channels:
    """Rotations of every joint in one order, and the root's position first."""
    turns = [f"{axis}rotation" for axis in order]
    return {j: [f"{a}position" for a in "XYZ" if j == "root"] + turns for j in TREE}


def write_bvh(
    path: Path,
    rows: np.ndarray,
    *,
    names: Mapping[str, str] | None = None,
    channels: Channels | None = None,
    scale: float = 100.0,
    turn: Callable[[np.ndarray], np.ndarray] = lambda offset: offset,
    frame_time: str = "0.025",
) -> Path:
    """A BVH of `TREE`; offsets are scaled, and turned into other axes."""
    names = names or names_of("mixamo")
    channels = channels or default_channels()
    lines = ["HIERARCHY"]

    def add(joint: str, depth: int) -> None:
        offset = turn(scale * np.array(TREE[joint][1]) * (joint != "root"))
        pad = " " * depth
        lines.extend(
            (
                f"{pad}{'JOINT' if depth else 'ROOT'} {names[joint]}",
                f"{pad}{{",
                f"{pad} OFFSET {' '.join(f'{x:.8f}' for x in offset)}",
                f"{pad} CHANNELS {len(channels[joint])} {' '.join(channels[joint])}",
            )
        )
        children = [child for child, (parent, _) in TREE.items() if parent == joint]
        for child in children:
            add(child, depth + 1)
        if not children:
            lines.append(f"{pad} End Site\n{pad} {{\n{pad}  OFFSET 0 0 0\n{pad} }}")
        lines.append(f"{pad}}}")

    add("root", 0)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {frame_time}"]
    lines += [" ".join(f"{x:.8f}" for x in row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def file_order() -> list[str]:
    """Joints of `TREE` in the order in which `write_bvh` writes them."""
    out: list[str] = []

    def add(joint: str) -> None:
        out.append(joint)
        for child, (parent, _) in TREE.items():
            if parent == joint:
                add(child)

    add("root")
    return out


def standing_rows(num_frames: int, *, num_angles: int = 3, scale: float = 100.0) -> np.ndarray:
    """Frames in which the person stands at rest and walks nowhere."""
    rows = np.zeros((num_frames, 3 + num_angles * len(TREE)))
    rows[:, :3] = scale * np.array(TREE["root"][1])
    return rows


def moving_rows(num_frames: int, rng: np.random.Generator, *, scale: float = 100.0) -> np.ndarray:
    """Frames with small random angles [deg] everywhere."""
    rows = standing_rows(num_frames, scale=scale)
    rows[:, 3:] = rng.uniform(-25, 25, rows[:, 3:].shape)
    return rows


def expected_joints(rows: np.ndarray, order: str, *, scale: float = 100.0) -> dict[str, np.ndarray]:
    """Where each joint of `TREE` is, by scipy's rotations, in the file's unit."""
    at: dict[str, np.ndarray] = {}
    turned: dict[str, Rotation] = {}
    for number, joint in enumerate(file_order()):
        parent, offset = TREE[joint]
        angles = rows[:, 3 + 3 * number : 6 + 3 * number]
        local = Rotation.from_euler(order, angles, degrees=True)
        if not parent:
            at[joint], turned[joint] = rows[:, :3], local
        else:
            at[joint] = at[parent] + turned[parent].apply(scale * np.array(offset))
            turned[joint] = turned[parent] * local
    return at
