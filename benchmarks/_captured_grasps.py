"""Motion-captured grasps as 21 joints: MyoDM's reference motions of the MyoHand.

GRAB's recordings of people who take things, solved for the joint angles of the MyoHand. Files lie
in `myodm` below the folder that `ROTOSCOPE_HANDS` names: `myohand_body.xml` and `MyoHand_*.npz` of
MyoHub/myosuite (`envs/myo/assets/hand/assets`, `envs/myo/myodm/data`; Apache-2.0, the recordings
themselves for research only).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._skinned_hands import hands_folder
from rotoscope.retarget.description.mujoco import import_mujoco

_NUM_ARM = 6
_MOVED_M = 0.01
_NO_OFFSET = (0.0, 0.0, 0.0)
_POINTS = (
    ("lunate", _NO_OFFSET),
    ("firstmc", _NO_OFFSET),
    ("proximal_thumb", _NO_OFFSET),
    ("distal_thumb", _NO_OFFSET),
    ("distal_thumb", (0.012, -0.0215, -0.0084)),
    *(
        (f"{bone}{finger}", offset)
        for finger, tip in (
            (2, (0.0018, -0.018, 0.0008)),
            (3, (0.0015, -0.018, 0.0008)),
            (4, (-0.001, -0.018, 0.0)),
            (5, (-0.002, -0.016, -0.001)),
        )
        for bone, offset in (
            ("proxph", _NO_OFFSET),
            ("midph", _NO_OFFSET),
            ("distph", _NO_OFFSET),
            ("distph", tip),
        )
    ),
)
"""Body of each of the 21 points and the point in it [m]; tips lie in the pads."""


@dataclass(frozen=True, eq=False)
class CapturedGrasp:
    """One recording of a right hand."""

    name: str
    """The thing and what is done with it, such as `mug_lift`."""
    time_s: Float[np.ndarray, " time"]
    joints_m: Float[np.ndarray, "time 21 3"]
    """In the frame of the arm."""
    is_held: Bool[np.ndarray, " time"]
    """The thing has moved by a centimeter."""

    @property
    def is_development(self) -> bool:
        """Every other thing chooses; the rest reports."""
        things = sorted({name.rsplit("_", 1)[0] for name in names()})
        return things.index(self.name.rsplit("_", 1)[0]) % 2 == 0


def names() -> list[str]:
    """Names of the recordings."""
    found = [p.stem.removeprefix("MyoHand_") for p in _folder().glob("MyoHand_*.npz")]
    if not found:
        raise SystemExit(f"no recordings in {_folder()}; {__doc__}")
    return sorted(found)


@lru_cache(maxsize=128)
def captured_grasp(name: str) -> CapturedGrasp:
    """One recording."""
    with np.load(_folder() / f"MyoHand_{name}.npz") as arrays:
        time_s, angles, thing = arrays["time"], arrays["robot"][:, _NUM_ARM:], arrays["object"]
    mujoco, model = import_mujoco(), _model()
    data = mujoco.MjData(model)
    joints = np.empty((len(time_s), len(_POINTS), 3))
    for row, qpos in enumerate(angles):
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        for point, (body, offset) in enumerate(_POINTS):
            frame = data.body(body)
            joints[row, point] = frame.xpos + frame.xmat.reshape(3, 3) @ np.array(offset)
    moved_m = np.linalg.norm(thing[:, :3] - thing[0, :3], axis=1)
    return CapturedGrasp(name, time_s, joints, moved_m > _MOVED_M)


def _folder() -> Path:
    return hands_folder() / "myodm"


@lru_cache(maxsize=1)
def _model() -> Any:
    """The hand's joints without muscles and meshes."""
    root = ET.parse(_folder() / "myohand_body.xml").getroot()
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("geom", "site", "camera", "inertial", "light"):
                parent.remove(child)
    for body in root.iter("body"):
        body.attrib.pop("childclass", None)
        some = ET.Element("inertial", pos="0 0 0", mass="0.1", diaginertia="0.01 0.01 0.01")
        body.insert(0, some)
    mujoco_root = ET.Element("mujoco")
    ET.SubElement(mujoco_root, "compiler", angle="radian")
    ET.SubElement(mujoco_root, "worldbody").extend(root.findall("body"))
    return import_mujoco().MjModel.from_xml_string(ET.tostring(mujoco_root, encoding="unicode"))
