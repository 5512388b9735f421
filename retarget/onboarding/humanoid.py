"""The YAML file of a humanoid, proposed from its robot file."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import Side
from rotoscope.retarget.onboarding.limbs import Pair, bend, find_pairs, meeting_point, nearest_part
from rotoscope.retarget.onboarding.names import side_of
from rotoscope.retarget.onboarding.proposal import Proposal, point, rounded
from rotoscope.retarget.onboarding.skeleton import Skeleton

HUMAN_LEG_M = 0.835
"""Hip to ankle of a person of 1.70 m: 0.491 of the height (Drillis and Contini 1966)."""

HUMAN_HEAD_M = 0.22
"""Chin to crown of a person of 1.70 m: 0.13 of the height (Drillis and Contini 1966)."""

SOLE_M = 0.002
"""Points of a foot this near to its lowest are its sole [m]."""

UPRIGHT_COS = 0.9
"""How well axes must agree, at zero, to be called the same: 26 degrees."""

Poses = dict[str, Float[np.ndarray, "4 4"]]


def propose_humanoid(skeleton: Skeleton, proposal: Proposal, *, use_names: bool) -> None:
    """Adds what a humanoid's YAML file says: root, torso, human joints and feet."""
    T = skeleton.poses(skeleton.rest)
    pairs = find_pairs(skeleton)
    if len(pairs) < 2:
        proposal.leave(
            "body",
            f"{len(pairs)} pairs of mirrored limbs of four joints or more were found, not two",
            "root, torso, body and feet by hand, as in configs/robots/g1.yaml",
        )
        return
    legs = min(pairs, key=lambda pair: _lowest(skeleton, pair, T))
    arms = max((p for p in pairs if p is not legs), key=lambda p: _lowest(skeleton, p, T))
    root = skeleton.entry(legs.trunk)
    # From here on everything is seen from the pelvis.
    T_root = se3.inverse(T[root])
    T = {link: T_root @ pose for link, pose in T.items()}
    legs_by_side = _sides(skeleton, proposal, legs, T, use_names=use_names)
    arms_by_side = _sides(skeleton, proposal, arms, T, use_names=use_names)
    proposal.decide("root", root, "carries the two mirrored limbs that reach lowest")
    _check_axes(skeleton, proposal, legs_by_side, T)
    if arms.trunk != legs.trunk:
        torso = skeleton.entry(arms.trunk)
        proposal.decide("torso", torso, "carries the other two mirrored limbs")
    _decide_body(skeleton, proposal, root, legs_by_side, arms_by_side, arms.trunk, T)
    _decide_feet(skeleton, proposal, legs_by_side, T)
    _hold_hands(skeleton, proposal, arms_by_side, T)
    proposal.leave(
        "joints.<name>.rest",
        "zero was taken as the pose at rest",
        "slightly bent knees, hanging arms: `joints: {left_knee_joint: {rest: 0.3}}`",
        is_needed=False,
    )


def _lowest(skeleton: Skeleton, pair: Pair, T: Poses) -> float:
    """Height of the ends of two limbs, z up in the file's root [m]."""
    return float(np.mean([skeleton.anchor(limb[-1], T)[2] for limb in pair.limbs]))


def _sides(
    skeleton: Skeleton, proposal: Proposal, pair: Pair, T: Poses, *, use_names: bool
) -> dict[Side, tuple[int, ...]]:
    """Which limb is left: the one whose end has the greater y."""
    first, second = pair.limbs
    apart = skeleton.anchor(first[-1], T) - skeleton.anchor(second[-1], T)
    left, right = (first, second) if apart[1] > 0 else (second, first)
    said = side_of(" ".join(skeleton.entry(part) for part in left)) if use_names else None
    if said == "right":
        proposal.leave(
            "body",
            f"by its place {skeleton.entry(left[-1])!r} is a left limb, by its name a right one",
            "the other side's names in `body` and `feet`, if y is not to the left in this file",
            is_needed=False,
        )
    return {"left": left, "right": right}


