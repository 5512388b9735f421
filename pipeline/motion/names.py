"""Which points of a skeleton stand around each of our joints, by the names that are in use.

Names are compared in lower case without punctuation and without the prefixes of a character.
`{side}` stands for `left` or `right`, `{s}` for `l` or `r`. Of the alternatives of a joint the
first whose points are all there is taken, and their middle is the joint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rotoscope.pipeline.errors import MotionError, quoted
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES

Alternatives = tuple[tuple[str, ...], ...]

LIMB_JOINTS: tuple[str, ...] = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
"""Joints without which a skeleton is not taken for a person's, on either side."""

_HEAD: Alternatives = (("head", "headtopend"), ("head", "headend"), ("head",))
_KNUCKLES = ("index1", "middle1", "ring1", "pinky1")


def _convention(*names: str, toe: Alternatives, hand: Alternatives) -> dict[str, Alternatives]:
    return {joint: ((name,),) for joint, name in zip(LIMB_JOINTS, names, strict=True)} | {
        "toe": toe,
        "hand": hand,
        "heel": (("{side}heel",), ("{s}heel",), ("heel{s}",)),
    }


CONVENTIONS: dict[str, dict[str, Alternatives]] = {
    # Mixamo, MotionBuilder, LaFAN1, the BVH of the CMU library, Perception Neuron
    "mixamo": _convention(
        *("{side}upleg", "{side}leg", "{side}foot"),
        *("{side}arm", "{side}forearm", "{side}hand"),
        toe=(("{side}toebase",), ("{side}toe",), ("{side}footend",)),
        hand=(
            tuple(f"{{side}}hand{knuckle}" for knuckle in _KNUCKLES),
            ("{side}handmiddle1",),
            ("{side}handindex1",),
            ("{side}hand", "{side}handend"),
        ),
    ),
    # Xsens, 100STYLE, aitviewer's sample; SMPL's names written out
    "xsens": _convention(
        *("{side}hip", "{side}knee", "{side}ankle"),
        *("{side}shoulder", "{side}elbow", "{side}wrist"),
        toe=(("{side}toe",), ("{side}toebase",), ("{side}foot",), ("{side}ankleend",)),
        hand=(
            tuple(f"{{side}}{knuckle}" for knuckle in _KNUCKLES),
            ("{side}hand",),
            ("{side}wrist", "{side}wristend"),
        ),
    ),
    "rokoko": _convention(
        *("{side}thigh", "{side}shin", "{side}foot"),
        *("{side}arm", "{side}forearm", "{side}hand"),
        toe=(("{side}toe",), ("{side}toebase",), ("{side}footend",)),
        hand=(
            tuple(f"{{side}}finger{k}metacarpal" for k in (2, 3, 4, 5)),
            ("{side}hand", "{side}handend"),
        ),
    ),
    # NVIDIA's SOMA
    "soma": _convention(
        *("{side}leg", "{side}shin", "{side}foot"),
        *("{side}arm", "{side}forearm", "{side}hand"),
        toe=(("{side}toebase",), ("{side}toe",), ("{side}footend",)),
        hand=(
            tuple(f"{{side}}hand{knuckle}" for knuckle in _KNUCKLES),
            ("{side}handmiddle1",),
            ("{side}hand", "{side}handend"),
        ),
    ),
    # Poser and DAZ
    "poser": _convention(
        *("{s}thigh", "{s}shin", "{s}foot", "{s}shldr", "{s}forearm", "{s}hand"),
        toe=(("{s}toe",), ("{s}footend",)),
        hand=(tuple(f"{{s}}{f}1" for f in ("index", "mid", "ring", "pinky")), ("{s}mid1",)),
    ),
    "unity": _convention(
        *("{side}upperleg", "{side}lowerleg", "{side}foot"),
        *("{side}upperarm", "{side}lowerarm", "{side}hand"),
        toe=(("{side}toes",), ("{side}toe",), ("{side}footend",)),
        hand=(("{side}middleproximal",), ("{side}hand", "{side}handend")),
    ),
    "blender": _convention(
        *("upperleg{s}", "lowerleg{s}", "foot{s}"),
        *("upperarm{s}", "lowerarm{s}", "hand{s}"),
        toe=(("toes{s}",), ("toe{s}",), ("foot{s}end",)),
        hand=(("hand{s}", "hand{s}end"),),
    ),
    "unreal": _convention(
        *("thigh{s}", "calf{s}", "foot{s}"),
        *("upperarm{s}", "lowerarm{s}", "hand{s}"),
        toe=(("ball{s}",), ("foot{s}end",)),
        hand=(
            tuple(f"{finger}01{{s}}" for finger in ("index", "middle", "ring", "pinky")),
            ("hand{s}", "hand{s}end"),
        ),
    ),
    "biped": _convention(
        *("{s}thigh", "{s}calf", "{s}foot"),
        *("{s}upperarm", "{s}forearm", "{s}hand"),
        toe=(("{s}toe0",), ("{s}footend",)),
        hand=(tuple(f"{{s}}finger{k}" for k in (1, 2, 3, 4)), ("{s}hand", "{s}handend")),
    ),
    # the bones of ASF files; each point is where the bone begins
    "cmu": _convention(
        *("{s}femur", "{s}tibia", "{s}foot", "{s}humerus", "{s}radius", "{s}wrist"),
        toe=(("{s}toes",), ("{s}footend",)),
        hand=(("{s}fingers",), ("{s}handend",)),
    )
    # `lwrist` is the lower third of the forearm, which ends where `lhand` begins.
    | {"wrist": (("{s}hand",), ("{s}wrist",))},
    # SMPL's names cut short
    "smpl": _convention(
        *("{s}hip", "{s}knee", "{s}ankle", "{s}shoulder", "{s}elbow", "{s}wrist"),
        toe=(("{s}toe",), ("{s}toebase",), ("{s}foot",)),
        hand=(
            tuple(f"{{s}}{knuckle}" for knuckle in _KNUCKLES),
            ("{s}hand",),
            ("{s}wrist", "{s}wristend"),
        ),
    ),
}
"""Names of the joints of one side in each convention."""


