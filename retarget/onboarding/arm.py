"""The YAML file of an arm with a gripper, proposed from its robot file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.retarget.description.links import Joint
from rotoscope.retarget.kinematics.frames import Frame
from rotoscope.retarget.kinematics.tree import KinematicTree
from rotoscope.retarget.onboarding.arm_chain import ArmChain, choose_arm, find_arms, joints_of
from rotoscope.retarget.onboarding.arm_gripper import EndEffector, decide_gripper
from rotoscope.retarget.onboarding.guesses import (
    guess_efforts,
    guessed_range,
    guessed_speed,
    is_uniform,
    speed_fault,
)
from rotoscope.retarget.onboarding.home import comfortable_pose
from rotoscope.retarget.onboarding.proposal import Proposal, rounded
from rotoscope.retarget.onboarding.skeleton import Skeleton

BESIDE_M = 0.1
"""An arm further beside the middle of what it stands on has a base of its own [m]."""
LEVEL_DEG = 5.0
"""A base whose z axis is further from the file's is said to be tilted [deg]."""


def propose_arm(skeleton: Skeleton, proposal: Proposal, *, arm: str | None = None) -> None:
    """Adds what an arm's YAML file says: base, joints, end effector and gripper.

    Args:
        skeleton: The robot.
        proposal: Where it is written.
        arm: Which of several arms, by its side or by the link at its end.

    Raises:
        RobotError: There is no arm of that name.
    """
    arms = find_arms(skeleton)
    if not arms:
        proposal.decide("base_link", skeleton.entry(0), "the file's root")
        proposal.leave(
            "arm",
            "no chain of four joints or more ends in a gripper or a flange",
            "`--kind hand` or `--kind humanoid` if it is none of these; else `arm` by hand",
        )
        return
    chain = choose_arm(arms, arm)
    joints = joints_of(skeleton, chain)
    _say_which(proposal, arms, chain, arm)
    base = _decide_base(skeleton, proposal, chain)
    names = [joint.name for joint in joints]
    proposal.decide(("arm", "joints"), names, f"from {base} to {skeleton.entry(chain.end)}")
    # The end effector is needed for home, but stands after it in the file.
    later = Proposal(proposal.kind)
    end = decide_gripper(skeleton, later, chain)
    lower, upper = _decide_limits(proposal, joints)
    _decide_home(_Arm(skeleton, base, joints, end), proposal, lower, upper)
    _decide_speeds(proposal, joints)
    if skeleton.description.path.suffix.lower() == ".urdf":  # actuators of MJCF have their own
        fingers = chain.gripper.joints if chain.gripper is not None else ()
        moved = [*joints, *(skeleton.description.joints[name] for name in fingers)]
        guess_efforts(proposal, "arm.max_effort and gripper.max_effort", moved)
    proposal.facts += later.facts
    proposal.open += later.open
    proposal.remarks += later.remarks


@dataclass(frozen=True, eq=False)
class _Arm:
    skeleton: Skeleton
    base: str
    joints: list[Joint]
    end: EndEffector

    def tree(self) -> KinematicTree:
        description = self.skeleton.description
        names = {joint.name for joint in self.joints}
        return KinematicTree(
            description,
            columns=[joint.name for joint in self.joints],
            locked={n: v for n, v in self.skeleton.rest.items() if n not in names},
            frames=[
                Frame(self.end.link, self.end.T_link_ee),
                *(Frame.at(joint.child) for joint in self.joints),
            ],
            root=self.base,
        )


def _say_which(
    proposal: Proposal, arms: list[ArmChain], chain: ArmChain, wanted: str | None
) -> None:
    others = [other.name for other in arms if other is not chain]
    if others:
        how = "asked for" if wanted else "taken"
        proposal.remarks.append(
            f"its arms are {', '.join(a.name for a in arms)}; {chain.name} is {how}: "
            f"`--arm {others[0]}` takes the other"
        )
    if chain.left_out:
        proposal.remarks.append(
            f"{', '.join(chain.left_out)} move what the arm stands on and are left out; they stay "
            "where they are"
        )


