"""The arms of a robot file: chains that end in a gripper or a flange, told from base and torso."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rotoscope.pipeline.errors import RobotError, quoted
from rotoscope.retarget.description.links import Joint
from rotoscope.retarget.onboarding.grippers import Gripper, find_gripper
from rotoscope.retarget.onboarding.names import side_of, words
from rotoscope.retarget.onboarding.skeleton import Skeleton

MIN_JOINTS = 3
"""A chain of fewer joints that ends in a gripper is no arm."""
MIN_FLANGE_JOINTS = 4
"""Nor is one of fewer that ends in nothing."""
FULL_JOINTS = 5
"""What an arm keeps when parts that other chains share, such as a torso, are left out."""
DRIVEN_M = 2.0
"""A slide at the root that is longer moves a robot about the floor [m]."""


@dataclass(frozen=True, eq=False)
class ArmChain:
    """One arm of a robot."""

    base: int
    """The part that it stands on."""
    parts: tuple[int, ...]
    """The parts that its joints move, from the base outwards."""
    gripper: Gripper | None
    """What it ends in; `None` for a flange."""
    name: str
    """What to call it by: `left`, `right`, or the link at its end."""
    left_out: tuple[str, ...]
    """Joints between the file's root and its base: wheels, a lift, a torso."""

    @property
    def end(self) -> int:
        """Its outermost part, which carries the gripper."""
        return self.parts[-1]


def find_arms(skeleton: Skeleton) -> list[ArmChain]:
    """All arms of a robot file: those with grippers, or where none has one, those with flanges.

    The one with the most joints comes first; of two alike the right one.
    """
    grippers = _grippers(skeleton)
    ends: list[tuple[int, Gripper | None]] = [(g.hand, g) for g in grippers]
    found = [chain for end, g in ends if (chain := _chain(skeleton, end, g)) is not None]
    if not found:
        flanges = sorted({_flange(skeleton, leaf) for leaf in skeleton.leaves})
        found = [c for end in flanges if (c := _chain(skeleton, end, None)) is not None]
    names = [chain.name for chain in found]
    if len(set(names)) < len(names):
        found = [replace(c, name=skeleton.entry(c.end)) for c in found]
    # Six joints and more turn every way: which of those has most says nothing.
    return sorted(found, key=lambda c: (-min(len(c.parts), 6), c.name == "left"))


def choose_arm(arms: list[ArmChain], wanted: str | None) -> ArmChain:
    """The arm that a person names, or the first.

    Raises:
        RobotError: There is none of that name.
    """
    if wanted is None:
        return arms[0]
    found = [arm for arm in arms if wanted.lower() in (arm.name.lower(), *words(arm.name))]
    if not found:
        raise RobotError(
            f"there is no arm {wanted!r}; its arms are {quoted([arm.name for arm in arms])}"
        )
    return found[0]


def joints_of(skeleton: Skeleton, chain: ArmChain) -> list[Joint]:
    """The joints of an arm, from its base outwards."""
    return [joint for part in chain.parts if (joint := skeleton.parts[part].joint) is not None]


def _grippers(skeleton: Skeleton) -> list[Gripper]:
    """Grippers that lie in no other gripper, from the root outwards."""
    found: list[Gripper] = []
    inside: set[int] = set()
    for part in range(len(skeleton.parts)):
        if part in inside:
            continue
        gripper = find_gripper(skeleton, part)
        if gripper is not None and len(skeleton.path(part)) > MIN_JOINTS:
            found.append(gripper)
            inside.update(skeleton.below(part))
    return found


def _flange(skeleton: Skeleton, leaf: int) -> int:
    """The part that an arm ends at: what carries several leaves carries fingers of some kind."""
    parent = skeleton.parts[leaf].parent
    siblings = skeleton.parts[parent].children if parent >= 0 else ()
    is_hand = len(siblings) > 1 and all(not skeleton.parts[s].children for s in siblings)
    return parent if is_hand and parent > 0 else leaf


def _chain(skeleton: Skeleton, end: int, gripper: Gripper | None) -> ArmChain | None:
    path = skeleton.path(end)
    start = _after_drive(skeleton, path, _start(skeleton, path))
    parts = tuple(path[start + 1 :])
    turning = [j for p in parts if (j := skeleton.parts[p].joint) and j.kind == "revolute"]
    needed = MIN_FLANGE_JOINTS if gripper is None else MIN_JOINTS
    if len(parts) < needed or len(turning) < (1 if gripper else needed - 1):
        return None
    links = [link for part in parts for link in skeleton.parts[part].links]
    joints = [j.name for part in parts if (j := skeleton.parts[part].joint) is not None]
    name = side_of(" ".join([*links, *joints])) or links[-1]
    left_out = [j.name for p in path[1 : start + 1] if (j := skeleton.parts[p].joint) is not None]
    return ArmChain(path[start], parts, gripper, name, tuple(left_out))


def _start(skeleton: Skeleton, path: list[int]) -> int:
    """The outermost part that carries something else that moves, such as a torso with a head."""
    for i in range(len(path) - 1 - FULL_JOINTS, -1, -1):
        others = [c for c in skeleton.parts[path[i]].children if c != path[i + 1]]
        below = {p for other in others for p in skeleton.below(other)}
        joints = [j for p in below if (j := skeleton.parts[p].joint) is not None]
        if any(joint.mimic is None for joint in joints):
            return i
    return 0


def _after_drive(skeleton: Skeleton, path: list[int], start: int) -> int:
    """Past joints that move the whole robot about the floor: long slides, and a turn after them."""
    i = start
    while i + 1 < len(path) - MIN_JOINTS:
        joint = skeleton.parts[path[i + 1]].joint
        assert joint is not None
        is_long = joint.kind == "prismatic" and not joint.upper - joint.lower < DRIVEN_M
        is_turn = i > start and joint.kind == "revolute" and bool(np.abs(joint.axis[2]) > 0.99)
        if not (is_long or (is_turn and not joint.upper - joint.lower < 2 * np.pi)):
            break
        i += 1
    return i
