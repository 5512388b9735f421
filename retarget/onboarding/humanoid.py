"""The YAML file of a humanoid, proposed from its robot file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import SIDES, Side
from rotoscope.retarget.onboarding.body import Body, Limb, find_body
from rotoscope.retarget.onboarding.body_numbers import (
    BODY_RAD_S,
    guess_ranges,
    guess_speeds,
    rounded_one,
)
from rotoscope.retarget.onboarding.body_spheres import decide_spheres
from rotoscope.retarget.onboarding.limbs import Poses
from rotoscope.retarget.onboarding.proposal import Proposal, point, rounded
from rotoscope.retarget.onboarding.rest_pose import standing
from rotoscope.retarget.onboarding.skeleton import Skeleton
from rotoscope.retarget.onboarding.soles import find_sole

HUMAN_LEG_M = 0.835
"""Hip to ankle of a person of 1.70 m: 0.491 of the height (Drillis and Contini 1966)."""

HUMAN_HEAD_M = 0.22
"""Chin to crown of a person of 1.70 m: 0.13 of the height (Drillis and Contini 1966)."""

WRITTEN_RAD = 0.02
"""Rest values this near to zero are left out."""


def propose_humanoid(skeleton: Skeleton, proposal: Proposal, *, use_names: bool) -> None:
    """Adds what a humanoid's YAML file says: root, torso, human joints, feet, joints, spheres."""
    body = find_body(skeleton, use_names=use_names)
    if isinstance(body, str):
        proposal.leave(
            "body", body, "root, torso, body and feet by hand, as in configs/robots/g1.yaml"
        )
        return
    _decide_trunk(proposal, body)
    _decide_body(skeleton, proposal, body)
    _decide_head(skeleton, proposal, body)
    soles = {}
    for side, leg in body.legs.items():
        sole = soles[side] = find_sole(skeleton, body, leg)
        link = skeleton.entry(leg.last)
        corners = se3.apply(se3.inverse(body.T[link]), sole.corners_m)
        foot: dict[str, object] = {"link": link, **_turned("rotation", body.T[link])}
        foot["sole_m"] = [rounded(corner) for corner in corners]
        proposal.decide(("feet", side), foot, sole.reason)
        for name, at, what in (("heel", sole.heel_m, "back"), ("toe", sole.toe_m, "front")):
            written = point(link, _in(body.T, link, at))
            proposal.decide(("body", f"{side}_{name}"), written, f"{what} of the sole")
        if sole.is_guess:
            proposal.guess(
                f"feet.{side}.sole_m",
                f"nothing is drawn of the foot on {link!r}: {sole.reason} was taken",
                "the corners of the sole in that link [m], and body's heel and toe",
            )
    _decide_joints(skeleton, proposal, body, soles)


def _decide_trunk(proposal: Proposal, body: Body) -> None:
    proposal.decide("root", body.root, "carries the two mirrored limbs that point down")
    turned = _turned("root_rotation", body.T[body.root])
    for key, value in turned.items():
        proposal.decide(key, value, "its own axes are not x forward, y left, z up")
    if body.has_waist:
        proposal.decide("torso", body.chest, "carries the other two mirrored limbs")
        for key, value in _turned("torso_rotation", body.T[body.chest]).items():
            proposal.decide(key, value, "its own axes are not x forward, y left, z up")
    for doubt in body.doubts:
        proposal.leave(
            "root_rotation", doubt, "the quaternion w, x, y, z of x forward, y left, z up in root"
        )
    for said in body.contradictions:
        proposal.guess(
            "body", said, "the other side's names in `body` and `feet`, if the robot is otherwise"
        )


def _turned(key: str, T: Float[np.ndarray, "4 4"]) -> dict[str, list[float]]:
    """The upright axes in a link as the YAML file writes them; nothing where they are its own."""
    R = T[:3, :3].T
    if np.abs(R - np.eye(3)).max() < 1e-3:
        return {}
    quat = np.round(se3.quat_from_matrix(R), 5)
    return {key: rounded(quat / np.linalg.norm(quat), 5)}


def _decide_body(skeleton: Skeleton, proposal: Proposal, body: Body) -> None:
    T = body.T
    for name, link, limbs in (("pelvis", body.root, body.legs), ("neck", body.chest, body.arms)):
        middle = np.mean([T[skeleton.entry(limb.first)][:3, 3] for limb in limbs.values()], axis=0)
        what = "hips" if name == "pelvis" else "shoulders"
        proposal.decide(("body", name), point(link, _in(T, link, middle)), f"between the {what}")
    for side in SIDES:
        arm, leg = body.arms[side], body.legs[side]
        _decide_limb(skeleton, proposal, body, side, arm, ("shoulder", "elbow", "wrist"))
        link = skeleton.entry(arm.last)
        knuckles = _knuckles(skeleton, arm, T)
        proposal.decide(
            ("body", f"{side}_hand"),
            point(link, _in(T, link, knuckles)),
            "half-way from the wrist to the end of the hand",
        )
        _decide_limb(skeleton, proposal, body, side, leg, ("hip", "knee", "ankle"))
    proposal.remarks.append(
        f"hip to ankle {1e3 * body.leg_m:.0f} mm: {body.leg_m / HUMAN_LEG_M:.2f} of a person of "
        "1.70 m; `scale` is found from each person's own legs when left out"
    )