def _decide_base(skeleton: Skeleton, proposal: Proposal, chain: ArmChain) -> str:
    """The link that the arm stands on: one whose z points up, where the part has one.

    An arm that stands beside the middle of its part, as one of two on a table does, has a base of
    its own there.
    """
    T = skeleton.poses(skeleton.rest)
    links = skeleton.parts[chain.base].links
    tilt_deg = {link: _tilt_deg(T[link]) for link in links}
    first = joints_of(skeleton, chain)[0].parent
    beside_m = float(np.linalg.norm((T[first] - T[links[0]])[:2, 3]))
    if beside_m > BESIDE_M and tilt_deg[first] <= LEVEL_DEG:
        base = first
    else:
        base = min(links, key=lambda link: (round(tilt_deg[link]), links.index(link)))
    proposal.decide("base_link", base, "what the first joint of the arm stands on")
    if tilt_deg[base] > LEVEL_DEG:
        proposal.guess(
            "base_link",
            f"its z axis is {tilt_deg[base]:.0f} degrees off the file's",
            "a link whose x points forward, y left and z up",
        )
    return base


def _tilt_deg(T: Float[np.ndarray, "4 4"]) -> float:
    return float(np.degrees(np.arccos(np.clip(T[2, 2], -1.0, 1.0))))


def _decide_limits(
    proposal: Proposal, joints: list[Joint]
) -> tuple[Float[np.ndarray, " joint"], Float[np.ndarray, " joint"]]:
    """Position limits; those of the whole arm are written where any is guessed."""
    ranges = [guessed_range(joint) for joint in joints]
    lower = np.array([r[0] if r else j.lower for r, j in zip(ranges, joints, strict=True)])
    upper = np.array([r[1] if r else j.upper for r, j in zip(ranges, joints, strict=True)])
    guessed = [(j, r) for j, r in zip(joints, ranges, strict=True) if r is not None]
    if guessed:
        proposal.decide(("arm", "lower"), rounded(lower), "the file's, and guesses")
        proposal.decide(("arm", "upper"), rounded(upper), "the file's, and guesses")
    for joint, (low, high, why) in guessed:
        proposal.guess(
            f"arm.lower and arm.upper ({joint.name})",
            f"{why}: {low:.4g} to {high:.4g}",
            "what the data sheet says [rad or m]",
        )
    return lower, upper


def _decide_home(
    arm: _Arm,
    proposal: Proposal,
    lower: Float[np.ndarray, " joint"],
    upper: Float[np.ndarray, " joint"],
) -> None:
    home = comfortable_pose(arm.tree(), lower, upper)
    proposal.decide(("arm", "home"), rounded(home), "hand down in front, far from every limit")
    proposal.guess(
        "arm.home",
        "of thousands of poses one with the hand down ahead of the base was taken",
        "a pose that you like the arm to start from [rad or m]",
    )


def _decide_speeds(proposal: Proposal, joints: list[Joint]) -> None:
    faults = {joint.name: speed_fault(joint, joints) for joint in joints}
    wrong = [name for name, fault in faults.items() if fault is not None]
    if not wrong:
        if is_uniform(joints):
            proposal.guess(
                "arm.max_velocity",
                f"the file states {joints[0].max_velocity:g} for every joint, and the same effort: "
                "it may be a placeholder, but is kept",
                "`max_velocity: [...]` from the data sheet [rad/s or m/s]",
            )
        return
    speeds = [guessed_speed(j) if faults[j.name] else j.max_velocity for j in joints]
    proposal.decide(("arm", "max_velocity"), rounded(np.array(speeds)), "slow for any arm")
    reasons = sorted({str(faults[name]) for name in wrong})
    which = "every joint" if len(wrong) == len(joints) else ", ".join(wrong)
    proposal.guess(
        "arm.max_velocity",
        f"{'; '.join(reasons)} ({which})",
        "what the data sheet says, one number a joint [rad/s or m/s]",
    )