def _check_axes(
    skeleton: Skeleton, proposal: Proposal, legs: dict[Side, tuple[int, ...]], T: Poses
) -> None:
    """The root must have x forward, y left, z up; legs and knees tell."""
    hip = np.mean([skeleton.anchor(leg[0], T) for leg in legs.values()], axis=0)
    foot = np.mean([skeleton.anchor(leg[-1], T) for leg in legs.values()], axis=0)
    apart = skeleton.anchor(legs["left"][-1], T) - skeleton.anchor(legs["right"][-1], T)
    down, left = unit(foot - hip), unit(apart)
    back = np.sum([_bending_motion(skeleton, leg, T) for leg in legs.values()], axis=0)
    wrong = []
    if -down[2] < UPRIGHT_COS:
        wrong.append("its z axis does not point up along the legs at zero")
    if left[1] < UPRIGHT_COS:
        wrong.append("its y axis does not point from the right foot to the left")
    if back[0] > 0:
        wrong.append("knees bend the foot towards its x axis, so x does not point forward")
    if wrong:
        proposal.leave(
            "root",
            "; ".join(wrong),
            "a link with x forward, y left, z up that carries the legs; if the file has none, add "
            "one by a fixed joint",
        )


def _bending_motion(skeleton: Skeleton, limb: tuple[int, ...], T: Poses) -> Float[np.ndarray, " 3"]:
    """Which way the limb's end goes when its knee or elbow bends to its wider side."""
    k, end = bend(skeleton, limb, T)
    joint = skeleton.parts[limb[k]].joint
    assert joint is not None  # limbs begin below the root's part
    at = skeleton.rest.get(joint.name, 0.0)
    sign = 1.0 if joint.upper - at >= at - joint.lower else -1.0
    lever = skeleton.anchor(limb[end], T) - skeleton.anchor(limb[k], T)
    return sign * np.cross(skeleton.axis(limb[k], T), lever)


def _decide_body(
    skeleton: Skeleton,
    proposal: Proposal,
    root: str,
    legs: dict[Side, tuple[int, ...]],
    arms: dict[Side, tuple[int, ...]],
    chest: int,
    T: Poses,
) -> None:
    hips = {side: _first_joint(skeleton, leg, T) for side, leg in legs.items()}
    shoulders = {side: _first_joint(skeleton, arm, T) for side, arm in arms.items()}
    torso = skeleton.entry(chest)
    for name, link, ends in (("pelvis", root, hips), ("neck", torso, shoulders)):
        middle = np.mean([T[skeleton.entry(part)][:3, 3] for part in ends.values()], axis=0)
        what = "hips" if name == "pelvis" else "shoulders"
        proposal.decide(("body", name), point(link, _in(T, link, middle)), f"between the {what}")
    _decide_head(skeleton, proposal, legs, arms, chest, T)
    for side in ("left", "right"):
        arm = arms[side]
        elbow, wrist = bend(skeleton, arm, T)
        for name, part, reason in (
            ("shoulder", shoulders[side], "nearest to where the axes above the elbow meet"),
            ("elbow", arm[elbow], "bends the limb half-way"),
            ("wrist", arm[wrist], "last joint before the hand"),
        ):
            proposal.decide(("body", f"{side}_{name}"), point(skeleton.entry(part)), reason)
        link = skeleton.entry(arm[wrist])
        knuckles = _knuckles(skeleton, arm, elbow, wrist, T)
        proposal.decide(
            ("body", f"{side}_hand"),
            point(link, _in(T, link, knuckles)),
            "half-way from the wrist to the end of the hand",
        )
        leg = legs[side]
        knee, _ = bend(skeleton, leg, T)
        for name, part, reason in (
            ("hip", hips[side], "nearest to where the axes above the knee meet"),
            ("knee", leg[knee], "bends the limb half-way"),
            ("ankle", leg[-1], "last joint of the leg"),
        ):
            proposal.decide(("body", f"{side}_{name}"), point(skeleton.entry(part)), reason)
    leg = legs["left"]
    knee, _ = bend(skeleton, leg, T)
    bones = [T[skeleton.entry(p)][:3, 3] for p in (hips["left"], leg[knee], leg[-1])]
    length = float(sum(np.linalg.norm(np.diff(bones, axis=0), axis=1)))
    proposal.remarks.append(
        f"hip to ankle {1e3 * length:.0f} mm: {length / HUMAN_LEG_M:.2f} of a person of 1.70 m; "
        "`scale` is found from each person's own legs when left out"
    )


def _first_joint(skeleton: Skeleton, limb: tuple[int, ...], T: Poses) -> int:
    """The part whose origin is the hip or shoulder."""
    k, _ = bend(skeleton, limb, T)
    return nearest_part(skeleton, limb[:k], meeting_point(skeleton, limb[:k], T), T)


