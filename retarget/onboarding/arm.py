"""The YAML file of an arm with a gripper, proposed from its robot file."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.retarget.description.links import Joint
from rotoscope.retarget.onboarding.proposal import Proposal, direction, rounded
from rotoscope.retarget.onboarding.skeleton import Skeleton

FINGERTIP_M = 0.01
"""The grasp is this far behind the ends of the fingers [m]."""


def propose_arm(skeleton: Skeleton, proposal: Proposal) -> None:
    """Adds what an arm's YAML file says: base, joints, end effector and gripper."""
    hand = skeleton.common_ancestor(skeleton.leaves)
    parts = [part for part in skeleton.path(hand) if part != 0]
    joints = [joint for part in parts if (joint := skeleton.parts[part].joint) is not None]
    proposal.decide("base_link", skeleton.entry(0), "the file's root")
    if not joints:
        proposal.leave(
            "arm",
            "no joint lies between the root and the parts that branch",
            "`--kind hand` or `--kind humanoid` if it is none of these; else `arm` by hand",
        )
        return
    proposal.decide(("arm", "joints"), [joint.name for joint in joints], "from root to gripper")
    _decide_home(proposal, joints)
    for key in ("lower", "upper", "max_velocity"):
        missing = [joint.name for joint in joints if not 0 < abs(getattr(joint, key)) < np.inf]
        missing = [n for n in missing if key == "max_velocity" or not _states(joints, n, key)]
        if missing:
            proposal.leave(
                f"arm.{key}",
                f"the file states none for {missing}",
                f"`{key}: [...]` under `arm`, one number for each of {[j.name for j in joints]}",
            )
    for joint in joints:
        if joint.limit_fault is not None:
            proposal.leave(
                f"arm.lower and arm.upper ({joint.name})",
                joint.limit_fault,
                f"`lower: [...]` and `upper: [...]` [rad] under `arm`, one number for each of "
                f"{[j.name for j in joints]}",
            )
    _decide_gripper(skeleton, proposal, hand)


def _states(joints: list[Joint], name: str, key: str) -> bool:
    return bool(np.isfinite(next(getattr(j, key) for j in joints if j.name == name)))


def _decide_home(proposal: Proposal, joints: list[Joint]) -> None:
    ends = [(j.lower, j.upper) for j in joints]
    home = [0.5 * (a + b) if np.isfinite([a, b]).all() else 0.0 for a, b in ends]
    proposal.decide(("arm", "home"), rounded(np.array(home)), "middle of every range")
    proposal.leave(
        "arm.home",
        "the middle of every range was taken",
        "a comfortable pose with the gripper down in front of the base",
        is_needed=False,
    )


def _decide_gripper(skeleton: Skeleton, proposal: Proposal, hand: int) -> None:
    T = skeleton.poses(skeleton.rest)
    fingers = [joint for c in skeleton.parts[hand].children if (joint := skeleton.parts[c].joint)]
    slides = [joint for joint in fingers if joint.kind == "prismatic"]
    if len(slides) < 2 or len(slides) != len(fingers):
        proposal.decide(
            ("end_effector", "link"), skeleton.parts[hand].links[-1], "end of the chain"
        )
        proposal.leave(
            "end_effector and gripper",
            "no two fingers that slide hang on the last link",
            "`end_effector: {link, origin_m, approach, closing}` and `gripper: {joints, "
            "max_opening_m, max_speed_m_s}`, as in configs/robots/ur5.yaml",
        )
        return
    link = slides[0].parent
    to_link = se3.inverse(T[link])
    axis = to_link[:3, :3] @ T[slides[0].child][:3, :3] @ slides[0].axis
    points = _fingers_in(skeleton, hand, T, to_link)
    along = points.mean(axis=0) - (points.mean(axis=0) @ axis) * axis
    approach = along / np.linalg.norm(along)
    forward_kinematics = float((points @ approach).max()) - FINGERTIP_M
    section = {
        "link": link,
        "origin_m": rounded(forward_kinematics * approach),
        "approach": direction(approach),
        "closing": direction(axis),
    }
    for key, value in section.items():
        proposal.decide(("end_effector", key), value, "between the ends of the fingers")
    opening = sum(joint.upper - joint.lower for joint in slides)
    closed = {joint.name: _closed_and_open(joint) for joint in slides}
    proposal.decide(("gripper", "joints"), closed, "the fingers that slide; open at their far end")
    if np.isfinite(opening):
        proposal.decide(
            ("gripper", "max_opening_m"), rounded(np.array([opening]))[0], "sum of both ranges"
        )
    else:
        proposal.leave("gripper.max_opening_m", "fingers without limits", "`max_opening_m: 0.08`")
    speed = sum(joint.max_velocity for joint in slides)
    if np.isfinite(speed) and speed > 0:
        proposal.decide(
            ("gripper", "max_speed_m_s"), rounded(np.array([speed]))[0], "sum of both speeds"
        )
    else:
        proposal.leave("gripper.max_speed_m_s", "the file states none", "`max_speed_m_s: 0.1`")


def _closed_and_open(joint: Joint) -> list[float]:
    ends = sorted((joint.lower, joint.upper), key=abs)
    return rounded(np.array(ends))


def _fingers_in(
    skeleton: Skeleton,
    hand: int,
    T: dict[str, Float[np.ndarray, "4 4"]],
    to_link: Float[np.ndarray, "4 4"],
) -> Float[np.ndarray, "point 3"]:
    links = [k for part in skeleton.below(hand)[1:] for k in skeleton.parts[part].links]
    drawn = [se3.apply(to_link @ T[k], skeleton.surface[k]) for k in links if k in skeleton.surface]
    origins = np.array([(to_link @ T[k])[:3, 3] for k in links])
    return np.concatenate(drawn) if drawn else origins
