"""Limbs of a humanoid from its joints alone: mirrored chains, and where they bend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.skeleton import Skeleton

MIN_LIMB_JOINTS = 3
"""Joints of the simplest arm or leg."""

SAME_LENGTH = 0.02
"""Mirrored chains agree in the length of every segment to this share of the whole."""

HAND_SHARE = 1.25
"""A joint further from the elbow than this many upper arms belongs to the hand: a human forearm
with half a hand has 1.1 (Drillis and Contini 1966)."""

LONG_SHARE = 1.6
"""No wrist or ankle is further from the elbow or knee than this many upper bones."""

NO_END = 0.25
"""What it takes for a joint with none beyond it to be the knee or elbow all the same."""

NEAR_SHARE = 0.5
"""A joint nearer to the knee or elbow than this share of the upper bone ends no lower one."""

MIN_BONE = 0.15
"""A thigh or upper arm is at least this share of the way from its joint to the limb's end."""

TWIST = 0.5
"""Cosine from which on an axis along a bone twists it rather than bending the limb."""

PARALLEL_COS = 0.9
"""Cosine from which on two axes are one and the same."""

WITH_HAND = 1.2
"""Forearm with a fist, or shin with a foot, over the upper bone: of a person 1.1 to 1.3."""

FOOT_SHARE = 0.5
"""Joints of one ankle lie within this share of the shin."""

TOE_SHARE = 0.1
"""A joint of the toes turns about an axis of the ankle's, this share of the shin or more away."""

FIST = 0.73
"""Forearm over forearm with a fist: 0.146 of 0.200 of the height (Drillis and Contini 1966)."""

Poses = dict[str, Float[np.ndarray, "4 4"]]


@dataclass(frozen=True)
class Pair:
    """Two limbs that mirror each other."""

    trunk: int
    """The part that both hang on."""
    limbs: tuple[tuple[int, ...], tuple[int, ...]]
    """Parts of both from the trunk outwards, without those of a hand that branches."""


@dataclass(frozen=True)
class Bend:
    """Where a limb bends half-way, and where its lower bone ends."""

    middle: int
    """Index of the part in the limb that the knee or elbow moves."""
    end: int
    """Index of the last part before the hand or foot; `middle` where no joint follows."""
    end_m: Float[np.ndarray, " 3"]
    """The wrist or ankle, in the frame of the poses [m]."""

    @property
    def has_end(self) -> bool:
        """Whether a joint ends the lower bone; else the point on it is a guess."""
        return self.end > self.middle


def find_pairs(skeleton: Skeleton) -> list[Pair]:
    """Mirrored limbs of at least three joints, from the root outwards."""
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


def bend(skeleton: Skeleton, limb: tuple[int, ...], T: Poses) -> Bend | None:
    """Where a limb bends, `None` where no joint of it can be a knee or elbow.

    The knee or elbow is the joint about half-way that bends the limb rather than twisting it. It
    may be the limb's last: then the lower bone ends before what is drawn beyond does.
    """
    anchors = np.array([skeleton.anchor(part, T) for part in limb])
    tip = limb_tip(skeleton, limb, T)
    best, found = np.inf, None
    for k in range(1, len(limb)):
        center = meeting_point(skeleton, limb[:k], T)
        upper = anchors[k] - center
        length = float(np.linalg.norm(upper))
        beyond = float(np.linalg.norm(tip - anchors[k]))
        if length < MIN_BONE * (length + beyond) or length < 1e-3:
            continue
        distances = np.linalg.norm(anchors - anchors[k], axis=1)
        far = [j for j in range(k + 1, len(limb)) if distances[j] >= NEAR_SHARE * length]
        ends = [j for j in far if distances[j] <= HAND_SHARE * length]
        ends = ends or [j for j in far[:1] if distances[j] <= LONG_SHARE * length]
        twist = abs(float(skeleton.axis(limb[k], T) @ upper)) / length
        if twist >= TWIST:
            continue
        if ends:
            uneven = abs(length - float(distances[ends[-1]])) / length
            candidate = Bend(k, ends[-1], anchors[ends[-1]])
        elif not far:
            uneven = abs(WITH_HAND * length - beyond) / length + NO_END
            candidate = Bend(k, k, anchors[k] + FIST * (tip - anchors[k]))
        else:
            continue
        if uneven + twist < best:
            best, found = uneven + twist, candidate
    return found


def ankle(skeleton: Skeleton, leg: tuple[int, ...], knee: Bend, T: Poses) -> int:
    """Index of the last part of a leg before the foot: joints of the toes come after it."""
    anchors = np.array([skeleton.anchor(part, T) for part in leg])
    shin = np.linalg.norm(anchors[knee.middle] - meeting_point(skeleton, leg[: knee.middle], T))
    far = np.linalg.norm(anchors - anchors[knee.middle], axis=1)
    first = next(
        (j for j in range(knee.middle + 1, len(leg)) if far[j] >= NEAR_SHARE * shin), knee.end
    )
    off = np.linalg.norm(anchors - anchors[first], axis=1)
    axes = np.array([skeleton.axis(part, T) for part in leg])
    last = first
    while last + 1 < len(leg) and off[last + 1] <= FOOT_SHARE * shin:
        turns_alike = np.abs(axes[first : last + 1] @ axes[last + 1]).max() > PARALLEL_COS
        if turns_alike and off[last + 1] > TOE_SHARE * shin:
            break
        last += 1
    return last


def limb_tip(skeleton: Skeleton, limb: tuple[int, ...], T: Poses) -> Float[np.ndarray, " 3"]:
    """The end of what is drawn on a limb, the outermost of its frames where nothing is [m]."""
    anchor = skeleton.anchor(limb[-1], T)
    below = [link for part in skeleton.below(limb[-1]) for link in skeleton.parts[part].links]
    drawn = [se3.apply(T[k], skeleton.surface[k]) for k in below if k in skeleton.surface]
    points = np.concatenate(drawn or [np.array([T[k][:3, 3] for k in below])])
    far = np.linalg.norm(points - anchor, axis=1)
    return np.asarray(points[far >= 0.95 * far.max()].mean(axis=0))


def meeting_point(skeleton: Skeleton, parts: tuple[int, ...], T: Poses) -> Float[np.ndarray, " 3"]:
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
    T: Poses,
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
    T: Poses,
) -> bool:
    if len(limbs[0]) != len(limbs[1]) or len(limbs[0]) < MIN_LIMB_JOINTS:
        return False
    anchors = np.array([[skeleton.anchor(p, T) for p in limb] for limb in limbs])
    lengths = np.linalg.norm(np.diff(anchors, axis=1), axis=2)
    apart = anchors[0] - anchors[1]
    is_apart = float(np.linalg.norm(apart.mean(axis=0))) > 0.05 * float(lengths.sum())
    same = np.abs(lengths[0] - lengths[1]).max() < SAME_LENGTH * lengths[0].sum()
    return bool(same and is_apart)
