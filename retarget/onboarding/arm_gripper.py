"""End effector and gripper of an arm's YAML file, with fingers or with a bare flange."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Joint
from rotoscope.retarget.onboarding.arm_chain import ArmChain
from rotoscope.retarget.onboarding.flange import TOOL_WORDS, flange
from rotoscope.retarget.onboarding.grippers import Gripper
from rotoscope.retarget.onboarding.guesses import FINGERS_M_S, IMPOSSIBLE_M_S, PLACEHOLDER_RAD_S
from rotoscope.retarget.onboarding.names import words
from rotoscope.retarget.onboarding.proposal import Proposal, direction, point, rounded
from rotoscope.retarget.onboarding.skeleton import Skeleton

TOOL_M, TOOL_OPENING_M = 0.15, 0.085
"""A gripper for a bare flange: as long and as wide as common electric ones [m]."""
CONTRADICTS_M = 0.05
"""A frame that is named as one of a tool, and lies further away than this, is said [m]."""


@dataclass(frozen=True, eq=False)
class EndEffector:
    """The end-effector frame as it is written."""

    link: str
    """Link that carries it."""
    T_link_ee: Float[np.ndarray, "4 4"]
    """The frame in that link [m]."""


def decide_gripper(skeleton: Skeleton, proposal: Proposal, chain: ArmChain) -> EndEffector:
    """Adds end effector and gripper to a proposal."""
    if chain.gripper is None:
        return _decide_flange(skeleton, proposal, chain)
    gripper = chain.gripper
    end = _decide_frame(
        skeleton,
        proposal,
        gripper.hand,
        (_approach(skeleton, gripper), gripper.closing, gripper.origin_m),
        "between the inner ends of the fingers",
    )
    _say_names(skeleton, proposal, gripper, end)
    if not any(len(skeleton.surface.get(tip.link, ())) for tip in gripper.tips):
        proposal.guess(
            "end_effector and gripper",
            "no shapes of the fingers could be read: they were found by their joints' frames alone",
            "the point between the fingertips, where they point and along which they close",
        )
    joints = [skeleton.description.joints[name] for name in gripper.joints]
    proposal.decide(
        ("gripper", "joints"),
        {name: rounded(np.array(ends)) for name, ends in gripper.joints.items()},
        "closed where the fingers meet, open where they are farthest",
    )
    moved = [skeleton.description.joints[n] for n in _moving(skeleton, gripper)]
    if any(joint.kind == "revolute" for joint in moved):
        tips = [point(tip.link, tip.offset_m) for tip in gripper.tips]
        proposal.decide(("gripper", "tips"), tips, "the inner ends of the fingers")
    opening = rounded(np.array([gripper.max_opening_m]))[0]
    proposal.decide(("gripper", "max_opening_m"), opening, "forward kinematics of the fingertips")
    _decide_speed(proposal, gripper, joints)
    return end


def _approach(skeleton: Skeleton, gripper: Gripper) -> Float[np.ndarray, " 3"]:
    """Where a gripper points; a tool's frame between its tips decides where its shape does not.

    Curved fingers point along no axis of their link. A frame that is named as a tool's, and lies
    where the fingers meet, has one that is meant.
    """
    if np.abs(gripper.approach).max() > 0.999:
        return gripper.approach
    T = skeleton.poses(skeleton.rest)
    links = skeleton.parts[gripper.hand].links
    inverse = se3.inverse(T[links[0]])
    for link in links[1:]:
        here = inverse @ T[link]
        away = float(np.linalg.norm(here[:3, 3] - gripper.origin_m))
        cosines = here[:3, :3].T @ gripper.approach
        best = int(np.argmax(np.abs(cosines)))
        if TOOL_WORDS & set(words(link)) and away < CONTRADICTS_M and abs(cosines[best]) > 0.7:
            return np.asarray(np.sign(cosines[best]) * here[:3, best])
    return gripper.approach


def _moving(skeleton: Skeleton, gripper: Gripper) -> list[str]:
    """Joints of the gripper and all that follow them."""
    description = skeleton.description
    return [
        joint.name
        for joint in description.joints.values()
        if joint.kind != "fixed" and description.resolve_mimic(joint.name).joint in gripper.joints
    ]


def _decide_frame(
    skeleton: Skeleton,
    proposal: Proposal,
    part: int,
    frame: tuple[np.ndarray, np.ndarray, np.ndarray],
    reason: str,
    *,
    prefers_tool: bool = False,
) -> EndEffector:
    """Writes a frame of a part in the link of that part in which it is plainest."""
    approach, closing, origin = frame
    T = skeleton.poses(skeleton.rest)
    T_part = T[skeleton.entry(part)]

    def inside(link: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        T_link_part = se3.inverse(T[link]) @ T_part
        R = T_link_part[:3, :3]
        return R @ approach, R @ closing, se3.apply(T_link_part, origin[None])[0]

    def skew(link: str) -> float:
        x, y, _ = inside(link)
        return float(2.0 - np.abs(x).max() - np.abs(y).max())

    links = skeleton.parts[part].links

    def rank(name: str) -> tuple[float, bool, int]:
        is_named = prefers_tool and bool(TOOL_WORDS & set(words(name)))
        place = links.index(name)
        return round(skew(name), 2), not is_named, -place if prefers_tool else place

    link = min(links, key=rank)
    x, y, origin_m = inside(link)
    written = (direction(x), direction(y), rounded(origin_m))
    proposal.decide(("end_effector", "link"), link, "the outermost part before the fingers")
    proposal.decide(("end_effector", "origin_m"), written[2], reason)
    proposal.decide(("end_effector", "approach"), written[0], "towards the ends of the fingers")
    proposal.decide(("end_effector", "closing"), written[1], "along which the fingers close")
    R = np.array(written[0]), np.array(written[1])
    y = R[1] - (R[1] @ R[0]) * R[0]
    y /= np.linalg.norm(y)
    return EndEffector(link, se3.make(np.stack([R[0], y, np.cross(R[0], y)], axis=1), origin_m))


def _say_names(skeleton: Skeleton, proposal: Proposal, gripper: Gripper, end: EndEffector) -> None:
    """Says which frames that are named as a tool's lie elsewhere."""
    T = skeleton.poses(skeleton.rest)
    here = (T[end.link] @ end.T_link_ee)[:3, 3]
    for part in skeleton.below(gripper.hand):
        for link in skeleton.parts[part].links[1:]:
            away = float(np.linalg.norm(T[link][:3, 3] - here))
            if TOOL_WORDS & set(words(link)) and away > CONTRADICTS_M:
                proposal.remarks.append(
                    f"the link {link} is named as a tool's frame but lies {100 * away:.0f} cm from "
                    "the ends of the fingers; geometry was believed"
                )


