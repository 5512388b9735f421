"""Limbs of a humanoid from its joints alone: mirrored chains, and where they bend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.onboarding.skeleton import Skeleton

MIN_LIMB_JOINTS = 4
"""Joints of the simplest arm or leg."""

SAME_LENGTH = 0.02
"""Mirrored chains agree in the length of every segment to this share of the whole."""

HAND_SHARE = 1.25
"""A joint further from the elbow than this many upper arms belongs to the hand: a human forearm
with half a hand has 1.1 (Drillis and Contini 1966)."""


@dataclass(frozen=True)
class Pair:
    """Two limbs that mirror each other."""

    trunk: int
    """The part that both hang on."""
    limbs: tuple[tuple[int, ...], tuple[int, ...]]
    """Parts of both from the trunk outwards, without those of a hand that branches."""


def find_pairs(skeleton: Skeleton) -> list[Pair]:
    """Mirrored limbs of at least four joints, from the root outwards."""
    T = skeleton.poses(skeleton.rest)
    pairs, waiting = [], [0]
    while waiting:
        part = waiting.pop(0)
        children = list(skeleton.parts[part].children)
        used: set[int] = set()
        for a in children:
            for b in children:
                if a < b and not {a, b} & used:
                    limbs = (_chain(skeleton, a), _chain(skeleton, b))
                    if _mirrors(skeleton, limbs, T):
                        pairs.append(Pair(part, limbs))
                        used |= {a, b}
        waiting += [child for child in children if child not in used]
    return pairs


def bend(
    skeleton: Skeleton, limb: tuple[int, ...], T: dict[str, Float[np.ndarray, "4 4"]]
) -> tuple[int, int]:
    """Which of a limb's parts its knee or elbow moves, and the last before a hand or foot.

    The knee or elbow is the joint about half-way that bends the limb rather than twisting it.
    """
    anchors = np.array([skeleton.anchor(part, T) for part in limb])
    best, found = np.inf, (len(limb) // 2, len(limb) - 1)
    for k in range(1, len(limb) - 1):
        center = meeting_point(skeleton, limb[:k], T)
        upper = anchors[k] - center
        length = float(np.linalg.norm(upper))
        forward_kinematics = np.linalg.norm(anchors - anchors[k], axis=1)
        inner = [j for j in range(k + 1, len(limb)) if forward_kinematics[j] <= HAND_SHARE * length]
        if length < 1e-3 or not inner:
            continue
        end = inner[-1]
        axis = skeleton.axis(limb[k], T)
        twist = abs(float(axis @ upper)) / length
        uneven = abs(length - float(forward_kinematics[end])) / length
        if twist < 0.5 and uneven + twist < best:
            best, found = uneven + twist, (k, end)
    return found


def meeting_point(
    skeleton: Skeleton, parts: tuple[int, ...], T: dict[str, Float[np.ndarray, "4 4"]]
) -> Float[np.ndarray, " 3"]:
    """The point nearest to the axes of some joints, in the root link [m].

    Where axes leave it open, as one axis alone does, it is the nearest to their anchors.
    """
    A, b = 1e-3 * np.eye(3) * len(parts), np.zeros(3)
    for part in parts:
        axis, anchor = skeleton.axis(part, T), skeleton.anchor(part, T)
        across = np.eye(3) - np.outer(axis, axis)
        A, b = A + across, b + across @ anchor + 1e-3 * anchor
    return np.asarray(np.linalg.solve(A, b))


def nearest_part(
    skeleton: Skeleton,
    parts: tuple[int, ...],
    point_m: Float[np.ndarray, " 3"],
    T: dict[str, Float[np.ndarray, "4 4"]],
) -> int:
    """The part whose own origin is nearest to a point; of equals the outermost."""
    distances = [float(np.linalg.norm(T[skeleton.entry(p)][:3, 3] - point_m)) for p in parts]
    nearest = min(distances)
    return next(p for p, d in zip(parts[::-1], distances[::-1], strict=True) if d < nearest + 1e-3)


def _chain(skeleton: Skeleton, part: int) -> tuple[int, ...]:
    found = [part]
    while len(skeleton.parts[found[-1]].children) == 1:
        found.append(skeleton.parts[found[-1]].children[0])
    return tuple(found)


def _mirrors(
    skeleton: Skeleton,
    limbs: tuple[tuple[int, ...], tuple[int, ...]],
    T: dict[str, Float[np.ndarray, "4 4"]],
) -> bool:
    if len(limbs[0]) != len(limbs[1]) or len(limbs[0]) < MIN_LIMB_JOINTS:
        return False
    anchors = np.array([[skeleton.anchor(p, T) for p in limb] for limb in limbs])
    lengths = np.linalg.norm(np.diff(anchors, axis=1), axis=2)
    apart = anchors[0] - anchors[1]
    is_apart = float(np.linalg.norm(apart.mean(axis=0))) > 0.05 * float(lengths.sum())
    same = np.abs(lengths[0] - lengths[1]).max() < SAME_LENGTH * lengths[0].sum()
    return bool(same and is_apart)
