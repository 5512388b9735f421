"""A humanoid's limbs, sides and upright axes, found from its joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import SIDES, Side
from rotoscope.retarget.onboarding.limbs import (
    Bend,
    Pair,
    Poses,
    ankle,
    bend,
    find_pairs,
    limb_tip,
    meeting_point,
    nearest_part,
)
from rotoscope.retarget.onboarding.names import side_of
from rotoscope.retarget.onboarding.skeleton import Skeleton

SNAP_RAD = float(np.radians(26.0))
"""Axes of a link this near to up, left and forward are meant so: legs may stand apart at zero."""


AWAY_COS = -0.7
"""Legs point this much away from the shoulders: 45 degrees off their trunk at most."""


@dataclass(frozen=True)
class Limb:
    """An arm or a leg."""

    parts: tuple[int, ...]
    """From the trunk outwards, without those of a hand that branches."""
    first: int
    """The part whose origin is the hip or shoulder."""
    bend: Bend
    """Knee or elbow, and the end of the lower bone."""

    @property
    def middle(self) -> int:
        """The part that the knee or elbow moves."""
        return self.parts[self.bend.middle]

    @property
    def last(self) -> int:
        """The part before the hand or foot."""
        return self.parts[self.bend.end]


@dataclass(frozen=True)
class Body:
    """A humanoid at zero, seen from its pelvis with x forward, y left, z up."""

    T: Poses
    """Poses of all links in that frame [m]."""
    root: str
    """Link that carries the legs."""
    chest: str
    """Link that carries the arms."""
    has_waist: bool
    """Whether a joint lies between the two."""
    legs: dict[Side, Limb]
    """Left and right."""
    arms: dict[Side, Limb]
    """Left and right."""
    leg_m: float
    """Length of thigh and shin [m]."""
    doubts: tuple[str, ...] = ()
    """Why a person must say which way is forward."""
    contradictions: tuple[str, ...] = ()
    """What speaks against the sides or the axes that were taken."""


def find_body(skeleton: Skeleton, *, use_names: bool) -> Body | str:
    """The body of a humanoid, or why there is none."""
    T = skeleton.poses(skeleton.rest)
    pairs = find_pairs(skeleton)
    if len(pairs) < 2:
        return f"{len(pairs)} pairs of mirrored limbs of three joints or more were found, not two"
    legs, arms = _longest_two(skeleton, pairs, T)
    two = (legs, arms)
    found = {
        pair: [_limb(skeleton, limb, T, is_leg=pair is legs) for limb in pair.limbs] for pair in two
    }
    for pair, what in ((legs, "knee"), (arms, "elbow")):
        if None in found[pair]:
            return f"no joint of {_entries(skeleton, pair)} bends half-way as a {what} does"
    both = {pair: [limb for limb in limbs if limb is not None] for pair, limbs in found.items()}
    root = _carrier(skeleton, legs)
    R, is_swapped, doubts, contradictions = _axes(
        skeleton, both[legs], both[arms], root, T, use_names=use_names
    )
    T_up = se3.make(R.T, np.zeros(3)) @ se3.inverse(T[root])
    T = {link: T_up @ pose for link, pose in T.items()}
    sides = SIDES[::-1] if is_swapped else SIDES
    legs_by_side, arms_by_side = (
        {
            side: _limb(skeleton, limb.parts, T, is_leg=pair is legs) or limb
            for side, limb in zip(
                sides, _in_order(skeleton, both[pair], both[legs], T), strict=True
            )
        }
        for pair in (legs, arms)
    )
    leg = legs_by_side["left"]
    bones = [T[skeleton.entry(p)][:3, 3] for p in (leg.first, leg.middle)]
    length = float(sum(np.linalg.norm(np.diff([*bones, leg.bend.end_m], axis=0), axis=1)))
    return Body(
        T=T,
        root=root,
        chest=_carrier(skeleton, arms),
        has_waist=arms.trunk != legs.trunk,
        leg_m=length,
        legs={side: legs_by_side[side] for side in SIDES},
        arms={side: arms_by_side[side] for side in SIDES},
        doubts=doubts,
        contradictions=contradictions,
    )


def hangs(skeleton: Skeleton) -> bool:
    """Whether one pair of limbs points away from where the other begins, as legs do.

    Fingers all point the same way, across the row that they begin in.
    """
    T = skeleton.poses(skeleton.rest)
    pairs = find_pairs(skeleton)
    return len(pairs) >= 2 and _hangs(skeleton, *_longest_two(skeleton, pairs, T), T) < AWAY_COS


def _longest_two(skeleton: Skeleton, pairs: list[Pair], T: Poses) -> tuple[Pair, Pair]:
    """Legs and arms: of the two longest pairs the one that hangs down comes first."""
    a, b = sorted(pairs, key=lambda pair: -_reach_m(skeleton, pair, T))[:2]
    return (a, b) if _hangs(skeleton, a, b, T) <= _hangs(skeleton, b, a, T) else (b, a)


def _entries(skeleton: Skeleton, pair: Pair) -> str:
    return " and ".join(repr(skeleton.entry(limb[0])) for limb in pair.limbs)


def _limb(skeleton: Skeleton, parts: tuple[int, ...], T: Poses, *, is_leg: bool) -> Limb | None:
    found = bend(skeleton, parts, T)
    if found is None:
        return None
    if is_leg and found.has_end:
        end = ankle(skeleton, parts, found, T)
        found = Bend(found.middle, end, skeleton.anchor(parts[end], T))
    above = parts[: found.middle]
    return Limb(parts, nearest_part(skeleton, above, meeting_point(skeleton, above, T), T), found)


def _reach_m(skeleton: Skeleton, pair: Pair, T: Poses) -> float:
    anchors = np.array([skeleton.anchor(part, T) for part in pair.limbs[0]])
    tip = limb_tip(skeleton, pair.limbs[0], T)
    return float(np.linalg.norm(np.diff([*anchors, tip], axis=0), axis=1).sum())


def _hangs(skeleton: Skeleton, pair: Pair, other: Pair, T: Poses) -> float:
    """Cosine between two limbs and the way from where they begin to where the others do.

    Legs point away from the shoulders, arms never from the hips.
    """
    others = np.mean([skeleton.anchor(limb[0], T) for limb in other.limbs], axis=0)
    begin = np.mean([skeleton.anchor(limb[0], T) for limb in pair.limbs], axis=0)
    # Each limb for itself: of arms held out to both sides the mean points nowhere.
    ways = [unit(skeleton.anchor(limb[-1], T) - skeleton.anchor(limb[0], T)) for limb in pair.limbs]
    return float(np.mean([way @ unit(others - begin) for way in ways]))


def _carrier(skeleton: Skeleton, pair: Pair) -> str:
    """The link of the trunk that both limbs hang on, the trunk's first where there are two."""
    joints = [skeleton.parts[limb[0]].joint for limb in pair.limbs]
    parents = {joint.parent for joint in joints if joint is not None}
    return parents.pop() if len(parents) == 1 else skeleton.entry(pair.trunk)


