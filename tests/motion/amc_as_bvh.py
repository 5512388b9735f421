"""The BVH that the CMU library was converted to, made out of its AMC files for tests."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from rotoscope.pipeline.motion.amc import _rows as read_rows
from rotoscope.pipeline.motion.asf import Skeleton, read_asf
from rotoscope.pipeline.motion.rotate import chained

NAMES = {
    "root": "Hips",
    **{"lowerback": "LowerBack", "upperback": "Spine", "thorax": "Spine1"},
    **{"lowerneck": "Neck", "upperneck": "Neck1", "head": "Head"},
    **{
        f"{side[0].lower()}{bone}": name.format(side=side)
        for side in ("Left", "Right")
        for bone, name in (
            *(("hipjoint", "{side}HipJoint"), ("femur", "{side}UpLeg"), ("tibia", "{side}Leg")),
            *(("foot", "{side}Foot"), ("toes", "{side}ToeBase"), ("clavicle", "{side}Shoulder")),
            *(("humerus", "{side}Arm"), ("radius", "{side}ForeArm"), ("wrist", "{side}Hand")),
            *(("hand", "{side}FingerBase"), ("fingers", "{side}HandIndex1")),
            ("thumb", "{side}Thumb"),
        )
    },
}
"""What the conversion calls each bone's beginning."""
LOST = ("thorax", "lwrist", "rwrist")
"""Bones that have no length in it."""


def write_as_bvh(amc: Path, asf: Path, path: Path) -> Path:
    """Writes the motion of an AMC file as the conversion has it, a T-pose in front."""
    skeleton = read_asf(asf)
    rows = read_rows(amc, skeleton, asf.name)
    numbers = [_numbers(skeleton, number, rows) for number in range(len(skeleton.bones))]
    lines: list[str] = ["HIERARCHY"]
    order: list[int] = []
    _write_bone(skeleton, 0, lines, order)
    frames = np.concatenate([numbers[number] for number in order], axis=1)
    pose = np.zeros((1, frames.shape[1]))
    pose[:, :3] = frames[:1, :3]
    frames = np.concatenate([pose, frames])
    lines += ["MOTION", f"Frames: {len(frames)}", "Frame Time: .0083333"]
    lines += [" ".join(f"{value:.4f}" for value in row) for row in frames]
    path.write_text("\n".join(lines) + "\n")
    return path


def _numbers(skeleton: Skeleton, number: int, rows: dict[str, np.ndarray]) -> np.ndarray:
    bone, num_frames = skeleton.bones[number], len(rows["root"])
    values = rows.get(bone.name, np.zeros((num_frames, 0)))
    turning = [c for c in reversed(range(len(bone.channels))) if bone.channels[c][0] == "r"]
    turn = np.broadcast_to(np.eye(3), (num_frames, 3, 3))
    if turning:
        turn = chained("".join(bone.channels[c][1] for c in turning), values[:, turning])
    local = Rotation.from_matrix(bone.axes @ turn @ bone.axes.T)
    angles = local.as_euler("ZYX", degrees=True)
    if number:
        return angles
    place = np.stack([values[:, bone.channels.index(f"t{axis}")] for axis in "xyz"], axis=1)
    return np.concatenate([place, angles], axis=1)


def _write_bone(skeleton: Skeleton, number: int, lines: list[str], order: list[int]) -> None:
    bone = skeleton.bones[number]
    parent = skeleton.bones[bone.parent] if number else None
    offset = np.zeros(3) if parent is None or parent.name in LOST else parent.vector
    kind = "JOINT" if number else "ROOT"
    place = "" if number else "Xposition Yposition Zposition "
    count = 3 if number else 6
    lines += [f"{kind} {NAMES[bone.name]}", "{", f"OFFSET {' '.join(map(str, offset))}"]
    lines += [f"CHANNELS {count} {place}Zrotation Yrotation Xrotation"]
    order.append(number)
    below = [k for k, other in enumerate(skeleton.bones) if k and other.parent == number]
    for child in below:
        _write_bone(skeleton, child, lines, order)
    if not below:
        lines += ["End Site", "{", f"OFFSET {' '.join(map(str, bone.vector))}", "}"]
    lines += ["}"]