def _decide_speed(proposal: Proposal, gripper: Gripper, joints: list[Joint]) -> None:
    """How fast the fingers come apart, where they do so most slowly."""
    shares = []
    for joint in joints:
        closed, opened = gripper.joints[joint.name]
        most = PLACEHOLDER_RAD_S if joint.kind == "revolute" else IMPOSSIBLE_M_S / 3
        is_known = 0 < joint.max_velocity < most
        shares.append(joint.max_velocity / abs(opened - closed) if is_known else np.nan)
    speed = gripper.least_gain() * float(np.min(shares))
    if np.isfinite(speed) and speed >= 0.01:
        proposal.decide(
            ("gripper", "max_speed_m_s"), rounded(np.array([speed]))[0], "speeds of its joints"
        )
        return
    proposal.decide(("gripper", "max_speed_m_s"), FINGERS_M_S, "slow for a gripper")
    proposal.guess(
        "gripper.max_speed_m_s",
        "the file states no speed that its fingers could have",
        "what the data sheet says: how fast the fingers come apart [m/s]",
    )


def _decide_flange(skeleton: Skeleton, proposal: Proposal, chain: ArmChain) -> EndEffector:
    """A gripper that the file does not draw, on the flange."""
    approach, start = flange(skeleton, chain)
    closing = np.eye(3)[int(np.argmin(np.abs(approach)))]
    closing = closing - (closing @ approach) * approach
    frame = (approach, closing / np.linalg.norm(closing), start + TOOL_M * approach)
    end = _decide_frame(
        skeleton, proposal, chain.end, frame, "a gripper on the flange", prefers_tool=True
    )
    proposal.decide(("gripper", "joints"), {}, "no fingers in the file")
    proposal.decide(("gripper", "max_opening_m"), TOOL_OPENING_M, "a common gripper")
    proposal.decide(("gripper", "max_speed_m_s"), FINGERS_M_S, "slow for a gripper")
    proposal.guess(
        "end_effector and gripper",
        f"the file ends in a flange: a gripper of {100 * TOOL_M:.0f} cm that opens "
        f"{1000 * TOOL_OPENING_M:.0f} mm is taken to be on it",
        "your tool's numbers, or give its file with `--gripper FILE`",
    )
    return end