def plain(name: str) -> str:
    """A point's name without what differs between characters and exporters."""
    name = re.sub(r"[^a-z0-9]", "", name.rpartition(":")[2].lower())
    return re.sub(r"^(mixamorig\d*|bip\d+|biped|character\d+)(?=.)", "", name)


def match_names(names: Sequence[str]) -> tuple[str, dict[str, tuple[int, ...]]]:
    """Convention of a skeleton, and the points around each of `BODY_JOINTS` that it has.

    Raises:
        MotionError: In no convention are all joints of the limbs there; says which are missing in
            the closest one and how to name them by hand.
    """
    index = {plain(name): number for number, name in reversed(list(enumerate(names)))}
    found = {kind: _match(convention, index) for kind, convention in CONVENTIONS.items()}
    kind = max(found, key=lambda k: len(_limbs(found[k])))
    missing = [j for j in _all_limbs() if j not in found[kind]]
    if missing:
        raise MotionError(unknown_skeleton(names, kind, missing))
    return kind, with_middles(found[kind])


def match_given(
    names: Sequence[str], joints: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, ...]]:
    """Points around each of `BODY_JOINTS` by names that a person wrote down.

    Raises:
        MotionError: A joint or a point of that name is not there, or a limb's joint is not named.
    """
    out: dict[str, tuple[int, ...]] = {}
    for joint, points in joints.items():
        if joint not in BODY_JOINTS:
            raise MotionError(f"there is no joint {joint!r}; joints are {quoted(BODY_JOINTS)}")
        wrong = [point for point in points if point not in names]
        if wrong or not points:
            raise MotionError(
                f"joint {joint!r} is said to lie at {list(points)}, but the file has no "
                f"{quoted(wrong)}; it has {quoted(names)}"
            )
        out[joint] = tuple(names.index(point) for point in points)
    missing = [joint for joint in _all_limbs() if joint not in out]
    if missing:
        raise MotionError(f"these joints are not named: {quoted(missing)}; a person needs them")
    return with_middles(out)


def with_middles(joints: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The same with the pelvis between the hips and the neck between the shoulders."""
    return {
        "pelvis": joints["left_hip"] + joints["right_hip"],
        "neck": joints["left_shoulder"] + joints["right_shoulder"],
        **joints,
    }


def unknown_skeleton(names: Sequence[str], kind: str, missing: Sequence[str]) -> str:
    """What to say about a skeleton whose joints are called otherwise."""
    return (
        f"the skeleton's names are of no known convention; the closest is {kind!r}, in which "
        f"{quoted(missing)} were not found among {quoted(names)}; write a file motion.yaml beside "
        "it with 'joints:' and below it lines such as 'left_knee: NameInTheFile'"
    )


def _match(
    convention: Mapping[str, Alternatives], index: Mapping[str, int]
) -> dict[str, tuple[int, ...]]:
    wanted = {"head": _HEAD} | {
        f"{side}_{joint}": tuple(
            tuple(name.format(side=side, s=side[0]) for name in names) for names in alternatives
        )
        for side in SIDES
        for joint, alternatives in convention.items()
    }
    return {
        joint: tuple(index[name] for name in names)
        for joint, alternatives in wanted.items()
        if (names := next((a for a in alternatives if all(n in index for n in a)), None))
    }


def _all_limbs() -> list[str]:
    return [f"{side}_{joint}" for side in SIDES for joint in LIMB_JOINTS]


def _limbs(found: Mapping[str, object]) -> list[str]:
    return [joint for joint in _all_limbs() if joint in found]
