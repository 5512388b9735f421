"""Numbers for what robot files leave out, or fill with placeholders. Each is said to be a guess."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rotoscope.retarget.description.links import Joint
from rotoscope.retarget.onboarding.proposal import Proposal

TURN_RAD_S = 2.0
"""Speed of a joint that turns where none is stated [rad/s]: the slowest joints of common arms turn
at 1.7 (KUKA iiwa) to 3.1 (UR, xArm, ViperX), hobby servos at 4 to 6."""
SLIDE_M_S = 0.2
"""Speed of a joint that slides where none is stated [m/s]."""
FINGERS_M_S = 0.1
"""How fast fingers come apart where no speed is stated [m/s]: the slower half of data sheets."""
PLACEHOLDER_RAD_S = 7.0
"""Stated by every joint of an arm, this speed or a higher one was not measured: even the fastest
small arms have no shoulder that turns so fast."""
IMPOSSIBLE_RAD_S = 12.0
"""No single joint of an arm turns faster than this [rad/s]."""
IMPOSSIBLE_M_S = 3.0
"""Nor slides [m/s]."""
IMPOSSIBLE_N_M = 1000.0
"""No joint of an arm, hand or humanoid is let give so much torque [N m]: the knees of the strongest
humanoids give 300 to 360, the base joints of common arms 50 to 330."""
TURN_RAD = math.pi
"""How far a joint without limits, or without end, is let turn either way [rad]."""
TRAVEL_M = 0.5
"""How far a slide without limits is let travel either way [m]."""


def speed_fault(joint: Joint, all_joints: Sequence[Joint]) -> str | None:
    """Why a joint's stated speed cannot be relied on; `None` where it can."""
    speed = joint.max_velocity
    if not 0 < speed < math.inf:
        return "the file states none"
    fastest = IMPOSSIBLE_RAD_S if joint.kind == "revolute" else IMPOSSIBLE_M_S
    if speed > fastest:
        return f"the file states {speed:g}, which no arm's joint does"
    turning = {other.max_velocity for other in all_joints if other.kind == "revolute"}
    if joint.kind == "revolute" and speed >= PLACEHOLDER_RAD_S and len(turning) == 1:
        return f"the file states {speed:g} for every joint, a placeholder"
    return None


def is_uniform(joints: Sequence[Joint]) -> bool:
    """Whether all joints state one speed and effort, in round numbers: likely none is real."""
    speeds = {joint.max_velocity for joint in joints}
    efforts = {joint.max_effort for joint in joints}
    return (
        len(joints) > 2
        and len(speeds) == 1
        and len(efforts) == 1
        and all(math.isfinite(v) and v == round(v, 1) for v in (*speeds, *efforts))
    )


def effort_fault(joints: Sequence[Joint]) -> str | None:
    """Why stated torque limits cannot be relied on; `None` where they can.

    Args:
        joints: All joints that motors turn, a gripper's among them.
    """
    turning = [joint for joint in joints if joint.kind == "revolute"]
    lacking = [joint.name for joint in turning if not 0 < joint.max_effort < math.inf]
    if lacking:
        which = "any joint" if len(lacking) == len(turning) else ", ".join(lacking)
        return f"the file states no torque limit of {which}"
    too_strong = [joint.name for joint in turning if joint.max_effort >= IMPOSSIBLE_N_M]
    if too_strong and len(too_strong) < len(turning):
        return f"the file lets {', '.join(too_strong)} give {IMPOSSIBLE_N_M:g} N m and more"
    efforts = {joint.max_effort for joint in turning}
    if len(turning) > 2 and len(efforts) == 1 and (most := efforts.pop()) == round(most):
        return f"the file states {most:g} N m for every joint, likely a placeholder"
    return None


def guess_efforts(proposal: Proposal, key: str, joints: Sequence[Joint]) -> None:
    """Says that torque limits are missing or placeholders; those of the file are kept."""
    fault = effort_fault(joints)
    if fault is None:
        return
    proposal.guess(
        key,
        f"{fault}; nothing better is known, so replays under gravity flatter the robot",
        "torques at stall from the data sheet of its motors [N m or N]",
    )


def guessed_speed(joint: Joint) -> float:
    """A speed for a joint that states none [rad/s or m/s]."""
    return TURN_RAD_S if joint.kind == "revolute" else SLIDE_M_S


def guessed_range(joint: Joint) -> tuple[float, float, str] | None:
    """Position limits for a joint whose own are missing or cannot be meant, and why.

    `None` where the file's own hold.
    """
    widest = TURN_RAD if joint.kind == "revolute" else TRAVEL_M
    if joint.is_continuous:
        return -widest, widest, "it turns without end; half a turn either way is used"
    if not (math.isfinite(joint.lower) and math.isfinite(joint.upper)):
        lower = joint.lower if math.isfinite(joint.lower) else -widest
        upper = joint.upper if math.isfinite(joint.upper) else widest
        return lower, max(upper, lower + 0.1), "the file states none"
    fault = joint.limit_fault
    if fault is None:
        return None
    if joint.lower == joint.upper:
        return -widest, widest, f"the file states {joint.lower:g} twice"
    if joint.kind == "prismatic":
        return joint.lower / 1000, joint.upper / 1000, f"{fault}, and are taken for these"
    if max(abs(joint.lower), abs(joint.upper)) > 4 * math.pi:
        return math.radians(joint.lower), math.radians(joint.upper), f"{fault}, and are taken so"
    return max(joint.lower, -math.tau), min(joint.upper, math.tau), "one turn either way is used"