def _decide_limb(
    skeleton: Skeleton,
    proposal: Proposal,
    body: Body,
    side: Side,
    limb: Limb,
    names: tuple[str, str, str],
) -> None:
    first, middle, last = names
    proposal.decide(
        ("body", f"{side}_{first}"),
        point(skeleton.entry(limb.first)),
        f"nearest to where the axes above the {middle} meet",
    )
    proposal.decide(
        ("body", f"{side}_{middle}"), point(skeleton.entry(limb.middle)), "bends the limb half-way"
    )
    link = skeleton.entry(limb.last)
    if limb.bend.has_end:
        proposal.decide(
            ("body", f"{side}_{last}"), point(link), "last joint before the hand or foot"
        )
        return
    written = point(link, _in(body.T, link, limb.bend.end_m))
    proposal.decide(("body", f"{side}_{last}"), written, f"guessed: no joint beyond the {middle}")
    proposal.guess(
        f"body.{side}_{last}",
        f"no joint of {link!r} ends the bone beyond the {middle}; a point three quarters along it "
        "was taken",
        "the point in that link [m]",
    )


def _knuckles(skeleton: Skeleton, arm: Limb, T: Poses) -> Float[np.ndarray, " 3"]:
    at = arm.bend.end_m
    along = unit(at - skeleton.anchor(arm.middle, T))
    below = [link for part in skeleton.below(arm.last) for link in skeleton.parts[part].links]
    points = _surface(skeleton, below, T)
    if len(points) == 0:
        points = np.array([T[link][:3, 3] for link in below])
    reach = float(((points - at) @ along).max())
    return at + 0.5 * max(reach, 0.0) * along


def _decide_head(skeleton: Skeleton, proposal: Proposal, body: Body) -> None:
    limbs = {
        part
        for limb in (*body.legs.values(), *body.arms.values())
        for part in skeleton.below(limb.parts[0])
    }
    chest = skeleton.part_of[body.chest]
    above = [part for part in skeleton.below(chest) if part not in limbs]
    links = [link for part in above for link in skeleton.parts[part].links]
    drawn = {link: _surface(skeleton, [link], body.T) for link in links}
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
    top = drawn[link][drawn[link][:, 2] > drawn[link][:, 2].max() - 0.1]
    middle = np.array([*top[:, :2].mean(axis=0), top[:, 2].max()])
    middle[2] -= 0.5 * HUMAN_HEAD_M * body.leg_m / HUMAN_LEG_M
    hips = body.T[skeleton.entry(body.legs["left"].first)][:3, 3]
    others = body.T[skeleton.entry(body.legs["right"].first)][:3, 3]
    middle[1] = 0.5 * (hips[1] + others[1])
    proposal.decide(
        ("body", "head"),
        point(link, _in(body.T, link, middle)),
        "half a head below the highest point",
    )


def _decide_joints(
    skeleton: Skeleton, proposal: Proposal, body: Body, soles: Mapping[Side, object]
) -> None:
    """Locks what moves no named point, guesses numbers that are missing, poses the robot."""
    free = _free_joints(skeleton, proposal)
    ranges = guess_ranges(skeleton, proposal, free, _human_bends(skeleton, body))
    guess_speeds(skeleton, proposal, free, usual_rad_s=BODY_RAD_S)
    rest = standing(skeleton, body, ranges)
    for name, value in rest.items():
        low, high = ranges[name]
        if abs(value - np.clip(0.0, low, high)) > WRITTEN_RAD:
            proposal.decide(("joints", name, "rest"), rounded_one(value), "stands at ease")
    proposal.guess(
        "joints.<name>.rest",
        "knees bent a little and hanging arms were taken as the pose at rest",
        "another one: `joints: {left_knee_joint: {rest: 0.3}}`",
    )
    at_rest = skeleton.poses({**skeleton.rest, **rest})
    decide_spheres(skeleton, proposal, body, soles, at_rest)  # type: ignore[arg-type]


def _free_joints(skeleton: Skeleton, proposal: Proposal) -> list[str]:
    """Independent joints that move named points; others are locked at rest."""
    facts = proposal.mapping()
    named = {facts["root"], facts.get("torso", facts["root"])}
    named |= {said["link"] for said in facts["body"].values()}
    parts = {skeleton.part_of[link] for link in named}
    # What all named points hang on goes where the robot goes.
    base = skeleton.common_ancestor(sorted(parts))
    above = set(skeleton.path(base))
    moving = {part for end in parts for part in skeleton.path(end)} - above
    masters = {
        skeleton.description.resolve_mimic(joint.name).joint
        for part in moving
        if (joint := skeleton.parts[part].joint) is not None
    }
    carried = {
        skeleton.description.resolve_mimic(joint.name).joint
        for part in above
        if (joint := skeleton.parts[part].joint) is not None
    }
    for name in skeleton.free:
        if name not in masters and name not in carried:
            value = rounded_one(skeleton.rest[name])
            proposal.decide(("joints", name, "fixed"), value, "moves nothing that a body says")
    return [name for name in skeleton.free if name in masters]


def _human_bends(skeleton: Skeleton, body: Body) -> dict[str, float]:
    """Signs of the values that bend knees backward and elbows forward."""
    out = {}
    for limbs, way in ((body.legs, -1.0), (body.arms, 1.0)):
        for limb in limbs.values():
            joint = skeleton.parts[limb.middle].joint
            assert joint is not None  # limbs begin below the root's part
            lever = limb.bend.end_m - skeleton.anchor(limb.middle, body.T)
            moved = np.cross(skeleton.axis(limb.middle, body.T), lever)
            out[skeleton.description.resolve_mimic(joint.name).joint] = float(
                np.sign(way * moved[0])
            )
    return out


def _surface(skeleton: Skeleton, links: list[str], T: Poses) -> Float[np.ndarray, "point 3"]:
    drawn = [se3.apply(T[k], skeleton.surface[k]) for k in links if k in skeleton.surface]
    return np.concatenate([np.zeros((0, 3)), *drawn])


def _in(T: Poses, link: str, point_m: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    return np.asarray(se3.apply(se3.inverse(T[link]), point_m[None])[0])
