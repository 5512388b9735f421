"""Fingers of a hand from its joints alone: chains, which one is the thumb, how they bend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.onboarding.skeleton import Skeleton

NEAR_M = 0.005
"""A link whose origin is this near to its joint does not mark a fingertip."""

ASSUMED_REACH_RAD = math.pi / 2
"""How far a joint without limits is moved either way to see what it does."""

BENDING_COS = 0.8
"""A joint bends a finger if its axis is within 37 degrees of the axis that most joints share."""


@dataclass(frozen=True)
class Finger:
    """A chain of joints that no other finger shares."""

    parts: tuple[int, ...]
    """Its parts from the first that it has for itself to the last."""
    tip_link: str
    """Link that the tip is fixed to."""
    tip_offset_m: Float[np.ndarray, " 3"]
    """The tip in that link [m]."""
    tip_from: str
    """What the tip was taken from."""


@dataclass(frozen=True)
class OpenHand:
    """Fingers stretched out, in the root link."""

    values: dict[str, float]
    """Values of the independent joints [rad or m]."""
    T: dict[str, Float[np.ndarray, "4 4"]]
    """Poses of all links [m]."""

    def tip(self, finger: Finger) -> Float[np.ndarray, " 3"]:
        """Where a fingertip is [m]."""
        T = self.T[finger.tip_link]
        return T[:3, :3] @ finger.tip_offset_m + T[:3, 3]


def find_fingers(skeleton: Skeleton) -> tuple[int, list[Finger]]:
    """The part that the fingers branch from, and one chain per outermost part."""
    leaves = skeleton.leaves
    palm = skeleton.common_ancestor(leaves)
    T = skeleton.poses(skeleton.rest)
    fingers = []
    for leaf in leaves:
        shared = {part for other in leaves if other != leaf for part in skeleton.path(other)}
        own = tuple(part for part in skeleton.path(leaf) if part not in shared and part != palm)
        fingers.append(Finger(own or (leaf,), *_tip(skeleton, leaf, T)))
    return palm, fingers


def stretch(skeleton: Skeleton, fingers: list[Finger]) -> OpenHand:
    """The pose in which every fingertip is furthest from its own base, joints near zero."""
    values = dict(skeleton.rest)
    for finger in fingers:
        masters = dict.fromkeys(_master(skeleton, part) for part in finger.parts)
        for _ in range(2):
            for name in masters:
                tried = np.unique([values[name], 0.0, *np.linspace(*_range(skeleton, name), 9)])
                low, high = _range(skeleton, name)
                tried = tried[(tried >= low) & (tried <= high)]
                scores = [_reach(skeleton, finger, {**values, name: float(v)}) for v in tried]
                # A millimeter of reach for a radian: what does not lengthen stays near zero.
                scores = [s - 1e-3 * abs(v) for s, v in zip(scores, tried, strict=True)]
                values[name] = float(tried[int(np.argmax(scores))])
    return OpenHand(values, skeleton.poses(values))


def rank_thumbs(
    skeleton: Skeleton, fingers: list[Finger], hand: OpenHand
) -> list[tuple[float, int]]:
    """How unlike each other the remaining fingers are without each one, smallest first.

    Without the thumb the others bend about one axis and stand in one row.
    """
    axes = [skeleton.axis(finger.parts[-1], hand.T) for finger in fingers]
    bases = np.array([skeleton.anchor(finger.parts[0], hand.T) for finger in fingers])
    size = float(np.mean([np.linalg.norm(hand.tip(f) - b) for f, b in zip(fingers, bases)]))  # noqa: B905 - equal by construction
    found = []
    for i in range(len(fingers)):
        rest = [k for k in range(len(fingers)) if k != i]
        cosines = [abs(float(axes[a] @ axes[b])) for a in rest for b in rest if a < b]
        turned = float(np.mean(np.arccos(np.clip(cosines, 0, 1)))) if cosines else 0.0
        row = bases[rest] - bases[rest].mean(axis=0)
        off_row = float(np.linalg.svd(row, compute_uv=False)[1]) / size if len(rest) > 1 else 0.0
        found.append((turned + off_row, i))
    return sorted(found)


def bending_axis(
    skeleton: Skeleton, fingers: list[Finger], hand: OpenHand
) -> Float[np.ndarray, " 3"]:
    """The axis, up to its sign, that most joints of these fingers share, in the root link."""
    axes = np.array([skeleton.axis(part, hand.T) for finger in fingers for part in finger.parts])
    return np.asarray(np.linalg.eigh(axes.T @ axes)[1][:, -1])


def bending_parts(
    skeleton: Skeleton, finger: Finger, hand: OpenHand, axis: Float[np.ndarray, " 3"]
) -> list[int]:
    """Parts of a finger that its bending joints move, from the base outwards."""
    bends = [p for p in finger.parts if abs(float(skeleton.axis(p, hand.T) @ axis)) > BENDING_COS]
    return bends or list(finger.parts)


def closing_motion(
    skeleton: Skeleton, finger: Finger, hand: OpenHand, axis: Float[np.ndarray, " 3"]
) -> tuple[Float[np.ndarray, " 3"], float]:
    """Which way the tip goes when the finger bends, and how sure that is, 0 to 1.

    A finger bends to the side to which its joints can go further.
    """
    total, sureness = np.zeros(3), []
    for part in bending_parts(skeleton, finger, hand, axis):
        master = _master(skeleton, part)
        low, high = _range(skeleton, master)
        up, down = high - hand.values[master], hand.values[master] - low
        lever = hand.tip(finger) - skeleton.anchor(part, hand.T)
        sign = 1.0 if up >= down else -1.0
        total += sign * np.cross(skeleton.axis(part, hand.T), lever)
        sureness.append(abs(up - down) / max(up + down, 1e-9))
    return total, float(np.mean(sureness))


def _tip(
    skeleton: Skeleton, leaf: int, T: Mapping[str, Float[np.ndarray, "4 4"]]
) -> tuple[str, Float[np.ndarray, " 3"], str]:
    """Link, offset and where they were taken from."""
    anchor = skeleton.anchor(leaf, T)
    links = skeleton.parts[leaf].links
    far = max(links, key=lambda link: float(np.linalg.norm(T[link][:3, 3] - anchor)))
    if np.linalg.norm(T[far][:3, 3] - anchor) > NEAR_M:
        return far, np.zeros(3), "outermost link of its chain"
    entry = skeleton.entry(leaf)
    points = np.concatenate(
        [se3.apply(T[k], skeleton.surface[k]) for k in links if k in skeleton.surface]
        or [np.zeros((0, 3))]
    )
    to_entry = se3.inverse(T[entry])[None]
    if len(points) == 0:
        before = skeleton.anchor(skeleton.parts[leaf].parent, T)
        tip = anchor + 0.8 * (anchor - before)
        return entry, se3.apply(to_entry[0], tip[None])[0], "assumed: the file draws no surface"
    along = points.mean(axis=0) - anchor
    forward_kinematics = (points - anchor) @ (along / np.linalg.norm(along))
    tip = points[forward_kinematics > forward_kinematics.max() - 0.003].mean(axis=0)
    return entry, se3.apply(to_entry[0], tip[None])[0], "end of the drawn surface"


def _master(skeleton: Skeleton, part: int) -> str:
    joint = skeleton.parts[part].joint
    assert joint is not None  # only the root's part has none, and no finger holds it
    return skeleton.description.resolve_mimic(joint.name).joint


def _range(skeleton: Skeleton, name: str) -> tuple[float, float]:
    joint = skeleton.description.joints[name]
    low = joint.lower if math.isfinite(joint.lower) else -ASSUMED_REACH_RAD
    high = joint.upper if math.isfinite(joint.upper) else ASSUMED_REACH_RAD
    return low, high


def _reach(skeleton: Skeleton, finger: Finger, values: Mapping[str, float]) -> float:
    hand = OpenHand(dict(values), skeleton.poses(values))
    return float(np.linalg.norm(hand.tip(finger) - skeleton.anchor(finger.parts[0], hand.T)))