def _knuckles(
    skeleton: Skeleton, arm: tuple[int, ...], elbow: int, wrist: int, T: Poses
) -> Float[np.ndarray, " 3"]:
    at = skeleton.anchor(arm[wrist], T)
    along = unit(at - skeleton.anchor(arm[elbow], T))
    below = [link for part in skeleton.below(arm[wrist]) for link in skeleton.parts[part].links]
    points = _surface(skeleton, below, T)
    if len(points) == 0:
        points = np.array([T[link][:3, 3] for link in below])
    forward_kinematics = float(((points - at) @ along).max())
    return at + 0.5 * max(forward_kinematics, 0.0) * along


def _decide_head(
    skeleton: Skeleton,
    proposal: Proposal,
    legs: dict[Side, tuple[int, ...]],
    arms: dict[Side, tuple[int, ...]],
    chest: int,
    T: Poses,
) -> None:
    limbs = {part for limb in (*legs.values(), *arms.values()) for part in skeleton.below(limb[0])}
    above = [part for part in skeleton.below(chest) if part not in limbs]
    links = [link for part in above for link in skeleton.parts[part].links]
    drawn = {link: _surface(skeleton, [link], T) for link in links}
    drawn = {link: points for link, points in drawn.items() if len(points)}
    if not drawn:
        proposal.leave(
            "body.head",
            "nothing is drawn above the shoulders",
            "`head: {link: ..., offset_m: [x, y, z]}`, the middle of the head, or nothing",
            is_needed=False,
        )
        return
    link = max(drawn, key=lambda k: float(drawn[k][:, 2].max()))
    leg = legs["left"]
    size = float(np.linalg.norm(skeleton.anchor(leg[-1], T) - skeleton.anchor(leg[0], T)))
    top = drawn[link][drawn[link][:, 2] > drawn[link][:, 2].max() - 0.1]
    middle = np.array([*top[:, :2].mean(axis=0), top[:, 2].max()])
    middle[2] -= 0.5 * HUMAN_HEAD_M * size / HUMAN_LEG_M
    middle[1] = 0.0
    proposal.decide(
        ("body", "head"), point(link, _in(T, link, middle)), "half a head below the highest point"
    )


def _decide_feet(
    skeleton: Skeleton, proposal: Proposal, legs: dict[Side, tuple[int, ...]], T: Poses
) -> None:
    for side, leg in legs.items():
        link = skeleton.entry(leg[-1])
        points = _surface(skeleton, list(skeleton.parts[leg[-1]].links), T)
        if len(points) == 0:
            proposal.leave(
                f"feet.{side}",
                f"nothing is drawn on {link!r} to see where it stands",
                f"`{side}: {{link: {link}, sole_m: [[x, y, z], ...]}}`, the corners of the sole, "
                "and body's heel and toe",
            )
            continue
        sole = points[points[:, 2] < points[:, 2].min() + SOLE_M]
        (x0, y0, z), (x1, y1, _) = sole.min(axis=0), sole.max(axis=0)
        corners = np.array([[x, y, z] for x in (x0, x1) for y in (y0, y1)])
        written = [rounded(corner) for corner in se3.apply(se3.inverse(T[link]), corners)]
        proposal.decide(
            ("feet", side), {"link": link, "sole_m": written}, "lowest points of what is drawn"
        )
        for name, x in (("heel", x0), ("toe", x1)):
            middle = np.array([x, 0.5 * (y0 + y1), z])
            proposal.decide(
                ("body", f"{side}_{name}"),
                point(link, _in(T, link, middle)),
                "back of the sole" if name == "heel" else "front of the sole",
            )


def _hold_hands(
    skeleton: Skeleton, proposal: Proposal, arms: dict[Side, tuple[int, ...]], T: Poses
) -> None:
    """Joints beyond the wrists follow nothing of a body: they are locked."""
    for arm in arms.values():
        _, wrist = bend(skeleton, arm, T)
        for part in skeleton.below(arm[wrist])[1:]:
            joint = skeleton.parts[part].joint
            if joint is None or joint.mimic is not None:
                continue
            proposal.decide(
                ("joints", joint.name, "fixed"),
                rounded(np.array([skeleton.rest[joint.name]]))[0],
                "beyond the wrist, moves nothing that a body says",
            )


def _surface(skeleton: Skeleton, links: list[str], T: Poses) -> Float[np.ndarray, "point 3"]:
    drawn = [se3.apply(T[k], skeleton.surface[k]) for k in links if k in skeleton.surface]
    return np.concatenate([np.zeros((0, 3)), *drawn])


def _in(T: Poses, link: str, point_m: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    return np.asarray(se3.apply(se3.inverse(T[link]), point_m[None])[0])
