"""The joints of the SMPL family: their order, their tree, and which stand around ours."""

from __future__ import annotations

from rotoscope.pipeline.tracks import SIDES

BODY: tuple[str, ...] = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2"),
    *("left_ankle", "right_ankle", "spine3", "left_foot", "right_foot", "neck"),
    *("left_collar", "right_collar", "head", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
)
"""The 22 joints that SMPL, SMPL-H and SMPL-X begin with."""

PARENTS: tuple[int, ...] = (
    *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19),
)
"""Number of each body joint's parent."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_HANDS = tuple(f"{side}_{f}{k}" for side in SIDES for f in _FINGERS for k in (1, 2, 3))
_FACE = ("nose", "right_eye", "left_eye", "right_ear", "left_ear")
_FEET = ("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe")
_TIPS = tuple(f"{s}_{f}_tip" for s in SIDES for f in ("thumb", "index", "middle", "ring", "pinky"))

LAYOUTS: dict[str, tuple[str, ...]] = {
    "SMPL body": BODY,
    "SMPL": (*BODY, "left_hand", "right_hand"),
    "SMPL with vertices": (
        *(*BODY, "left_hand", "right_hand"),
        *(*_FACE, *_FEET, "right_heel", *_TIPS),
    ),
    "SMPL-H": (*BODY, *_HANDS),
    "SMPL-H by limbs": (
        "pelvis",
        *(f"{side}_{j}" for side in SIDES for j in ("hip", "knee", "ankle", "foot")),
        *("spine1", "spine2", "spine3", "neck", "head"),
        *(
            f"{side}_{j}"
            for side in SIDES
            for j in (
                *("collar", "shoulder", "elbow", "wrist"),
                *(f"{finger}{k}" for finger in _FINGERS for k in (1, 2, 3)),
            )
        ),
    ),
    "SMPL-X": (*BODY, "jaw", "left_eye", "right_eye", *_HANDS),
}
"""Orders in which joint positions are written: those of `smplx`, and the depth-first one of
simulators (InterMimic's OMOMO clips)."""

_AROUND: dict[str, tuple[tuple[str, ...], ...]] = {
    "head": (("left_ear", "right_ear"), ("head",)),
    **{
        f"{side}_{joint}": ((f"{side}_{joint}",),)
        for side in SIDES
        for joint in ("hip", "knee", "ankle", "heel", "shoulder", "elbow", "wrist")
    },
    **{f"{side}_toe": ((f"{side}_foot",),) for side in SIDES},
    **{
        f"{side}_hand": (
            tuple(f"{side}_{f}1" for f in _FINGERS[:4]),
            (f"{side}_hand",),
        )
        for side in SIDES
    },
}
"""Joints around each of ours, the first alternative that a layout has. `head` without ears is
SMPL's joint, where the skull meets the neck: about 8 cm below the middle of the head."""


def around(layout: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Numbers of the joints around each of `BODY_JOINTS` that a layout has."""
    out: dict[str, tuple[int, ...]] = {}
    for joint, alternatives in _AROUND.items():
        names = next((a for a in alternatives if all(n in layout for n in a)), ())
        if names:
            out[joint] = tuple(layout.index(name) for name in names)
    return out