def _axes(
    skeleton: Skeleton, legs: list[Limb], arms: list[Limb], root: str, T: Poses, *, use_names: bool
) -> tuple[Float[np.ndarray, "3 3"], bool, tuple[str, ...], tuple[str, ...]]:
    """X forward, y left, z up in the root link; whether the first leg is the right one; doubts."""
    hips = [skeleton.anchor(leg.parts[0], T) for leg in legs]
    up = unit(np.mean(hips, axis=0) - np.mean([leg.bend.end_m for leg in legs], axis=0))
    across = hips[0] - hips[1]
    across = unit(across - (across @ up) * up)
    ahead = np.cross(across, up)
    votes = {
        "knees bend the feet back": -_bends(skeleton, legs, T) @ ahead,
        "feet reach forward": _feet(skeleton, legs, T) @ ahead,
        "elbows bend the hands forward": 0.5 * _bends(skeleton, arms, T) @ ahead,
    }
    total = sum(votes.values())
    is_swapped = bool(total < 0)
    said = [side_of(skeleton.entry(p)) for p in legs[0].parts] if use_names else []
    sides = {side for side in said if side is not None}
    named = sides.pop() if len(sides) == 1 else None
    doubts, contradictions = [], []
    found = "right" if is_swapped else "left"
    if abs(total) < 0.3 and named is not None:
        is_swapped = bool(named == "right")
        contradictions.append(
            f"which way is forward is taken from names, {skeleton.entry(legs[0].last)!r} being a "
            f"{named} limb: knees, feet and elbows do not tell"
        )
    elif abs(total) < 0.3:
        doubts.append("knees, feet and elbows do not tell which way is forward")
    elif named not in (None, found):
        contradictions.append(
            f"by its place {skeleton.entry(legs[0].last)!r} is a {found} limb, by its name a "
            f"{named} one: " + ", ".join(what for what, vote in votes.items() if vote * total > 0.1)
        )
    for what, vote in votes.items():
        if (-vote if is_swapped else vote) < -0.3:
            # Who cannot bend the knees as a person does cannot do what a person does.
            against = doubts if what.startswith("knees") else contradictions
            against.append(f"the way taken for forward is not the one in which {what}")
    left = -across if is_swapped else across
    R = T[root][:3, :3].T @ np.stack([np.cross(left, up), left, up], axis=1)
    return _snapped(R), is_swapped, tuple(doubts), tuple(contradictions)


