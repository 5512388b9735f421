"""Which joints of a hand or humanoid are free, and their limits, those of followers included.

What the YAML file says about a joint comes before what the robot file says. A joint that others
follow is narrowed, so that whatever value it takes, its followers stay inside their own limits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import RobotError
from rotoscope.retarget.description.links import Description, Joint, Mimic
from rotoscope.retarget.robots.config import JointSection

DEFAULT = "default"
"""Name under which the YAML file speaks about all joints that it does not name."""

LOCKED_TOLERANCE = 1e-3
"""How far a follower of a locked joint may lie outside its limits [rad or m]: robot files round."""


@dataclass(frozen=True, eq=False)
class JointLimits:
    """Limits of independent joints."""

    lower: Float[np.ndarray, " joint"]
    """Lower position limits [rad or m]; -inf for a joint that turns without end."""
    upper: Float[np.ndarray, " joint"]
    """Upper position limits [rad or m]; inf for a joint that turns without end."""
    max_velocity: Float[np.ndarray, " joint"]
    """Velocity limits [rad/s or m/s]; inf where a joint without end states none."""
    max_acceleration: Float[np.ndarray, " joint"]
    """Acceleration limits [rad/s^2 or m/s^2]; inf where there is none."""


def locked_joints(
    description: Description, sections: Mapping[str, JointSection], base_link: str
) -> dict[str, float]:
    """Values of the joints that do not move: fixed by the YAML, or between root and base link.

    Raises:
        RobotError: The YAML names a joint that is not there, fixes one that follows another, or
            the base link is not there.
    """
    description.require_movable(set(sections) - {DEFAULT})
    locked = {}
    for name, section in sections.items():
        if section.fixed is None:
            continue
        if name == DEFAULT or description.joints[name].mimic is not None:
            raise RobotError(
                f"joints.{name}.fixed cannot be: "
                + (
                    "name the joints that are to be locked"
                    if name == DEFAULT
                    else f"in {description.path} it follows another joint; fix "
                    f"{description.resolve_mimic(name).joint!r} instead"
                )
            )
        locked[name] = section.fixed
    for joint in description.path_between(description.root_link, base_link):
        if joint.kind == "fixed" or joint.name in locked or joint.mimic is not None:
            continue
        low, high = _range(joint, sections)
        rest = _said(sections, joint.name, "rest")
        locked[joint.name] = float(np.clip(0.0 if rest is None else rest, low, high))
    return locked


def free_joints(description: Description, locked: Mapping[str, float]) -> tuple[str, ...]:
    """Joints that move by themselves, in the file's order.

    Raises:
        RobotError: There are none.
    """
    names = tuple(
        joint.name
        for joint in description.joints.values()
        if joint.kind != "fixed" and joint.mimic is None and joint.name not in locked
    )
    if not names:
        raise RobotError(
            f"{description.path} has no joint left to move: all are fixed, locked or follow others"
        )
    return names


def joint_limits(
    description: Description,
    sections: Mapping[str, JointSection],
    names: Sequence[str],
    locked: Mapping[str, float],
) -> JointLimits:
    """Limits of the independent joints, such that their followers keep theirs.

    Raises:
        RobotError: A joint without limits or without a velocity limit, or a range that is empty.
    """
    lower, upper = {}, {}
    velocity, acceleration = {}, {}
    for name in names:
        joint = description.joints[name]
        lower[name], upper[name] = _required_range(description, joint, sections)
        velocity[name] = _required_velocity(description, joint, sections)
        acceleration[name] = _or_infinite(_said(sections, name, "max_acceleration"))
    for joint in description.joints.values():
        if joint.mimic is None or joint.kind == "fixed":
            continue
        link = description.resolve_mimic(joint.name)
        low, high = _range(joint, sections)
        if link.joint in locked:
            _require_locked_mimic(description, link, joint.name, locked[link.joint], low, high)
            continue
        if link.multiplier == 0.0:
            continue
        ends = sorted((end - link.offset) / link.multiplier for end in (low, high))
        lower[link.joint] = max(lower[link.joint], ends[0])
        upper[link.joint] = min(upper[link.joint], ends[1])
        if not lower[link.joint] < upper[link.joint]:
            raise RobotError(
                f"{description.path}: joint {link.joint!r} cannot move, because {joint.name!r}, "
                f"which follows it with {link.multiplier:g} x + {link.offset:g}, may only take "
                f"{low:g} to {high:g}; give joints.{joint.name}.lower and .upper in the YAML file"
            )
        share = abs(link.multiplier)
        limit = _velocity(joint, sections)
        if limit > 0:
            velocity[link.joint] = min(velocity[link.joint], limit / share)
        limit = _or_infinite(_said(sections, joint.name, "max_acceleration"))
        acceleration[link.joint] = min(acceleration[link.joint], limit / share)
    return JointLimits(
        *(np.array([of[n] for n in names]) for of in (lower, upper, velocity, acceleration))
    )


def joint_rest(
    description: Description,
    sections: Mapping[str, JointSection],
    names: Sequence[str],
    limits: JointLimits,
) -> Float[np.ndarray, " joint"]:
    """Values of the independent joints where nothing else is asked: the YAML's, or near zero.

    Raises:
        RobotError: The YAML's value lies outside the limits.
    """
    rest = np.clip(np.zeros(len(names)), limits.lower, limits.upper)
    for i, name in enumerate(names):
        said = _said(sections, name, "rest")
        if said is None:
            continue
        if name in sections and not limits.lower[i] <= said <= limits.upper[i]:
            raise RobotError(
                f"{description.path}: joints.{name}.rest is {said:g}, outside the limits "
                f"{limits.lower[i]:g} to {limits.upper[i]:g}"
            )
        rest[i] = np.clip(said, limits.lower[i], limits.upper[i])
    return rest


def _said(sections: Mapping[str, JointSection], name: str, key: str) -> float | None:
    """What the YAML says about a joint, by its name or for all."""
    for section in (sections.get(name), sections.get(DEFAULT)):
        value: float | None = None if section is None else getattr(section, key)
        if value is not None:
            return value
    return None


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


def _range(joint: Joint, sections: Mapping[str, JointSection]) -> tuple[float, float]:
    lower, upper = (_said(sections, joint.name, key) for key in ("lower", "upper"))
    return (joint.lower if lower is None else lower, joint.upper if upper is None else upper)


def _velocity(joint: Joint, sections: Mapping[str, JointSection]) -> float:
    said = _said(sections, joint.name, "max_velocity")
    return joint.max_velocity if said is None else said


def _required_range(
    description: Description, joint: Joint, sections: Mapping[str, JointSection]
) -> tuple[float, float]:
    low, high = _range(joint, sections)
    for key, value in (("lower", low), ("upper", high)):
        if not math.isfinite(value) and not joint.is_continuous:
            raise RobotError(
                f"{description.path} states no {key} position limit for joint {joint.name!r}; "
                f"give joints.{joint.name}.{key} in the robot's YAML file"
            )
    if not low < high:
        raise RobotError(
            f"{description.path}: joint {joint.name!r} needs lower < upper, got {low:g} and "
            f"{high:g}; give joints.{joint.name}.lower and .upper, or .fixed to lock it"
        )
    stated = [_said(sections, joint.name, key) for key in ("lower", "upper")]
    if joint.limit_fault is not None and None in stated:
        raise RobotError(
            f"{description.path}: joint {joint.name!r}: {joint.limit_fault}; mend the file, or "
            f"give joints.{joint.name}.lower and .upper in the robot's YAML file"
        )
    return low, high


def _required_velocity(
    description: Description, joint: Joint, sections: Mapping[str, JointSection]
) -> float:
    value = _velocity(joint, sections)
    if not value > 0 or (not math.isfinite(value) and not joint.is_continuous):
        raise RobotError(
            f"{description.path} states no velocity limit for joint {joint.name!r} (it says "
            f"{value:g}); give joints.{joint.name}.max_velocity, or joints.default.max_velocity "
            "for all, in the robot's YAML file"
        )
    return value


def _require_locked_mimic(
    description: Description, link: Mimic, name: str, value: float, low: float, high: float
) -> None:
    follower = link.value_at(value)
    if not low - LOCKED_TOLERANCE <= follower <= high + LOCKED_TOLERANCE:
        raise RobotError(
            f"{description.path}: joint {link.joint!r} is locked at {value:g}, which puts "
            f"{name!r}, its follower, at {follower:g}, outside {low:g} to {high:g}; lock it "
            "elsewhere with joints.<name>.fixed"
        )
