"""Limits and speeds that the file of a humanoid or a hand leaves out, marked as guesses."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from rotoscope.retarget.description.links import Joint
from rotoscope.retarget.onboarding.guesses import SLIDE_M_S, guess_efforts, guessed_range
from rotoscope.retarget.onboarding.proposal import Proposal, rounded
from rotoscope.retarget.onboarding.skeleton import Skeleton

BODY_RAD_S = 6.0
"""Speed of a humanoid's joint where none is stated [rad/s]: less than what the files of H1 and T1
state of any joint (9 to 23), more than Talos's states of most (2 to 5)."""
HAND_RAD_S = 3.0
"""Speed of a finger's joint where none is stated, or a placeholder [rad/s]: a hand closes in half a
second, as those of Shadow, Allegro and Inspire do."""
PLACEHOLDER_RAD_S = 1.0
"""Fingers that would need over a second and a half to close [rad/s]: a speed that low, the same in
every joint, was not measured, as the 0.5 of Inspire's file."""
BENDS_RAD = 2.4
"""How far a knee or elbow without limits may bend [rad]."""
TURNS_RAD = 0.5 * math.pi
"""How far another joint of a body or hand without limits may turn either way [rad]."""


def guess_ranges(
    skeleton: Skeleton,
    proposal: Proposal,
    names: Collection[str],
    bends: Mapping[str, float] | None = None,
) -> dict[str, tuple[float, float]]:
    """Position limits of joints, those that the file leaves out written down as guesses.

    Args:
        skeleton: The robot's parts.
        proposal: Where guesses are written.
        names: Independent joints that move.
        bends: Knees and elbows, by the sign of the values that bend them as a person's.
    """
    out, guessed = {}, []
    for name in names:
        joint = skeleton.description.joints[name]
        out[name] = (joint.lower, joint.upper)
        if joint.is_continuous and joint.limit_fault is None:
            out[name] = (-math.pi, math.pi)
            continue
        found = guessed_range(joint)
        if found is None:
            continue
        low, high, why = found
        is_stated = math.isfinite(joint.lower) and math.isfinite(joint.upper)
        if not is_stated or joint.lower == joint.upper:
            low, high = _usual(joint, (bends or {}).get(name, 0.0))
        out[name] = (low, high)
        for key, value in (("lower", low), ("upper", high)):
            proposal.decide(("joints", name, key), rounded_one(value), f"guessed: {why}")
        guessed.append(name)
    if guessed:
        proposal.guess(
            "joints.<name>.lower and .upper",
            f"the file's position limits of {', '.join(guessed)} are missing or cannot be meant",
            "those of the robot's data sheet [rad or m]",
        )
    return out


def _usual(joint: Joint, bends: float) -> tuple[float, float]:
    if joint.kind == "prismatic":
        return (0.0, 0.02)
    low, high = (-TURNS_RAD, TURNS_RAD) if bends == 0.0 else sorted((0.0, bends * BENDS_RAD))
    if joint.lower < joint.upper:
        low = joint.lower if math.isfinite(joint.lower) else low
        high = joint.upper if math.isfinite(joint.upper) else high
    return (low, high) if low < high else (low, low + TURNS_RAD)


def guess_speeds(
    skeleton: Skeleton,
    proposal: Proposal,
    names: Collection[str],
    *,
    usual_rad_s: float,
    placeholder_rad_s: float = 0.0,
) -> None:
    """Writes down speeds that the file leaves out or fills with a placeholder, as guesses.

    Torque limits like that are said to be guesses too.
    """
    joints = [skeleton.description.joints[name] for name in names]
    if skeleton.description.path.suffix.lower() == ".urdf":  # actuators of MJCF have their own
        guess_efforts(proposal, "joints.<name>.max_effort", joints)
    stated = {joint.max_velocity for joint in joints}
    is_placeholder = (
        len(joints) > 2 and len(stated) == 1 and 0 < next(iter(stated)) <= placeholder_rad_s
    )
    lacking = [j for j in joints if is_placeholder or not 0 < j.max_velocity < math.inf]
    if not lacking:
        return
    why = (
        f"the file states {next(iter(stated)):g} for every joint"
        if is_placeholder
        else ("the file states no velocity limit")
    )
    if len(lacking) == len(joints) and all(joint.kind == "revolute" for joint in joints):
        proposal.decide(("joints", "default", "max_velocity"), usual_rad_s, f"guessed: {why}")
    else:
        for joint in lacking:
            speed = usual_rad_s if joint.kind == "revolute" else SLIDE_M_S
            proposal.decide(("joints", joint.name, "max_velocity"), speed, f"guessed: {why}")
    proposal.guess(
        "joints.default.max_velocity",
        f"{why} of {', '.join(joint.name for joint in lacking)}"
        if len(lacking) < len(joints)
        else f"{why}{', which is taken for a placeholder' if is_placeholder else ''}",
        "`joints: {default: {max_velocity: ...}}` from the robot's data sheet [rad/s or m/s]",
    )


def rounded_one(value: float) -> float:
    """A number as the YAML file writes it."""
    return rounded(np.array([value]))[0]