def _snapped(R: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """The axes of the link itself, in another order, where they nearly are these."""
    grid = np.zeros((3, 3))
    rest = np.abs(R).copy()
    for _ in range(3):
        i, j = np.unravel_index(int(np.argmax(rest)), (3, 3))
        grid[i, j] = np.sign(R[i, j])
        rest[i, :], rest[:, j] = -1.0, -1.0
    angle = float(np.linalg.norm(se3.log_so3(grid.T @ R))) if np.linalg.det(grid) > 0 else np.inf
    return grid if angle <= SNAP_RAD else R


def _in_order(skeleton: Skeleton, limbs: list[Limb], legs: list[Limb], T: Poses) -> list[Limb]:
    """Limbs such that the first is on the side of the first leg."""
    across = skeleton.anchor(legs[0].parts[0], T) - skeleton.anchor(legs[1].parts[0], T)
    own = skeleton.anchor(limbs[0].parts[0], T) - skeleton.anchor(limbs[1].parts[0], T)
    return limbs if float(across @ own) >= 0 else limbs[::-1]


def _bends(skeleton: Skeleton, limbs: list[Limb], T: Poses) -> Float[np.ndarray, " 3"]:
    """Which way the ends go when knees or elbows bend to their wider side; long where sure."""
    total = np.zeros(3)
    for limb in limbs:
        joint = skeleton.parts[limb.middle].joint
        assert joint is not None  # limbs begin below the root's part
        link = skeleton.description.resolve_mimic(joint.name)
        master = skeleton.description.joints[link.joint]
        at = skeleton.rest.get(master.name, 0.0)
        up, down = master.upper - at, at - master.lower
        if not np.isfinite([up, down]).all() or up + down <= 0:
            continue
        lever = limb.bend.end_m - skeleton.anchor(limb.middle, T)
        # The axis is positive where the master moves upwards.
        way = np.cross(skeleton.axis(limb.middle, T), lever)
        length = float(np.linalg.norm(way))
        total += (up - down) / (up + down) * (way / length if length > 1e-9 else way)
    return 0.5 * total


def _feet(skeleton: Skeleton, legs: list[Limb], T: Poses) -> Float[np.ndarray, " 3"]:
    """From the ankles to the middle of what is drawn of the feet, over half a foot's length."""
    total = np.zeros(3)
    for leg in legs:
        links = [k for part in skeleton.below(leg.last) for k in skeleton.parts[part].links]
        drawn = [se3.apply(T[k], skeleton.surface[k]) for k in links if k in skeleton.surface]
        if not drawn:
            continue
        points = np.concatenate(drawn)
        low, high = points.min(axis=0), points.max(axis=0)
        size = float((high - low).max())
        total += np.clip((0.5 * (low + high) - leg.bend.end_m) / (0.25 * size + 1e-9), -1.0, 1.0)
    return 0.5 * total
